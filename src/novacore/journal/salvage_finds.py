"""What salvage has found so far, in a scratch database, so that it need not fit into memory.

An entry is taken only when its own checksum holds. Of two for one place a tombstone wins over a
body, then what SQLite itself gave over what lay about, then the one that was recorded later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import apsw
import xxhash

from novacore.journal import frame as frames
from novacore.journal.errors import Corrupt
from novacore.journal.frame import Frame
from novacore.journal.sqlite_file import KEY_SHIFT, Connection
from novacore.journal.sqlite_pages import Value

_TABLES = """
CREATE TABLE found (
    session BLOB, position INTEGER, sequence INTEGER, is_erased INTEGER, is_listed INTEGER,
    recorded INTEGER, frame BLOB, PRIMARY KEY (session, position));
CREATE INDEX found_sequence ON found (sequence);
CREATE TABLE listed (sequence INTEGER PRIMARY KEY, key INTEGER, position INTEGER);
"""
_PUT = """
INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, position) DO UPDATE SET
    sequence=excluded.sequence, is_erased=excluded.is_erased, is_listed=excluded.is_listed,
    recorded=excluded.recorded, frame=excluded.frame
WHERE (excluded.is_erased, excluded.is_listed, excluded.recorded)
    > (found.is_erased, found.is_listed, found.recorded)
"""
_SESSION_COLUMNS = (
    int, bytes, str, str, str, str, int, int, int, int, int, int, bytes, int, int, int, int,
)  # fmt: skip
_PARENT = 13


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundSession:
    """A session's row whose checksum held."""

    key: int
    id: bytes
    tenant: str
    owner: str
    workspace: str
    name: str
    created_at_us: int
    updated_at_us: int
    entries: int
    """Not covered by the checksum: a hint."""
    parent: int | None
    forked_at: int
    is_erased: bool


