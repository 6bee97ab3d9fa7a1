"""Erasing on PostgreSQL: tombstones in the place of entries, segments rewritten, blobs dropped.

What is to change is read and rewritten without a lock and swapped in by one call, again and again
until nobody sealed or erased in between. It is noted before it begins: what a kill broke off, the
next opening finishes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal import standing as standings
from novacore.journal.errors import Corrupt, SessionUnknown, StorageFailed
from novacore.journal.postgres_connect import FORMAT, Blocks, Database, Numbers
from novacore.journal.postgres_frames import completed
from novacore.journal.postgres_segments import segment_of
from novacore.journal.segment import Segment, layout_of
from novacore.journal.store import Erasure

_TRIES_MAX = 1_000
_SESSION = "SELECT key, forked_at, sealed, entries, changes FROM journal_session WHERE id = %s"
_TAIL = """
SELECT position, before, frame FROM journal_tail WHERE session = %s AND position = ANY (%s)
"""
_SEGMENTS = """
SELECT session, base, count, messages, heads_size, data FROM journal_segment g
WHERE session = %s
    AND EXISTS (SELECT 1 FROM unnest(%s::bigint[]) p (position)
        WHERE p.position >= g.base AND p.position < g.base + g.count)
"""
_UNFINISHED = "SELECT number, session, positions FROM journal_erasing ORDER BY number"


@dataclass
class _Change:
    """What a session's rows are to become."""

    tail: dict[int, bytes] = field(default_factory=dict[int, bytes])
    segments: dict[int, bytes] = field(default_factory=dict[int, bytes])
    count: int = 0
    """Entries that were no tombstones before."""
    messages: list[int] = field(default_factory=list[int])
    """Positions of those among them that were messages."""

    def tombstone(self, raw: bytes, position: int) -> bytes:
        """What stands for an entry from now on; of one that can't be read nothing is left."""
        try:
            stored = frames.parse_unchecked(raw)
        except Corrupt:
            self.count += 1
            return bytes(frames.HEAD_SIZE)
        if not stored.is_erased:
            self.count += 1
            if frames.is_message(stored):
                self.messages.append(position)
        return frames.erased(stored)


def require(database: Database, erasures: Sequence[Erasure]) -> None:
    """Raise where the journal takes no erasures, or one of them names no session."""
    found = database.rows("SELECT standing FROM journal_head")[0][0].decode()
    refusal = None if found == standings.COPYING else standings.find_refusal(found)
    if refusal is not None:
        raise refusal
    for each in erasures:
        if database.row(_SESSION, (each.session,)) is None:
            raise SessionUnknown(frames.session_text(each.session))


def note(database: Database, erasure: Erasure, *, now_us: int) -> int:
    """Note an erasure durably; from now on nothing is appended to a session erased whole."""
    positions = None if erasure.positions is None else Numbers(sorted(erasure.positions))
    at_us = now_us if erasure.at_us is None else erasure.at_us
    found = database.call(
        "journal_note_erasures", FORMAT, erasure.session, positions, at_us, results=1
    )
    number: int = found[0]
    return number


def list_unfinished(database: Database) -> list[tuple[int, Erasure]]:
    """Erasures that were noted and not carried out, as after a kill."""
    return [
        (
            number,
            Erasure(session=session, positions=None if positions is None else frozenset(positions)),
        )
        for number, session, positions in database.rows(_UNFINISHED)
    ]


def carry_out(database: Database, number: int, erasure: Erasure) -> int:
    """Carry out an erasure that was noted; returns how many entries were no tombstones before.

    Raises:
        StorageFailed: others change the session faster than it can be rewritten.
        Corrupt: a segment can't be read at all; nothing of the session was erased.
    """
    for _ in range(_TRIES_MAX):
        row = database.row(_SESSION, (erasure.session,))
        if row is None:
            raise SessionUnknown(frames.session_text(erasure.session))
        key, forked_at, sealed, entries, changes = row
        positions = erasure.positions
        if positions is None:
            positions = frozenset(range(forked_at, entries))
        change = _changed(database, key, erasure.session, positions, sealed=sealed)
        if _swap(database, number, (key, changes), positions, change):
            return change.count
    raise StorageFailed(
        "The session is being written too fast to erase from it now.",
        hint="What is to be erased is noted; it is erased when the journal is opened next.",
    )


def _changed(
    database: Database, key: int, session: bytes, positions: frozenset[int], *, sealed: int
) -> _Change:
    change = _Change()
    new = Numbers(sorted(p for p in positions if p >= sealed))
    for position, before, raw in database.rows(_TAIL, (key, new)) if new else ():
        change.tail[position] = change.tombstone(completed(raw, before), position)
    old = Numbers(sorted(p for p in positions if p < sealed))
    for values in database.rows(_SEGMENTS, (key, old)) if old else ():
        run = segment_of((*values, session))
        change.segments[run.base] = _rewritten(run, positions, change)
    return change


def _rewritten(run: Segment, positions: frozenset[int], change: _Change) -> bytes:
    if len(run.damaged) == run.count:
        name = frames.session_text(run.session)
        raise Corrupt(
            f"The segment of session {name} from entry {run.base} on can't be read at all; "
            "nothing was erased.",
            session_id=name,
            position=run.base,
        )
    stored: list[bytes] = []
    for index in range(run.count):
        raw = run.raw(index)
        if run.base + index in positions:
            raw = change.tombstone(raw, run.base + index)
        elif index in run.damaged:
            raw = _readable_or_blank(raw)
        stored.append(raw)
    return segments.build(run.session, base=run.base, stored=stored, is_checked=False)


def _readable_or_blank(raw: bytes) -> bytes:
    """A damaged entry as it is, unless even its lengths are wrong: then it may hold another's."""
    try:
        frames.parse_unchecked(raw)
    except Corrupt:
        return bytes(frames.HEAD_SIZE)
    return raw


def _swap(
    database: Database,
    number: int,
    seen: tuple[int, int],
    positions: frozenset[int],
    change: _Change,
) -> bool:
    """Put it in place; False: the session changed since it was read."""
    layouts = [layout_of(data) for data in change.segments.values()]
    numbers = [n for each in layouts for n in (each.entries, each.messages, each.heads_size)]
    key, changes = seen
    done = database.call(
        "journal_erase", FORMAT, number, key, changes, Numbers(change.tail),
        Blocks(change.tail.values()), Numbers(change.segments), Numbers(numbers),
        Blocks(change.segments.values()), Numbers(sorted(positions)), Numbers(change.messages),
        results=1,
    )  # fmt: skip
    return bool(done[0])


def vacuum(database: Database) -> None:
    """Let the server use the room of the rows that are gone. It does not overwrite them at once."""
    for table in ("journal_tail", "journal_segment", "journal_blob", "journal_session"):
        database.script(f"VACUUM (SKIP_LOCKED) {table}")
