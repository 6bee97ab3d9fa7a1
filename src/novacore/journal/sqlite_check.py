"""What can be wrong with the SQLite file beside its entries: indexes, counts, blobs."""

from collections.abc import Iterator

from novacore.journal import frame as frames
from novacore.journal import sqlite_read
from novacore.journal.blobs import BlobFolder
from novacore.journal.errors import Corrupt
from novacore.journal.model import Problem
from novacore.journal.sqlite_file import Connection
from novacore.journal.sqlite_read import HeadRow
from novacore.journal.value import blob_digests

_MESSAGES_MAX = 20


def check(connection: Connection, blobs: BlobFolder) -> list[Problem]:
    """Every problem found; the caller's transaction makes it one moment's view."""
    found: list[Problem] = []
    rows = connection.execute(f"PRAGMA integrity_check({_MESSAGES_MAX})").fetchall()
    found += [Problem(what=f"The file's structure: {text}.") for (text,) in rows if text != "ok"]
    last = sqlite_read.last_entry(connection)
    listed = connection.execute("SELECT count(*) FROM entry").get
    if listed != last.sequence:
        found.append(
            Problem(what=f"The index lists {listed} entries, the last sequence is {last.sequence}.")
        )
    try:
        for row in sqlite_read.sessions_of(connection):
            found += _check_session(connection, row, blobs)
    except Corrupt as error:
        found.append(Problem(what=error.message, session_id=error.session_id))
    return found


def _check_session(connection: Connection, row: HeadRow, blobs: BlobFolder) -> Iterator[Problem]:
    session = frames.session_text(row.id)
    try:
        yield from _check_entries(connection, row, session, blobs)
    except Corrupt as error:
        yield Problem(
            what=error.message, session_id=error.session_id or session, position=error.position
        )


def _check_entries(
    connection: Connection, row: HeadRow, session: str, blobs: BlobFolder
) -> Iterator[Problem]:
    """The session's own entries against the index, and its row against its last entry."""
    listed = {
        position: sequence
        for sequence, position in connection.execute(
            "SELECT sequence, position FROM entry WHERE session=?", (row.key,)
        )
    }
    loaded = sqlite_read.load(connection, row.id, known=None)
    chain = None
    for part in loaded.parts:
        if part.run.session != row.id:
            continue
        for index in range(part.take):
            position = part.run.base + index
            place = listed.pop(position, None)
            if index in part.run.damaged:
                continue
            stored = part.run.frame(index)
            chain = stored.chain
            by_id = connection.execute(
                "SELECT count(*) FROM entry_id WHERE id=? AND sequence=?",
                (stored.id, stored.sequence),
            ).get
            if place != stored.sequence or not by_id:
                what = f"Entry {position} of session {session} is not listed as it is stored."
                yield Problem(what=what, session_id=session, position=position)
            yield from _check_blobs((row.tenant, row.owner), stored, blobs)
    for position in sorted(listed):
        what = f"Entry {position} of session {session} is listed but not stored."
        yield Problem(what=what, session_id=session, position=position)
    if chain is not None and not loaded.parts[-1].damaged and chain != row.chain:
        yield Problem(
            what=f"Session {session} does not end where its row says.", session_id=session
        )
    if sum(len(part.messages) for part in loaded.parts) != row.messages:
        yield Problem(what=f"Session {session} has another count of messages.", session_id=session)


def _check_blobs(
    scope: tuple[str, str], stored: frames.Frame, blobs: BlobFolder
) -> Iterator[Problem]:
    if len(stored.body) < 32 or stored.is_erased:
        return
    for digest in blob_digests(stored.body):
        try:
            blobs.read(scope, digest)
        except Corrupt as error:
            yield Problem(
                what=error.message,
                session_id=frames.session_text(stored.session),
                position=stored.position,
            )
