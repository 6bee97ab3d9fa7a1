"""A journal on a server that may be away: appends are kept here meanwhile, and sent later.

What was opened before stays readable, with what waits at its end. Whatever needs the server's word
(an expected position, a session that was never seen) fails while it is away.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from novacore.journal import frame as frames
from novacore.journal import wire
from novacore.journal.errors import StorageFailed
from novacore.journal.frame import Frame
from novacore.journal.locks import Lock
from novacore.journal.model import ANY, Appended, Erased, FeedState, Problem, Scope
from novacore.journal.spool_file import SpoolFile
from novacore.journal.store import Draft, Erasure, SessionRow, Snapshot, Submission
from novacore.journal.store_remote import RemoteEngine
from novacore.journal.transcript import Part, Tail
from novacore.kit import Clock, NovaError

_PAUSE_S: Final = 0.5
_PAUSE_MAX_S: Final = 5.0
_LAST_WAIT_S: Final = 10.0
_GROUP: Final = 64
"""Appends that are sent at once when the server is back."""


@dataclass(kw_only=True, slots=True)
class _Seen:
    """What is known of a session from before the server went away."""

    inner: Snapshot
    shifts: int = 0
    """How often what waited came to stand elsewhere than was foretold."""
    shown: Snapshot | None = None


@dataclass(kw_only=True, slots=True)
class _Waiting:
    """One append that waits, and where its entries were foretold to stand."""

    session: bytes
    append: wire.Append
    position: int


@dataclass(slots=True)
class _Backlog:
    """Everything that waits. Entries stay at the end of their sessions until all is sent."""

    queue: list[_Waiting] = field(default_factory=list["_Waiting"])
    frames: dict[bytes, list[bytes]] = field(default_factory=dict[bytes, list[bytes]])
    blobs: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    places: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """Where each entry, by its id, was foretold to stand."""


class SpoolingEngine:
    """An engine over one on a server. See `store.Engine`, and the module for what differs.

    Args:
        inner: the server's.
        spool: where appends wait.
        clock: the time.
        announce: told in words when the server goes away and when it is back; from any thread.
    """

    def __init__(
        self,
        inner: RemoteEngine,
        *,
        spool: SpoolFile,
        clock: Clock,
        announce: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._spool = spool
        self._clock = clock
        self._announce = announce
        self._lock = threading.RLock()
        self._woken = threading.Event()
        self._backlog = _Backlog()
        self._seen: dict[bytes, _Seen] = {}
        self._rows: dict[bytes, SessionRow] = {}
        self._state: FeedState | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def send_left(self) -> int:
        """Send what an earlier process could not; returns how many entries it was.

        Raises:
            StorageFailed: the server can't be reached; it still waits.
        """
        count = 0
        for _, appends in self._spool.take_over():
            for at in range(0, len(appends), _GROUP):
                group = appends[at : at + _GROUP]
                for append, outcome in zip(group, self._inner.send(group), strict=True):
                    if outcome.error is None:
                        count += len(append.entries)
                    else:
                        self._give_up(append, outcome.error.message)
        return count

    @property
    def is_away(self) -> bool:
        """Whether something waits for the server."""
        with self._lock:
            return bool(self._backlog.queue)

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`; what the server can't take now is durable here."""
        if not self.is_away:
            try:
                return self._inner.commit(batch)
            except StorageFailed as error:
                away = error
        else:
            away = StorageFailed("The server can't be reached.")
        results = self._keep(batch, away)

        def resolve() -> None:
            for submission, result in zip(batch, results, strict=True):
                if isinstance(result, NovaError):
                    submission.future.set_exception(result)
                else:
                    submission.future.set_result(result)

        return resolve

    def _keep(
        self, batch: Sequence[Submission], away: StorageFailed
    ) -> Sequence[Appended | NovaError]:
        """Spool what needs no word of the server's."""
        with self._lock:
            is_new = not self._backlog.queue
            places = self._backlog.places
            kept = [
                each
                for each in batch
                if each.expected == ANY and not all(draft.id in places for draft in each.drafts)
            ]
            waiting = [
                wire.Append(
                    session_id=frames.session_text(each.session),
                    entries=tuple(map(wire.written, each.drafts)),
                )
                for each in kept
            ]
            if waiting:
                self._spool.add(waiting)
            for submission, append in zip(kept, waiting, strict=True):
                self._wait(submission, append)
            results = [self._foretold(each) if each.expected == ANY else away for each in batch]
        if waiting and is_new:
            self._announce(f"{away.message} What is said meanwhile is kept here and sent later.")
        if waiting:
            self._start()
        return results

    def _foretold(self, submission: Submission) -> Appended:
        at = tuple(self._backlog.places[draft.id] for draft in submission.drafts)
        return Appended(positions=at, sequences=(0,) * len(at))

    def _wait(self, submission: Submission, append: wire.Append) -> None:
        backlog, session = self._backlog, submission.session
        stored = backlog.frames.setdefault(session, [])
        first = self._length(session) + len(stored)
        for at, draft in enumerate(submission.drafts, first):
            stored.append(self._frame(draft, session, position=at))
            backlog.blobs.update(draft.blobs)
            backlog.places[draft.id] = at
        backlog.queue.append(_Waiting(session=session, append=append, position=first))
        seen = self._seen.get(session)
        if seen is not None:
            seen.shown = None

    def _length(self, session: bytes) -> int:
        seen = self._seen.get(session)
        if seen is not None:
            return sum(part.take for part in seen.inner.parts)
        row = self._rows.get(session)
        return row.entries if row is not None else 0

    def _frame(self, draft: Draft, session: bytes, *, position: int) -> bytes:
        """An entry as it is shown until the server has given it its place."""
        now_us = self._clock.now_us()
        stored, _ = frames.build(
            before=frames.ROOT_CHAIN,
            sequence=0,
            position=position,
            said_at_us=now_us if draft.said_at_us is None else draft.said_at_us,
            recorded_at_us=now_us,
            entry_id=draft.id,
            session=session,
            salt=draft.salt,
            digest=draft.digest,
            version=draft.version,
            kind=draft.kind,
            actor=draft.actor,
            body=draft.body,
            is_erased=draft.is_erased,
        )
        return stored

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="nova-spool", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        """Try until everything is sent."""
        pause_s, told = _PAUSE_S, ""
        while not self._woken.wait(pause_s):
            try:
                if self._send_some():
                    pause_s = 0.0
                    continue
            except NovaError as error:
                if not isinstance(error, StorageFailed) and error.message != told:
                    told = error.message
                    self._announce(f"The server does not take what waits for it: {told}")
                pause_s = min(max(2 * pause_s, _PAUSE_S), _PAUSE_MAX_S)
                continue
            with self._lock:
                if not self._backlog.queue:
                    self._thread = None
                    return

    def _send_some(self) -> bool:
        """Send the oldest of what waits; False: nothing waits any more."""
        with self._lock:
            group = self._backlog.queue[:_GROUP]
        if not group:
            return False
        outcomes = self._inner.send([each.append for each in group])
        with self._lock:
            for each, outcome in zip(group, outcomes, strict=True):
                if outcome.error is not None:
                    self._give_up(each.append, outcome.error.message)
                seen = self._seen.get(each.session)
                if seen is not None and outcome.positions[:1] != (each.position,):
                    seen.shifts += 1
            del self._backlog.queue[: len(group)]
            if self._backlog.queue:
                return True
            count = len(self._backlog.places)
            self._spool.clear()
            self._backlog = _Backlog()
            for seen in self._seen.values():
                seen.shown = None
        self._announce(f"The server is back, and has the {count:,} entries that waited for it.")
        return False

    def _give_up(self, append: wire.Append, why: str) -> None:
        path = self._spool.refuse(append, why=why)
        self._announce(f"The server refused what waited for it: {why} It is kept in {path}.")

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`."""
        return self._noted([self._inner.create_session(row)])[0]

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`; those that were seen before, while the server is away."""
        if not self.is_away:
            try:
                found = self._inner.find_sessions(
                    scope, session=session, workspace=workspace, name=name
                )
            except StorageFailed:
                if not self._rows:
                    raise
            else:
                return self._noted(found)
        with self._lock:
            known = [
                row
                for row in self._rows.values()
                if (session is None or row.id == session)
                and (workspace is None or row.workspace == workspace)
                and (name is None or row.name == name)
            ]
        return sorted(known, key=lambda row: (row.updated_at_us, row.id), reverse=True)

    def _noted(self, rows: list[SessionRow]) -> list[SessionRow]:
        with self._lock:
            self._rows.update((row.id, row) for row in rows)
        return rows

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`; what was seen last and what waits, while the server is away."""
        with self._lock:
            seen = self._seen.get(session)
        if not self.is_away:
            try:
                inner = self._inner.load(session, known=seen.inner if seen else None)
            except StorageFailed:
                if seen is None:
                    raise
            else:
                with self._lock:
                    seen = self._seen.setdefault(session, _Seen(inner=inner))
                    if seen.inner is not inner:
                        seen.inner, seen.shown = inner, None
        elif seen is None:
            raise StorageFailed("The server can't be reached, and the session was not open yet.")
        with self._lock:
            assert seen is not None
            if seen.shown is None:
                seen.shown = self._shown(session, seen)
            return seen.shown

    def _shown(self, session: bytes, seen: _Seen) -> Snapshot:
        """What the server said last, with what waits behind it."""
        parts: list[Part] = list(seen.inner.parts)
        stored = self._backlog.frames.get(session)
        if stored:
            base = sum(part.take for part in parts)
            parts.append(Part(Tail(session, base=base, stored=tuple(stored)), take=len(stored)))
        return Snapshot(
            parts=parts,
            scopes=seen.inner.scopes,
            # Another one where entries moved: what was read of them must be read again.
            generation=seen.inner.generation + (seen.shifts << 32),
            is_erased=seen.inner.is_erased,
        )

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """See `Engine.read_blob`."""
        with self._lock:
            kept = self._backlog.blobs.get(digest)
        return self._inner.read_blob(scope, digest) if kept is None else kept

    def state(self) -> FeedState:
        """See `Engine.state`; the last one that was told, while the server is away."""
        if not self.is_away or self._state is None:
            try:
                self._state = self._inner.state()
            except StorageFailed:
                if self._state is None:
                    raise
        return self._state

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """See `Engine.erasures`."""
        return self._inner.erasures(after, limit)

    def mark(self) -> object:
        """See `Engine.mark`."""
        return self._inner.mark()

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """See `Engine.find_place`."""
        return self._inner.find_place(scope, entry_id)

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """See `Engine.feed`."""
        return self._inner.feed(after, limit, scope=scope)

    def try_lock(self, name: str) -> Lock | None:
        """See `Engine.try_lock`."""
        return self._inner.try_lock(name)

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`."""
        return self._inner.erase(erasures)

    def rows(self) -> list[SessionRow]:
        """See `Engine.rows`."""
        return self._inner.rows()

    def standing(self) -> str:
        """See `Engine.standing`."""
        return self._inner.standing()

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`."""
        self._inner.set_standing(standing)

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`."""
        self._inner.begin_copy(journal)

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """See `Engine.add_copied`."""
        self._inner.add_copied(sessions, stored)

    def end_copy(self, epoch: int) -> None:
        """See `Engine.end_copy`."""
        self._inner.end_copy(epoch)

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """See `Engine.put_blob`."""
        self._inner.put_blob(scope, digest, content)

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`."""
        return self._inner.check(session)

    def close(self) -> None:
        """See `Engine.close`; what waits stays here for the next one who comes."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            thread = self._thread
        self._woken.set()
        if thread is not None:
            thread.join(_LAST_WAIT_S)
            self._try_once_more(thread)
        self._inner.close()
        with self._lock:
            count = sum(len(each.append.entries) for each in self._backlog.queue)
            self._spool.close()
        if count:
            self._announce(
                f"{count:,} entries wait for the server in {self._spool.folder}; "
                "the next start with it sends them."
            )

    def _try_once_more(self, thread: threading.Thread) -> None:
        """Send what waits, where the server came back just now."""
        if thread.is_alive():
            return
        try:
            while self._send_some():
                pass
        except NovaError:
            # Why is told where it went away; what waits is told next.
            return
