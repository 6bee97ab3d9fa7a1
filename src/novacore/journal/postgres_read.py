"""Reading the journal on PostgreSQL. Each function is one statement, or says why more are right."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal.errors import Corrupt, SessionUnknown
from novacore.journal.frame import Frame
from novacore.journal.model import Erased, FeedState, Scope
from novacore.journal.plan import Head
from novacore.journal.postgres_connect import Database, Numbers
from novacore.journal.postgres_frames import completed
from novacore.journal.postgres_segments import SegmentCache, segment_of
from novacore.journal.segment import Segment
from novacore.journal.store import SessionRow, Snapshot
from novacore.journal.transcript import Part, Tail

_POSITION_MAX = 2**62

_LINE = """
WITH RECURSIVE line (key, parent, forked_at, share, depth) AS (
    SELECT key, parent, forked_at, entries, 0 FROM journal_session WHERE id = %s
    UNION ALL
    SELECT s.key, s.parent, s.forked_at, least(l.share, l.forked_at), l.depth + 1
    FROM line l JOIN journal_session s ON s.key = l.parent)
"""
"""A session and those that it was forked from, each with where its share ends."""

_LOAD = """
SELECT 0, NULL::bigint, h.generation, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
    NULL::bytea, NULL::bytea, NULL::bytea, false
FROM journal_head h
UNION ALL
SELECT 1, s.key, l.depth, l.share, s.sealed, s.forked_at, s.entries, s.id, s.tenant, s.owner,
    s.is_erased
FROM line l JOIN journal_session s ON s.key = l.key
UNION ALL
SELECT 2, g.session, g.base, g.count, g.messages, g.heads_size, g.number,
    CASE WHEN g.number = ANY (%s::bigint[]) THEN NULL ELSE g.data END, NULL, NULL, false
FROM line l JOIN journal_segment g ON g.session = l.key AND g.base < l.share
UNION ALL
SELECT 3, t.session, t.position, NULL, NULL, NULL, NULL, t.before, t.frame, NULL, false
FROM line l JOIN journal_session s ON s.key = l.key
    JOIN journal_tail t ON t.session = l.key
    AND t.position >= CASE WHEN s.id = %s AND s.sealed = %s
        AND (SELECT generation FROM journal_head) = %s THEN %s ELSE 0 END
    AND (l.depth = 0 OR t.position < l.share)
"""
"""Behind `_LINE`: the generation, the line's sessions, their segments, their newest entries."""

_HEAD = """
SELECT s.id, l.share, s.tenant, s.owner, s.entries, s.chain, s.messages, s.is_erased, s.key,
    s.sealed, s.tail_bytes
FROM line l JOIN journal_session s ON s.key = l.key ORDER BY l.depth
"""

_SESSION = """
SELECT s.id, s.tenant, s.owner, s.name, s.workspace, s.created_us, s.updated_us, s.entries,
    s.messages, p.id, s.forked_at, s.is_erased
FROM journal_session s LEFT JOIN journal_session p ON p.key = s.parent
"""

_PLACE = """
SELECT e.sequence, e.session, e.position, s.id, t.before, t.frame
FROM journal_entry e JOIN journal_session s ON s.key = e.session
LEFT JOIN journal_tail t ON t.session = e.session AND t.position = e.position
"""


def scope_digest(tenant: str, owner: str) -> bytes:
    """What stands for an owner in the indexes, which take no texts of any length."""
    parts = (tenant.encode(), owner.encode())
    return hashlib.sha256(b"%d:%b%b" % (len(parts[0]), *parts)).digest()[:16]


def name_digest(scope: bytes, workspace: str, name: str) -> bytes:
    """What stands for a session's name, workspace and owner in the index of names."""
    parts = (workspace.encode(), name.encode())
    return hashlib.sha256(b"%b%d:%b%b" % (scope, len(parts[0]), *parts)).digest()


class LineRow(NamedTuple):
    """A session, or one that it was forked from."""

    key: int
    depth: int
    share: int
    """Where the positions end that count."""
    sealed: int
    forked_at: int
    entries: int
    id: bytes
    tenant: bytes
    owner: bytes
    is_erased: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresSnapshot(Snapshot):
    """A snapshot that knows which segment rows its runs are."""

    numbers: dict[tuple[bytes, int], int]
    """(session, base) → the segment row's number, which changes with its content."""


def load(database: Database, session: bytes, *, known: Snapshot | None) -> PostgresSnapshot:
    """A session's parts, in one round trip. What `known` holds is not sent again."""
    before = known if isinstance(known, PostgresSnapshot) else None
    kept_tail = _own_tail(before, session)
    rows = database.rows(
        _LINE + _LOAD,
        (
            session,
            Numbers(before.numbers.values() if before else ()),
            session,
            kept_tail.base if kept_tail else -1,
            before.generation if before else -1,
            kept_tail.base + kept_tail.count if kept_tail else 0,
        ),
    )
    line = sorted((LineRow(*row[1:]) for row in rows if row[0] == 1), key=lambda r: -r.depth)
    if not line:
        raise SessionUnknown(frames.session_text(session))
    generation: int = next(row[2] for row in rows if row[0] == 0)
    runs = _Runs(rows, before, kept_tail if before and before.generation == generation else None)
    parts = [part for row in line for part in runs.parts_of(row)]
    mine = line[-1]
    if runs.beyond(mine):
        name = frames.session_text(session)
        raise Corrupt(
            f"Session {name} holds more entries than its row in the index says.", session_id=name
        )
    return PostgresSnapshot(
        parts=parts,
        scopes=tuple(
            (text(row.tenant), text(row.owner))
            for row in line
            if row is mine or row.forked_at < row.share or row.forked_at == 0 < row.share
        ),
        generation=generation,
        is_erased=mine.is_erased,
        numbers=runs.numbers,
    )


