"""An engine that keeps a tier's items in this process and forgets them at its end.

It serves every tier, for tests and for journals that are in memory themselves.
"""

import threading
from collections.abc import Callable, Iterator

from novacore.tiers.model import Batch, Health, Item, TierState

_Key = tuple[str, str, int, str]


class MemoryEngine:
    """See `Engine`.

    Args:
        tier: which tier it serves.
    """

    name = "memory"
    tested_with = "itself"

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self._items: dict[str, dict[_Key, Item]] = {}
        self._state = TierState(watermark=None)
        self._lock = threading.Lock()

    def state(self) -> TierState:
        """See `Engine.state`."""
        return self._state

    def apply(self, batch: Batch) -> None:
        """See `Engine.apply`."""
        with self._lock:
            for item in batch.items:
                self._items.setdefault(item.session_id, {})[item.key] = item
            for erased in batch.erased:
                self._erase(erased.session_id, erased.positions)
            if batch.forget_before_us:
                self._forget(batch.forget_before_us)
            self._state = TierState(watermark=batch.watermark, set_aside=tuple(batch.set_aside))

    def _erase(self, session_id: str, positions: tuple[int, ...] | None) -> None:
        if positions is None:
            self._items.pop(session_id, None)
            return
        gone = set(positions)
        self._keep(session_id, lambda item: item.position not in gone)

    def _forget(self, before_us: int) -> None:
        for session_id in list(self._items):
            self._keep(session_id, lambda item: item.recorded_at_us >= before_us)

    def _keep(self, session_id: str, wanted: Callable[[Item], bool]) -> None:
        held = self._items.get(session_id, {})
        kept = {key: item for key, item in held.items() if wanted(item)}
        if kept:
            self._items[session_id] = kept
        else:
            self._items.pop(session_id, None)

    def read(self, session_id: str) -> Iterator[Item]:
        """See `Engine.read`."""
        with self._lock:
            return iter(list(self._items.get(session_id, {}).values()))

    def sessions(self) -> Iterator[str]:
        """See `Engine.sessions`."""
        with self._lock:
            return iter(list(self._items))

    def wipe(self) -> None:
        """See `Engine.wipe`."""
        with self._lock:
            self._state = TierState(watermark=None)
            self._items.clear()

    def health(self) -> Health:
        """See `Engine.health`."""
        return Health(is_up=True, what="in this process", latency_ms=0.0)

    def close(self) -> None:
        """See `Engine.close`. Nothing is forgotten before the object is."""
