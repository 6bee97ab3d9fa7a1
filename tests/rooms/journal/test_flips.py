"""A changed byte is found and named, never read as something else, and hides nothing more.

Every flip is done on a copy of its own. Seeded: a failure names file, region, offset and mask.
"""

import random

import pytest
from tests.rooms.journal.damage import (
    OTHER,
    database_regions,
    flip,
    open_copy,
    sample,
    segment_regions,
)

from novacore import journal
from novacore.journal import NewEntry, Scope
from novacore.kit import NovaError

pytestmark = pytest.mark.heavy

SEED = 20_261


class Finding:
    """What a damaged copy showed of itself."""

    def __init__(self):
        self.refusals = []
        self.problems = []
        self.hit = set()

    @property
    def is_noticed(self):
        return bool(self.refusals or self.problems)


def examine(folder, place):
    """Open a copy, read all of it in every way, verify; fails where it lies."""
    found = Finding()
    try:
        store = open_copy(folder)
    except NovaError as error:
        must_say_what_to_do(error)
        found.refusals.append(error)
        return found
    try:
        for expected in place.expected:
            read_one(store, expected, found)
        report = store.verify(all_owners=True)
        found.problems = list(report.problems)
        assert report.is_sound == (not found.problems)
    finally:
        store.close()
    if found.hit or found.refusals:
        assert found.problems, "verify finds nothing where reading did"
    named = {(problem.session_id, problem.position) for problem in found.problems}
    assert found.hit <= named
    return found


def must_say_what_to_do(error):
    assert not isinstance(error, journal.Corrupt) or "nova salvage" in str(error), str(error)


def must_name_one_of(error, places):
    assert (error.session_id, error.position) in places, str(error)


def read_one(store, expected, found):
    """One session: each entry is what was written, or says that it is damaged."""
    mine = store.for_owner(expected.scope)
    try:
        listed = [info for info in mine.list_sessions() if info.id == expected.info.id]
        transcript = mine.get_session(expected.info.id).open()
    except NovaError as error:
        must_say_what_to_do(error)
        found.refusals.append(error)
        return
    if listed != [expected.info]:
        found.refusals.append("another listing")
    damaged = read_entries(transcript, expected)
    found.hit |= damaged
    places = {position for _, position in damaged}
    sound = [
        dict(entry.body)
        for entry in expected.entries
        if entry.kind == "message" and not entry.is_erased and entry.position not in places
    ]
    assert [dict(message) for message in transcript.without_damage()] == sound
    assert [dict(m) for m in transcript.without_damage().decode_all()] == sound
    try:
        assert [dict(message) for message in transcript.decode_all()] == expected.messages
    except journal.Corrupt as error:
        must_name_one_of(error, damaged)


def read_entries(transcript, expected):
    """(session, position) of the entries that say they are damaged; the others must be right."""
    assert transcript.position == len(expected.entries)
    damaged = set()
    for entry in expected.entries:
        try:
            assert transcript.entries[entry.position] == entry
        except journal.Corrupt as error:
            must_name_one_of(error, {(entry.session_id, entry.position)})
            must_say_what_to_do(error)
            damaged.add((error.session_id, error.position))
    return damaged


def flipped(place, target, name, offset, mask):
    flip(place.copy(target) / name, offset, mask)
    return examine(target, place)


def test_the_undamaged_copy_shows_nothing(closed_place, logged_place, quick_path):
    for place in (closed_place, logged_place):
        found = examine(place.copy(quick_path / "copy"), place)
        assert not found.is_noticed


def regions_of(place, name):
    if name == "segments.dat":
        return segment_regions(place.folder)
    if name == "journal.db":
        return database_regions(place.folder / "journal.db")
    return {name: [(0, (place.folder / name).stat().st_size)]}


# What only SQLite reads, and reads the same with another bit there.
INDIFFERENT = ("file header", "record", "unused")


@pytest.mark.parametrize("part", range(4))
def test_a_flip_in_the_main_file_is_noticed(closed_place, quick_path, part):
    regions = regions_of(closed_place, "journal.db")
    for number, (label, offset, mask) in enumerate(sample(regions, each=5, seed=SEED)):
        if number % 4 != part:
            continue
        place = f"{label} at byte {offset}, mask {mask}"
        try:
            found = flipped(closed_place, quick_path / "copy", "journal.db", offset, mask)
        except AssertionError as error:
            raise AssertionError(place) from error
        assert found.is_noticed or label.endswith(INDIFFERENT), place


