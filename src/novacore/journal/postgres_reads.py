"""Reading the journal on PostgreSQL: sessions, entries and the feed, each as of one moment."""

from novacore.journal import postgres_check, postgres_read
from novacore.journal.frame import Frame
from novacore.journal.model import Erased, FeedState, Problem, Scope
from novacore.journal.postgres_connect import Pool
from novacore.journal.postgres_segments import SegmentCache
from novacore.journal.store import SessionRow, Snapshot
from novacore.journal.witness import Witness

_MARK = b"SELECT changes FROM journal_head"


class PostgresReads:
    """What an engine on PostgreSQL answers without the turn."""

    _pool: Pool
    _witness: Witness | None
    _trouble: str
    _segments: SegmentCache

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`."""
        return self._pool.run(
            lambda database: postgres_read.find_sessions(
                database, scope, session=session, workspace=workspace, name=name
            ),
            "reading",
        )

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """See `Engine.find_place`."""
        return self._pool.run(
            lambda database: postgres_read.find_place(database, scope, entry_id), "reading"
        )

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`."""
        return self._pool.run(
            lambda database: postgres_read.load(database, session, known=known), "reading"
        )

    def mark(self) -> object:
        """See `Engine.mark`. One small query: what another process wrote must show at once."""
        return self._pool.run(lambda database: database.quick(_MARK), "reading")

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """See `Engine.feed`."""
        return self._pool.run(
            lambda database: postgres_read.feed(
                database, after, limit, scope=scope, cache=self._segments
            ),
            "reading",
        )

    def state(self) -> FeedState:
        """See `Engine.state`."""
        return self._pool.run(postgres_read.state, "reading")

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """See `Engine.erasures`."""
        return self._pool.run(
            lambda database: postgres_read.erasures(database, after, limit), "reading"
        )

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`."""
        found: list[Problem] = []
        sessions = [session] if session is not None else []
        if session is None:
            found += self._pool.run(postgres_check.check_whole, "checking")
            notes = (self._witness.damage() if self._witness else None, self._trouble)
            found += [Problem(what=text) for text in notes if text]
            sessions = self._pool.run(postgres_check.session_ids, "checking")
        for each in sessions:
            found += self._check_session(each)
        return found

    def _check_session(self, session: bytes) -> list[Problem]:
        return self._pool.run(
            lambda database: postgres_check.check_session(database, session), "checking"
        )
