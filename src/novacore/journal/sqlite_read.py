"""Reading the journal's SQLite file. Every function works inside the caller's transaction."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import apsw
import xxhash

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal.errors import Corrupt, SessionUnknown
from novacore.journal.frame import Frame
from novacore.journal.model import Scope
from novacore.journal.plan import Head
from novacore.journal.segment import Layout, Segment
from novacore.journal.sqlite_file import POSITION_MAX, Connection, Cursor, row_key
from novacore.journal.store import SessionRow, Snapshot
from novacore.journal.transcript import Part, Run, Tail

# Texts come as bytes: a damaged one must not keep the rows around it from being read.
_HEAD = (
    "SELECT key, id, CAST(tenant AS BLOB), CAST(owner AS BLOB), entries, messages, sealed,"
    " tail_bytes, chain, parent, forked_at, is_erased, updated_us FROM session WHERE "
)
_ROW = (
    "SELECT id, CAST(tenant AS BLOB), CAST(owner AS BLOB), CAST(name AS BLOB),"
    " CAST(workspace AS BLOB), created_us, updated_us, entries, messages,"
    " (SELECT p.id FROM session p WHERE p.key = session.parent), forked_at, is_erased FROM session"
)
SEGMENTS = (
    "SELECT key, count, messages, heads_size, offset, size FROM segment WHERE key BETWEEN ? AND ?"
)
"""The rows that `read_segment` takes; add an order."""
_READ_FREELY = 1 << 26
"""Only a larger extent is compared with the file's size first: a damaged row may name any size."""
_INTEGERS = frozenset({int})
_BEYOND = "SELECT EXISTS (SELECT 1 FROM tail WHERE key BETWEEN ? AND ?)"
_TAIL = "SELECT key, frame FROM tail WHERE key BETWEEN ? AND ? ORDER BY key"


class LastEntry(NamedTuple):
    """Where the whole journal ends."""

    journal: bytes
    sequence: int
    chain: bytes
    recorded_at_us: int


class HeadRow(NamedTuple):
    """A session's row, as far as reading entries needs it."""

    key: int
    id: bytes
    tenant: str
    owner: str
    entries: int
    messages: int
    sealed: int
    tail_bytes: int
    chain: bytes
    parent: int | None
    forked_at: int
    is_erased: int
    updated_at_us: int


def _head_row(values: tuple[Any, ...]) -> HeadRow:
    """The row, with its types checked: a damaged page may hold anything."""
    key, session, tenant, owner, *rest = values
    row = HeadRow(key, session, _text(tenant), _text(owner), *rest)
    is_sound = (
        _are_counts(*row[4:8], *row[10:], 0 if row.parent is None else row.parent)
        and _is_bytes(row.id, 16)
        and _is_bytes(row.chain, 32)
        and row.forked_at <= row.sealed <= row.entries
        and (row.forked_at == 0 if row.parent is None else row.parent < row.key)
    )
    if not is_sound:
        raise Corrupt("A session's row in the index is damaged.", session_id=_name(row.id))
    return row


def _are_counts(*values: object) -> bool:
    return _INTEGERS.issuperset(map(type, values)) and min(cast("tuple[int, ...]", values)) >= 0