def test_a_flip_in_an_unused_byte_of_the_main_file_changes_nothing(closed_place, quick_path):
    used = [span for spans in regions_of(closed_place, "journal.db").values() for span in spans]
    free = [
        at
        for at in range(0, (closed_place.folder / "journal.db").stat().st_size, 331)
        if not any(begin <= at < end for begin, end in used)
    ]
    assert len(free) > 50
    for at in free[::4]:
        found = flipped(closed_place, quick_path / "copy", "journal.db", at, 16)
        assert found.hit == set(), at
        assert found.refusals == [], at


@pytest.mark.parametrize("part", range(2))
def test_a_flip_in_a_segment_names_its_entries_or_its_tables(closed_place, quick_path, part):
    regions = segment_regions(closed_place.folder)
    assert len(regions) == 8
    for number, (label, offset, mask) in enumerate(sample(regions, each=12, seed=SEED)):
        if number % 2 != part:
            continue
        found = flipped(closed_place, quick_path / "copy", "segments.dat", offset, mask)
        place = f"{label} at byte {offset}, mask {mask}"
        assert found.problems, place
        assert all(problem.session_id for problem in found.problems), place
        if label in ("heads", "bodies"):
            assert len({position for _, position in found.hit}) == 1, place
        else:
            assert found.hit == set(), place


def test_a_flip_in_the_newest_entries_names_the_one_it_hit(closed_place, quick_path):
    regions = {"tail": regions_of(closed_place, "journal.db")["tail column 1"]}
    for _, offset, mask in sample(regions, each=20, seed=SEED):
        found = flipped(closed_place, quick_path / "copy", "journal.db", offset, mask)
        assert len(found.hit) == 1, offset


def test_a_flip_in_the_log_is_a_journal_that_ends_too_early(logged_place, quick_path):
    size = (logged_place.folder / "journal.db-wal").stat().st_size
    for _, offset, mask in sample({"log": [(0, size)]}, each=40, seed=SEED):
        found = flipped(logged_place, quick_path / "copy", "journal.db-wal", offset, mask)
        assert [type(error) for error in found.refusals] == [journal.Corrupt], offset
        assert "acknowledged entries are missing" in str(found.refusals[0])


def test_a_refused_store_keeps_its_log_for_salvage(logged_place, quick_path):
    folder = logged_place.copy(quick_path / "copy")
    flip(folder / "journal.db-wal", 70_000, 1)
    before = {name: (folder / name).read_bytes() for name in ("journal.db", "journal.db-wal")}
    for _ in range(2):
        with pytest.raises(journal.Corrupt):
            open_copy(folder)
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_flip_in_a_blob_names_the_entry(closed_place, quick_path):
    name = closed_place.blob()
    size = (closed_place.folder / name).stat().st_size
    for _, offset, mask in sample({"blob": [(0, size)]}, each=10, seed=SEED):
        found = flipped(closed_place, quick_path / "copy", name, offset, mask)
        assert len({position for _, position in found.hit}) == 1, offset


def test_a_missing_blob_names_the_entry(closed_place, quick_path):
    folder = closed_place.copy(quick_path / "copy")
    (folder / closed_place.blob()).unlink()
    found = examine(folder, closed_place)
    assert {position for _, position in found.hit} == {45}


def test_a_flip_in_the_witness_is_noted_and_hides_nothing(closed_place, quick_path):
    regions = {"slots": [(0, 72), (4_096, 4_168)]}
    for _, offset, mask in sample(regions, each=24, seed=SEED):
        found = flipped(closed_place, quick_path / "copy", "witness", offset, mask)
        assert (found.hit, found.refusals) == (set(), []), offset
        assert "witness" in found.problems[0].what, offset


def test_two_flips_in_two_sessions_name_two_entries(closed_place, quick_path):
    regions = segment_regions(closed_place.folder)["bodies"]
    folder = closed_place.copy(quick_path / "copy")
    for begin, _ in (regions[0], regions[-1]):
        flip(folder / "segments.dat", begin + 20, 4)
    found = examine(folder, closed_place)
    assert len({session for session, _ in found.hit}) == 2


def test_the_feed_names_a_damaged_entry_and_another_owners_feed_goes_on(closed_place, quick_path):
    folder = closed_place.copy(quick_path / "copy")
    tail = regions_of(closed_place, "journal.db")["tail column 1"]
    segment = segment_regions(closed_place.folder)["bodies"]
    flip(folder / "journal.db", tail[0][1] - 3, 1)
    with open_copy(folder) as store:
        damaged = [p for p in store.verify(all_owners=True).problems if p.position is not None]
        with pytest.raises(journal.Corrupt) as caught:
            store.for_owner(Scope()).read(limit=10_000)
        assert (caught.value.session_id, caught.value.position) == (
            damaged[0].session_id, damaged[0].position,
        )  # fmt: skip
        assert len(store.for_owner(OTHER).read()) == 12
    flip(folder / "segments.dat", segment[0][1] - 3, 1)
    with open_copy(folder) as store:
        assert len(store.for_owner(OTHER).read()) == 12


