"""An exact copy made in PostgreSQL: its standing, its sessions and entries as they were there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from novacore.journal import frame as frames
from novacore.journal import postgres_create, postgres_read
from novacore.journal import standing as standings
from novacore.journal.copy_plan import CopyPlan
from novacore.journal.errors import SessionUnknown, StoreUnusable
from novacore.journal.frame import Frame
from novacore.journal.plan import Head
from novacore.journal.postgres_append import Touched
from novacore.journal.postgres_connect import FORMAT, Blocks, Database, Numbers
from novacore.journal.store import SessionRow

_CHAIN = slice(128, 160)
_STANDING = "SELECT standing, sequence FROM journal_head"


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What a stretch added."""

    sequence: int
    """The last one that the copy holds now."""
    touched: Sequence[Touched]


def standing(database: Database) -> str:
    """The store's standing, see `standing.py`."""
    return postgres_read.text(database.rows(_STANDING)[0][0])


def set_standing(database: Database, new: str) -> None:
    """Change it: every append that comes later is refused, or not any more."""
    database.call("journal_set_standing", new.encode(), None, None, False, results=3)


def begin(database: Database, journal: bytes) -> None:
    """See `Engine.begin_copy`."""
    found, is_empty, is_same = database.call(
        "journal_set_standing", standings.COPYING.encode(), journal, None, True, results=3
    )
    standings.check_begin(postgres_read.text(found), is_empty=is_empty, is_same=is_same)


def end(database: Database, epoch: int) -> None:
    """See `Engine.end_copy`."""
    standings.check_copying(standing(database))
    database.call("journal_set_standing", b"", None, epoch, False, results=3)


@dataclass
class _Stretch:
    """Where the sessions of a stretch end: as the database has them, or as they are to begin."""

    database: Database
    new: dict[bytes, SessionRow] = field(default_factory=dict[bytes, SessionRow])
    begun: dict[bytes, tuple[int, bytes]] = field(default_factory=dict[bytes, tuple[int, bytes]])
    """Of each new session: (messages that it shares, the chain hash after them)."""
    chains: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """The chain hash before the next entry of a session."""

    def take_in(self, row: SessionRow) -> None:
        """Add a session that is not there yet; its parent is there, or was added before."""
        messages, chain = 0, frames.ROOT_CHAIN
        if row.parent is not None and row.parent in self.begun:
            messages, chain = self.begun[row.parent]
            if row.forked_at != self.new[row.parent].forked_at:
                raise SessionUnknown(frames.session_text(row.parent))
        elif row.parent is not None:
            parent = postgres_read.load(self.database, row.parent, known=None)
            messages, chain = postgres_create.shared(parent.parts, row.forked_at, row.parent)
        self.new[row.id] = standings.copied_row(row)
        self.begun[row.id] = (messages, chain)

    def head(self, session: bytes) -> Head:
        """See `LookUp.head`."""
        row = self.new.get(session)
        if row is None:
            found = postgres_read.head(self.database, session)
        else:
            messages, chain = self.begun[session]
            found = Head(
                session=session, scope=(row.tenant, row.owner), position=row.forked_at,
                chain=chain, messages=messages, ancestors={},
            )  # fmt: skip
        self.chains[session] = found.chain
        return found

    def find_entry(self, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
        """See `LookUp.find_entry`."""
        return postgres_read.find_entry(self.database, scope, entry_id)


def add(database: Database, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> Added:
    """See `Engine.add_copied`."""
    found, sequence = database.rows(_STANDING)[0]
    standings.check_copying(postgres_read.text(found))
    stretch = _Stretch(database)
    ids = Blocks({row.id for row in sessions})
    known = {
        row[0]
        for row in database.rows("SELECT id FROM journal_session WHERE id = ANY (%s)", (ids,))
    }
    for row in sessions:
        if row.id not in known:
            stretch.take_in(row)
    plan = CopyPlan(stretch, sequence)
    plan.add_all(stored)
    if stretch.new or plan.planned:
        done = database.call(
            "journal_add_copied", FORMAT, sequence, *_new_sessions(stretch),
            *_entries(plan, stretch), *_heads(plan), *_blobs(plan), plan.recorded_at_us, results=1,
        )  # fmt: skip
        if not done[0]:
            raise StoreUnusable("Another program is writing to this copy.")
    return Added(
        sequence=plan.sequence,
        touched=[
            Touched(session=h.session, unsealed=h.position - h.sealed, tail_bytes=h.tail_bytes)
            for h in plan.touched.values()
        ],
    )


def _new_sessions(stretch: _Stretch) -> tuple[object, ...]:
    rows = list(stretch.new.values())
    scopes = [postgres_read.scope_digest(row.tenant, row.owner) for row in rows]
    names = [
        b"" if row.is_erased else postgres_read.name_digest(scope, row.workspace, row.name)
        for row, scope in zip(rows, scopes, strict=True)
    ]
    numbers = [
        (row.created_at_us, row.updated_at_us, row.forked_at, stretch.begun[row.id][0],
         int(row.is_erased))
        for row in rows
    ]  # fmt: skip
    return (
        Blocks(row.id for row in rows),
        Blocks(scopes),
        Blocks(names),
        Blocks(text for row in rows for text in postgres_create.texts_of(row)),
        Numbers(number for each in numbers for number in each),
        Blocks(stretch.begun[row.id][1] for row in rows),
        Blocks(row.parent or b"" for row in rows),
    )


def _entries(plan: CopyPlan, stretch: _Stretch) -> tuple[object, ...]:
    before = Blocks()
    for item in plan.planned:
        session = item.head.session
        before.append(stretch.chains[session])
        stretch.chains[session] = item.stored[_CHAIN]
    return (
        Blocks(item.head.session for item in plan.planned),
        Numbers(n for item in plan.planned for n in (item.sequence, item.position)),
        Blocks(item.id for item in plan.planned),
        before,
        Blocks(item.stored for item in plan.planned),
    )


def _heads(plan: CopyPlan) -> tuple[object, ...]:
    heads = list(plan.touched.values())
    messages = dict.fromkeys(plan.touched, 0)
    sizes = dict.fromkeys(plan.touched, 0)
    for item in plan.planned:
        messages[item.head.session] += item.stored[frames.FLAGS_AT] & frames.IS_MESSAGE
        sizes[item.head.session] += len(item.stored)
    numbers = [
        number
        for h in heads
        for number in (h.position, messages[h.session], sizes[h.session], h.updated_at_us)
    ]
    return (
        Blocks(h.session for h in heads),
        Numbers(numbers),
        Blocks(h.chain for h in heads),
    )


def _blobs(plan: CopyPlan) -> tuple[object, ...]:
    return (
        Blocks(head.session for head, _, _ in plan.blobs),
        Numbers(position for _, position, _ in plan.blobs),
        Blocks(digest for _, _, digest in plan.blobs),
    )
