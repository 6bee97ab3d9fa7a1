"""Several processes, and many threads, on one data directory."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.rooms.journal.children import Child

from novacore import journal
from novacore.journal import Config, NewEntry

pytestmark = pytest.mark.heavy

CONFIG = Config(seal_entries=3, checkpoint_bytes=64 * 1024)


def user(text):
    return {"role": "user", "content": text}


def texts(session):
    return [message["content"] for message in session.open()]


APPENDING = """
store = journal.open_store(folder, config=Config(seal_entries=3, checkpoint_bytes=64 * 1024))
session, own = store.session("shared"), store.session(sys.argv[2])
say("ready")
wait()
for number in range(60):
    session.append(user(f"{sys.argv[2]} {number}"))
    own.append(user(f"own {number}"))
store.close()
"""


def test_appends_of_four_processes_interleave_and_none_is_lost(tmp_path):
    names = ["red", "green", "blue", "white"]
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(Child(APPENDING.replace("sys.argv[2]", repr(name)), tmp_path))
            for name in names
        ]
        for child in children:
            assert child.hear() == "ready"
        for child in children:
            child.tell()
        for child in children:
            child.end()
    with journal.open_store(tmp_path) as store:
        found = texts(store.session("shared"))
        assert len(found) == 240
        for name in names:
            mine = [text for text in found if text.startswith(name)]
            assert mine == [f"{name} {number}" for number in range(60)]
            assert texts(store.session(name)) == [f"own {number}" for number in range(60)]
        feed = store.read(limit=1_000)
        assert [entry.sequence for entry in feed] == list(range(1, 481))
        assert [e.recorded_at_us for e in feed] == sorted(e.recorded_at_us for e in feed)
        assert store.verify().is_sound


WATCHING = """
store = journal.open_store(folder)
session = store.session("talk")
say("ready", len(session.open()))
while wait() != "end":
    transcript = session.open()
    say(len(transcript), transcript[-1]["content"], len(store.read()))
store.close()
"""


def test_a_reader_in_another_process_sees_each_append_at_once(tmp_path):
    with journal.open_store(tmp_path, config=CONFIG) as store:
        session = store.session("talk")
        with Child(WATCHING, tmp_path) as child:
            assert child.hear() == "ready 0"
            for number in range(12):
                session.append(user(f"word{number}"))
                child.tell("look")
                assert child.hear() == f"{number + 1} word{number} {number + 1}"
            child.tell("end")
            child.end()


ANSWERING = """
store = journal.open_store(folder, config=Config(seal_entries=3))
session = store.session("talk")
say("ready")
while wait() != "end":
    say(session.append(user("theirs")).positions[0])
store.close()
"""


def test_an_open_transcript_is_refreshed_after_another_process_wrote(tmp_path):
    with journal.open_store(tmp_path, config=CONFIG) as store, Child(ANSWERING, tmp_path) as child:
        session = store.session("talk")
        assert child.hear() == "ready"
        for number in range(0, 20, 2):
            assert session.append(user("ours")).positions == (number,)
            before = session.open()
            child.tell()
            assert child.hear() == str(number + 1)
            assert texts(session) == ["ours", "theirs"] * (number // 2 + 1)
            assert len(before) == number + 1
        with pytest.raises(journal.PositionConflict):
            session.append(user("late"), expected=19)
        assert session.append(user("right"), expected=20).positions == (20,)
        child.tell("end")
        child.end()


def test_a_retry_is_known_in_another_process(tmp_path):
    entry_id = "018f0000-0000-7000-8000-000000000001"
    script = f"""
store = journal.open_store(folder)
done = store.session("talk").append(NewEntry(body=user("a"), id="{entry_id}"))
say(done.is_retry, done.positions)
store.close()
"""
    with journal.open_store(tmp_path) as store:
        store.session("talk").append(NewEntry(body=user("a"), id=entry_id))
        with Child(script, tmp_path) as child:
            assert child.end() == ["True (0,)"]


CREATING = """
say("ready")
wait()
store = journal.open_store(folder)
session = store.session("talk")
session.append(user("x"))
say(session.id)
store.close()
"""


def test_processes_that_make_the_store_together_make_one(tmp_path):
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(CREATING, tmp_path / "new")) for _ in range(4)]
        for child in children:
            child.hear()
        for child in children:
            child.tell()
        assert len({child.hear() for child in children}) == 1
        for child in children:
            child.end()
    with journal.open_store(tmp_path / "new") as store:
        assert len(store.session("talk").open()) == 4
        assert store.verify().is_sound


def test_verify_and_reading_see_no_damage_while_another_process_merges_segments(tmp_path):
    script = """
