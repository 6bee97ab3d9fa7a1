"""After an erase the text is nowhere: not in the file, its log, the segments, the blobs."""

import random

import pytest
from tests.rooms.journal.children import Child
from tests.rooms.journal.damage import flip, segment_regions

from novacore import journal
from novacore.journal import Config, NewEntry, Scope

pytestmark = pytest.mark.heavy

WORD = "018f0000-0000-7000-8000-0000000000"


def user(text):
    return {"role": "user", "content": text}


def mark(number):
    """A word that stands nowhere else, short enough to survive in a scrap of a page."""
    return f"SeCrEt{number:05d}z"


def found_in(folder, marks):
    """Which of these words stand in which files, as bytes."""
    marks = list(marks)
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {(word, name) for name, data in files.items() for word in marks if word.encode() in data}


def words_kept(folder, marks):
    return {word for word, _ in found_in(folder, marks)}


# Stories of appends after which SQLite, left to itself, keeps copies of rows that were deleted.
SEEDS = [(1, 64), (3, 3_000)]
SIZES = [1, 2, 5, 9, 20, 40, 60, 80, 100, 120, 200, 250, 300]


@pytest.mark.parametrize(("seed", "seal_entries"), SEEDS)
def test_no_byte_of_many_erased_entries_is_left_anywhere(quick_path, seed, seal_entries):
    """Many sessions side by side: pages split, cells move, segments merge and leave holes."""
    chance = random.Random(seed)
    config = Config(seal_entries=seal_entries, checkpoint_bytes=64 * 1024, blob_text_bytes=8192)
    store = journal.open_store(quick_path, config=config)
    sessions = [store.session(f"s{number}") for number in range(80)]
    places = {}
    for each in range(1_500):
        number = chance.randrange(80)
        size = chance.choice([1, *SIZES])
        done = sessions[number].append(user(mark(each) * size))
        places[mark(each)] = (number, done.positions[0])
    gone = chance.sample(range(80), 5)
    for number in gone[:3]:
        store.erase(sessions[number].id)
    for number in gone[3:]:
        at = [position for n, position in places.values() if n == number and position % 2]
        store.erase(sessions[number].id, positions=at)
    erased = {w for w, (n, at) in places.items() if n in gone[:3] or (n in gone and at % 2)}
    assert len(erased) > 70
    assert found_in(quick_path, erased) == set()
    assert words_kept(quick_path, places.keys() - erased) == places.keys() - erased
    assert store.verify().is_sound
    store.close()
    assert found_in(quick_path, erased) == set()


def test_the_name_of_an_erased_session_is_gone_too(quick_path):
    store = journal.open_store(quick_path)
    names = [mark(number) * 8 for number in range(150)]
    sessions = [store.session(name, workspace=f"/home/{name}") for name in names]
    for session in sessions[::3]:
        store.erase(session.id)
    gone = [mark(number) for number in range(0, 150, 3)]
    assert found_in(quick_path, gone) == set()
    assert len(words_kept(quick_path, map(mark, range(150)))) == 100
    store.close()


HOLDING = """
store = journal.open_store(folder, config=Config(seal_entries=4))
session = store.session("talk")
transcript = session.open()
before = transcript[0]["content"]
say("open", len(transcript))
wait()
say(len(session.open()), session.open().gaps == [0, 1, 2, 9], transcript[0]["content"] == before)
session.append(user("on"))
wait()
store.close()
"""


def test_it_is_gone_while_another_process_holds_the_store_open(quick_path):
    store = journal.open_store(quick_path, config=Config(seal_entries=4))
    session = store.session("talk")
    for number in range(10):
        session.append(user(mark(number) * 20))
    with Child(HOLDING, quick_path) as child:
        assert child.hear() == "open 10"
        store.erase(session.id, positions=[0, 1, 2, 9])
        erased = {mark(number) for number in (0, 1, 2, 9)}
        assert found_in(quick_path, erased) == set()
        child.tell()
        assert child.hear() == "6 True True"
        session.append(user("after"))
        assert found_in(quick_path, erased) == set()
        child.tell()
        child.end()
    assert found_in(quick_path, erased) == set()
    assert store.verify().is_sound
    store.close()


def test_a_blob_is_gone_unless_another_entry_of_the_owner_names_it(quick_path):
    store = journal.open_store(quick_path, config=Config(blob_text_bytes=4096))
    session = store.session("talk")
    other = store.for_owner(Scope(owner="other")).session("talk")
    for each, number in ((session, 1), (session, 1), (session, 2), (other, 2)):
        each.append(user(mark(number) * 1_000))
    folders = {path.parts[-3] for path in (quick_path / "blobs").rglob("?" * 64)}
    assert len(folders) == 2
    store.erase(session.id, positions=[0])
    assert words_kept(quick_path, [mark(1)]) == {mark(1)}
    store.erase(session.id, positions=[1, 2])
    assert words_kept(quick_path, [mark(1), mark(2)]) == {mark(2)}
    store.for_owner(Scope(owner="other")).erase_owner()
    assert found_in(quick_path, [mark(1), mark(2)]) == set()
    assert [path for path in (quick_path / "blobs").rglob("*") if path.is_file()] == []
    store.close()


