"""Fair turns between processes: whoever has just had its turn queues behind those who wait.

Two file locks. A process first takes `queue`, then waits for `turn`, then gives `queue` back. So at
most one process waits for the turn, and the one that had it must pass the queue like all others.
The kernel releases both when a process dies. Correctness does not hang on this lock (the database
has its own); fairness does: its busy handler sleeps and retries, and a lone caller beside a busy
process waited a second.
"""

import fcntl
import os
import threading
import time
from pathlib import Path

from novacore.journal.errors import StorageFailed


class Turns:
    """The turn of this process among all that share `folder`. One thread at a time may hold it."""

    def __init__(self, folder: Path, *, timeout_ms: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._queue = os.open(folder / "queue.lock", flags, 0o600)
        self._turn = os.open(folder / "turn.lock", flags, 0o600)
        self._timeout_s = timeout_ms / 1_000
        self._waiting: threading.Thread | None = None
        self._state = threading.Condition()
        self._is_granted = False
        self._is_wanted = False

    def take(self) -> None:
        """Wait for the turn.

        Raises:
            StorageFailed: other processes held it for longer than the timeout.
        """
        with self._state:
            if self._waiting is None and self._try_now():
                return
            self._is_wanted = True
            if self._waiting is None:
                self._waiting = threading.Thread(target=self._wait, name="nova-turn", daemon=True)
                self._waiting.start()
            deadline = time.monotonic() + self._timeout_s
            while not self._is_granted:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._is_wanted = False
                    raise StorageFailed(
                        f"Other processes kept the journal for {self._timeout_s:g} s.",
                        hint="Look for a stopped process that uses the same data directory "
                        "('nova doctor' lists them); journal.lock_timeout_ms sets the wait.",
                    )
                self._state.wait(left)
            self._is_granted = self._is_wanted = False

    def give_back(self) -> None:
        """End the turn."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the files. A thread that still waits for the turn ends with the process."""
        with self._state:
            if self._waiting is None:
                os.close(self._queue)
                os.close(self._turn)

    def _try_now(self) -> bool:
        try:
            fcntl.flock(self._queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        return True

    def _wait(self) -> None:
        """Wait in the kernel's queue; a turn that nobody wants any more is given back at once."""
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        with self._state:
            self._waiting = None
            if self._is_wanted:
                self._is_granted = True
                self._state.notify_all()
            else:
                fcntl.flock(self._turn, fcntl.LOCK_UN)