def _is_bytes(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def _text(value: object) -> str:
    """A text of a row; where it is none, what remains of it, which verify finds to be wrong."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _name(session: object) -> str | None:
    if isinstance(session, bytes) and len(session) == 16:
        return frames.session_text(session)
    return None


def last_entry(connection: Connection) -> LastEntry:
    """The last entry of the journal; sequence 0 where there is none."""
    journal = connection.execute("SELECT value FROM meta WHERE key='journal'").get
    row = connection.execute(
        "SELECT e.sequence, s.chain, s.updated_us FROM entry e JOIN session s ON s.key = e.session"
        " ORDER BY e.sequence DESC LIMIT 1"
    ).fetchone()
    if not isinstance(journal, bytes):
        raise Corrupt("The journal's file does not say its id.")
    sequence, chain, recorded = row or (0, frames.ROOT_CHAIN, 0)
    if not _are_counts(sequence, recorded) or not _is_bytes(chain, 32):
        raise Corrupt("The index of the journal's last entry is damaged.")
    return LastEntry(journal, sequence, chain, recorded)


def is_blob_named(connection: Connection, scope: tuple[str, str], digest: bytes) -> bool:
    """True while an entry of that owner names the blob; an erased one names none."""
    row = connection.execute(
        "SELECT 1 FROM blob_ref b JOIN session s ON s.key = b.session"
        " WHERE b.digest=? AND s.tenant=? AND s.owner=? LIMIT 1",
        (digest, *scope),
    ).fetchone()
    return row is not None


def must_scrub(connection: Connection) -> bool:
    """True: an erase was committed and its last step is still to do."""
    return bool(connection.execute("SELECT value FROM meta WHERE key='must_scrub'").get)


def holds(connection: Connection, sequence: int, chain: bytes) -> bool:
    """True when the entry of that sequence is there, with that chain hash.

    A damaged entry counts as there: reading it and verify name it, and the rest stays of use.
    """
    row = connection.execute(
        "SELECT session, position FROM entry WHERE sequence=?", (sequence,)
    ).fetchone()
    if row is None:
        return False
    last = last_entry(connection)
    if (last.sequence, last.chain) == (sequence, chain):
        return True
    try:
        return frame_at(connection, row[0], row[1]).chain == chain
    except Corrupt:
        return True


def _head_by_id(connection: Connection, session: bytes) -> HeadRow:
    values = connection.execute(_HEAD + "id=?", (session,)).fetchone()
    if values is None:
        raise SessionUnknown(frames.session_text(session))
    return _head_row(values)


def line(connection: Connection, session: bytes) -> list[tuple[HeadRow, int]]:
    """A session and those it was forked from, oldest first, each with where its share ends."""
    row = _head_by_id(connection, session)
    end = row.entries
    found = [(row, end)]
    while row.parent is not None:
        end = min(end, row.forked_at)
        values = connection.execute(_HEAD + "key=?", (row.parent,)).fetchone()
        if values is None:
            raise Corrupt("A fork's parent is missing from the index.", session_id=_name(session))
        row = _head_row(values)
        if row.forked_at < end or (row.parent is None and end > 0):
            found.insert(0, (row, end))
    return found


def head(connection: Connection, session: bytes) -> Head:
    """Where a session ends, for the planner."""
    rows = line(connection, session)
    row = rows[-1][0]
    return Head(
        session=session,
        scope=(row.tenant, row.owner),
        position=row.entries,
        chain=row.chain,
        messages=row.messages,
        ancestors={each.id: end for each, end in rows[:-1]},
        is_erased=bool(row.is_erased),
        key=row.key,
        sealed=row.sealed,
        tail_bytes=row.tail_bytes,
        updated_at_us=row.updated_at_us,
    )


def find_entry(connection: Connection, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
    """The stored entry of that id among one owner's sessions."""
    row = connection.execute(
        "SELECT e.session, e.position FROM entry_id i JOIN entry e ON e.sequence = i.sequence"
        " JOIN session s ON s.key = e.session WHERE i.id=? AND s.tenant=? AND s.owner=?",
        (entry_id, *scope),
    ).fetchone()
    return None if row is None else frame_at(connection, row[0], row[1])


def find_place(connection: Connection, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
    """(session, position) of the entry of that id among one owner's sessions; None: none."""
    row: tuple[bytes, int] | None = connection.execute(
        "SELECT s.id, e.position FROM entry_id i JOIN entry e ON e.sequence = i.sequence"
        " JOIN session s ON s.key = e.session WHERE i.id=? AND s.tenant=? AND s.owner=?",
        (entry_id, scope.tenant, scope.owner),
    ).fetchone()
    return row


def frame_at(connection: Connection, key: int, position: int) -> Frame:
    """One entry by its session's number and its position."""
    stored = connection.execute("SELECT frame FROM tail WHERE key=?", (row_key(key, position),)).get
    if stored is not None:
        return _parsed(stored, session_row(connection, key).id, position)
    sealed = _segment_of(connection, key, position)
    return sealed.frame(position - sealed.base)


def _parsed(raw: object, session: bytes, position: int) -> Frame:
    """A frame of the tail; a damaged one is named."""
    if isinstance(raw, bytes) and frames.is_entry(raw, session=session, position=position):
        return frames.parse_unchecked(raw)
    raise segments.damaged_entry(session, position)


def read_segment(connection: Connection, session: bytes, values: tuple[Any, ...]) -> Segment:
    """A segment by its row, see `SEGMENTS`."""
    key, count, messages, heads_size, offset, size = values
    if not _are_counts(*values) or messages > count or size < count * frames.HEAD_SIZE // 2:
        raise Corrupt("A segment's row in the index is damaged.", session_id=_name(session))
    layout = Layout(session, key & POSITION_MAX, count, messages, heads_size)
    room = connection.segments.size() if size > _READ_FREELY else size
    return Segment(connection.segments.read(offset, min(size, room)), layout=layout)


def load(connection: Connection, session: bytes, *, known: Snapshot | None) -> Snapshot:
    """A session's parts. What `known` holds is used again while nothing was erased."""
    generation = connection.execute("SELECT value FROM meta WHERE key='generation'").get
    reusable: dict[tuple[bytes, int], Run] = {}
    if known is not None and known.generation == generation:
        reusable = {(part.run.session, part.run.base): part.run for part in known.parts}
    parts: list[Part] = []
    rows = line(connection, session)
    for row, end in rows:
        parts.extend(_parts_of(connection, row, end, reusable))
    scopes = tuple((row.tenant, row.owner) for row, _ in rows)
    row = rows[-1][0]
    beyond = (row_key(row.key, row.entries), row_key(row.key, POSITION_MAX))
    if connection.execute(_BEYOND, beyond).get:
        raise Corrupt(
            f"Session {_name(row.id)} holds more entries than its row in the index says.",
            session_id=_name(row.id),
        )
    is_erased = bool(row.is_erased)
    return Snapshot(parts=parts, scopes=scopes, generation=generation, is_erased=is_erased)


def _parts_of(
    connection: Connection,
    row: HeadRow,
    end: int,
    reusable: dict[tuple[bytes, int], Run],
) -> Iterator[Part]:
    """The parts of one session below position `end`; what is missing counts as damaged."""
    at = row.forked_at
    sealed_end = min(row.sealed, end)
    if at < sealed_end:
        span = (row_key(row.key, at), row_key(row.key, sealed_end - 1))
        for values in connection.execute(f"{SEGMENTS} ORDER BY key", span).fetchall():
            run = reusable.get((row.id, values[0] & POSITION_MAX))
            if not isinstance(run, Segment) or run.count != values[1] or not run.is_whole:
                run = _segment_or_none(connection, row.id, values)
            if run is None:
                continue
            if run.base < at:
                raise _missing(row.id, at)
            if run.base > at:
                yield _lost(connection, row, (at, run.base))
            take = min(run.count, sealed_end - run.base)
            yield Part(run, take=take)
            at = run.base + take
    if at < sealed_end:
        yield _lost(connection, row, (at, sealed_end))
        at = sealed_end
    if at < end:
        run = reusable.get((row.id, at))
        if not isinstance(run, Tail) or run.count > end - at or run.damaged:
            run = None
        yield Part(_tail(connection, row, (at, end), before=run), take=end - at)


def _segment_or_none(
    connection: Connection, session: bytes, values: tuple[Any, ...]
) -> Segment | None:
    try:
        return read_segment(connection, session, values)
    except Corrupt:
        return None


def _tail(
    connection: Connection, row: HeadRow, span: tuple[int, int], *, before: Tail | None
) -> Tail:
    """The run of the unsealed entries at these positions; those of `before` are not read again."""
    begin, end = span
    at = begin + (before.count if before else 0)
    keys = (row_key(row.key, at), row_key(row.key, end - 1))
    try:
        rows = connection.execute(_TAIL, keys).fetchall() if at < end else []
    except apsw.CorruptError:
        rows = []
    stored = [raw for _, raw in rows]
    if [key for key, _ in rows] != list(range(keys[0], keys[1] + 1)) or None in stored:
        _must_be_listed(connection, row, end)
        stored = [_bytes_at(connection, key) for key in range(keys[0], keys[1] + 1)]
    return Tail(row.id, base=begin, stored=stored, before=before)


def _bytes_at(connection: Connection, key: int) -> bytes:
    """A tail row by itself; empty where a damaged page hides it."""
    try:
        raw = connection.execute("SELECT frame FROM tail WHERE key=?", (key,)).get
    except apsw.CorruptError:
        return b""
    return raw if isinstance(raw, bytes) else b""


def _lost(connection: Connection, row: HeadRow, span: tuple[int, int]) -> Part:
    """A part whose entries are all damaged, in the place of those that the index lost."""
    begin, end = span
    _must_be_listed(connection, row, end)
    run = Tail(row.id, base=begin, stored=[b""] * (end - begin))
    return Part(run, take=run.count)


def _must_be_listed(connection: Connection, row: HeadRow, end: int) -> None:
    """Entries are missing: see whether there ever were that many, or the row itself is damaged."""
    listed = connection.execute("SELECT max(position) FROM entry WHERE session=?", (row.key,)).get
    stored = connection.execute("SELECT checksum FROM session WHERE key=?", (row.key,)).get
    is_sound = isinstance(listed, int) and listed >= end - 1
    if not is_sound or row_checksum(connection, row.id) != stored:
        raise _missing(row.id, end - 1)


def _missing(session: bytes, position: int) -> Corrupt:
    name = frames.session_text(session)
    return Corrupt(
        f"Entry {position} of session {name} is missing from the index.",
        session_id=name,
        position=position,
    )


def epoch(connection: Connection) -> str:
    """What changes with every restore."""
    return str(connection.execute("SELECT value FROM meta WHERE key='epoch'").get)


_FEED = (
    "SELECT e.session, e.position, s.id, e.sequence FROM entry e"
    " CROSS JOIN session s ON s.key = e.session"
)


def feed(connection: Connection, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
    """An owner's entries above a sequence (None: every owner's). Segments are read once a call."""
    of_owner = "" if scope is None else "AND s.tenant = ?3 AND s.owner = ?4"
    owner = () if scope is None else (scope.tenant, scope.owner)
    rows = connection.execute(
        f"{_FEED} WHERE e.sequence > ?1 {of_owner} ORDER BY e.sequence LIMIT ?2",
        (after, max(0, limit), *owner),
    ).fetchall()
    sealed: dict[int, Segment] = {}
    found: list[Frame] = []
    for key, position, session, sequence in rows:
        try:
            found.append(_feed_frame(connection, (key, session, position), sealed))
        except Corrupt as error:
            error.sequence = sequence
            raise
    return found


def _feed_frame(
    connection: Connection, place: tuple[int, bytes, int], sealed: dict[int, Segment]
) -> Frame:
    key, session, position = place
    stored = connection.execute("SELECT frame FROM tail WHERE key=?", (row_key(key, position),)).get
    if stored is not None:
        return _parsed(stored, session, position)
    run = sealed.get(key)
    if run is None or not run.base <= position < run.base + run.count:
        run = sealed[key] = _segment_of(connection, key, position)
    return run.frame(position - run.base)


def _segment_of(connection: Connection, key: int, position: int) -> Segment:
    values = connection.execute(
        f"{SEGMENTS} ORDER BY key DESC LIMIT 1",
        (row_key(key, 0), row_key(key, position)),
    ).fetchone()
    session = connection.execute("SELECT id FROM session WHERE key=?", (key,)).get
    if values is not None and session is not None:
        run = read_segment(connection, session, values)
        if position < run.base + run.count:
            return run
    raise Corrupt(
        "An entry is listed but not stored.", session_id=_name(session), position=position
    )


def create_session(connection: Connection, row: SessionRow) -> SessionRow:
    """Insert a session, or find the one of that name."""
    scope = Scope(tenant=row.tenant, owner=row.owner)
    found = find_sessions(connection, scope, workspace=row.workspace, name=row.name)
    if found:
        return found[0]
    insert_session(connection, row)
    return row


def insert_session(connection: Connection, row: SessionRow) -> None:
    """Add a session whose id and name are known to be free."""
    parent: int | None = None
    chain = frames.ROOT_CHAIN
    if row.parent is not None:
        parent = _head_by_id(connection, row.parent).key
        chain = _chain_before(connection, row.parent, row.forked_at)
    connection.execute(
        "INSERT INTO session (id, tenant, owner, workspace, name, created_us, updated_us, entries,"
        " messages, sealed, tail_bytes, chain, parent, forked_at, is_erased, checksum)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, 0)",
        (
            row.id, row.tenant, row.owner, row.workspace, row.name, row.created_at_us,
            row.updated_at_us, row.entries, row.messages, row.forked_at, chain, parent,
            row.forked_at, int(row.is_erased),
        ),
    )  # fmt: skip
    write_checksum(connection, row.id)
    if parent is not None:
        # Counted here: an erase may have come between the caller's look and this.
        loaded = load(connection, row.id, known=None)
        messages = sum(len(part.messages) for part in loaded.parts)
        connection.execute("UPDATE session SET messages=? WHERE id=?", (messages, row.id))


_IDENTITY = (
    "SELECT key, id, CAST(tenant AS BLOB), CAST(owner AS BLOB), CAST(workspace AS BLOB),"
    " CAST(name AS BLOB), created_us, parent, forked_at, is_erased FROM session WHERE id=?"
)


def row_checksum(connection: Connection, session: bytes) -> int:
    """xxh3 over what no append changes in a session's row: whose it is, and what it is called."""
    values = connection.execute(_IDENTITY, (session,)).fetchone()
    return xxhash.xxh3_64_intdigest(repr(values).encode()) >> 1


def write_checksum(connection: Connection, session: bytes) -> None:
    """Call it after every change of what `row_checksum` covers."""
    connection.execute(
        "UPDATE session SET checksum=? WHERE id=?", (row_checksum(connection, session), session)
    )


def _chain_before(connection: Connection, session: bytes, position: int) -> bytes:
    """The chain hash that an entry at `position` of the session follows."""
    if position == 0:
        return frames.ROOT_CHAIN
    for row, end in line(connection, session):
        if row.forked_at < position <= end:
            return frame_at(connection, row.key, position - 1).chain
    raise _missing(session, position - 1)


def find_sessions(
    connection: Connection,
    scope: Scope | None,
    *,
    session: bytes | None = None,
    workspace: str | None = None,
    name: str | None = None,
) -> list[SessionRow]:
    """Sessions by any of their properties, newest activity first."""
    where: dict[str, object] = {}
    if scope is not None:
        where |= {"tenant=?": scope.tenant, "owner=?": scope.owner}
    if workspace is not None:
        where["workspace=?"] = workspace
    if name is not None:
        where["name=?"] = name
    if session is not None:
        where["id=?"] = session
    terms = [*where] if session is not None else [*where, "NOT is_erased"]
    rows = connection.execute(
        f"{_ROW} WHERE {' AND '.join(terms)} ORDER BY updated_us DESC, id DESC",
        tuple(where.values()),
    )
    return _rows_of(rows)


def all_rows(connection: Connection) -> list[SessionRow]:
    """Every session, erased ones too, in order of creation."""
    return _rows_of(connection.execute(f"{_ROW} ORDER BY key"))


def _rows_of(rows: Cursor) -> list[SessionRow]:
    return [
        SessionRow(
            id=r[0], tenant=_text(r[1]), owner=_text(r[2]), name=_text(r[3]),
            workspace=_text(r[4]), created_at_us=r[5], updated_at_us=r[6], entries=r[7],
            messages=r[8], parent=r[9], forked_at=r[10], is_erased=bool(r[11]),
        )
        for r in rows
        if _is_bytes(r[0], 16) and _are_counts(*r[5:9], r[10])
    ]  # fmt: skip


def session_keys(connection: Connection, session: bytes | None = None) -> list[int]:
    """Every session's number, erased ones too, in order of creation; or only that of one."""
    rows = connection.execute(
        "SELECT key FROM session WHERE ?1 IS NULL OR id = ?1 ORDER BY key", (session,)
    )
    return [key for (key,) in rows]


def session_row(connection: Connection, key: int) -> HeadRow:
    """A session's row by its number; raises `Corrupt` where it is damaged."""
    values = connection.execute(_HEAD + "key=?", (key,)).fetchone()
    if values is None:
        raise Corrupt("A session's row is missing from the index.")
    return _head_row(values)
