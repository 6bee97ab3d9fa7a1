"""One owner's sessions as a server hands them out: rows, stored bytes, appends; nobody else's.

Everything is looked up in the owner's scope first, so that an id of another owner's session is
unknown here. The other side of it is `store_remote`.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Final

from novacore.journal import frame as frames
from novacore.journal import wire
from novacore.journal.core import Core
from novacore.journal.errors import EntryRefused, NameTaken, SessionUnknown
from novacore.journal.journal import JournalSession, JournalStore
from novacore.journal.model import Appended, Erased, FeedState, Problem, Scope, SessionInfo
from novacore.journal.store import Erasure, SessionRow
from novacore.journal.transcript import Part, Transcript
from novacore.kit import NovaError, parse_id

_ERASURES_AT_ONCE: Final = 1_000


class Served:
    """What a server does for one owner at a client's wish. Safe between threads.

    Args:
        store: the owner's sessions.
    """

    def __init__(self, store: JournalStore) -> None:
        self._store = store
        self._core = store.made_into(_CoreOf).core
        self.scope: Scope = store.scope

    def limits(self) -> dict[str, int]:
        """The journal's limits by name."""
        return dataclasses.asdict(self._core.config)

    def state(self) -> FeedState:
        """Which journal this is, and where it ends."""
        return self._core.engine.state()

    def rows(
        self,
        *,
        session_id: str | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[wire.Row]:
        """The owner's sessions, newest activity first; by id also one that was erased.

        Raises:
            EntryRefused: the id is no UUID.
        """
        find = self._core.engine.find_sessions
        if session_id is None:
            return [wire.row_of(row) for row in find(self.scope, workspace=workspace, name=name)]
        wanted = _id_of(session_id)
        own = find(self.scope, session=wanted)
        if own or not find(None, session=wanted):
            return [wire.row_of(row) for row in own]
        # Who restores a session must know that its id is in use; the rest is not theirs to know.
        return [
            wire.Row(
                id=session_id, name="", workspace="", created_at_us=0, updated_at_us=0,
                is_foreign=True,
            )
        ]  # fmt: skip

    def create(self, row: wire.Row) -> wire.Row:
        """Create a session, or give back the owner's one of that name in that workspace.

        Raises:
            SessionUnknown: it was erased, or its parent is unknown.
            EntryRefused: a name or id that can't be kept, or a parent with fewer entries.
        """
        info = SessionInfo(
            id=row.id,
            name=row.name,
            workspace=row.workspace,
            created_at_us=row.created_at_us,
            updated_at_us=row.created_at_us,
            entries=0,
            messages=0,
            parent_id=row.parent_id,
            forked_at=None if row.parent_id is None else row.forked_at,
        )
        try:
            made = self._store.restore_session(info)
        except NameTaken:
            made = self._store.get_session(row.name, workspace=row.workspace)
        return self.rows(session_id=made.id)[0]

    def append(
        self, session_id: str, entries: Sequence[wire.Written], *, expected: int
    ) -> "Future[Appended]":
        """Queue an append; the future tells when it is durable, or why it is not.

        Raises:
            SessionUnknown: the owner has no such session.
            JournalError: as `JournalSession.submit` does at once.
        """
        session = JournalSession(self._core, self._row(session_id))
        drafts = [wire.entry_from(each) for each in entries]
        return session.submit(*drafts, expected=expected)

    def append_all(
        self, wanted: Sequence[tuple[str, int, Sequence[wire.Written]]]
    ) -> list[wire.Outcome]:
        """Several appends, (session id, expected, entries) each; every one succeeds or fails alone.

        They are queued in order. Durable, or refused, when this returns.
        """
        waiting: list[Future[Appended] | NovaError] = []
        for session_id, expected, entries in wanted:
            try:
                waiting.append(self.append(session_id, entries, expected=expected))
            except NovaError as error:
                waiting.append(error)
        return [_outcome(each) for each in waiting]

    def open(self, session_id: str, *, after: int, generation: int, epoch: str) -> bytes:
        """A parcel with what a session holds (`wire.Opened`) and as many of the newest entries as
        fit.

        Args:
            session_id: the session.
            after: so many of its entries the client knows.
            generation: of when it knew them.
            epoch: of the journal then.

        Raises:
            SessionUnknown: the owner has no such session.
        """
        state = self.state()
        transcript = self._transcript(session_id)
        is_known = (epoch, generation) == (state.epoch, transcript.generation)
        after = after if is_known and 0 <= after <= transcript.position else 0
        newest = list(_newest(transcript, after))
        told = wire.Opened(
            journal=state.journal,
            epoch=state.epoch,
            generation=transcript.generation,
            position=transcript.position,
            after=after,
            first=transcript.position - len(newest),
            lines=tuple(_lines(transcript.parts)),
            damaged=tuple(each for each in transcript.damaged if each >= after),
        )
        messages = (at - after for at in transcript.message_positions if at >= after)
        bits = wire.as_bits(messages, count=transcript.position - after)
        return wire.pack(told, newest, bits=bits)

    def page(self, session_id: str, first: int, *, count: int) -> bytes:
        """A parcel of a session's entries from `first` on (`wire.Page`): as many as fit.

        Raises:
            SessionUnknown: the owner has no such session.
            EntryRefused: it has fewer entries.
        """
        transcript = self._transcript(session_id)
        if not 0 <= first < transcript.position:
            raise EntryRefused(
                f"Session {session_id} has {transcript.position} entries; none is at {first}.",
                path="first",
            )
        entries = transcript.entries
        end = min(transcript.position, first + count)
        stored = list(_fitting(entries.raw(at) for at in range(first, end)))
        return wire.pack(wire.Page(first=first, has_more=first + len(stored) < end), stored)

    def feed(self, after: int, *, limit: int) -> bytes:
        """A parcel of the owner's entries with a sequence above `after`, in order: what fits.

        Raises:
            Corrupt: one of them is damaged; `sequence` names it.
        """
        limit = min(limit, self._core.config.feed_entries_max)
        found = self._core.engine.feed(after, limit, scope=self.scope)
        stored = list(_fitting(frames.raw(each) for each in found))
        return wire.pack(wire.Page(has_more=len(stored) < len(found)), stored)

    def find_place(self, entry_id: str) -> tuple[str, int] | None:
        """(session id, position) of an entry; None: the owner has none of that id.

        Raises:
            EntryRefused: the id is no UUID.
        """
        return self._store.find_place(entry_id)

    def blob(self, digest: bytes, *, session_id: str | None) -> bytes:
        """A text that lives outside its entry.

        Args:
            digest: its SHA-256.
            session_id: a session that holds the entry, also of one that was forked from another
                owner's; None: one of the owner's own.

        Raises:
            SessionUnknown: the owner has no such session.
            EntryErased: no entry names it any more.
            Corrupt: it is missing or damaged.
        """
        scopes = ((self.scope.tenant, self.scope.owner),)
        if session_id is not None:
            scopes = self._core.engine.load(self._row(session_id).id).scopes
        return self._core.read_blob(scopes, digest)

    def erasures(self, after: int) -> list[Erased]:
        """The owner's erasures with a number above `after`, in order: the next ones, not all."""
        engine = self._core.engine
        owns: dict[str, bool] = {}
        while True:
            found = engine.erasures(after, _ERASURES_AT_ONCE)
            own = [each for each in found if self._owns(each.session_id, owns)]
            if own or len(found) < _ERASURES_AT_ONCE:
                return own
            after = found[-1].number

    def erase(self, wanted: Iterable[tuple[str, Sequence[int] | None]]) -> int:
        """Destroy entries, (session id, positions or None for all) each; returns how many it was.

        Raises:
            SessionUnknown: the owner has no such session.
        """
        found = [
            Erasure(
                session=self._row(session_id).id,
                positions=None if positions is None else frozenset(positions),
            )
            for session_id, positions in wanted
        ]
        return self._core.engine.erase(found)

    def problems(self, session_id: str | None) -> list[Problem]:
        """What is wrong with the indexes of this owner's sessions. The whole store is looked at by
        who runs the server: it is the work of everybody's sessions.

        Raises:
            SessionUnknown: the owner has no such session.
        """
        if session_id is not None:
            return self._core.engine.check(self._row(session_id).id)
        engine = self._core.engine
        rows = engine.find_sessions(self.scope)
        return [each for row in rows for each in engine.check(row.id)]

    def _owns(self, session_id: str, known: dict[str, bool]) -> bool:
        if session_id not in known:
            wanted = parse_id(session_id).bytes
            known[session_id] = bool(self._core.engine.find_sessions(self.scope, session=wanted))
        return known[session_id]

    def _row(self, session_id: str) -> SessionRow:
        rows = self._core.engine.find_sessions(self.scope, session=_id_of(session_id))
        if not rows:
            raise SessionUnknown(session_id)
        return rows[0]

    def _transcript(self, session_id: str) -> Transcript:
        return self._core.open(self._row(session_id).id)


class _CoreOf(JournalStore):
    """A store that shows what it stands on, to this room."""

    @property
    def core(self) -> Core:
        return self._core


def _id_of(text: str) -> bytes:
    try:
        return parse_id(text).bytes
    except ValueError as error:
        raise EntryRefused(f"{text!r} is no session id.", path="id") from error


def _outcome(each: "Future[Appended] | NovaError") -> wire.Outcome:
    if isinstance(each, NovaError):
        return wire.Outcome(error=wire.tell(each))
    try:
        done = each.result()
    except NovaError as error:
        return wire.Outcome(error=wire.tell(error))
    return wire.Outcome(positions=done.positions, sequences=done.sequences, is_retry=done.is_retry)


def _lines(parts: Sequence[Part]) -> Iterator[wire.Line]:
    """The stretches of a transcript, neighbours of one session joined."""
    open_line: wire.Line | None = None
    for part in parts:
        if not part.take:
            continue
        name = frames.session_text(part.run.session)
        if open_line is not None and open_line.session_id == name:
            open_line = wire.Line(
                session_id=name, base=open_line.base, count=open_line.count + part.take
            )
            continue
        if open_line is not None:
            yield open_line
        open_line = wire.Line(session_id=name, base=part.run.base, count=part.take)
    if open_line is not None:
        yield open_line


def _newest(transcript: Transcript, after: int) -> list[bytes]:
    """The newest entries from position `after` on that fit into a parcel, in order."""
    entries = transcript.entries
    backwards = (entries.raw(at) for at in range(transcript.position - 1, after - 1, -1))
    return list(_fitting(backwards))[::-1]


def _fitting(stored: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for raw in stored:
        if size and size + len(raw) > wire.PARCEL_BYTES:
            return
        size += len(raw)
        yield raw
