"""Who writes next in this process: first come, first served.

SQLite lets one connection write at a time, and lets the others look again after growing pauses:
whoever comes late may be first, and everybody waits longer than there is reason to.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Generator


class Turns:
    """A lock that is handed to those who wait in the order in which they came."""

    def __init__(self) -> None:
        self._state = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    @contextlib.contextmanager
    def taken(self, *, timeout_s: float) -> Generator[bool]:
        """Have the turn inside the block; False: it did not come in time, and the block has none.

        Not for one thread twice.
        """
        has_turn = self._take(timeout_s)
        try:
            yield has_turn
        finally:
            if has_turn:
                self._pass_on()

    def _take(self, timeout_s: float) -> bool:
        with self._state:
            if not self._is_taken:
                self._is_taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=timeout_s):
            return True
        with self._state:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
        # It was handed over in this very moment.
        return True

    def _pass_on(self) -> None:
        with self._state:
            if self._waiting:
                # It stays taken: by the one that is let in.
                self._waiting.popleft().release()
            else:
                self._is_taken = False
