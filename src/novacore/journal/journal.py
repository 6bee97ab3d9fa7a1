"""The journal as its users see it: a store of sessions, each an append-only list of entries."""

import dataclasses
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from novacore.journal import frame as frames
from novacore.journal.core import NAME_BYTES_MAX, Core, limited_text
from novacore.journal.errors import (
    Corrupt,
    EntryRefused,
    NameTaken,
    SessionUnknown,
)
from novacore.journal.feed import Feed, session_info
from novacore.journal.model import (
    ANY,
    Appended,
    Entry,
    NewEntry,
    Problem,
    Scope,
    SessionInfo,
    VerifyReport,
)
from novacore.journal.replica import Replica
from novacore.journal.store import Erasure, SessionRow, Submission
from novacore.journal.transcript import Transcript, entry_of
from novacore.journal.verify import Verification
from novacore.kit import derived_id, new_id, parse_id


class JournalSession:
    """One session of one owner: append to it, open it, fork it. Made by `JournalStore.session`."""

    def __init__(self, core: Core, row: SessionRow) -> None:
        self._core = core
        self._row = row
        self.id = frames.session_text(row.id)
        self.name = row.name
        self.workspace = row.workspace

    def __repr__(self) -> str:
        return f"<session {self.name!r} {self.id}>"

    def append(self, *entries: Mapping[str, Any] | NewEntry, expected: int = ANY) -> Appended:
        """Append entries, all or none; when this returns they are durable.

        A retry with the same ids and content writes nothing and returns the first positions.

        Args:
            entries: messages (mappings), or `NewEntry` for other kinds, ids and times.
            expected: the position that the session must be at, or `ANY`.

        Raises:
            EntryRefused: an entry holds what the journal can't keep, or is over a limit.
            IdConflict: an id is known with other content, or only some ids are known.
            PositionConflict: the session is not at `expected`.
            QueueFull, StorageFailed: not now; nothing was written.
        """
        if not entries:
            return Appended(positions=(), sequences=())
        return self._core.writer.append(self._submission(entries, expected))

    def submit(
        self, *entries: Mapping[str, Any] | NewEntry, expected: int = ANY
    ) -> Future[Appended]:
        """Queue an append without waiting; the future tells when it is durable, or why not.

        Bad entries and a full queue raise at once. Cancelling a waiter cancels no append. In
        asyncio: `await asyncio.wrap_future(session.submit(message))`.
        """
        if not entries:
            done: Future[Appended] = Future()
            done.set_result(Appended(positions=(), sequences=()))
            return done
        submission = self._submission(entries, expected)
        self._core.writer.submit(submission)
        return submission.future

    def _submission(
        self, entries: Sequence[Mapping[str, Any] | NewEntry], expected: int
    ) -> Submission:
        if len(entries) > self._core.config.batch_entries_max:
            raise EntryRefused(
                f"One append of {len(entries)} entries; at most "
                f"{self._core.config.batch_entries_max} (journal.batch_entries_max).",
                hint="Append them in several calls.",
            )
        drafts = [
            self._core.draft(entry if isinstance(entry, NewEntry) else NewEntry(body=entry))
            for entry in entries
        ]
        scope = (self._row.tenant, self._row.owner)
        for draft in drafts:
            for digest, content in draft.blobs:
                self._core.engine.put_blob(scope, digest, content)
        size = sum(len(draft.body) + frames.HEAD_SIZE for draft in drafts)
        return Submission(session=self._row.id, drafts=drafts, expected=expected, size_bytes=size)

    def open(self, at: int | None = None) -> Transcript:
        """The session's transcript now, or as it was when it had `at` entries.

        Raises:
            SessionUnknown: it was erased, or never was.
            EntryRefused: it has fewer than `at` entries.
            Corrupt: the index that leads to its entries is damaged.
        """
        whole = self._core.open(self._row.id)
        if at is None or at == whole.position:
            return whole
        if not 0 <= at < whole.position:
            raise EntryRefused(
                f"Session {self.name!r} has {whole.position} entries; it can't be opened at {at}.",
                hint=f"Choose a position from 0 to {whole.position}.",
            )
        return whole.first(at)

    @property
    def messages(self) -> Transcript:
        """The messages now, lazily decoded."""
        return self.open()

    @property
    def info(self) -> SessionInfo:
        """What a listing says of it now."""
        rows = self._core.engine.find_sessions(None, session=self._row.id)
        if not rows or rows[0].is_erased:
            raise SessionUnknown(self.name)
        return session_info(rows[0])

    def fork(
        self, *, at: int | None = None, name: str | None = None, scope: Scope | None = None
    ) -> "JournalSession":
        """A new session that shares the first `at` entries (None: all) and copies nothing.

        Args:
            at: how many entries it shares.
            name: its name; None: this one's with a number behind it.
            scope: its owner; None: the same. Another owner sees the shared part only.

        Raises:
            NameTaken: the owner has a session of that name in this workspace.
            EntryRefused: there are fewer than `at` entries.
        """
        shared = self.open(at)
        owner = scope or Scope(tenant=self._row.tenant, owner=self._row.owner)
        engine = self._core.engine
        taken = {row.name for row in engine.find_sessions(owner, workspace=self.workspace)}
        if name is None:
            number = 2
            while f"{self.name}-{number}" in taken:
                number += 1
            name = f"{self.name}-{number}"
        elif name in taken:
            raise NameTaken(name, workspace=self.workspace)
        row = _new_row(self._core, owner, name=name, workspace=self.workspace)
        made = engine.create_session(
            SessionRow(
                id=row.id, tenant=row.tenant, owner=row.owner, name=name, workspace=row.workspace,
                created_at_us=row.created_at_us, updated_at_us=row.updated_at_us,
                entries=shared.position, messages=len(shared), parent=self._row.id,
                forked_at=shared.position, is_erased=False,
            )
        )  # fmt: skip
        if made.id != row.id:
            raise NameTaken(name, workspace=self.workspace)
        return JournalSession(self._core, made)

    def put_blob(self, data: bytes) -> str:
        """Keep a large output with the session; returns a reference for `get_blob`.

        It becomes an entry of kind `blob`, so it is exported, forked and erased like any other.
        """
        try:
            body = {"encoding": "utf-8", "data": data.decode()}
        except UnicodeDecodeError:
            body = {"encoding": "base64", "data": b64encode(data).decode()}
        done = self.append(NewEntry(kind="blob", body=body))
        return f"blob:{done.positions[0]}:{hashlib.sha256(data).hexdigest()[:16]}"

    def get_blob(self, reference: str) -> bytes:
        """What `put_blob` kept.

        Raises:
            EntryRefused: the reference is not one of this session's.
        """
        parts = reference.split(":")
        refused = EntryRefused(f"{reference!r} is no blob of session {self.name!r}.")
        if len(parts) != 3 or parts[0] != "blob" or not parts[1].isdecimal():
            raise refused
        entries = self.open().entries
        if int(parts[1]) >= len(entries):
            raise refused
        entry = entries[int(parts[1])]
        if entry.kind != "blob" or entry.is_erased:
            raise refused
        text = str(entry.body["data"])
        data = b64decode(text) if entry.body["encoding"] == "base64" else text.encode()
        if hashlib.sha256(data).hexdigest()[:16] != parts[2]:
            raise refused
        return data


