"""Creating sessions on PostgreSQL: what a fork begins with is looked up, and checked there."""

from collections.abc import Sequence

from novacore.journal import frame as frames
from novacore.journal import postgres_read
from novacore.journal.errors import SessionUnknown
from novacore.journal.postgres_connect import FORMAT, Blocks, Database, Numbers
from novacore.journal.store import SessionRow
from novacore.journal.transcript import Part

_CREATED, _FOUND, _NO_PARENT, _STALE = range(4)
"""What the server says; see `journal_create`."""


def create(database: Database, row: SessionRow) -> SessionRow | None:
    """Create a session, or find the one of that name; None: an erase came between, look again.

    Raises:
        SessionUnknown: it names a parent that does not exist.
    """
    chain, messages, generation = frames.ROOT_CHAIN, row.messages, 0
    if row.parent is not None:
        # Counted here: an erase may have come between the caller's look and this.
        parent = postgres_read.load(database, row.parent, known=None)
        generation = parent.generation
        messages, chain = shared(parent.parts, row.forked_at, row.parent)
    scope = postgres_read.scope_digest(row.tenant, row.owner)
    outcome, found = database.call(
        "journal_create",
        FORMAT,
        row.id,
        scope,
        postgres_read.name_digest(scope, row.workspace, row.name),
        texts_of(row),
        Numbers((row.created_at_us, row.updated_at_us, row.entries, messages)),
        chain,
        row.parent,
        generation,
        results=2,
    )
    if outcome == _NO_PARENT and row.parent is not None:
        raise SessionUnknown(frames.session_text(row.parent))
    if outcome == _STALE:
        return None
    return postgres_read.find_sessions(database, None, session=bytes(found))[0]


def texts_of(row: SessionRow) -> Blocks:
    """A session's texts as they are stored."""
    return Blocks(each.encode() for each in (row.tenant, row.owner, row.workspace, row.name))


def shared(parts: Sequence[Part], count: int, session: bytes) -> tuple[int, bytes]:
    """(messages among a session's first `count` entries, the chain hash after them).

    Raises:
        Corrupt: it has fewer entries, or the last of them is damaged.
    """
    messages, chain = 0, frames.ROOT_CHAIN
    for part in parts:
        begin = part.run.base
        if begin < count:
            cut = Part(part.run, take=min(part.take, count - begin))
            messages += len(cut.messages)
            chain = part.run.frame(cut.take - 1).chain if cut.take + begin == count else chain
    if count and chain == frames.ROOT_CHAIN:
        raise postgres_read.missing(session, count - 1)
    return messages, chain
