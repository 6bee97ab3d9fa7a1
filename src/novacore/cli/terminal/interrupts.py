"""When Ctrl+C means stop and when it means leave."""

import time
from collections.abc import Callable

_TWICE_S = 2.0


class Leave(Exception):
    """The person wants to leave the conversation."""


class Interrupts:
    """Remembers the last Ctrl+C: a second one shortly after it means leave.

    Args:
        now_s: a monotonic clock.
    """

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._last_s: float | None = None

    def press(self) -> bool:
        """Note a Ctrl+C; True when it is the second within two seconds."""
        now_s = self._now_s()
        is_second = self._last_s is not None and now_s - self._last_s <= _TWICE_S
        self._last_s = now_s
        return is_second

    def forget(self) -> None:
        """Something was typed since: the next Ctrl+C is a first one again."""
        self._last_s = None
