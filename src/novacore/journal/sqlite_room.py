"""Room in the segment file: which extents are named, which are holes. Kept in the database.

A transaction takes room only from holes that earlier commits left, or at the end of the file. What
it gives up is collected in `Connection.freed` and made a hole by `settle`, just before it commits.
"""

from novacore.journal.errors import Corrupt
from novacore.journal.segment import layout_of
from novacore.journal.sqlite_file import Connection, row_key

_DENSE = 1.05
"""A segment file at most this many times its live bytes is left as it is."""
_MOVED_MAX = 4_096
"""A store of more segments than this is not compacted: its sessions fill each other's holes."""


def store(connection: Connection, key: int, data: bytes) -> None:
    """Write a segment of the session with that number, in place of one with the same base."""
    layout = layout_of(data)
    number = row_key(key, layout.base)
    give_up(connection, number)
    offset = allocate(connection, len(data))
    connection.segments.write(offset, data)
    connection.execute(
        "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)",
        (number, layout.entries, layout.messages, layout.heads_size, offset, len(data)),
    )


def give_up(connection: Connection, number: int) -> None:
    """Remove a segment's row, if there is one; its extent becomes a hole with the commit."""
    place = connection.execute("SELECT offset, size FROM segment WHERE key=?", (number,)).fetchone()
    if place is not None:
        connection.freed.append(place)
        connection.execute("DELETE FROM segment WHERE key=?", (number,))


def settle(connection: Connection) -> None:
    """Before a commit: make what was written durable, and holes of what was given up."""
    if connection.segments.is_dirty:
        connection.segments.sync()
    for offset, size in connection.freed:
        release(connection, offset, size)
    connection.freed.clear()


def move_one(connection: Connection) -> bool:
    """Move one extent so that holes get fewer; False: the file is dense enough, or too large.

    The last extent goes into a hole that it fits. Where it fits none, the one behind the largest
    hole goes to the end, which makes that hole larger. Call it in a transaction of its own.
    """
    if not _may_use_holes(connection):
        return False
    count, live = connection.execute("SELECT count(*), total(size) FROM segment").fetchone()
    end = connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
    if count > _MOVED_MAX or end <= live * _DENSE:
        return False
    last = connection.execute(
        "SELECT key, offset, size FROM segment ORDER BY offset DESC LIMIT 1"
    ).fetchone()
    hole = connection.execute(
        "SELECT 1 FROM hole WHERE size >= ? AND offset < ? LIMIT 1", (last[2], last[1])
    ).fetchone()
    if hole is not None:
        return _move(connection, last, allocate(connection, last[2]))
    behind = connection.execute(
        "SELECT key, s.offset, s.size FROM segment s JOIN hole h ON s.offset = h.offset + h.size"
        " ORDER BY h.size DESC LIMIT 1"
    ).fetchone()
    if behind is None:
        return False
    connection.execute("UPDATE meta SET value=? WHERE key='segments_end'", (end + behind[2],))
    return _move(connection, behind, end)


def _move(connection: Connection, extent: tuple[int, int, int], target: int) -> bool:
    key, offset, size = extent
    connection.segments.write(target, connection.segments.read(offset, size))
    connection.execute("UPDATE segment SET offset=? WHERE key=?", (target, key))
    connection.freed.append((offset, size))
    return True


def cut(connection: Connection) -> None:
    """Give the room behind the last extent back, where the extents are sound."""
    if not fault(connection):
        connection.segments.cut(
            connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
        )


def scrub(connection: Connection) -> None:
    """Overwrite every hole, and what lies behind the end, with zeros; then cut the file.

    Raises:
        Corrupt: a hole may lie over a segment; nothing was overwritten.
    """
    if wrong := fault(connection):
        raise Corrupt(f"{wrong}: nothing of it can be overwritten safely.")
    for offset, size in connection.execute("SELECT offset, size FROM hole").fetchall():
        connection.segments.zero(offset, size)
    end = connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
    connection.segments.zero(end, connection.segments.size() - end)
    connection.segments.sync()
    connection.segments.cut(end)


def fault(connection: Connection) -> str:
    """What is wrong with the rows of segments and holes; empty: nothing.

    They fill the file without a gap and without overlapping. Where they don't, a hole may lie over
    a segment, and using it would destroy what it holds.
    """
    at = 0
    rows = connection.execute(
        "SELECT offset, size FROM segment UNION ALL SELECT offset, size FROM hole"
    ).fetchall()
    if not all(type(number) is int for row in rows for number in row):
        return "The segment file's extents are damaged in the index"
    for offset, size in sorted([*rows, *connection.freed]):
        if offset != at or size <= 0:
            return f"The segment file's extents don't fit together at byte {at}"
        at += size
    end = connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
    return "" if at == end else f"The segment file's extents end at byte {at} instead of {end}"


def _may_use_holes(connection: Connection) -> bool:
    """Looked up once per connection, before it first writes a segment."""
    if connection.has_sound_holes is None:
        connection.has_sound_holes = not fault(connection)
    return connection.has_sound_holes


def allocate(connection: Connection, size: int) -> int:
    """The offset of room for an extent: the smallest hole that fits, else the end of the file."""
    if not _may_use_holes(connection):
        offset = connection.segments.size()
        connection.execute("UPDATE meta SET value=? WHERE key='segments_end'", (offset + size,))
        return offset
    hole = connection.execute(
        "SELECT offset, size FROM hole WHERE size >= ? ORDER BY size LIMIT 1", (size,)
    ).fetchone()
    if hole is None:
        offset = connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
        connection.execute("UPDATE meta SET value=? WHERE key='segments_end'", (offset + size,))
        return offset
    offset, room = hole
    connection.execute("DELETE FROM hole WHERE offset=?", (offset,))
    if room > size:
        connection.execute("INSERT INTO hole VALUES (?, ?)", (offset + size, room - size))
    return offset


def release(connection: Connection, offset: int, size: int) -> None:
    """Make an extent a hole, joined with its neighbours; one at the end shortens the file.

    Call it after every `allocate` of the same transaction: until it commits, the extent is named.
    """
    before = connection.execute(
        "SELECT offset, size FROM hole WHERE offset + size = ?", (offset,)
    ).fetchone()
    after = connection.execute("SELECT size FROM hole WHERE offset = ?", (offset + size,)).get
    if before is not None:
        connection.execute("DELETE FROM hole WHERE offset=?", (before[0],))
        offset, size = before[0], size + before[1]
    if after is not None:
        connection.execute("DELETE FROM hole WHERE offset=?", (offset + size,))
        size += after
    end = connection.execute("SELECT value FROM meta WHERE key='segments_end'").get
    if offset + size == end:
        connection.execute("UPDATE meta SET value=? WHERE key='segments_end'", (offset,))
    else:
        connection.execute("INSERT INTO hole VALUES (?, ?)", (offset, size))
