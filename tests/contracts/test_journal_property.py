"""Any sequence of appends, retries, forks, opens and erases equals a list of lists; every engine.

The model knows nothing of frames, segments or transactions: a session is a list of cells, a fork
begins with the same cells, an erase empties a cell.
"""

import dataclasses
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novacore import journal
from novacore.journal import ANY, NewEntry, Scope

OWNERS = (Scope(), Scope(owner="b"), Scope(tenant="b"))
LIMITS = {"blob_text_bytes": 4096, "open_transcripts_max": 3}


@dataclasses.dataclass
class Cell:
    """One entry: what was appended, and whether it was erased."""

    entry: NewEntry
    session: str
    sequence: int
    is_erased: bool = False

    @property
    def body(self):
        return {} if self.is_erased else self.entry.body


@dataclasses.dataclass
class Told:
    """One session of the model."""

    owner: Scope
    name: str
    handle: journal.JournalSession
    cells: list[Cell]
    is_erased: bool = False


class Model:
    """What a journal should hold, as plain lists; each step is done on both and compared."""

    def __init__(self, place):
        self.place = place
        self.limits = LIMITS | {"seal_entries": 3}
        self.store = place.open(**self.limits)
        self.sessions = []
        self.log = []
        self.ids = {}
        self.batches = []

    def owned(self, owner):
        return self.store.for_owner(owner)

    def pick(self, number):
        return self.sessions[number % len(self.sessions)] if self.sessions else None

    # Steps

    def create(self, owner, number):
        scope, name = OWNERS[owner], f"session {number}"
        handle = self.owned(scope).session(name)
        for told in self.sessions:
            if (told.owner, told.name) == (scope, name) and not told.is_erased:
                assert handle.id == told.handle.id
                return
        self.sessions.append(Told(scope, name, handle, []))

    def append(self, which, bodies, has_ids, expected):
        told = self.pick(which)
        if told is None:
            return
        entries = [
            NewEntry(
                body={"content": content, "pad": "é" * size},
                kind="message" if number % 4 else "note",
                id=str(uuid.uuid4()) if has_ids else None,
            )
            for number, (content, size) in enumerate(bodies, start=len(self.log))
        ]
        if has_ids:
            self.batches.append((told, entries))
        wanted = {"any": ANY, "right": len(told.cells), "wrong": len(told.cells) + 1}[expected]
        self.send(told, entries, wanted)

    def retry(self, which, change, other):
        if not self.batches:
            return
        told, entries = self.batches[which % len(self.batches)]
        if change == "content":
            entries = [dataclasses.replace(entries[0], body={"changed": True}), *entries[1:]]
        elif change == "part":
            entries = [*entries, NewEntry(body={"new": 1}, id=str(uuid.uuid4()))]
        elif change == "session":
            told = self.pick(other)
        self.send(told, entries, 0)

    def send(self, told, entries, expected):
        """Append on the journal and say what the model expects of it."""
        outcome = self.foresee(told, entries, expected)
        if isinstance(outcome, type):
            with pytest.raises(outcome):
                told.handle.append(*entries, expected=expected)
            return
        done = told.handle.append(*entries, expected=expected)
        if outcome is not None:
            assert (done.is_retry, list(done.positions)) == (True, outcome)
            return
        first = len(told.cells)
        assert not done.is_retry
        assert done.positions == tuple(range(first, first + len(entries)))
        for entry, sequence in zip(entries, done.sequences, strict=True):
            cell = Cell(entry, told.handle.id, sequence)
            told.cells.append(cell)
            self.log.append((told.owner, cell))
            if entry.id:
                self.ids[told.owner, entry.id] = cell

    def foresee(self, told, entries, expected):
        """An error's class, the positions of a retry, or None for new entries."""
        if isinstance(told.handle, Gone):
            return journal.SessionUnknown
        known = [self.ids.get((told.owner, entry.id)) for entry in entries if entry.id]
        found = [cell for cell in known if cell is not None]
        if found and len(found) < len(entries):
            return journal.IdConflict
        if found:
            positions = []
            for cell, entry in zip(found, entries, strict=True):
                at = next((i for i, each in enumerate(told.cells) if each is cell), None)
                is_same = cell.is_erased or cell.entry.body == entry.body
                if at is None or not is_same:
                    return journal.IdConflict
                positions.append(at)
            return positions
        if told.is_erased:
            return journal.SessionUnknown
        if expected not in (ANY, len(told.cells)):
            return journal.PositionConflict
        return None

    def fork(self, which, at, owner):
        told = self.pick(which)
        if told is None:
            return
        if told.is_erased:
            with pytest.raises(journal.SessionUnknown):
                told.handle.fork()
            return
        at %= len(told.cells) + 1
        # A key on a server opens one account: it forks into that one only.
        scope = told.owner if self.place.engine == "remote" else OWNERS[owner]
        name = f"fork {len(self.sessions)}"
        handle = told.handle.fork(at=at, name=name, scope=scope)
        self.sessions.append(Told(scope, name, handle, told.cells[:at]))

    def open(self, which, at):
        told = self.pick(which)
        if told is None or told.is_erased:
            return
        at %= len(told.cells) + 1
        compare(told.handle.open(at), told.cells[:at])

    def erase(self, which, numbers):
        told = self.pick(which)
        if told is None or told.is_erased or not told.cells:
            return
        positions = sorted({number % len(told.cells) for number in numbers})
        cells = [told.cells[position] for position in positions]
        mine = {each.handle.id for each in self.sessions if each.owner == told.owner}
        store = self.owned(told.owner)
        if any(cell.session not in mine for cell in cells):
            with pytest.raises(journal.EntryRefused):
                store.erase(told.handle.id, positions=positions)
            return
        count = sum(not cell.is_erased for cell in cells)
        assert store.erase(told.handle.id, positions=positions) == count
        for cell in cells:
            cell.is_erased = True

    def erase_session(self, which):
        told = self.pick(which)
        if told is not None and not told.is_erased:
            count = self.forget(told)
            assert self.owned(told.owner).erase(told.handle.id) == count

    def erase_owner(self, owner):
        mine = [told for told in self.sessions if told.owner == OWNERS[owner]]
        count = sum(self.forget(told) for told in mine if not told.is_erased)
        assert self.owned(OWNERS[owner]).erase_owner() == count

    def forget(self, told):
        own = [cell for cell in told.cells if cell.session == told.handle.id]
        count = sum(not cell.is_erased for cell in own)
        for cell in own:
            cell.is_erased = True
        told.is_erased = True
        return count

    def reopen(self, seal_entries):
        self.limits["seal_entries"] = seal_entries
        self.store = self.place.reopen(self.store, **self.limits)
        for told in self.sessions:
            if not told.is_erased:
                told.handle = self.owned(told.owner).get_session(told.handle.id)
            elif self.place.is_durable:
                told.handle = Gone(told.handle.id)

    # Comparison

    def compare_all(self):
        for told in self.sessions:
            if told.is_erased:
                with pytest.raises(journal.SessionUnknown):
                    told.handle.open()
            else:
                compare(told.handle.open(), told.cells)
                messages = sum(is_message(cell) for cell in told.cells)
                info = told.handle.info
                assert (info.entries, info.messages) == (len(told.cells), messages)
        for owner in OWNERS:
            mine = [cell for scope, cell in self.log if scope == owner]
            feed = self.owned(owner).read()
            assert [(e.sequence, dict(e.body)) for e in feed] == [
                (cell.sequence, cell.body) for cell in mine
            ]
            names = {t.name for t in self.sessions if t.owner == owner and not t.is_erased}
            assert {info.name for info in self.owned(owner).list_sessions()} == names
        report = self.store.verify(all_owners=True)
        assert list(report.problems) == []