def _check_scope(scope: Scope) -> None:
    limited_text("tenant", scope.tenant, NAME_BYTES_MAX)
    limited_text("owner", scope.owner, NAME_BYTES_MAX)


def _new_row(core: Core, scope: Scope, *, name: str, workspace: str) -> SessionRow:
    _check_scope(scope)
    limited_text("session name", name, NAME_BYTES_MAX)
    limited_text("workspace", workspace, 4 * NAME_BYTES_MAX)
    if not name:
        raise EntryRefused("A session's name is empty.", path="name")
    now_us = core.clock.now_us()
    return SessionRow(
        id=new_id(core.clock).bytes, tenant=scope.tenant, owner=scope.owner, name=name,
        workspace=workspace, created_at_us=now_us, updated_at_us=now_us, entries=0, messages=0,
        parent=None, forked_at=0, is_erased=False,
    )  # fmt: skip


def _restored_id(
    session_id: str, scope: Scope, find_sessions: Callable[..., list[SessionRow]]
) -> bytes:
    """The id that a restored session has for this owner: its own, unless another owner holds it."""
    try:
        wanted = parse_id(session_id).bytes
    except ValueError as error:
        raise EntryRefused(f"{session_id!r} is no session id.", path="id") from error
    holders = find_sessions(None, session=wanted)
    if all((row.tenant, row.owner) == (scope.tenant, scope.owner) for row in holders):
        return wanted
    return derived_id("copied session", scope.tenant, scope.owner, wanted).bytes


_StoreT = TypeVar("_StoreT", bound="JournalStore")


