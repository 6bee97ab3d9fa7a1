"""Sealing: a session's newest entries become a segment, and small segments one larger one.

It happens inside the commit that makes the tail long enough, so it is atomic with it. A new segment
swallows the one before it while that is at most twice as large: sizes then at least halve from one
segment to the next, a session has few of them, and each entry is rewritten a few times in all.
"""

from novacore.journal import segment as segments
from novacore.journal.errors import Corrupt
from novacore.journal.plan import Head
from novacore.journal.segment import Layout, Segment, layout_of
from novacore.journal.sqlite_file import POSITION_MAX, Connection, row_key

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
    if len(stored) != end - base:
        raise Corrupt("Entries are missing from the index.")
    size = sum(map(len, stored))
    swallowed: list[int] = []
    rows = connection.execute(
        "SELECT key, count, messages, heads_size, size FROM segment WHERE key BETWEEN ? AND ?"
        " ORDER BY key DESC LIMIT 32",
        (row_key(head.key, 0), span[0] - 1),
    ).fetchall()
    for key, count, messages, heads_size, bytes_before in rows:
        if bytes_before > _SWALLOW * size or bytes_before + size > bytes_max:
            break
        layout = Layout(head.session, key & POSITION_MAX, count, messages, heads_size)
        earlier = _read_whole(connection, key, layout)
        if earlier is None:
            break
        stored = [earlier.raw(index) for index in range(earlier.count)] + stored
        base = earlier.base
        size += bytes_before
        swallowed.append(key)
    data = segments.build(head.session, base=base, stored=stored)
    connection.executemany("DELETE FROM segment WHERE key=?", [(key,) for key in swallowed])
    insert(connection, head.key, data)
    connection.execute("DELETE FROM tail WHERE key BETWEEN ? AND ?", span)
    head.sealed = head.position
    head.tail_bytes = 0


def insert(connection: Connection, key: int, data: bytes) -> None:
    """Store a segment of the session with that number, in place of one with the same base."""
    layout = layout_of(data)
    connection.execute(
        "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?)",
        (
            row_key(key, layout.base), layout.count, layout.messages, layout.heads_size,
            len(data), data,
        ),
    )  # fmt: skip


def _read_whole(connection: Connection, key: int, layout: Layout) -> Segment | None:
    """A segment that may be merged; None: it is damaged, and stays as it is for salvage."""
    blob = connection.blob_open("main", "segment", "data", key, False)
    try:
        found = Segment(blob.read(), layout=layout)
    finally:
        blob.close()
    return found if found.is_whole else None