class Gone:
    """An erased session after a restart: nothing leads to it any more."""

    def __init__(self, session_id):
        self.id = session_id

    def _refuse(self, *_, **__):
        raise journal.SessionUnknown(self.id)

    append = open = fork = _refuse


def is_message(cell):
    return cell.entry.kind == "message" and not cell.is_erased


def compare(transcript, cells):
    """A transcript holds exactly these cells, however it is asked."""
    assert transcript.position == len(transcript.entries) == len(cells)
    assert [dict(entry.body) for entry in transcript.entries] == [cell.body for cell in cells]
    assert [entry.position for entry in transcript.entries] == list(range(len(cells)))
    assert [entry.sequence for entry in transcript.entries] == [cell.sequence for cell in cells]
    assert [entry.kind for entry in transcript.entries] == [cell.entry.kind for cell in cells]
    messages = [cell.body for cell in cells if is_message(cell)]
    assert [dict(message) for message in transcript.decode_all()] == messages
    assert [dict(message) for message in transcript] == messages
    assert transcript.gaps == [i for i, cell in enumerate(cells) if cell.is_erased]
    assert list(transcript.message_positions) == [i for i, c in enumerate(cells) if is_message(c)]
    assert transcript.damaged == []


number = st.integers(0, 50)
owner = st.integers(0, len(OWNERS) - 1)
value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
body = st.tuples(value, st.sampled_from([0, 0, 0, 300, 3_000]))
"""What it says, and how long a text it carries."""
steps = st.one_of(
    st.tuples(st.just("create"), owner, st.integers(0, 3)),
    st.tuples(
        st.just("append"), number, st.lists(body, min_size=1, max_size=4), st.booleans(),
        st.sampled_from(["any", "any", "right", "wrong"]),
    ),
    st.tuples(
        st.just("append"), number, st.lists(body, min_size=1, max_size=2), st.just(True),
        st.just("any"),
    ),
    st.tuples(
        st.just("retry"), number, st.sampled_from(["", "", "content", "part", "session"]), number
    ),
    st.tuples(st.just("fork"), number, number, owner),
    st.tuples(st.just("open"), number, number),
    st.tuples(st.just("erase"), number, st.lists(number, max_size=3)),
    st.sampled_from(
        [("erase_session", 1), ("erase_owner", 1), ("reopen", 2), ("reopen", 4), ("reopen", 3)]
    ),
)  # fmt: skip
BEGINNING = [("create", 0, 0), ("create", 1, 0), ("create", 0, 1)]


def play(place, story):
    """Do the steps on a new journal and on the model."""
    model = Model(place)
    for name, *arguments in [*BEGINNING, *story]:
        getattr(model, name)(*arguments)
    model.compare_all()
    model.reopen(2)
    model.compare_all()


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(steps, min_size=5, max_size=30))
def test_any_sequence_of_steps_equals_the_plain_lists(place, story):
    try:
        play(place, story)
    finally:
        place.clear()
