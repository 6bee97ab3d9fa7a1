"""What a tier is made of: a pure projection, and an engine that stores what it gives.

The projector, `verify`, `rebuild` and `status` know nothing else. `tests/contracts` proves every
engine against this text. What a tier is read for has protocols of its own: `reading.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from novacore.journal import Erased
from novacore.tiers.model import Batch, Health, Item, Record, TierState


class Projection(Protocol):
    """A tier's content as a pure function of the journal: same records, same items, always.

    Vectors are no exception: the same text has the same float32 bytes, out of the embedding store.
    """

    @property
    def tier(self) -> str:
        """One of `TIERS`."""
        ...

    @property
    def identity(self) -> str:
        """Its version and every setting that changes what it gives; another one means a rebuild."""
        ...

    def items(self, records: Sequence[Record]) -> list[Item]:
        """What the tier stores because of these records, in their order; nothing for erased ones.

        Raises:
            TierUnavailable: something it needs (an embedder behind an API) does not answer.
        """
        ...

    def forget_before_us(self, now_us: int) -> int:
        """Entries recorded before this time are not held; 0: all are."""
        ...

    def forget(self, erased: Sequence[Erased]) -> None:
        """Destroy what the projection itself keeps of erased entries, as embeddings made of them.

        Called before the engine is told, so that the watermark vouches for both.

        Raises:
            TierUnavailable: not now; the erasures come again.
        """
        ...


class Engine(Protocol):
    """Where one tier's items are stored. Methods may be called from any thread, one at a time.

    Making one connects to nothing: a server that is down is met by the first call, as
    `TierUnavailable`, and by `health`. A later call connects again by itself.
    """

    @property
    def tier(self) -> str:
        """One of `TIERS`."""
        ...

    @property
    def name(self) -> str:
        """The engine's name in the settings: sqlite, redis, postgresql …"""
        ...

    @property
    def tested_with(self) -> str:
        """The server and version that the contract suite runs against; empty: none was at hand."""
        ...

    def state(self) -> TierState:
        """The watermark and what was set aside.

        Raises:
            TierUnavailable: the engine does not answer.
            TierCorrupt: what it holds can't be read; a rebuild heals it.
        """
        ...

    def apply(self, batch: Batch) -> None:
        """Store a batch: durable as far as the engine is, idempotent by the items' keys.

        Raises:
            TierUnavailable: not now; nothing, or part of it, was stored, and the watermark was not.
            ItemRefused: the engine can't take one of the items; the watermark was not stored.
        """
        ...

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session, read back from the data itself, in no promised order."""
        ...

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        ...

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        ...

    def health(self) -> Health:
        """One real round trip. Never raises."""
        ...

    def close(self) -> None:
        """Release connections and files. Idempotent."""
        ...
