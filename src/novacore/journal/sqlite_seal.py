"""Sealing: a session's newest entries become a segment, and small segments one larger one.

It happens inside the commit that makes the tail long enough, so it is atomic with it. A new segment
swallows the one before it while that is at most twice as large: sizes then at least halve from one
segment to the next, a session has few of them, and each entry is rewritten a few times in all.
"""

from novacore.journal import segment as segments
from novacore.journal import sqlite_read, sqlite_room
from novacore.journal.errors import Corrupt
from novacore.journal.plan import Head
from novacore.journal.sqlite_file import Connection, row_key

_SWALLOW = 2
"""A segment swallows its predecessor when that is at most this many times larger."""


def seal(connection: Connection, head: Head, *, bytes_max: int) -> None:
    """Seal everything of a session that is not sealed yet, and merge.

    Raises:
        Corrupt: an entry's checksum does not match; nothing was changed.
    """
    base, end = head.sealed, head.position
    span = (row_key(head.key, base), row_key(head.key, end - 1))
    stored = [
        raw
        for (raw,) in connection.execute(
            "SELECT frame FROM tail WHERE key BETWEEN ? AND ? ORDER BY key", span
        )
    ]
    if len(stored) != end - base or not all(isinstance(raw, bytes) for raw in stored):
        raise Corrupt("Entries are missing from the index.")
    size = sum(map(len, stored))
    swallowed: list[int] = []
    rows = connection.execute(
        f"{sqlite_read.SEGMENTS} ORDER BY key DESC LIMIT 32",
        (row_key(head.key, 0), span[0] - 1),
    ).fetchall()
    for values in rows:
        bytes_before: int = values[-1]
        if bytes_before > _SWALLOW * size or bytes_before + size > bytes_max:
            break
        earlier = sqlite_read.read_segment(connection, head.session, values)
        if not earlier.is_whole:
            break
        stored = [earlier.raw(index) for index in range(earlier.count)] + stored
        base = earlier.base
        size += bytes_before
        swallowed.append(values[0])
    data = segments.build(head.session, base=base, stored=stored)
    for key in swallowed:
        sqlite_room.give_up(connection, key)
    sqlite_room.store(connection, head.key, data)
    connection.execute("DELETE FROM tail WHERE key BETWEEN ? AND ?", span)
    head.sealed = head.position
    head.tail_bytes = 0
