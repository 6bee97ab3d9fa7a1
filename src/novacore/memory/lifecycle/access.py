"""Which memories a turn used: noted without waiting, written as one entry at the turn's end."""

import threading
from collections.abc import Iterable


class AccessBuffer:
    """Ids noted since they were last taken, each once. Safe between threads.

    Args:
        ids_max: more than so many are not noted until they were taken.
    """

    def __init__(self, ids_max: int) -> None:
        self._ids_max = ids_max
        self._ids: dict[str, None] = {}
        self._lock = threading.Lock()

    def note(self, ids: Iterable[str]) -> None:
        """Remember that these were used."""
        with self._lock:
            for memory_id in ids:
                if len(self._ids) >= self._ids_max:
                    return
                self._ids[memory_id] = None

    def take(self) -> list[str]:
        """What was noted; the buffer is empty afterwards."""
        with self._lock:
            taken, self._ids = list(self._ids), {}
        return taken
