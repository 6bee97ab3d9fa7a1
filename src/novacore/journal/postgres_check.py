"""What can be wrong with the journal's tables on PostgreSQL beside the entries themselves."""

from collections.abc import Iterator

from novacore.journal import frame as frames
from novacore.journal import postgres_read
from novacore.journal.errors import Corrupt, SessionUnknown
from novacore.journal.model import Problem
from novacore.journal.postgres_connect import Database, Numbers
from novacore.journal.segment import Segment
from novacore.journal.store import Snapshot
from novacore.journal.value import blob_digests

_WHOLE = """
SELECT h.sequence, (SELECT count(*) FROM journal_entry),
    (SELECT coalesce(max(sequence), 0) FROM journal_entry), h.chain,
    (SELECT s.chain FROM journal_entry e JOIN journal_session s ON s.key = e.session
        WHERE e.sequence = h.sequence),
    (SELECT count(*) FROM journal_erasure), h.erasures
FROM journal_head h
"""
_STRAYS = """
SELECT s.id, e.position FROM journal_entry e LEFT JOIN journal_session s ON s.key = e.session
WHERE s.key IS NULL OR e.position >= s.entries OR e.position < s.forked_at LIMIT 20
"""
_SESSION = """
SELECT s.key, s.scope, s.named, s.tenant, s.owner, s.workspace, s.name, s.is_erased, s.entries,
    s.messages, s.tail_bytes, s.chain, s.updated_us, s.forked_at, s.sealed,
    (SELECT coalesce(sum(octet_length(t.frame)), 0)::bigint FROM journal_tail t
        WHERE t.session = s.key AND t.position >= s.sealed AND t.position < s.entries)
FROM journal_session s WHERE s.id = %s
"""


def check_whole(database: Database) -> list[Problem]:
    """What is wrong with the journal as a whole: its head against what is stored."""
    rows = database.rows(_WHOLE)
    if not rows:
        return [Problem(what="The journal's head is missing.")]
    sequence, count, last, chain, last_chain, erasures, said = rows[0]
    found: list[str] = []
    if (count, last) != (sequence, sequence):
        found.append(f"The index lists {count} of {sequence} entries, the last is {last}.")
    elif sequence and chain != last_chain:
        found.append("The journal does not end with the entry that its head names.")
    if erasures != said:
        found.append(f"The list of erasures has {erasures} lines of {said}.")
    return [Problem(what=each) for each in found] + _strays(database)


def _strays(database: Database) -> list[Problem]:
    """Entries that the index lists where no session has any."""
    found: list[Problem] = []
    for session, position in database.rows(_STRAYS):
        name = frames.session_text(session) if session else None
        what = f"Entry {position} of session {name} is listed but not stored."
        found.append(Problem(what=what, session_id=name, position=position))
    return found


def session_ids(database: Database) -> list[bytes]:
    """Every session's id, erased ones too, in order of creation."""
    return [row[0] for row in database.rows("SELECT id FROM journal_session ORDER BY key")]


def check_session(database: Database, session: bytes) -> list[Problem]:
    """What is wrong with one session's rows."""
    name = frames.session_text(session)
    try:
        return [
            Problem(what=what, session_id=name, position=position)
            for what, position in _faults(database, session, name)
        ]
    except Corrupt as error:
        return [
            Problem(
                what=error.message, session_id=error.session_id or name, position=error.position
            )
        ]
    except SessionUnknown:
        what = f"Session {name} is not listed by its id, or one that it was forked from."
        return [Problem(what=what, session_id=name)]


def _faults(database: Database, session: bytes, name: str) -> Iterator[tuple[str, int | None]]:
    row = database.row(_SESSION, (session,))
    if row is None:
        raise SessionUnknown(name)
    key, messages, size_said, chain, updated_us = row[0], row[9], row[10], row[11], row[12]
    if not _is_named_right(row):
        yield f"Name or owner of session {name} are not what was written.", None
    loaded = postgres_read.load(database, session, known=None)
    for part in loaded.parts:
        run = part.run
        if isinstance(run, Segment) and run.session == session and not run.is_whole:
            yield f"The segment of session {name} from entry {run.base} on is damaged.", None
    yield from _index_faults(database, loaded, (key, session), name)
    if sum(len(part.messages) for part in loaded.parts) != messages:
        yield f"Session {name}: it has another count of messages than its row says.", None
    if row[15] != size_said:
        yield f"Session {name}: its newest entries have another size than its row says.", None
    own = list(_own_entries(loaded, session))
    if own and own[-1][1] and (own[-1][1].chain, own[-1][1].recorded_at_us) != (chain, updated_us):
        yield f"Session {name}: it does not end where its row says.", None


def _is_named_right(row: tuple[object, ...]) -> bool:
    _, scope, named, tenant, owner, workspace, name, is_erased, *_ = row
    texts = [value for value in (tenant, owner, workspace, name) if isinstance(value, bytes)]
    try:
        tenant_text, owner_text, workspace_text, name_text = (value.decode() for value in texts)
    except ValueError:
        return False
    digest = postgres_read.scope_digest(tenant_text, owner_text)
    if is_erased:
        return scope == digest and named is None
    return (scope, named) == (
        digest,
        postgres_read.name_digest(digest, workspace_text, name_text),
    )


def _own_entries(loaded: Snapshot, session: bytes) -> Iterator[tuple[int, frames.Frame | None]]:
    """(position, fields) of the session's own entries; None where one is damaged."""
    for part in loaded.parts:
        if part.run.session != session:
            continue
        for index in range(part.take):
            is_damaged = index in part.run.damaged
            yield part.run.base + index, None if is_damaged else part.run.frame(index)


def _index_faults(
    database: Database, loaded: Snapshot, whose: tuple[int, bytes], name: str
) -> Iterator[tuple[str, int | None]]:
    """The session's own entries against the indexes of entries, ids and blobs.

    These are read after the entries, so what was added since is beyond the last and not looked at.
    What is listed and has no session is found by `check_whole`: here that would read every entry.
    """
    key, session = whose
    own = list(_own_entries(loaded, session))
    end = own[-1][0] + 1 if own else 0
    listed = {
        position: (sequence, entry_id)
        for position, sequence, entry_id in database.rows(
            "SELECT position, sequence, id FROM journal_entry WHERE sequence = ANY (%s)"
            " AND session = %s",
            (Numbers(stored.sequence for _, stored in own if stored), key),
        )
    }
    named = set(
        database.rows(
            "SELECT position, digest FROM journal_blob_ref WHERE session = %s AND position < %s",
            (key, end),
        )
    )
    for position, stored in own:
        place = listed.get(position)
        if stored is None:
            named = {each for each in named if each[0] != position}
            continue
        if place != (stored.sequence, stored.id):
            yield f"Entry {position} of session {name} is not listed as it is stored.", position
        used = {(position, digest) for digest in _digests(stored)}
        if not used <= named:
            yield f"A blob of entry {position} of session {name} is not listed.", position
        named -= used
    if named:
        yield f"Session {name} lists blobs that no entry of it names.", None


def _digests(stored: frames.Frame) -> tuple[bytes, ...]:
    return () if stored.is_erased or len(stored.body) < 32 else blob_digests(stored.body)
