"""Appending many entries in order, in durable groups, without holding them all in memory."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future

from novacore.journal.errors import QueueFull
from novacore.journal.interface import Session
from novacore.journal.model import Appended, NewEntry

_WAITING_MAX = 256


class Appender:
    """Appends one entry after the other; sessions may take turns. Close it to wait for the last.

    An entry that is refused stops everything behind it: positions are asked for exactly.
    """

    def __init__(self) -> None:
        self._waiting: deque[Future[Appended]] = deque()

    def append(self, session: Session, entry: NewEntry, *, position: int) -> None:
        """Queue an entry for this position of the session.

        Raises:
            JournalError: an earlier entry was refused, or the storage failed.
        """
        while True:
            try:
                self._waiting.append(session.submit(entry, expected=position))
                break
            except QueueFull:
                if not self._waiting:
                    raise
                self._wait(0)
        self._wait(_WAITING_MAX)

    def close(self) -> None:
        """Wait until everything is durable; raises as `append` does."""
        self._wait(0)

    def _wait(self, left: int) -> None:
        while len(self._waiting) > left:
            self._waiting.popleft().result()


def append_all(session: Session, entries: Iterable[NewEntry], *, position: int) -> int:
    """Append entries at consecutive positions from `position`; returns the position after them.

    Raises:
        PositionConflict: somebody else appended meanwhile.
        JournalError: an entry was refused or the storage failed; those before it are durable.
    """
    appender = Appender()
    for entry in entries:
        appender.append(session, entry, position=position)
        position += 1
    appender.close()
    return position
