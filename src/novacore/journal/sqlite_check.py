"""What can be wrong with the SQLite file beside its entries: structure, indexes, extents."""

from collections.abc import Iterator

from novacore.journal import frame as frames
from novacore.journal import sqlite_read, sqlite_room
from novacore.journal.errors import Corrupt, SessionUnknown
from novacore.journal.model import Problem
from novacore.journal.segment import Segment
from novacore.journal.sqlite_file import POSITION_MAX, Connection, row_key
from novacore.journal.sqlite_read import HeadRow
from novacore.journal.store import Snapshot
from novacore.journal.value import blob_digests

_MESSAGES_MAX = 20
_FACTS = (
    "epoch", "format", "generation", "journal", "lowest_reader", "lowest_writer", "must_scrub",
    "segments_end",
)  # fmt: skip


def check_file(connection: Connection) -> list[Problem]:
    """What is wrong with the file as a whole; the caller's transaction makes it one moment."""
    rows = connection.execute(f"PRAGMA integrity_check({_MESSAGES_MAX})").fetchall()
    found = [f"The file's structure: {text}." for (text,) in rows if text != "ok"]
    facts = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    found += [
        f"The file's fact {name!r} is missing or damaged."
        for name in _FACTS
        if not isinstance(facts.get(name), bytes if name == "journal" else int)
    ]
    last = sqlite_read.last_entry(connection)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM entry_id)"
    ).fetchone()
    if counts != (last.sequence, last.sequence):
        found.append(f"The indexes list {counts[0]} and {counts[1]} of {last.sequence} entries.")
    fault = sqlite_room.fault(connection)
    found += [f"{fault}."] if fault else []
    return [Problem(what=text) for text in found]


def check_session(connection: Connection, key: int) -> list[Problem]:
    """What is wrong with one session's rows."""
    session: str | None = None
    try:
        row = sqlite_read.session_row(connection, key)
        session = frames.session_text(row.id)
        return list(_check_rows(connection, row, session))
    except Corrupt as error:
        return [problem_of(error, session)]
    except SessionUnknown:
        what = f"Session {session} is not listed by its id, or one that it was forked from."
        return [Problem(what=what, session_id=session)]


def problem_of(error: Corrupt, session: str | None = None) -> Problem:
    """An error as a line of the report."""
    return Problem(
        what=error.message, session_id=error.session_id or session, position=error.position
    )


def _check_rows(connection: Connection, row: HeadRow, session: str) -> Iterator[Problem]:
    stored = connection.execute("SELECT checksum FROM session WHERE key=?", (row.key,)).get
    if sqlite_read.row_checksum(connection, row.id) != stored:
        what = f"Name, owner or times of session {session} are not what was written."
        yield Problem(what=what, session_id=session)
    loaded = sqlite_read.load(connection, row.id, known=None)
    yield from _check_segments(connection, loaded, row)
    yield from _check_index(connection, loaded, row, session)
    for what in _check_head(connection, loaded, row):
        yield Problem(what=f"Session {session}: {what}.", session_id=session)


def _check_segments(connection: Connection, loaded: Snapshot, row: HeadRow) -> Iterator[Problem]:
    """The session's own segments against their rows."""
    session = frames.session_text(row.id)
    span = (row_key(row.key, 0), row_key(row.key, row.entries))
    listed = {
        values[0] & POSITION_MAX: values[1:4]
        for values in connection.execute(sqlite_read.SEGMENTS, span)
    }
    for part in loaded.parts:
        run = part.run
        if not isinstance(run, Segment) or run.session != row.id:
            continue
        stated = (run.layout.entries, run.layout.messages, run.layout.heads_size)
        if not run.is_whole or listed.get(run.base) != stated:
            what = f"The segment of session {session} from entry {run.base} on is damaged."
            yield Problem(what=what, session_id=session)


def _check_index(
    connection: Connection, loaded: Snapshot, row: HeadRow, session: str
) -> Iterator[Problem]:
    """The session's own entries against the indexes of entries, ids and blobs."""
    listed = {
        position: sequence
        for sequence, position in connection.execute(
            "SELECT sequence, position FROM entry WHERE session=?", (row.key,)
        )
    }
    named = set(
        connection.execute("SELECT position, digest FROM blob_ref WHERE session=?", (row.key,))
    )
    for position, stored in _own_entries(loaded, row):
        place = listed.pop(position, None)
        if stored is None:
            named = {each for each in named if each[0] != position}
            continue
        by_id = connection.execute(
            "SELECT count(*) FROM entry_id WHERE id=? AND sequence=?", (stored.id, stored.sequence)
        ).get
        if place != stored.sequence or not by_id:
            what = f"Entry {position} of session {session} is not listed as it is stored."
            yield Problem(what=what, session_id=session, position=position)
        used = {(position, digest) for digest in _digests(stored)}
        if not used <= named:
            what = f"A blob of entry {position} of session {session} is not listed."
            yield Problem(what=what, session_id=session, position=position)
        named -= used
    for position in sorted(listed):
        what = f"Entry {position} of session {session} is listed but not stored."
        yield Problem(what=what, session_id=session, position=position)
    if named:
        what = f"Session {session} lists blobs that no entry of it names."
        yield Problem(what=what, session_id=session)


def _own_entries(loaded: Snapshot, row: HeadRow) -> Iterator[tuple[int, frames.Frame | None]]:
    """(position, fields) of the session's own entries; None where one is damaged."""
    for part in loaded.parts:
        if part.run.session != row.id:
            continue
        for index in range(part.take):
            is_damaged = index in part.run.damaged
            yield part.run.base + index, None if is_damaged else part.run.frame(index)


def _digests(stored: frames.Frame) -> tuple[bytes, ...]:
    return () if stored.is_erased or len(stored.body) < 32 else blob_digests(stored.body)


def _check_head(connection: Connection, loaded: Snapshot, row: HeadRow) -> Iterator[str]:
    """The session's row against its entries."""
    if sum(len(part.messages) for part in loaded.parts) != row.messages:
        yield "it has another count of messages than its row says"
    tail = connection.execute(
        "SELECT total(length(frame)) FROM tail WHERE key BETWEEN ? AND ?",
        (row_key(row.key, row.sealed), row_key(row.key, row.entries)),
    ).get
    if tail != row.tail_bytes:
        yield "its newest entries have another size than its row says"
    own = [stored for _, stored in _own_entries(loaded, row)]
    if own and own[-1] and (own[-1].chain, own[-1].recorded_at_us) != (
        row.chain, row.updated_at_us,
    ):  # fmt: skip
        yield "it does not end where its row says"
