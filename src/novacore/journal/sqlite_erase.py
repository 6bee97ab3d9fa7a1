"""Erasing: bodies and salts destroyed in every copy that the store holds.

In the transaction: tombstones in the tail, segments rewritten, freed pages zeroed by secure_delete.
After it: holes in the segment file, blobs that nobody names, the copies in the write-ahead log; a
kill in between leaves a mark, and the next opening finishes it.
"""

from collections.abc import Sequence

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal import sqlite_read, sqlite_room
from novacore.journal.blobs import BlobFolder, owner_folder
from novacore.journal.errors import Corrupt, SessionUnknown
from novacore.journal.segment import Segment
from novacore.journal.sqlite_file import POSITION_MAX, Connection, row_key
from novacore.journal.store import Erasure

_FAMILY = (
    "WITH RECURSIVE family(key) AS (SELECT key FROM session WHERE id=?"
    " UNION SELECT s.key FROM session s JOIN family f ON s.parent = f.key) SELECT key FROM family"
)
"""A session and all that was forked from it, directly or not."""


def erase(connection: Connection, erasures: Sequence[Erasure]) -> int:
    """Turn entries into tombstones; returns how many were not tombstones before."""
    if wrong := sqlite_room.fault(connection):
        raise Corrupt(f"{wrong}: nothing can be erased before the rest was saved.")
    count = 0
    for each in erasures:
        values = connection.execute(
            "SELECT key, forked_at, sealed, entries FROM session WHERE id=?", (each.session,)
        ).fetchone()
        if values is None:
            raise SessionUnknown(frames.session_text(each.session))
        key, forked_at, sealed, entries = values
        positions = each.positions
        if positions is None:
            positions = frozenset(range(forked_at, entries))
            connection.execute(
                "UPDATE session SET is_erased=1, name='', workspace='' WHERE key=?", (key,)
            )
            sqlite_read.write_checksum(connection, each.session)
        count += _erase_tail(connection, key, [p for p in positions if p >= sealed])
        count += _erase_sealed(connection, key, each.session, {p for p in positions if p < sealed})
        connection.executemany(
            "DELETE FROM blob_ref WHERE session=? AND position=?", [(key, p) for p in positions]
        )
    connection.execute("UPDATE meta SET value=value+1 WHERE key='generation'")
    connection.execute("UPDATE meta SET value=1 WHERE key='must_scrub'")
    _recount(connection, [each.session for each in erasures])
    has_names = any(each.positions is None for each in erasures)
    for table in ("tail", "blob_ref", *(["session"] if has_names else [])):
        _lay_out_anew(connection, table)
    return count


def _lay_out_anew(connection: Connection, table: str) -> None:
    """Write a table's pages again.

    When SQLite moves cells from page to page it leaves copies in the unused middle of the old one,
    and deleting the row overwrites only the newest. Pages that are freed are overwritten whole.
    """
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608 - ours
    if rows:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - one of our own names
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - ours


def _erase_tail(connection: Connection, key: int, positions: Sequence[int]) -> int:
    count = 0
    for position in positions:
        where = (row_key(key, position),)
        raw = connection.execute("SELECT frame FROM tail WHERE key=?", where).get
        if raw is None:
            continue
        tombstone, is_new = _tombstone(raw)
        count += is_new
        connection.execute("UPDATE tail SET frame=? WHERE key=?", (tombstone, *where))
    return count


def _tombstone(raw: bytes) -> tuple[bytes, bool]:
    """(what stands for an erased entry, whether it was none before).

    Of an entry too damaged to be read nothing is left but that it is damaged.
    """
    try:
        stored = frames.parse_unchecked(raw)
    except Corrupt:
        return bytes(frames.HEAD_SIZE), True
    return frames.erased(stored), not stored.is_erased


def _erase_sealed(connection: Connection, key: int, session: bytes, positions: set[int]) -> int:
    if not positions:
        return 0
    count = 0
    span = (row_key(key, 0), row_key(key, max(positions)))
    rows = connection.execute(sqlite_read.SEGMENTS, span).fetchall()
    for values in rows:
        base = values[0] & POSITION_MAX
        hit = {p - base for p in positions if base <= p < base + values[1]}
        if hit:
            run = sqlite_read.read_segment(connection, session, values)
            count += _rewrite(connection, key, run, hit)
    return count


def _rewrite(connection: Connection, key: int, run: Segment, hit: set[int]) -> int:
    if len(run.damaged) == run.count:
        raise Corrupt(
            f"The segment of session {frames.session_text(run.session)} from entry {run.base} on "
            "can't be read at all; nothing was erased.",
            session_id=frames.session_text(run.session),
            position=run.base,
        )
    count = 0
    stored: list[bytes] = []
    for index in range(run.count):
        raw = run.raw(index)
        if index in hit:
            raw, is_new = _tombstone(raw)
            count += is_new
        elif index in run.damaged:
            raw = _readable_or_blank(raw)
        stored.append(raw)
    data = segments.build(run.session, base=run.base, stored=stored, is_checked=False)
    sqlite_room.store(connection, key, data)
    return count


def _readable_or_blank(raw: bytes) -> bytes:
    """A damaged entry as it is, unless even its lengths are wrong: then it may hold another's."""
    try:
        frames.parse_unchecked(raw)
    except Corrupt:
        return bytes(frames.HEAD_SIZE)
    return raw


def _recount(connection: Connection, erased: Sequence[bytes]) -> None:
    """Counts and sizes again, in forks too: an erased message is none, a tombstone is small.

    A session whose index is damaged keeps what it says; verify names it.
    """
    keys: set[int] = set()
    for session in erased:
        keys.update(key for (key,) in connection.execute(_FAMILY, (session,)))
    for key in sorted(keys):
        try:
            row = sqlite_read.session_row(connection, key)
            loaded = sqlite_read.load(connection, row.id, known=None)
        except Corrupt:
            continue
        messages = sum(len(part.messages) for part in loaded.parts)
        span = (row_key(key, row.sealed), row_key(key, row.entries))
        size = connection.execute(
            "SELECT total(length(frame)) FROM tail WHERE key BETWEEN ? AND ?", span
        ).get
        connection.execute(
            "UPDATE session SET messages=?, tail_bytes=? WHERE key=?", (messages, int(size), key)
        )


def drop_blobs(connection: Connection, blobs: BlobFolder) -> None:
    """Destroy the blobs that no entry names. The caller holds the turn, so none is being added."""
    used = {
        (owner_folder((tenant, owner)), digest)
        for digest, tenant, owner in connection.execute(
            "SELECT DISTINCT b.digest, s.tenant, s.owner FROM blob_ref b"
            " JOIN session s ON s.key = b.session"
        )
    }
    blobs.keep_only(used)
