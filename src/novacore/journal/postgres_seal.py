"""Sealing on PostgreSQL: beside the appends, not in them.

What is sealed is read, and the segment built, without any lock. The server swaps it in in one call,
if the session was neither sealed nor erased from since; new entries behind it are no hindrance.
"""

from typing import Any

from novacore.journal import segment as segments
from novacore.journal.postgres_connect import FORMAT, Database
from novacore.journal.postgres_frames import completed
from novacore.journal.postgres_segments import segment_of
from novacore.journal.segment import layout_of

_SWALLOW = 2
"""A segment swallows its predecessor when that is at most this many times larger."""
_UNSEALED = """
SELECT s.key, s.sealed, s.changes, t.position, t.before, t.frame
FROM journal_session s
LEFT JOIN journal_tail t ON t.session = s.key AND t.position >= s.sealed AND t.position < s.entries
WHERE s.id = %s ORDER BY t.position
"""
_EARLIER = """
SELECT number, octet_length(data) FROM journal_segment WHERE session = %s AND base < %s
ORDER BY base DESC LIMIT 32
"""
_SEGMENT = """
SELECT session, base, count, messages, heads_size, data FROM journal_segment WHERE number = %s
"""


def seal(database: Database, session: bytes, *, bytes_max: int) -> bool:
    """Seal what of a session is not sealed yet; False: others changed it meanwhile, or nothing is.

    Raises:
        Corrupt: an entry is damaged; nothing was changed.
    """
    rows = database.rows(_UNSEALED, (session,))
    if not rows or rows[0][3] is None:
        return False
    key, base, changes = rows[0][:3]
    if [row[3] for row in rows] != list(range(base, base + len(rows))):
        return False
    end = base + len(rows)
    stored = [completed(row[5], row[4]) for row in rows]
    stored, base = _swallow(database, (key, session), stored, base, bytes_max=bytes_max)
    data = segments.build(session, base=base, stored=stored)
    layout = layout_of(data)
    done: tuple[Any, ...] = database.call(
        "journal_seal", FORMAT, key, changes, base, end, layout.messages, layout.heads_size, data,
        results=1,
    )  # fmt: skip
    return bool(done[0])


def _swallow(
    database: Database,
    whose: tuple[int, bytes],
    stored: list[bytes],
    base: int,
    *,
    bytes_max: int,
) -> tuple[list[bytes], int]:
    """The frames with those of the small segments before them, and where they begin now."""
    key, session = whose
    size = sum(map(len, stored))
    for number, bytes_before in database.rows(_EARLIER, (key, base)):
        if bytes_before > _SWALLOW * size or bytes_before + size > bytes_max:
            break
        values = database.row(_SEGMENT, (number,))
        if values is None:
            break
        earlier = segment_of((*values, session))
        if not earlier.is_whole or earlier.base + earlier.count != base:
            break
        stored = [earlier.raw(index) for index in range(earlier.count)] + stored
        base = earlier.base
        size += bytes_before
    return stored, base