def test_a_damaged_entry_can_not_be_retried_as_if_it_were_sound(closed_place, quick_path):
    folder = closed_place.copy(quick_path / "copy")
    expected = next(each for each in closed_place.expected if each.info.name == "gamma")
    tail = regions_of(closed_place, "journal.db")["tail column 1"]
    entry = expected.entries[1]
    again = NewEntry(
        body=dict(entry.body), id=entry.id, kind=entry.kind, actor=entry.actor, version=1
    )
    with open_copy(folder) as store:
        assert store.get_session(expected.info.id).append(again).is_retry
    for begin, end in tail:
        flip(folder / "journal.db", (begin + end) // 2, 1)
    with open_copy(folder) as store:
        session = store.get_session(expected.info.id)
        with pytest.raises(journal.Corrupt) as caught:
            session.append(again)
        assert (caught.value.session_id, caught.value.position) == (session.id, 1)
        assert session.append({"role": "user", "content": "on"}).positions == (5,)


def test_pages_that_are_mixed_up_are_never_read_as_something_else(closed_place, quick_path):
    chance = random.Random(SEED)
    for _ in range(60):
        path = closed_place.copy(quick_path / "copy") / "journal.db"
        data = bytearray(path.read_bytes())
        one, other = (4096 * chance.randrange(len(data) // 4096) for _ in range(2))
        if chance.random() < 0.3:
            data[one : one + 512] = chance.randbytes(512)
        else:
            data[one : one + 4096] = data[other : other + 4096]
        path.write_bytes(data)
        examine(quick_path / "copy", closed_place)


# Cut files


@pytest.mark.parametrize("part", [0, 0.1, 0.35, 0.6, 0.9, 0.999])
def test_a_cut_main_file_is_corrupt_and_crashes_nothing(closed_place, quick_path, part):
    folder = closed_place.copy(quick_path / "copy")
    path = folder / "journal.db"
    size = int(path.stat().st_size * part)
    with path.open("r+b") as file:
        file.truncate(size)
    found = examine(folder, closed_place)
    assert found.is_noticed
    assert any(isinstance(error, journal.Corrupt) for error in found.refusals) or found.problems


@pytest.mark.parametrize("part", [0, 0.3, 0.99])
def test_a_cut_log_is_a_journal_that_ends_too_early(logged_place, quick_path, part):
    folder = logged_place.copy(quick_path / "copy")
    path = folder / "journal.db-wal"
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * part))
    found = examine(folder, logged_place)
    assert isinstance(found.refusals[0], journal.Corrupt)


@pytest.mark.parametrize("part", [0, 0.2, 0.7, 0.999])
def test_a_cut_segment_file_names_the_entries_that_are_gone(closed_place, quick_path, part):
    folder = closed_place.copy(quick_path / "copy")
    end = max(end for spans in segment_regions(folder).values() for _, end in spans)
    with (folder / "segments.dat").open("r+b") as file:
        file.truncate(int(end * part))
    found = examine(folder, closed_place)
    assert found.problems


@pytest.mark.parametrize(
    "name", ["journal.db", "journal.db-wal", "segments.dat", "witness"], ids=str
)
def test_a_missing_file_is_noticed_and_not_made_anew(logged_place, quick_path, name):
    folder = logged_place.copy(quick_path / "copy")
    (folder / name).unlink()
    found = examine(folder, logged_place)
    assert found.is_noticed or name == "witness"


def test_an_open_store_survives_that_its_files_are_cut(closed_place, quick_path):
    folder = closed_place.copy(quick_path / "copy")
    store = open_copy(folder)
    session = store.session("alpha", workspace="w")
    session.open()
    for name in ("journal.db", "segments.dat"):
        with (folder / name).open("r+b") as file:
            file.truncate(5_000)
    noticed = 0
    for call in (
        lambda: session.append({"role": "user"}),
        lambda: store.session("beta", workspace="w").open().decode_all(),
        store.list_sessions,
        store.read,
        lambda: store.verify().is_sound,
    ):
        try:
            noticed += call() is False
        except NovaError as error:
            noticed += 1
            must_say_what_to_do(error)
    assert noticed
    try:
        store.close()
    except NovaError as error:
        must_say_what_to_do(error)