def test_a_retry_of_an_erased_entry_brings_no_byte_back(quick_path):
    store = journal.open_store(quick_path, config=Config(blob_text_bytes=4096))
    session = store.session("talk")
    entries = [NewEntry(body=user(mark(n) * 1_000), id=f"{WORD}{n:02d}") for n in range(3)]
    session.append(*entries)
    store.erase(session.id, positions=[0, 1])
    assert session.append(*entries).is_retry
    assert session.append(*entries).is_retry
    assert words_kept(quick_path, map(mark, range(3))) == {mark(2)}
    assert session.open()[0]["content"] == mark(2) * 1_000
    store.close()


def test_a_refused_append_leaves_no_blob(quick_path):
    store = journal.open_store(quick_path, config=Config(blob_text_bytes=4096))
    session = store.session("talk")
    session.append(user("a"))
    with pytest.raises(journal.PositionConflict):
        session.append(user(mark(1) * 1_000), expected=0)
    assert found_in(quick_path, [mark(1)]) == set()
    store.close()


def test_erasing_beside_a_damaged_entry_leaves_that_one_damaged_not_wrong(quick_path):
    config = Config(seal_entries=6)
    store = journal.open_store(quick_path, config=config)
    session = store.session("talk")
    session.append(*(user(mark(number) * 9) for number in range(6)))
    store.close()
    begin, end = segment_regions(quick_path)["bodies"][0]
    body_bytes = (end - begin) // 6
    flip(quick_path / "segments.dat", begin + 2 * body_bytes + 40, 1)
    with journal.open_store(quick_path, config=config) as store:
        session = store.session("talk")
        assert session.open().damaged == [2]
        assert store.erase(session.id, positions=[4]) == 1
    with journal.open_store(quick_path, config=config) as store:
        transcript = store.session("talk").open()
        assert (transcript.damaged, transcript.gaps) == ([2], [4])
        with pytest.raises(journal.Corrupt) as caught:
            transcript.decode_all()
        assert caught.value.position == 2
        sound = [message["content"] for message in transcript.without_damage()]
        assert sound == [mark(number) * 9 for number in (0, 1, 3, 5)]
        assert [problem.position for problem in store.verify().problems if problem.position] == [2]
        assert store.erase(transcript.session_id, positions=[2]) == 1
        assert found_in(quick_path, [mark(2), mark(4)]) == set()
        assert [m["content"] for m in store.session("talk").open().without_damage()] == sound


def test_where_the_segment_files_rooms_overlap_nothing_is_erased_and_nothing_lost(quick_path):
    config = Config(seal_entries=3, segment_bytes_max=64 * 1024)
    store = journal.open_store(quick_path, config=config)
    sessions = [store.session(name) for name in "ab"]
    for number in range(12):
        for session in sessions:
            session.append(user(f"{number} " + "x" * 3_000))
    with store._core.engine._writing("damaging") as connection:
        connection.execute("UPDATE segment SET offset = offset + 64 WHERE key IN"
                           " (SELECT key FROM segment ORDER BY offset LIMIT 1)")  # fmt: skip
    with pytest.raises(journal.Corrupt, match="nova salvage"):
        store.erase(sessions[1].id)
    before = [dict(message) for message in sessions[1].open()]
    for number in range(12):
        sessions[1].append(user(f"more {number}"))
    assert [dict(message) for message in sessions[1].open()][:12] == before
    assert not store.verify().is_sound
    store.close()


def test_a_kill_between_commit_and_cleaning_is_finished_by_the_next_opening(quick_path):
    script = """
from novacore.journal import sqlite_room
store = journal.open_store(folder)
session = store.session("talk")
session.append(user(sys.argv[2]))
def die(_):
    os.kill(os.getpid(), signal.SIGKILL)
sqlite_room.scrub = die
store.erase(session.id, positions=[0])
""".replace("sys.argv[2]", repr(mark(1) * 9))
    with Child(script, quick_path) as child:
        child.process.wait(30)
    assert words_kept(quick_path, [mark(1)]) == {mark(1)}
    with journal.open_store(quick_path) as store:
        assert found_in(quick_path, [mark(1)]) == set()
        assert store.session("talk").open().gaps == [0]
        assert store.verify().is_sound
