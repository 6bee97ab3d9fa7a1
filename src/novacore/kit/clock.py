"""Time as an argument: rooms take a `Clock`, so that tests can hold it still or turn it back."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where a room reads the time from."""

    def now_us(self) -> int:
        """Wall clock: whole microseconds since 1970-01-01 UTC. May go backwards."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from some start. Never goes backwards; only differences mean something."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_us(self) -> int:
        """Wall clock in whole microseconds since the epoch, UTC."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """The machine's monotonic clock, in seconds."""
        return time.monotonic()


class FixedClock:
    """A clock that moves only when told to, for tests and replays. Threads may share it."""

    def __init__(self, start_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = start_us
        self._elapsed_s = 0.0
        self._lock = threading.Lock()

    def now_us(self) -> int:
        """The wall time it was last set to, in microseconds."""
        with self._lock:
            return self._now_us

    def monotonic_s(self) -> float:
        """Seconds it was advanced in all; a step back of the wall time does not lower it."""
        with self._lock:
            return self._elapsed_s

    def advance_ms(self, step_ms: int) -> None:
        """Move the wall time by `step_ms`; a negative step is a clock that goes back."""
        with self._lock:
            self._now_us += step_ms * 1_000
            self._elapsed_s += max(0, step_ms) / 1_000
