"""The journal as projections read it: every owner's entries, in order, and every erasure."""

from novacore.journal import frame as frames
from novacore.journal.core import Core
from novacore.journal.errors import Corrupt
from novacore.journal.locks import Lock
from novacore.journal.model import Entry, Erased, FeedState, Owned, Scope, SessionInfo
from novacore.journal.store import SessionRow
from novacore.journal.transcript import Transcript, entry_of
from novacore.kit import parse_id

_OWNERS_MAX = 10_000


class Feed:
    """Every tenant's and owner's entries. Made by `JournalStore.feed`; safe between threads.

    It is for what serves the whole installation: projections, backups, migration. What serves one
    person reads through that person's `JournalStore`.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._scopes: dict[str, tuple[str, str]] = {}

    def state(self) -> FeedState:
        """Which journal this is, and where it ends."""
        return self._core.engine.state()

    def mark(self) -> object:
        """A value that changes whenever anything in the journal did. Costs microseconds."""
        return self._core.engine.mark()

    def read(self, after: int = 0, limit: int = 1_000) -> list[Entry]:
        """Entries with a sequence above `after`, in order, at most `limit`; erased ones too.

        No entry appears later with a sequence at or below one that was seen.

        Raises:
            Corrupt: one of them is damaged; `sequence` says which.
        """
        limit = min(limit, self._core.config.feed_entries_max)
        found = self._core.engine.feed(after, limit, scope=None)
        entries: list[Entry] = []
        for stored in found:
            scope = self._scope_of(frames.session_text(stored.session))
            try:
                entries.append(entry_of(stored, self._core.decoder((scope,))))
            except Corrupt as error:
                error.sequence = stored.sequence
                raise
        return entries

    def _scope_of(self, session_id: str) -> tuple[str, str]:
        known = self._scopes.get(session_id)
        if known is None:
            rows = self._core.engine.find_sessions(None, session=parse_id(session_id).bytes)
            if len(self._scopes) >= _OWNERS_MAX:
                self._scopes.clear()
            known = (rows[0].tenant, rows[0].owner) if rows else ("", "")
            self._scopes[session_id] = known
        return known

    def erasures(self, after: int = 0, limit: int = 1_000) -> list[Erased]:
        """Erasures with a number above `after`, in order, at most `limit`; all were carried out."""
        return self._core.engine.erasures(after, limit)

    def find_session(self, session_id: str) -> Owned | None:
        """A session of any owner, erased or not; None: there is none of that id."""
        try:
            wanted = parse_id(session_id).bytes
        except ValueError:
            return None
        rows = self._core.engine.find_sessions(None, session=wanted)
        return _owned(rows[0]) if rows else None

    def list_sessions(self) -> list[Owned]:
        """Every owner's sessions, those that were active longest ago first; erased ones are not."""
        return [_owned(row) for row in reversed(self._core.engine.find_sessions(None))]

    def transcript(self, session_id: str) -> Transcript:
        """A session's entries now.

        Raises:
            SessionUnknown: there is none of that id, or it was erased.
        """
        return self._core.open(parse_id(session_id).bytes)

    def try_lock(self, name: str) -> Lock | None:
        """A lock of that name over all processes that share the journal; None: it is held."""
        return self._core.engine.try_lock(name)


def session_info(row: SessionRow) -> SessionInfo:
    """A session's row as users see it."""
    return SessionInfo(
        id=frames.session_text(row.id),
        name=row.name,
        workspace=row.workspace,
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        entries=row.entries,
        messages=row.messages,
        parent_id=None if row.parent is None else frames.session_text(row.parent),
        forked_at=None if row.parent is None else row.forked_at,
    )


def _owned(row: SessionRow) -> Owned:
    return Owned(
        scope=Scope(tenant=row.tenant, owner=row.owner),
        info=session_info(row),
        is_erased=row.is_erased,
    )
