"""Whatever is still readable comes out of a damaged directory; nothing erased does."""

import dataclasses
import json
import random
import shutil
import tempfile
from pathlib import Path

import apsw
import pytest
from tests.rooms.journal.damage import OTHER, flip, open_copy, segment_regions, user

from novacore import journal
from novacore.journal import NewEntry, Scope
from novacore.journal import frame as frames
from novacore.journal.salvage_finds import Finds
from novacore.journal.sqlite_pages import open_damaged, rows_of

pytestmark = pytest.mark.heavy

PAGE = 4096


def key_of(entry):
    return (
        entry.position,
        entry.id,
        entry.kind,
        entry.version,
        entry.said_at_us,
        entry.actor,
        entry.is_erased,
        entry.digest if entry.is_erased else dict(entry.body),
    )


def is_note(entry):
    return entry.kind == "state" and "lost" in entry.body


def contents(folder):
    """Every file with its bytes and times."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def damaged(tmp_path):
    return tmp_path / "damaged"


class Recovered:
    """A salvaged copy, compared with what there was."""

    def __init__(self, place, damaged, target):
        before = contents(damaged)
        self.report = journal.salvage(damaged, target)
        assert contents(damaged) == before
        assert [path.name for path in target.parent.glob(".*")] == []
        self.lost = []
        self.renamed = []
        self.target = target
        with open_copy(target) as store:
            assert store.verify(all_owners=True).is_sound
            for expected in place.expected:
                self._compare(store, expected)

    def _compare(self, store, expected):
        owners = [store.for_owner(scope) for scope in (Scope(), OTHER)]
        found = [each for each in (o.find_session(expected.info.id) for o in owners) if each]
        if not found:
            self.lost += [(expected.info.name, entry.position) for entry in expected.entries]
            return
        (session,) = found
        entries = list(session.open().entries)
        assert [entry.position for entry in entries] == list(range(len(entries)))
        for entry, old in zip(entries, expected.entries, strict=False):
            if is_note(entry):
                self.lost.append((expected.info.name, entry.position))
            else:
                assert key_of(entry) == key_of(old)
        for old in expected.entries[len(entries) :]:
            self.lost.append((expected.info.name, old.position))
        assert len(entries) <= len(expected.entries)
        if session.name != expected.info.name:
            self.renamed.append(session.name)
        else:
            assert session.workspace == expected.info.workspace
            assert session.info.parent_id == expected.info.parent_id
            assert session.info.forked_at == expected.info.forked_at


@pytest.fixture(params=["closed", "logged"])
def place(request, closed_place, logged_place):
    return closed_place if request.param == "closed" else logged_place


@pytest.fixture
def recover(damaged, tmp_path):
    def run(place):
        return Recovered(place, damaged, tmp_path / "new")

    return run


def test_a_sound_directory_is_recovered_whole(place, damaged, recover):
    place.copy(damaged)
    found = recover(place)
    assert (found.lost, found.renamed) == ([], [])
    assert found.report.is_complete
    assert found.report.entries == sum(
        len(e.entries) - (e.info.forked_at or 0) for e in place.expected
    )
    assert found.report.erased == 2
    assert list(found.report.lines())[-1] == "Nothing is lost."
    assert json.loads(json.dumps(dataclasses.asdict(found.report)))["gaps"] == []


def test_the_order_of_the_whole_journal_stays(place, damaged, tmp_path, recover):
    place.copy(damaged)
    recover(place)
    orders = []
    for folder in (damaged, tmp_path / "new"):
        with open_copy(folder) as store:
            orders.append([entry.id for entry in store.read(limit=1_000)])
    assert orders[0] == orders[1]


def test_a_smashed_file_header_costs_nothing(place, damaged, recover):
    place.copy(damaged)
    with (damaged / "journal.db").open("r+b") as file:
        file.write(random.Random(1).randbytes(100))
    found = recover(place)
    assert (found.lost, found.renamed) == ([], [])
    assert any("SQLite could not read" in problem for problem in found.report.problems)


def root_pages(path):
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())
    connection.close()
    return roots


def smash(path, page, content):
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content)


def test_smashed_roots_of_trees_lose_at_most_what_stood_on_them(closed_place, damaged, recover):
    closed_place.copy(damaged)
    path = damaged / "journal.db"
    for name, page in root_pages(path).items():
        if name != "session" and page > 1:
            smash(path, page, random.Random(page).randbytes(PAGE))
    found = recover(closed_place)
    assert found.renamed == []
    assert set(found.lost) <= tail_places(closed_place.folder)


def tail_places(folder):
    """Where the entries stand that are in no segment, or were not when the log began."""
    found = set()
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(folder, Path(place) / "copy")
        for option in ("", "?immutable=1"):
            connection = apsw.Connection(
                f"file:{copy / 'journal.db'}{option}",
                flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI,
            )
            found |= set(
                connection.execute(
                    "SELECT s.name, t.key & 0xffffffff FROM tail t"
                    " JOIN session s ON s.key = t.key >> 32"
                )
            )
            connection.close()
    return found


def test_lost_names_are_replaced_and_forks_found_by_the_chain(closed_place, damaged, recover):
    closed_place.copy(damaged)
    path = damaged / "journal.db"
    smash(path, root_pages(path)["session"], bytes(PAGE))
    found = recover(closed_place)
    assert found.lost == []
    assert len(found.renamed) == len(closed_place.expected) == found.report.unnamed
    assert all(name.startswith("recovered-") for name in found.renamed)
    (fork,) = (e for e in closed_place.expected if e.info.name == "fork")
    with open_copy(found.target) as store:
        info = store.find_session(fork.info.id).info
        assert (info.parent_id, info.forked_at) == (fork.info.parent_id, fork.info.forked_at)


@pytest.mark.parametrize("seed", range(6))
def test_random_pages_cost_at_most_what_stood_on_them(place, damaged, recover, seed):
    place.copy(damaged)
    path = damaged / "journal.db"
    draw = random.Random(seed)
    pages = path.stat().st_size // PAGE
    for page in draw.sample(range(1, pages + 1), k=min(pages, 4)):
        smash(path, page, draw.choice([bytes(PAGE), draw.randbytes(PAGE)]))
    found = recover(place)
    assert set(found.lost) <= tail_places(place.folder)


def test_a_range_of_zeros_in_the_segments_costs_the_entries_that_it_hits(
    closed_place, damaged, recover
):
    closed_place.copy(damaged)
    path = damaged / "segments.dat"
    begin, end = 2_000, 3_000
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(end - begin))
    found = recover(closed_place)
    assert 0 < len(found.lost) < 20
    assert found.renamed == []
    placed = {(gap.session, p) for gap in found.report.gaps for p in range(gap.first, gap.last + 1)}
    # A fork shows its parent's gaps as its own; the report names them once, in the parent.
    assert placed <= set(found.lost)
    assert {name for name, _ in placed} <= {e.info.name for e in closed_place.expected}
    assert found.report.lost == len(placed)
    assert found.report.unplaced == 0
    assert not found.report.is_complete
    assert "a note" in str(found.report) or "notes" in str(found.report)


def test_every_part_of_a_segment_can_be_flipped(closed_place, damaged, tmp_path):
    regions = segment_regions(closed_place.folder)
    allowed = {"prefix": 0, "head offsets": 0, "body offsets": 0, "message indexes": 0,
               "array head": 0, "hash": 0, "heads": 1, "bodies": 1}  # fmt: skip
    draw = random.Random(3)
    for label, ranges in regions.items():
        begin, end = draw.choice(ranges)
        closed_place.copy(damaged)
        flip(damaged / "segments.dat", draw.randrange(begin, end), 1 << draw.randrange(8))
        found = Recovered(closed_place, damaged, tmp_path / label.replace(" ", "-"))
        assert found.report.lost <= allowed[label], label


def test_without_the_main_file_the_segments_are_left(closed_place, damaged, recover):
    closed_place.copy(damaged)
    (damaged / "journal.db").unlink()
    found = recover(closed_place)
    assert set(found.lost) <= tail_places(closed_place.folder)
    assert found.report.unnamed > 0
    assert any("is missing" in problem for problem in found.report.problems)


def test_without_the_main_file_the_log_is_left(logged_place, damaged, recover):
    logged_place.copy(damaged)
    (damaged / "journal.db").unlink()
    found = recover(logged_place)
    assert set(found.lost) <= tail_places(logged_place.folder)
    assert found.renamed == []
    assert found.report.entries > 50


def test_without_main_file_and_segments_the_log_gives_what_it_has(logged_place, damaged, recover):
    logged_place.copy(damaged)
    (damaged / "journal.db").unlink()
    (damaged / "segments.dat").unlink()
    found = recover(logged_place)
    assert found.renamed == []
    assert found.report.entries > 0


@pytest.mark.parametrize("size", [0, 50, PAGE, 3 * PAGE + 100, 6 * PAGE])
def test_a_main_file_that_was_cut_gives_what_is_left(closed_place, damaged, recover, size):
    closed_place.copy(damaged)
    with (damaged / "journal.db").open("r+b") as file:
        file.truncate(size)
    found = recover(closed_place)
    assert set(found.lost) <= tail_places(closed_place.folder)


@pytest.mark.parametrize("seed", range(6))
def test_a_flip_in_the_log_hides_nothing_behind_it(logged_place, damaged, recover, seed):
    logged_place.copy(damaged)
    log = damaged / "journal.db-wal"
    at = random.Random(seed).randrange(log.stat().st_size // 4)
    flip(log, at, 0x10)
    found = recover(logged_place)
    assert (found.lost, found.renamed) == ([], [])


def test_a_smashed_log_header_hides_nothing(logged_place, damaged, recover):
    logged_place.copy(damaged)
    with (damaged / "journal.db-wal").open("r+b") as file:
        file.write(bytes(32))
    found = recover(logged_place)
    assert (found.lost, found.renamed) == ([], [])


def test_what_the_witness_saw_and_is_gone_is_counted(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        for number in range(5):
            session.append(user(str(number)))
        shutil.copytree(damaged, tmp_path / "live")
    live = tmp_path / "live"
    log = live / "journal.db-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size // 2)
    report = journal.salvage(live, tmp_path / "new")
    assert report.entries + report.lost == 5
    assert report.lost > 0
    if report.unplaced:
        assert "where they stood is not known" in str(report)
    (live / "witness").unlink()
    without = journal.salvage(live, tmp_path / "other")
    assert without.entries == report.entries
    assert any("witness" in problem for problem in without.problems)


def test_a_gap_is_filled_with_notes_and_positions_stay(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(*(user(f"{number} {'x' * 40}") for number in range(7)))
        reference = session.put_blob(b"kept")
        marks = [session.open().entries.raw(p)[:24] for p in (2, 3)]
    for name in ("journal.db", "segments.dat"):
        data = (damaged / name).read_bytes()
        for mark in marks:
            data = data.replace(mark[:8], bytes(8))
        (damaged / name).write_bytes(data)
    report = journal.salvage(damaged, tmp_path / "new")
    (gap,) = report.gaps
    assert (gap.session, gap.first, gap.last, gap.entries) == ("talk", 2, 3, 2)
    with open_copy(tmp_path / "new") as store:
        session = store.get_session("talk")
        assert [m["content"][0] for m in session.open()] == [*"01456"]
        assert [is_note(e) for e in session.open().entries][:5] == [False, False, True, True, False]
        assert session.get_blob(reference) == b"kept"


def test_what_was_erased_does_not_come_back_from_old_copies(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(user("keep"), user("secret one"), user("secret two"))
        other = store.session("secret name")
        other.append(user("secret three"))
        old = {name: (damaged / name).read_bytes() for name in ("journal.db", "journal.db-wal")}
        store.erase(session.id, positions=[1, 2])
        store.erase(other.id)
        copied = shutil.copytree(damaged, tmp_path / "live")
        for name, data in old.items():
            (copied / name).write_bytes(data)
    report = journal.salvage(copied, tmp_path / "new")
    assert report.erased == 3
    everything = b"".join(data for data, _ in contents(tmp_path / "new").values())
    assert b"secret" not in everything
    with open_copy(tmp_path / "new") as store:
        assert [info.name for info in store.list_sessions()] == ["talk"]
        assert store.get_session("talk").open().gaps == [1, 2]
        assert store.is_erased(other.id)
    erasures = (tmp_path / "new" / "erasures.jsonl").read_text()
    assert erasures.count(session.id) == 1


def test_a_damaged_list_of_erasures_is_told(tmp_path, closed_place, damaged):
    closed_place.copy(damaged)
    with (damaged / "erasures.jsonl").open("a") as file:
        file.write('{"at_us": 1, "sess')
    report = journal.salvage(damaged, tmp_path / "new")
    assert any("Line 2 of erasures.jsonl" in problem for problem in report.problems)


def test_a_lost_blob_costs_its_text_only(closed_place, damaged, tmp_path):
    closed_place.copy(damaged)
    flip(damaged / closed_place.blob(), 500, 1)
    report = journal.salvage(damaged, tmp_path / "new")
    (lost,) = report.texts
    assert (lost.session, lost.position) == ("alpha", 45)
    assert "a long text is lost" in str(report)
    with open_copy(tmp_path / "new") as store:
        entry = store.get_session("alpha").open().entries[lost.position]
        assert entry.body["role"] == "user"
        assert entry.body["content"].startswith("[lost: a long text, sha256:")
        assert store.verify().is_sound


def test_blobs_of_every_owner_are_found_although_owners_are_lost(tmp_path, damaged):
    long = "🦉" * 4_000
    with open_copy(damaged) as store:
        store.for_owner(OTHER).session("talk").append(user(long))
    path = damaged / "journal.db"
    smash(path, root_pages(path)["session"], bytes(PAGE))
    journal.salvage(damaged, tmp_path / "new")
    with open_copy(tmp_path / "new") as store:
        (info,) = store.list_sessions()
        assert store.get_session(info.id).open()[0]["content"] == long


def test_entries_on_a_page_with_a_smashed_head_are_found(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(*(user(str(number)) for number in range(4)), user("y" * 6_000))
        shutil.copytree(damaged, tmp_path / "live")
    live = tmp_path / "live"
    with open_damaged(live / "journal.db", live / "journal.db-wal", page_size=PAGE) as pages:
        holds_tail = [
            number
            for number, page in enumerate(pages.pages())
            if any(len(row.values) == 2 and type(row.values[1]) is bytes
                   for readings in rows_of(page) for row in readings)
        ]  # fmt: skip
        before = sum(1 for page in pages.pages()) - len(pages._images)
    with (live / "journal.db-wal").open("r+b") as file:
        for number in holds_tail:
            file.seek(32 + (number - before) * (24 + PAGE) + 24)
            file.write(bytes(8))
    report = journal.salvage(live, tmp_path / "new")
    assert (report.entries, report.lost) == (5, 0)


@pytest.mark.parametrize("where", ["source", "used", "file", "inside"])
def test_places_that_can_not_be_used_are_refused(closed_place, damaged, tmp_path, where):
    closed_place.copy(damaged)
    source, target = damaged, tmp_path / "new"
    if where == "source":
        source = tmp_path / "nothing"
    elif where == "used":
        target.mkdir()
        (target / "file").write_text("mine")
    elif where == "file":
        target.write_text("mine")
    else:
        target = damaged / "new"
    with pytest.raises(journal.StoreUnusable):
        journal.salvage(source, target)
    assert not (damaged / "new").exists()


def test_an_empty_folder_may_be_the_target(closed_place, damaged, tmp_path):
    closed_place.copy(damaged)
    (tmp_path / "new").mkdir()
    assert journal.salvage(damaged, tmp_path / "new").is_complete


def test_a_failure_leaves_nothing_behind(closed_place, damaged, tmp_path, monkeypatch):
    closed_place.copy(damaged)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(journal.StorageFailed, match="No space left"):
        journal.salvage(damaged, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged"]


def test_values_that_json_can_not_show_come_back_exactly(tmp_path, damaged):
    odd = {"role": "user", "n": -(10**40), "s": "\ud83d\ude00", "f": 1.0, "\udc00": [None]}
    with open_copy(damaged) as store:
        store.session("odd").append(NewEntry(body=odd, actor="ä", version=7, said_at_us=3))
    journal.salvage(damaged, tmp_path / "new")
    with open_copy(tmp_path / "new") as store:
        (entry,) = store.get_session("odd").open().entries
        assert dict(entry.body) == odd
        assert (entry.actor, entry.version, entry.said_at_us) == ("ä", 7, 3)


@pytest.mark.parametrize("order", ["body first", "tombstone first"])
def test_a_tombstone_wins_over_a_body_wherever_either_lay(tmp_path, order):
    with journal.open_memory() as store:
        session = store.session("talk")
        session.append(user("secret"))
        raw = session.open().entries.raw(0)
    tombstone = frames.erased(frames.parse(raw))
    puts = [(raw, True), (tombstone, False)]
    finds = Finds(tmp_path)
    for each, is_listed in puts if order == "body first" else reversed(puts):
        assert finds.put(each, is_listed=is_listed) is not None
    assert [found.is_erased for found in finds.in_order()] == [True]
    finds.close()


def change(folder, sql):
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.execute(sql)
    connection.close()


def lose(folder, *marks):
    """Destroy entries, named by their checksums, in every file."""
    for path in folder.iterdir():
        if path.is_file():
            data = path.read_bytes()
            for mark in marks:
                data = data.replace(mark[:8], bytes(8))
            path.write_bytes(data)


def test_sessions_without_entries_of_their_own_are_recovered(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(user("a"), user("b"))
        session.fork(at=1, name="branch")
        store.session("empty", workspace="/w")
    assert journal.salvage(damaged, tmp_path / "new").sessions == 3
    with open_copy(tmp_path / "new") as store:
        assert [m["content"] for m in store.get_session("branch").open()] == ["a"]
        assert store.get_session("empty").workspace == "/w"


def test_the_end_of_a_session_is_missed_where_its_row_remembers_it(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(*(user(str(number)) for number in range(5)))
        marks = [session.open().entries.raw(position) for position in (3, 4)]
    lose(damaged, *marks)
    report = journal.salvage(damaged, tmp_path / "new")
    assert [(gap.first, gap.last) for gap in report.gaps] == [(3, 4)]
    assert (report.entries, report.lost, report.unplaced) == (3, 2, 0)
    with open_copy(tmp_path / "new") as store:
        assert store.get_session("talk").open().position == 5


def test_a_row_that_promises_more_than_can_be_missing_is_not_believed(tmp_path, damaged):
    with open_copy(damaged) as store:
        store.session("talk").append(user("a"), user("b"))
    change(damaged, "UPDATE session SET entries = entries + 1000")
    change(damaged, "INSERT INTO entry SELECT 10000, key, 5000 FROM session")
    report = journal.salvage(damaged, tmp_path / "new")
    assert (report.entries, report.lost) == (2, 0)


def test_a_session_row_that_was_changed_is_not_believed(tmp_path, damaged):
    with open_copy(damaged) as store:
        store.session("talk", workspace="/w").append(user("a"))
    change(damaged, "UPDATE session SET name = 'walk'")
    report = journal.salvage(damaged, tmp_path / "new")
    assert (report.entries, report.unnamed) == (1, 1)
    with open_copy(tmp_path / "new") as store:
        assert store.list_sessions()[0].name.startswith("recovered-")


def test_a_fork_is_kept_although_its_parent_lost_what_they_shared(tmp_path, damaged):
    with open_copy(damaged) as store:
        session = store.session("talk")
        session.append(*(user(str(number)) for number in range(3)))
        session.fork(name="branch").append(user("on"))
        marks = [session.open().entries.raw(position) for position in (1, 2)]
    lose(damaged, *marks)
    report = journal.salvage(damaged, tmp_path / "new")
    assert [(gap.session, gap.first, gap.last) for gap in report.gaps] == [("talk", 1, 2)]
    with open_copy(tmp_path / "new") as store:
        assert [m["content"] for m in store.get_session("branch").open()] == ["0", "on"]
        assert store.get_session("branch").info.parent_id == session.id
