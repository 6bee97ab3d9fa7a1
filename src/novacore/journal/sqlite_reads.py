"""Reading the journal on SQLite: sessions, entries and the feed, each as of one moment."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import apsw

from novacore.journal import frame as frames
from novacore.journal import sqlite_check, sqlite_copy, sqlite_read
from novacore.journal.erasure_list import ErasureList
from novacore.journal.errors import Corrupt, StoreClosed
from novacore.journal.frame import Frame
from novacore.journal.locks import Lock, try_file_lock
from novacore.journal.model import Erased, FeedState, Problem, Scope
from novacore.journal.sqlite_file import Connection, translated
from novacore.journal.sqlite_readers import Readers
from novacore.journal.store import SessionRow, Snapshot
from novacore.journal.witness import Witness

_READS_MAX = 4

_Found = TypeVar("_Found")


class SQLiteReads:
    """What an engine on SQLite answers without a turn of its own."""

    folder: Path
    _erasures: ErasureList
    _readers: Readers
    _marker: Connection
    _mark_lock: threading.Lock
    _witness: Witness
    _is_closed: bool
    _trouble: str

    @abstractmethod
    def _alone(self) -> AbstractContextManager[None]:
        """A turn of our own: nobody writes meanwhile."""

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`."""
        with self._readers.reading() as connection:
            return sqlite_read.find_sessions(
                connection, scope, session=session, workspace=workspace, name=name
            )

    def rows(self) -> list[SessionRow]:
        """See `Engine.rows`."""
        with self._readers.reading() as connection:
            return sqlite_read.all_rows(connection)

    def standing(self) -> str:
        """See `Engine.standing`."""
        with self._readers.reading() as connection:
            return sqlite_copy.standing(connection)

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """See `Engine.find_place`."""
        with self._readers.reading() as connection:
            return sqlite_read.find_place(connection, scope, entry_id)

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`."""

        def read(connection: Connection) -> Snapshot:
            return sqlite_read.load(connection, session, known=known)

        return self._steadily(read, lambda found: any(part.run.damaged for part in found.parts))

    def mark(self) -> object:
        """See `Engine.mark`."""
        with self._mark_lock:
            if self._is_closed:
                raise StoreClosed
            try:
                return self._marker.execute("PRAGMA data_version").get
            except apsw.Error:
                with translated("reading"):
                    raise

    def state(self) -> FeedState:
        """See `Engine.state`."""
        erasures = self._erasures.count()
        with self._readers.reading() as connection:
            last = sqlite_read.last_entry(connection)
            epoch = sqlite_read.epoch(connection)
        return FeedState(
            journal=frames.session_text(last.journal),
            epoch=epoch,
            sequence=last.sequence,
            recorded_at_us=last.recorded_at_us,
            erasures=erasures,
        )

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """See `Engine.erasures`."""
        with translated("reading"):
            return self._erasures.read(after, limit)

    def try_lock(self, name: str) -> Lock | None:
        """See `Engine.try_lock`."""
        with translated("locking"):
            return try_file_lock(self.folder, name)

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """See `Engine.feed`."""

        def read(connection: Connection) -> list[Frame]:
            return sqlite_read.feed(connection, after, limit, scope=scope)

        return self._steadily(read, lambda _: False)

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`."""
        found: list[Problem] = []
        keys: list[int] = []
        try:
            with self._readers.reading() as connection:
                if session is None:
                    found += sqlite_check.check_file(connection)
                keys = sqlite_read.session_keys(connection, session)
        except Corrupt as error:
            found.append(Problem(what=error.message))
        if session is None:
            notes = (self._witness.damage(), self._trouble)
            found += [Problem(what=text) for text in notes if text]
        for key in keys:
            found += self._check_session(key)
        return found

    def _check_session(self, key: int) -> list[Problem]:
        def read(connection: Connection) -> list[Problem]:
            return sqlite_check.check_session(connection, key)

        try:
            return self._steadily(read, bool)
        except Corrupt as error:
            return [sqlite_check.problem_of(error)]

    def _steadily(
        self, read: Callable[[Connection], _Found], is_damaged: Callable[[_Found], bool]
    ) -> _Found:
        """Read again when damage was met while others wrote: an extent may have been used anew."""
        before: object = None
        for _ in range(_READS_MAX):
            try:
                with self._readers.reading() as connection:
                    found = read(connection)
                if not is_damaged(found) or self.mark() == before:
                    return found
            except Corrupt:
                if self.mark() == before:
                    raise
            before = self.mark()
        # Others write faster than this reads: read once more in a turn of our own.
        with self._alone(), self._readers.reading() as connection:
            return read(connection)
