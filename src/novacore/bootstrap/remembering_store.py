"""What a store has that also remembers and recalls, here or on a server."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from novacore import journal, memory


@runtime_checkable
class RememberingStore(journal.Store, Protocol):
    """All sessions of one owner with memories and recall: `MemoryStore`, or `RemoteStore`."""

    @property
    def memories(self) -> memory.Memories:
        """What is remembered."""
        ...

    def recall(self, text: str, *, limit: int = 10) -> Sequence[memory.Hit]:
        """What was said that answers a question best; see `MemoryStore.recall`."""
        ...

    def feed(self) -> journal.Feed:
        """Every entry in order, and what was erased."""
        ...
