"""How a command gets a tier from the projector that has it: by locks that are asked for, no more.

Who wants a tier holds two locks until it has the tier's own: one that says that any tier is wanted,
which every projecting process looks at now and then, and one that says which.
"""

import threading
from collections.abc import Callable
from typing import Final

from novacore import journal
from novacore.kit import Clock

ANY: Final = "tiers-wanted"
"""The lock that is held while any tier is wanted."""
_EVERY_S: Final = 0.25
_EVERY_S_MAX: Final = 1.0
_LOOKS_COST: Final = 100
"""Looking takes about one part in so many of the time, where a look is a connection."""


class Wanted:
    """Looks whether somebody wants a tier; shared by the projectors of a process."""

    def __init__(self, feed: journal.Feed, *, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._lock = threading.Lock()
        self._due_s = float("-inf")
        self._is_any = False
        self.cost_s = 0.0
        """How long a look took."""

    def is_wanted(self, name: str) -> bool:
        """Whether somebody holds the lock of that name, to ask for a tier."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s >= self._due_s:
                self._is_any = self._is_held(ANY)
                self.cost_s = self._clock.monotonic_s() - now_s
                pause_s = max(_EVERY_S, self.cost_s * _LOOKS_COST)
                self._due_s = now_s + min(pause_s, _EVERY_S_MAX)
            return self._is_any and self._is_held(name)

    def _is_held(self, name: str) -> bool:
        lock = self._feed.try_lock(name)
        if lock is None:
            return True
        lock.close()
        return False


def take(name: str, wanted_name: str, *, take_one: Callable[[str], journal.Lock]) -> journal.Lock:
    """A tier's lock, from whoever has it.

    Args:
        name: the tier's lock.
        wanted_name: the lock that asks for it.
        take_one: waits for one lock; raises where it takes too long.
    """
    any_tier = take_one(ANY)
    try:
        this_tier = take_one(wanted_name)
        try:
            return take_one(name)
        finally:
            this_tier.close()
    finally:
        any_tier.close()
