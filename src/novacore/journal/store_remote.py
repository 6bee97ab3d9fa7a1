"""A journal on a server, as a storage engine: the rules are the server's, the reading is done here.

Every call is a round trip. It is safe to ask twice: entries and sessions have their ids before they
are sent. The other side is `serving`; what carries the words there and back is a `Channel`.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol, TypeVar

import msgspec

from novacore.journal import frame as frames
from novacore.journal import wire
from novacore.journal.errors import Corrupt, EntryRefused, StorageFailed, StoreUnusable
from novacore.journal.frame import Frame
from novacore.journal.locks import Lock
from novacore.journal.model import Appended, Erased, FeedState, Problem, Scope
from novacore.journal.remote_run import Pages, RemoteRun
from novacore.journal.store import Erasure, SessionRow, Snapshot, Submission
from novacore.journal.transcript import Part
from novacore.kit import NovaError, parse_id

REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Appends go in requests of about this size; a larger one goes alone."""
ROWS_AT_ONCE: Final = 1_000
_OF_SESSION: Final = "session"
_Answer = TypeVar("_Answer")


class Channel(Protocol):
    """What carries requests to a server's store and brings its answers. Safe between threads."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """The body of the answer; asked again where the connection was lost.

        Args:
            method: GET or POST.
            path: below the store's address, without a slash before it.
            query: what stands behind the question mark.
            body: JSON; None: nothing.

        Raises:
            StorageFailed: the server can't be reached, or can't do it now.
            NovaError: what the server refused, of the class that it had there.
        """
        ...

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        ...


class _Rows(msgspec.Struct, kw_only=True, frozen=True):
    sessions: tuple[wire.Row, ...]
    next: str | None = None


class _Place(msgspec.Struct, kw_only=True, frozen=True):
    session_id: str | None = None
    position: int | None = None


class _Outcomes(msgspec.Struct, kw_only=True, frozen=True):
    outcomes: tuple[wire.Outcome, ...]


class _Erasures(msgspec.Struct, kw_only=True, frozen=True):
    erasures: tuple[Erased, ...]


class _Count(msgspec.Struct, kw_only=True, frozen=True):
    entries: int


class _Problems(msgspec.Struct, kw_only=True, frozen=True):
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteSnapshot(Snapshot):
    """A snapshot that knows what of it need not be asked for again."""

    epoch: str
    position: int
    messages: Sequence[int]
    """Positions of the messages, rising."""
    damaged: Sequence[int]
    """Positions of damaged entries."""
    pages: Pages


class RemoteEngine:
    """One account's sessions on a server, behind the engine's protocol. See `store.Engine`.

    Args:
        channel: the way to the server.
        scope: whose sessions they are here.
        known: error classes that the server may tell of, by name, beside the journal's own.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        scope: Scope,
        known: Mapping[str, type[NovaError]] | None = None,
    ) -> None:
        self._channel = channel
        self._scope = (scope.tenant, scope.owner)
        self._known = known

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """See `Engine.commit`."""
        results: list[Appended | NovaError] = []
        for group in _groups(batch):
            results += self._commit(group)

        def resolve() -> None:
            for submission, result in zip(batch, results, strict=True):
                if isinstance(result, NovaError):
                    submission.future.set_exception(result)
                else:
                    submission.future.set_result(result)

        return resolve

    def _commit(self, group: Sequence[Submission]) -> list[Appended | NovaError]:
        appends = [
            wire.Append(
                session_id=frames.session_text(each.session),
                expected=each.expected,
                entries=tuple(wire.written(draft) for draft in each.drafts),
            )
            for each in group
        ]
        outcomes = self.send(appends)
        return [self._result(each, told) for each, told in zip(group, outcomes, strict=True)]

    def send(self, appends: Sequence[wire.Append]) -> Sequence[wire.Outcome]:
        """Send appends in one request; an outcome for each.

        Raises:
            StorageFailed: the server can't be reached.
        """
        told = self._ask(_Outcomes, "POST", "appends", body={"appends": appends})
        if len(told.outcomes) != len(appends):
            raise Corrupt("The server told of other appends than were sent.")
        return told.outcomes

    def _result(self, submission: Submission, told: wire.Outcome) -> Appended | NovaError:
        if told.error is not None:
            return wire.error_from(told.error, known=self._known)
        # A fresh id that the server knows is this very append, sent again by the channel.
        is_fresh = all(each.is_fresh for each in submission.drafts)
        return Appended(
            positions=told.positions,
            sequences=told.sequences,
            is_retry=told.is_retry and not is_fresh,
        )

    def create_session(self, row: SessionRow) -> SessionRow:
        """See `Engine.create_session`; a session of another owner's is refused."""
        if (row.tenant, row.owner) != self._scope:
            raise EntryRefused(
                "A session on a server is made for the key's own account only.", path="scope"
            )
        made = self._ask(wire.Row, "POST", "sessions", body=wire.row_of(row))
        return wire.row_from(made, scope=self._scope)

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """See `Engine.find_sessions`; of all means of the account."""
        wanted: dict[str, object] = {
            "session_id": None if session is None else frames.session_text(session),
            "workspace": workspace,
            "name": name,
            "limit": ROWS_AT_ONCE,
        }
        found: list[SessionRow] = []
        after: str | None = None
        while True:
            told = self._ask(_Rows, "POST", "sessions/find", body={**wanted, "after": after})
            found += (wire.row_from(each, scope=self._scope) for each in told.sessions)
            after = told.next
            if after is None:
                break
        if scope is None:
            return found
        return [row for row in found if (row.tenant, row.owner) == (scope.tenant, scope.owner)]

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """See `Engine.find_place`."""
        told = self._ask(_Place, "GET", f"places/{frames.session_text(entry_id)}")
        if told.session_id is None or told.position is None:
            return None
        return parse_id(told.session_id).bytes, told.position

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """See `Engine.load`: one round trip, with the newest entries in it."""
        name = frames.session_text(session)
        before = known if isinstance(known, RemoteSnapshot) else None
        answer = self._channel.ask(
            "GET",
            f"sessions/{name}/open",
            query={
                "after": before.position if before else 0,
                "generation": before.generation if before else 0,
                "epoch": before.epoch if before else "",
            },
        )
        told, bits, stored = wire.unpack(answer, wire.Opened)
        if before is not None and told.after != before.position:
            before = None
        if before is not None and told.after == told.position:
            return before
        return self._snapshot(name, told, bits, stored=stored, before=before)

    def _snapshot(
        self,
        name: str,
        told: wire.Opened,
        bits: bytes,
        *,
        stored: Sequence[bytes],
        before: RemoteSnapshot | None,
    ) -> RemoteSnapshot:
        pages = before.pages if before else Pages(lambda at, count: self._page(name, at, count))
        pages.add(told.first, stored)
        messages = [*(before.messages if before else ())]
        messages += (at + told.after for at in wire.from_bits(bits))
        damaged = [*(before.damaged if before else ()), *told.damaged]
        parts = [
            _part(line, messages=messages, damaged=damaged, pages=pages) for line in told.lines
        ]
        if sum(part.take for part in parts) != told.position:
            raise Corrupt("The server's lines of a session do not add up.", session_id=name)
        return RemoteSnapshot(
            parts=parts,
            # Texts outside their entries are asked for by session: an ancestor may be another's.
            scopes=((_OF_SESSION, name),),
            generation=told.generation,
            epoch=told.epoch,
            position=told.position,
            messages=messages,
            damaged=damaged,
            pages=pages,
        )

    def _page(self, session_id: str, first: int, count: int) -> tuple[int, list[bytes]]:
        answer = self._channel.ask(
            "GET", f"sessions/{session_id}/entries", query={"first": first, "count": count}
        )
        told, _, stored = wire.unpack(answer, wire.Page)
        if told.first != first or not stored:
            raise Corrupt("The server sent other entries than were asked for.")
        return told.first, stored

    def mark(self) -> object:
        """See `Engine.mark`: another each time, since nobody here knows what the server did."""
        return object()

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """See `Engine.feed`; every owner's means the account's."""
        found: list[Frame] = []
        while len(found) < limit:
            query = {"after": after, "limit": limit - len(found)}
            told, _, stored = wire.unpack(self._channel.ask("GET", "feed", query=query), wire.Page)
            found += (frames.parse(raw) for raw in stored)
            if not told.has_more:
                break
            after = found[-1].sequence
        return found

    def state(self) -> FeedState:
        """See `Engine.state`."""
        return self._ask(FeedState, "GET", "state")

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """See `Engine.erasures`; only of the account's sessions."""
        told = self._ask(_Erasures, "GET", "erasures", query={"after": after})
        return list(told.erasures[:limit])

    def try_lock(self, name: str) -> Lock | None:
        """See `Engine.try_lock`; refused: locks are for what runs beside the journal."""
        _not_from_here("Locks are taken on the server.")

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """See `Engine.erase`."""
        wanted = [
            {
                "session_id": frames.session_text(each.session),
                "positions": None if each.positions is None else sorted(each.positions),
            }
            for each in erasures
        ]
        if not wanted:
            return 0
        return self._ask(_Count, "POST", "erasures", body={"erasures": wanted}).entries

    def rows(self) -> list[SessionRow]:
        """See `Engine.rows`; refused: copies are made on the server."""
        _not_from_here("A copy of the journal is made on the server.")

    def standing(self) -> str:
        """See `Engine.standing`: where a server answers, it takes appends or says why not."""
        return ""

    def set_standing(self, standing: str) -> None:
        """See `Engine.set_standing`; refused."""
        _not_from_here("A journal is moved on its server.")

    def begin_copy(self, journal: bytes) -> None:
        """See `Engine.begin_copy`; refused."""
        _not_from_here("A copy of the journal is made on the server.")

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """See `Engine.add_copied`; refused."""
        _not_from_here("A copy of the journal is made on the server.")

    def end_copy(self, epoch: int) -> None:
        """See `Engine.end_copy`; refused."""
        _not_from_here("A copy of the journal is made on the server.")

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """See `Engine.put_blob`: nothing to do, a body is sent whole and divided by the server."""

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """See `Engine.read_blob`."""
        session_id = scope[1] if scope[0] == _OF_SESSION else None
        query: dict[str, str | int] = {} if session_id is None else {"session_id": session_id}
        content = self._channel.ask("GET", f"blobs/{digest.hex()}", query=query)
        if hashlib.sha256(content).digest() != digest:
            raise Corrupt(f"Blob sha256:{digest.hex()} is not what the server was asked for.")
        return content

    def check(self, session: bytes | None = None) -> list[Problem]:
        """See `Engine.check`; as far as the account is concerned."""
        query: dict[str, str | int] = {}
        if session is not None:
            query["session_id"] = frames.session_text(session)
        return list(self._ask(_Problems, "GET", "problems", query=query).problems)

    def close(self) -> None:
        """See `Engine.close`."""
        self._channel.close()

    def _ask(
        self,
        kind: type[_Answer],
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> _Answer:
        sent = None if body is None else msgspec.json.encode(body)
        answer = self._channel.ask(method, path, query=query, body=sent)
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.DecodeError, ValueError) as error:
            raise StorageFailed(
                f"The server's answer to {path} can't be read: {error}.",
                hint="Is there a NovaCore server of a like version at that address?",
            ) from error


def _groups(batch: Sequence[Submission]) -> Iterator[Sequence[Submission]]:
    """Appends in order, in groups that a request can hold."""
    group: list[Submission] = []
    size = 0
    for each in batch:
        own = each.size_bytes + sum(len(blob[1]) for draft in each.drafts for blob in draft.blobs)
        if group and size + own > REQUEST_BYTES:
            yield group
            group, size = [], 0
        group.append(each)
        size += own
    if group:
        yield group


def _part(
    line: wire.Line, *, messages: Sequence[int], damaged: Sequence[int], pages: Pages
) -> Part:
    """A stretch of a session as a part of a transcript, from positions in the session."""
    low, high = bisect_left(messages, line.base), bisect_left(messages, line.base + line.count)
    run = RemoteRun(
        parse_id(line.session_id).bytes,
        base=line.base,
        count=line.count,
        messages=[at - line.base for at in messages[low:high]],
        damaged=frozenset(at - line.base for at in damaged if 0 <= at - line.base < line.count),
        pages=pages,
    )
    return Part(run, take=line.count)


def _not_from_here(what: str) -> NoReturn:
    raise StoreUnusable(what, hint="Run the command there.")
