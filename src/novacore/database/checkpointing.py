"""Carrying SQLite's write-ahead log into its file beside the commits, not in the middle of one.

SQLite does it by itself in the commit that finds the log long: that one, and everybody behind it,
waits for hundreds of pages to reach the disk. Here a thread carries most of it while others go on
writing, and takes the turn to write only for what came meanwhile.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Final

from novacore.database.turns import Turns

COMMITS: Final = 400
"""After so many commits the log is carried."""
PAGES_MAX: Final = 8_000
"""Where the log has so many pages all the same, SQLite carries it at once: 32 MB."""
_CARRY: Final = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpointing:
    """Carries one file's log, in a thread that starts when it is first needed.

    Args:
        connect: opens a connection of the driver, with errors of the type `failure`.
        failure: the driver's errors; the log is carried later, then.
        turns: the process's turns to write.
        wait_s: how long to wait for one.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        failure: type[Exception],
        turns: Turns,
        wait_s: float,
    ) -> None:
        self._connect = connect
        self._failure = failure
        self._turns = turns
        self._wait_s = wait_s
        self._commits = 0
        self._due = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Something was committed; the caller has the turn to write, or just had it."""
        self._commits += 1
        if self._commits < COMMITS or self._is_closed:
            return
        self._commits = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nova-checkpoints", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End the thread. Closing the last connection carries the rest. Idempotent."""
        self._is_closed = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        with contextlib.closing(self._connect()) as connection:
            while True:
                self._due.wait()
                self._due.clear()
                if self._is_closed:
                    return
                with contextlib.suppress(self._failure):
                    self._carry(connection)

    def _carry(self, connection: Any) -> None:
        connection.execute(_CARRY).fetchall()
        with self._turns.taken(timeout_s=self._wait_s) as has_turn:
            if has_turn:
                connection.execute(_CARRY).fetchall()