class Finds:
    """Entries, session rows and what the index listed; keep it in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._database = cast("Connection", apsw.Connection(str(folder / "finds.db")))
        self._database.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF").fetchall()
        self._database.execute(_TABLES)
        self._database.execute("BEGIN")
        self._seen: set[bytes] = set()
        self.sessions: dict[bytes, FoundSession] = {}
        """The newest row of each session, by its id."""
        self.keys: dict[int, bytes] = {}
        """Which session has which number in the damaged file."""

    def close(self) -> None:
        """Release the scratch database."""
        self._database.close()

    def is_seen(self, checksum: bytes) -> bool:
        """True when an entry with these first eight bytes was taken already."""
        return checksum in self._seen

    def put(self, raw: bytes, *, is_listed: bool = False) -> Frame | None:
        """Take an entry if its checksum holds; returns it.

        Args:
            raw: the frame.
            is_listed: True: SQLite gave it; else it was found lying about.
        """
        try:
            frame = frames.parse(raw)
        except Corrupt:
            return None
        if frame.format != frames.FORMAT or frame.key_id or frame.position < 0:
            return None
        self._seen.add(raw[:8])
        self._database.execute(
            _PUT,
            (
                frame.session, frame.position, frame.sequence, frame.is_erased, is_listed,
                frame.recorded_at_us, raw,
            ),
        )  # fmt: skip
        return frame

    def put_tail(self, key: int, raw: bytes, *, is_listed: bool = False) -> bool:
        """Take an entry of the tail, whose key names its session's number; False: it is damaged."""
        frame = self.put(raw, is_listed=is_listed)
        if frame is not None:
            self.keys.setdefault(key >> KEY_SHIFT, frame.session)
        return frame is not None

    def put_session(self, key: int, values: tuple[Value, ...]) -> bool:
        """Take a session's row if its checksum holds; False: it is damaged, or no such row."""
        row: Any = (key, *values[1:])
        if len(row) != len(_SESSION_COLUMNS) or not all(
            type(value) is kind or (value is None and column == _PARENT)
            for column, (value, kind) in enumerate(zip(row, _SESSION_COLUMNS, strict=True))
        ):
            return False
        if _checksum(row) != row[-1]:
            return False
        found = FoundSession(
            key=key, id=row[1], tenant=row[2], owner=row[3], workspace=row[4], name=row[5],
            created_at_us=row[6], updated_at_us=row[7], entries=row[8], parent=row[13],
            forked_at=row[14], is_erased=bool(row[15]),
        )  # fmt: skip
        before = self.sessions.get(found.id)
        self.keys[key] = found.id
        if before is None or _rank(found) > _rank(before):
            self.sessions[found.id] = found
        return True

    def put_listed(self, sequence: int, key: int, position: int) -> None:
        """Note that the index listed an entry; it may be garbage."""
        self._database.execute(
            "INSERT OR IGNORE INTO listed VALUES (?, ?, ?)", (sequence, key, position)
        )

    def count(self) -> int:
        """How many entries were found."""
        return self._number("SELECT count(*) FROM found")

    def last_sequence(self) -> int:
        """The highest sequence of an entry that was found; 0: none was."""
        return self._number("SELECT coalesce(max(sequence), 0) FROM found")

    def last_listed(self) -> int:
        """The highest sequence that the index listed; 0: none."""
        return self._number("SELECT coalesce(max(sequence), 0) FROM listed")

    def missing(self, last: int) -> int:
        """How many sequences from 1 to `last` no entry that was found has."""
        distinct = "SELECT count(DISTINCT sequence) FROM found WHERE sequence BETWEEN 1 AND ?"
        return last - self._number(distinct, last)

    def session_ids(self) -> list[bytes]:
        """Every session that an entry or a row was found of, oldest entries first."""
        rows = self._database.execute(
            "SELECT session FROM found GROUP BY session ORDER BY min(sequence)"
        ).fetchall()
        found = [row[0] for row in rows]
        return list(dict.fromkeys([*found, *self.sessions]))

    def bounds(self, session: bytes) -> tuple[int, int]:
        """(first position found, position behind the last); (0, 0): none."""
        row = self._database.execute(
            "SELECT min(position), max(position) + 1 FROM found WHERE session=?", (session,)
        ).fetchone()
        return (row[0] or 0, row[1] or 0) if row else (0, 0)

    def listed_end(self, key: int) -> int:
        """The position behind the last that the index listed for a session's number."""
        return self._number("SELECT coalesce(max(position) + 1, 0) FROM listed WHERE key=?", key)

    def at(self, position: int) -> Iterator[Frame]:
        """The entries found at a position, of any session."""
        rows = self._database.execute("SELECT frame FROM found WHERE position=?", (position,))
        for (raw,) in rows:
            yield frames.parse_unchecked(raw)

    def get(self, session: bytes, position: int) -> Frame | None:
        """The entry found at a place."""
        raw = self._database.execute(
            "SELECT frame FROM found WHERE session=? AND position=?", (session, position)
        ).get
        return None if raw is None else frames.parse_unchecked(raw)

    def in_order(self) -> Iterator[Frame]:
        """Every entry, in the order in which they were appended."""
        for (raw,) in self._database.execute(
            "SELECT frame FROM found ORDER BY sequence, session, position"
        ):
            yield frames.parse_unchecked(raw)

    def _number(self, sql: str, *values: object) -> int:
        return int(self._database.execute(sql, values).get or 0)


def _rank(row: FoundSession) -> tuple[bool, int, int]:
    return row.is_erased, row.updated_at_us, row.entries


def _checksum(row: tuple[Any, ...]) -> int:
    """As `sqlite_read.row_checksum` makes it."""
    key, session, *texts = row[:6]
    names = (text.encode() for text in texts)
    identity = (key, session, *names, row[6], row[13], row[14], row[15])
    return xxhash.xxh3_64_intdigest(repr(identity).encode()) >> 1