store = journal.open_store(folder, config=Config(seal_entries=2, segment_bytes_max=65536))
sessions = [store.session(name) for name in "abc"]
say("ready")
stop = threading.Event()
threading.Thread(target=lambda: (wait(), stop.set()), daemon=True).start()
number = 0
while not stop.is_set():
    sessions[number % 3].append(user(f"{number} " + "x" * 900))
    if number % 40 == 39:
        store.erase(sessions[0].id, positions=[number // 40])
    number += 1
store.close()
"""
    with journal.open_store(tmp_path) as store, Child(script, tmp_path) as child:
        assert child.hear() == "ready"
        until = time.monotonic() + 2
        rounds = 0
        while time.monotonic() < until or rounds < 3:
            assert list(store.verify().problems) == []
            for name in "abc":
                transcript = store.session(name).open()
                assert transcript.damaged == []
                found = [int(m["content"].split()[0]) for m in transcript.decode_all()]
                assert found == sorted(found)
            sequences = [entry.sequence for entry in store.read(limit=10_000)]
            assert sequences == list(range(1, len(sequences) + 1))
            rounds += 1
        child.tell()
        child.end()


def test_a_segment_that_is_merged_away_while_it_is_read_is_looked_up_again(tmp_path):
    """Another process merges, and uses the room again, between the index and the segment file."""
    small = Config(seal_entries=2, segment_bytes_max=64 * 1024)
    with (
        journal.open_store(tmp_path, config=small) as store,
        journal.open_store(tmp_path, config=small) as other,
    ):
        for number in range(10):
            store.session("talk").append(user(f"{number} " + "x" * 500))
        segments = store._core.engine._segments
        read, overwritten = segments.read, []

        def read_late(offset, size):
            before = read(offset, size)
            if len(overwritten) < 2:
                overwritten.append(False)
                for number in range(40):
                    other.session("talk").append(user(f"more {number} " + "y" * 500))
                    other.session(f"new {number % 3}").append(user("z" * 300))
                overwritten[-1] = read(offset, size) != before
            return read(offset, size)

        segments.read = read_late
        transcript = store.session("talk").open()
        assert overwritten[0]
        assert transcript.damaged == []
        assert [m["content"][0] for m in transcript[:10]] == [*"0123456789"]
        assert [entry.position for entry in transcript.entries] == list(range(len(transcript)))


def test_closing_waits_for_a_read_under_way(tmp_path):
    store = journal.open_store(tmp_path)
    store.session("talk")
    closing = threading.Thread(target=store.close)
    with store._core.engine._readers.reading() as connection:
        closing.start()
        closing.join(0.1)
        assert closing.is_alive()
        assert connection.execute("SELECT count(*) FROM session").get == 1
    closing.join(30)
    assert not closing.is_alive()


BUSY = """
store = journal.open_store(folder)
stop = threading.Event()
counts = [0] * 12
def talk(number):
    session = store.session(f"{os.getpid()} {number}")
    while not stop.is_set():
        session.append(user("x" * 200))
        counts[number] += 1
threads = [threading.Thread(target=talk, args=(number,)) for number in range(len(counts))]
say("ready")
wait()
for thread in threads:
    thread.start()
wait()
stop.set()
for thread in threads:
    thread.join()
say(min(counts), sum(counts))
store.close()
"""


def test_no_process_and_no_caller_starves_beside_busy_ones(tmp_path):
    """Only that all get on; how evenly is measured by `python -m benchmarks.fairness`."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(BUSY, tmp_path)) for _ in range(4)]
        for child in children:
            child.hear()
        for child in children:
            child.tell()
        time.sleep(1.5)
        for child in children:
            child.tell()
        said = [[int(word) for word in child.hear().split()] for child in children]
        for child in children:
            child.end()
    assert min(least for least, _ in said) > 0
    assert min(total for _, total in said) * 10 > max(total for _, total in said)


def test_threads_that_create_append_read_and_erase_at_once_never_get_in_each_others_way(tmp_path):
    store = journal.open_store(tmp_path, config=CONFIG)

    def talk(name):
        for number in range(15):
            session = store.session(f"{name} {number % 4}")
            session.append(user(f"{name} {number}"), NewEntry(body={}, kind="note"))
            if number % 5 == 4:
                store.erase(session.id, positions=[0])
            if number % 4 == 3:
                session.fork()
            session.open().decode_all()
            store.read(limit=20)
            store.list_sessions()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(talk, "abcdef"))
    assert store.verify().is_sound
    assert len(store.read(limit=1_000)) == 6 * 15 * 2
    store.close()


def test_a_store_closes_while_other_threads_still_call_it(tmp_path):
    store = journal.open_store(tmp_path, config=CONFIG)
    session = store.session("talk")
    outcomes = []

    def talk():
        try:
            while True:
                outcomes.append(session.append(user("x")).positions[0])
                session.open().decode_all()
        except journal.StoreClosed:
            return

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(talk) for _ in range(4)]
        while len(outcomes) < 20:
            time.sleep(0.001)
        store.close()
        for future in done:
            assert future.result(30) is None
    with journal.open_store(tmp_path) as store:
        assert len(store.session("talk").open()) == len(outcomes)


def test_a_closed_store_leaves_no_thread_and_no_open_file(tmp_path):
    def files():
        return {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if
                os.path.exists(f"/proc/self/fd/{fd}")}  # fmt: skip

    threads = threading.active_count()
    for _ in range(3):
        store = journal.open_store(tmp_path, config=CONFIG)
        session = store.session("talk")
        for future in [session.submit(user("x")) for _ in range(50)]:
            future.result()
        session.open()
        store.close()
    until = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == threads
    assert [name for name in files() if str(tmp_path) in name] == []