def _own_tail(before: PostgresSnapshot | None, session: bytes) -> Tail | None:
    """The newest entries of an earlier snapshot, if all of them are sound."""
    run = before.parts[-1].run if before and before.parts else None
    if isinstance(run, Tail) and run.session == session and not run.damaged:
        return run
    return None


class _Runs:
    """The rows of one load, as runs."""

    def __init__(
        self, rows: Sequence[tuple[Any, ...]], before: PostgresSnapshot | None, tail: Tail | None
    ) -> None:
        self._segments = sorted(row[1:8] for row in rows if row[0] == 2)
        self._tail = {(row[1], row[2]): (row[7], row[8]) for row in rows if row[0] == 3}
        self._kept_tail = tail
        self._kept: dict[int, Segment] = {}
        self.numbers: dict[tuple[bytes, int], int] = {}
        for part in before.parts if before else ():
            number = before.numbers.get((part.run.session, part.run.base)) if before else None
            if number is not None and isinstance(part.run, Segment):
                self._kept[number] = part.run

    def beyond(self, row: LineRow) -> bool:
        """True when there are newer entries than the session's row knows."""
        return any(key == row.key and at >= row.entries for key, at in self._tail)

    def parts_of(self, row: LineRow) -> Iterator[Part]:
        """The parts of one session below where its share ends; what is missing is damaged."""
        at = row.forked_at
        sealed_end = min(row.sealed, row.share)
        for values in self._segments:
            if values[0] != row.key or values[1] >= sealed_end:
                continue
            run = self._segment(row.id, values)
            if run.base < at:
                raise missing(row.id, at)
            if run.base > at:
                yield _lost(row.id, at, run.base)
            take = min(run.count, sealed_end - run.base)
            yield Part(run, take=take)
            at = run.base + take
        if at < sealed_end:
            yield _lost(row.id, at, sealed_end)
            at = sealed_end
        if at < row.share:
            yield Part(self._newest(row, at), take=row.share - at)

    def _segment(self, session: bytes, values: tuple[Any, ...]) -> Segment:
        key, base, count, messages, heads_size, number, data = values
        run = self._kept.get(number)
        if run is None:
            run = segment_of((key, base, count, messages, heads_size, data, session))
        if run.is_whole:
            self.numbers[session, base] = number
        return run

    def _newest(self, row: LineRow, begin: int) -> Tail:
        kept = self._kept_tail
        if kept is None or (kept.session, kept.base) != (row.id, begin):
            kept = None
        at = begin + (kept.count if kept else 0)
        rows = (self._tail.get((row.key, position)) for position in range(at, row.share))
        stored = [completed(each[1], each[0]) if each else b"" for each in rows]
        return Tail(row.id, base=begin, stored=stored, before=kept)


def _lost(session: bytes, begin: int, end: int) -> Part:
    """A part whose entries are all damaged, in the place of those that the tables lost."""
    run = Tail(session, base=begin, stored=[b""] * (end - begin))
    return Part(run, take=run.count)


def missing(session: bytes, position: int) -> Corrupt:
    """The error for an entry that the tables should hold and do not."""
    name = frames.session_text(session)
    return Corrupt(
        f"Entry {position} of session {name} is missing from the index.",
        session_id=name,
        position=position,
    )


def text(value: bytes) -> str:
    """A text of a row; where it is none, what remains of it, which verify finds to be wrong."""
    return value.decode("utf-8", "replace")


def find_sessions(
    database: Database,
    scope: Scope | None,
    *,
    session: bytes | None = None,
    workspace: str | None = None,
    name: str | None = None,
) -> list[SessionRow]:
    """Sessions by any of their properties, newest activity first."""
    where: dict[str, object] = {}
    digest = scope_digest(scope.tenant, scope.owner) if scope else b""
    if scope is not None and workspace is not None and name is not None:
        where["s.named = %s"] = name_digest(digest, workspace, name)
    if scope is not None:
        where["s.scope = %s"] = digest
    if workspace is not None:
        where["s.workspace = %s"] = workspace.encode()
    if name is not None:
        where["s.name = %s"] = name.encode()
    if session is not None:
        where["s.id = %s"] = session
    terms = [*where] if session is not None else [*where, "NOT s.is_erased"]
    rows = database.rows(
        f"{_SESSION} WHERE {' AND '.join(terms)} ORDER BY s.updated_us DESC, s.id DESC",
        tuple(where.values()),
    )
    return _session_rows(rows)