class JournalStore:
    """All sessions of one owner. Made by `open_store` or `open_memory`; safe between threads."""

    def __init__(self, core: Core, scope: Scope) -> None:
        _check_scope(scope)
        self._core = core
        self.scope = scope

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def for_owner(self, scope: Scope) -> "JournalStore":
        """The same journal, seen by another owner. Closing either closes both."""
        return JournalStore(self._core, scope)

    def made_into(self, make: "Callable[[Core, Scope], _StoreT]") -> "_StoreT":
        """The same journal as a store of another class, for what adds to it (as recall does)."""
        return make(self._core, self.scope)

    def session(self, name: str, *, workspace: str = "") -> JournalSession:
        """The session of that name in that workspace; created when there is none."""
        row = _new_row(self._core, self.scope, name=name, workspace=workspace)
        found = self._core.engine.find_sessions(self.scope, workspace=workspace, name=name)
        return JournalSession(
            self._core, found[0] if found else self._core.engine.create_session(row)
        )

    def get_session(self, name_or_id: str, *, workspace: str | None = None) -> JournalSession:
        """A session by its id, or by its name (the one last used, where workspaces share it).

        Raises:
            SessionUnknown: this owner has no such session.
        """
        engine = self._core.engine
        try:
            session = parse_id(name_or_id).bytes
        except ValueError:
            session = None
        rows: list[SessionRow] = []
        if session is not None:
            rows = engine.find_sessions(self.scope, session=session)
        rows = [row for row in rows if not row.is_erased]
        if not rows:
            rows = self._rows(workspace=workspace, name=name_or_id)
        if not rows:
            raise SessionUnknown(name_or_id, workspace=workspace)
        return JournalSession(self._core, rows[0])

    def find_session(self, session_id: str) -> JournalSession | None:
        """The session that `restore_session` would give for this id; None: there is none yet."""
        find = self._core.engine.find_sessions
        rows = find(self.scope, session=_restored_id(session_id, self.scope, find))
        return JournalSession(self._core, rows[0]) if rows and not rows[0].is_erased else None

    def is_erased(self, session_id: str) -> bool:
        """True when the session that `restore_session` would give was erased here."""
        find = self._core.engine.find_sessions
        rows = find(self.scope, session=_restored_id(session_id, self.scope, find))
        return bool(rows) and rows[0].is_erased

    def last_session(self, workspace: str) -> JournalSession | None:
        """The session of a workspace that was last written to; None: it has none."""
        rows = self._rows(workspace=workspace)
        return JournalSession(self._core, rows[0]) if rows else None

    def _rows(self, *, workspace: str | None, name: str | None = None) -> list[SessionRow]:
        """This owner's sessions; a text that no session can have finds none."""
        if any("\ud800" <= char <= "\udfff" for char in f"{workspace or ''}{name or ''}"):
            return []
        return self._core.engine.find_sessions(self.scope, workspace=workspace, name=name)

    def list_sessions(
        self,
        *,
        workspace: str | None = None,
        name: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        limit: int = 100,
    ) -> list[SessionInfo]:
        """This owner's sessions, newest activity first.

        Args:
            workspace: only of this workspace.
            name: only names that contain this text, whatever its case.
            since_us: only those active at or after this time.
            until_us: only those active before this time.
            limit: at most so many.
        """
        rows = self._rows(workspace=workspace)
        wanted = (name or "").casefold()
        found = [
            session_info(row)
            for row in rows
            if wanted in row.name.casefold()
            and (since_us is None or row.updated_at_us >= since_us)
            and (until_us is None or row.updated_at_us < until_us)
        ]
        return found[: max(0, min(limit, self._core.config.list_max))]

    def all_sessions(self) -> list[SessionInfo]:
        """Every session of this owner, unbounded, those that were active longest ago first."""
        return [session_info(row) for row in reversed(self._core.engine.find_sessions(self.scope))]

    def find_place(self, entry_id: str) -> tuple[str, int] | None:
        """(session id, position) of the entry of that id, erased or not; None: there is none.

        Raises:
            EntryRefused: the id is no UUID.
        """
        try:
            wanted = parse_id(entry_id).bytes
        except ValueError as error:
            raise EntryRefused(f"{entry_id!r} is no entry id.", path="id") from error
        place = self._core.engine.find_place(self.scope, wanted)
        return None if place is None else (frames.session_text(place[0]), place[1])

    def check(self, entry: NewEntry) -> None:
        """Raise `EntryRefused` where an append of this entry would; writes nothing."""
        self._core.check(entry)

    def restore_session(self, info: SessionInfo) -> JournalSession:
        """The session with the id, name, workspace, birth and parent that `info` says, for imports.

        One that is there already is given back as it is. Where another owner holds the id, this
        owner gets the id derived from it, always the same.

        Raises:
            NameTaken: another session has that name in this workspace.
            SessionUnknown: the session was erased here, or its parent is not there.
            EntryRefused: the parent has fewer than `forked_at` entries, or `info` is over a limit.
        """
        engine = self._core.engine
        row = _new_row(self._core, self.scope, name=info.name, workspace=info.workspace)
        own_id = _restored_id(info.id, self.scope, engine.find_sessions)
        there = engine.find_sessions(self.scope, session=own_id)
        if there and there[0].is_erased:
            raise SessionUnknown(info.id)
        if there:
            return JournalSession(self._core, there[0])
        parent: JournalSession | None = None
        shared: Transcript | None = None
        if info.parent_id is not None:
            parent = self.get_session(info.parent_id)
            shared = parent.open(info.forked_at)
        if engine.find_sessions(self.scope, workspace=info.workspace, name=info.name):
            raise NameTaken(info.name, workspace=info.workspace)
        made = engine.create_session(
            dataclasses.replace(
                row,
                id=own_id,
                created_at_us=info.created_at_us,
                entries=0 if shared is None else shared.position,
                messages=0 if shared is None else len(shared),
                parent=parse_id(parent.id).bytes if parent else None,
                forked_at=0 if shared is None else shared.position,
            )
        )
        if made.id != own_id:
            raise NameTaken(info.name, workspace=info.workspace)
        return JournalSession(self._core, made)

    def read(self, after: int = 0, limit: int = 1_000) -> list[Entry]:
        """The feed: this owner's entries with a sequence above `after`, in order, at most `limit`.

        No entry appears later with a sequence at or below one that was seen. Continue with the
        last entry's sequence.
        """
        limit = min(limit, self._core.config.feed_entries_max)
        decoder = self._core.decoder(((self.scope.tenant, self.scope.owner),))
        found = self._core.engine.feed(after, limit, scope=self.scope)
        return [entry_of(stored, decoder) for stored in found]

    def feed(self) -> Feed:
        """Every owner's entries and erasures: for projections, backups and migration."""
        return Feed(self._core)

    def replica(self) -> Replica:
        """The journal as exact bytes, every owner's. Closing either closes both."""
        return Replica(self._core)

    def erase(self, session_id: str, *, positions: Iterable[int] | None = None) -> int:
        """Destroy entries for good: bodies, salts, blobs, in every fork and every copy we hold.

        Headers, digests and the chain stay, as tombstones. Positions that a fork shares with its
        parent are erased in the parent.

        Args:
            session_id: the session, by id or name.
            positions: which entries; None: all of the session's own, and its name.

        Returns:
            How many entries were destroyed; those erased before don't count.
        """
        session = self.get_session(session_id)
        if positions is None:
            wanted = [Erasure(session=parse_id(session.id).bytes, positions=None)]
        else:
            wanted = self._where(session, sorted(set(positions)))
        return self._core.engine.erase(wanted)

    def erase_owner(self) -> int:
        """Destroy everything of this owner; returns how many entries it was."""
        rows = self._core.engine.find_sessions(self.scope)
        return self._core.engine.erase([Erasure(session=row.id, positions=None) for row in rows])

    def _where(self, session: JournalSession, positions: Sequence[int]) -> list[Erasure]:
        transcript = session.open()
        found: dict[bytes, set[int]] = {}
        for position in positions:
            if not 0 <= position < transcript.position:
                raise EntryRefused(
                    f"Session {session.name!r} has {transcript.position} entries; none is at "
                    f"{position}.",
                    path="positions",
                )
            found.setdefault(transcript.holder_of(position), set()).add(position)
        for holder in found:
            if not self._core.engine.find_sessions(self.scope, session=holder):
                raise EntryRefused("These entries belong to another owner's session.")
        return [Erasure(session=key, positions=frozenset(at)) for key, at in found.items()]

    def verify(self, session_id: str | None = None, *, all_owners: bool = False) -> VerifyReport:
        """Recompute every checksum, digest and chain, and compare every index and blob.

        Args:
            session_id: only this session; None: all of this owner's.
            all_owners: every owner's, for the operator.
        """
        engine = self._core.engine
        if session_id is not None:
            wanted = parse_id(self.get_session(session_id).id).bytes
            rows = engine.find_sessions(self.scope, session=wanted)
            return self._verify(rows, engine.check(wanted))
        problems = list(engine.check())
        if not all_owners:
            problems = [problem for problem in problems if self._may_see(problem)]
        try:
            rows = engine.find_sessions(None if all_owners else self.scope)
        except Corrupt as error:
            return self._verify([], [*problems, Problem(what=error.message)])
        return self._verify(rows, problems)

    def _verify(self, rows: Sequence[SessionRow], problems: Sequence[Problem]) -> VerifyReport:
        verification = Verification(self._core, known=problems)
        for row in rows:
            verification.add(row)
        return verification.report()

    def _may_see(self, problem: Problem) -> bool:
        """False: it is about another owner's session."""
        if problem.session_id is None:
            return True
        session = parse_id(problem.session_id).bytes
        try:
            return bool(self._core.engine.find_sessions(self.scope, session=session))
        except Corrupt:
            return True

    def close(self) -> None:
        """Wait for queued appends and release the files. Idempotent."""
        self._core.close()