def all_rows(database: Database) -> list[SessionRow]:
    """Every session, erased ones too, in order of creation."""
    return _session_rows(database.rows(f"{_SESSION} ORDER BY s.key"))


def _session_rows(rows: Sequence[tuple[Any, ...]]) -> list[SessionRow]:
    return [
        SessionRow(
            id=r[0], tenant=text(r[1]), owner=text(r[2]), name=text(r[3]), workspace=text(r[4]),
            created_at_us=r[5], updated_at_us=r[6], entries=r[7], messages=r[8], parent=r[9],
            forked_at=r[10], is_erased=r[11],
        )
        for r in rows
    ]  # fmt: skip


def head(database: Database, session: bytes) -> Head:
    """Where a session ends, for the planner."""
    rows = database.rows(
        _LINE + _HEAD,
        (session,),
    )
    if not rows:
        raise SessionUnknown(frames.session_text(session))
    _, _, tenant, owner, entries, chain, messages, is_erased, key, sealed, tail_bytes = rows[0]
    return Head(
        session=session,
        scope=(text(tenant), text(owner)),
        position=entries,
        chain=chain,
        messages=messages,
        ancestors={row[0]: row[1] for row in rows[1:]},
        is_erased=is_erased,
        key=key,
        sealed=sealed,
        tail_bytes=tail_bytes,
    )


def find_place(database: Database, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
    """(session, position) of the entry of that id among one owner's sessions; None: none."""
    row = database.row(
        "SELECT s.id, e.position FROM journal_entry e JOIN journal_session s ON s.key = e.session"
        " WHERE e.id = %s AND s.scope = %s",
        (entry_id, scope_digest(scope.tenant, scope.owner)),
    )
    return None if row is None else (row[0], row[1])


def find_entry(database: Database, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
    """The stored entry of that id among one owner's sessions."""
    rows = database.rows(
        f"{_PLACE} WHERE e.id = %s AND s.scope = %s", (entry_id, scope_digest(*scope))
    )
    found = _frames(database, rows, SegmentCache())
    return found[0] if found else None


def feed(
    database: Database, after: int, limit: int, *, scope: Scope | None, cache: SegmentCache
) -> list[Frame]:
    """Entries above a sequence, of one owner or (None) of all.

    Segments are read after the rows that need them. A seal in between is no harm: entries only ever
    move from the tail into segments.
    """
    of_owner = "" if scope is None else " AND s.scope = %s"
    owner = () if scope is None else (scope_digest(scope.tenant, scope.owner),)
    rows = database.rows(
        f"{_PLACE} WHERE e.sequence > %s{of_owner} ORDER BY e.sequence LIMIT %s",
        (after, *owner, max(0, limit)),
    )
    return _frames(database, rows, cache)


def _frames(
    database: Database, rows: Sequence[tuple[Any, ...]], cache: SegmentCache
) -> list[Frame]:
    """The frames of rows of `_PLACE`; a damaged one is named."""
    spans: dict[int, tuple[int, int]] = {}
    for _, key, position, _, _, stored in rows:
        if stored is None:
            low, high = spans.get(key, (position, position))
            spans[key] = (min(low, position), max(high, position))
    sealed = cache.covering(database, spans) if spans else {}
    found: list[Frame] = []
    for sequence, key, position, session, before, stored in rows:
        try:
            if stored is None:
                found.append(_sealed_frame(sealed.get(key, []), session, position))
            else:
                found.append(_tail_frame(completed(stored, before), session, position))
        except Corrupt as error:
            error.sequence = sequence
            raise
    return found


def _sealed_frame(runs: Sequence[Segment], session: bytes, position: int) -> Frame:
    for run in runs:
        if run.base <= position < run.base + run.count:
            return run.frame(position - run.base)
    raise Corrupt(
        "An entry is listed but not stored.",
        session_id=frames.session_text(session),
        position=position,
    )


def _tail_frame(raw: bytes, session: bytes, position: int) -> Frame:
    if frames.is_entry(raw, session=session, position=position):
        return frames.parse_unchecked(raw)
    raise segments.damaged_entry(session, position)


def state(database: Database) -> FeedState:
    """Which journal this is and where it ends."""
    journal, epoch, sequence, recorded, erasures = database.rows(
        "SELECT id, epoch, sequence, recorded_us, erasures FROM journal_head"
    )[0]
    return FeedState(
        journal=frames.session_text(journal),
        epoch=str(epoch),
        sequence=sequence,
        recorded_at_us=recorded,
        erasures=erasures,
    )


def erasures(database: Database, after: int, limit: int) -> list[Erased]:
    """Erasures with a number above `after`, in order."""
    rows = database.rows(
        "SELECT number, session, positions, at_us FROM journal_erasure WHERE number > %s"
        " ORDER BY number LIMIT %s",
        (after, max(0, limit)),
    )
    return [
        Erased(
            number=number,
            session_id=frames.session_text(session),
            positions=None if positions is None else tuple(positions),
            at_us=at_us,
        )
        for number, session, positions, at_us in rows
    ]
