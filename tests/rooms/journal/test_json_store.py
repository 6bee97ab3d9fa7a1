"""The plain-file store: readable, whole or not at all, shared by processes, plain about damage."""

import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time

import pytest

from novacore import journal
from novacore.journal import NewEntry
from novacore.kit import FixedClock


def user(text):
    return {"role": "user", "content": text}


def texts(session):
    return [message["content"] for message in session.open()]


def the_file(folder, name="talk"):
    (path,) = (folder / "sessions").glob(f"{name}.*.json")
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(folder):
    with journal.open_json(folder) as opened:
        yield opened


def test_a_person_and_other_agents_can_read_the_file(store, folder):
    session = store.session("talk", workspace="/home/ada/proj")
    messages = [{"role": "system", "content": "S"}, user("é 😀"), user("two")]
    session.append(*messages, NewEntry(body={"model": "m"}, kind="state"))
    text = the_file(folder).read_text()
    value = json.loads(text)
    assert value["messages"] == messages
    assert (value["id"], value["workspace"], value["message_count"]) == (
        "talk",
        "/home/ada/proj",
        3,
    )
    assert value["timestamp"][:2] == "20"
    assert '\n{"role":"user","content":"é 😀"},\n' in text


def test_an_append_only_adds_to_what_the_file_says(store, folder):
    session = store.session("talk")
    session.append(user("a"))
    before = json.loads(the_file(folder).read_text())
    session.append(user("b"))
    after = json.loads(the_file(folder).read_text())
    assert after["messages"][:1] == before["messages"]
    assert after["novacore"]["entries"][:1] == before["novacore"]["entries"]


def test_values_that_json_tools_stumble_over_come_back_exactly(store, folder):
    odd = {
        "role": "user",
        "content": "\ud800",
        "pair": "\ud83d\ude00",
        "n": -(10**5000),
        "f": 1.0,
        "z": {"\ud83d\ude00": "😀"},
    }
    session = store.session("talk")
    session.append(odd)
    session.append(NewEntry(body=odd, kind="usage"))
    the_file(folder).read_text()
    store.close()
    with journal.open_json(folder) as again:
        for entry in again.get_session("talk").open().entries:
            assert dict(entry.body) == odd
            assert [*entry.body] == [*odd]
            assert type(entry.body["f"]) is float


def test_a_restart_gives_the_same_hashes(store, folder):
    session = store.session("talk")
    session.append(user("a"), user("b"))
    fork = session.fork(at=1)
    fork.append(user("c"))
    before = [[(e.digest, e.chain) for e in s.open().entries] for s in (session, fork)]
    store.close()
    with journal.open_json(folder) as again:
        after = [
            [(e.digest, e.chain) for e in again.get_session(s.id).open().entries]
            for s in (session, fork)
        ]
        assert after == before
        assert again.verify().is_sound


@pytest.mark.parametrize("damage", ["torn", "empty", "other", "list", "binary"])
def test_a_file_that_can_not_be_read_is_named_and_the_others_are_listed(store, folder, damage):
    broken = store.session("talk", workspace="/w")
    broken.append(user("a"))
    store.session("other").append(user("b"))
    path = the_file(folder)
    whole = path.read_bytes()
    content = {
        "torn": whole[:-40],
        "empty": b"",
        "other": b'{"messages": []}',
        "list": b"[]",
        "binary": b"\xff\xfe",
    }
    path.write_bytes(content[damage])
    assert [info.name for info in store.list_sessions()] == ["other"]
    for attempt in (
        lambda: store.session("talk", workspace="/w"),
        lambda: store.get_session("talk"),
        lambda: store.get_session(broken.id),
        broken.open,
        lambda: broken.append(user("b")),
    ):
        with pytest.raises(journal.Corrupt, match=r"talk\.\w+\.json can't be read"):
            attempt()
    problems = store.verify().problems
    assert [str(path) in problem.what for problem in problems] == [True]
    store.session("other").append(user("c"))
    path.write_bytes(whole)
    assert texts(broken) == ["a"]
    assert store.verify().is_sound


def test_a_torn_file_of_one_folder_does_not_stop_its_namesake_in_another(store, folder):
    store.session("talk", workspace="/one").append(user("a"))
    path = the_file(folder)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(journal.Corrupt):
        store.session("talk", workspace="/one")
    store.session("talk", workspace="/two").append(user("b"))


def test_a_file_that_does_not_fit_together_is_named(store, folder):
    store.session("talk").append(user("a"), user("b"))
    path = the_file(folder)
    whole = json.loads(path.read_text())

    def changed(**fields):
        value = json.loads(json.dumps(whole))
        value["messages"] = fields.pop("messages", value["messages"])
        value["novacore"]["entries"][0].update(fields.pop("entry", {}))
        value["novacore"].update(fields)
        path.write_text(json.dumps(value))
        (problem,) = store.verify().problems
        return problem.what

    assert "its messages are not those" in changed(messages=whole["messages"] + [user("c")])
    assert "names a message that is not there" in changed(messages=[])
    assert "is no object" in changed(messages=["a", user("b")])
    assert "not in order" in changed(entry={"position": 5})
    assert "wrong length" in changed(entry={"salt": "00"})
    assert "can't be read" in changed(entry={"version": 10**9})
    assert "not a UUID" in changed(session_id="x")
    assert "newer NovaCore" in changed(format=2)
    assert "shares more entries" in changed(forked_at=9)


def test_what_a_person_changed_in_the_file_is_what_it_says(store, folder):
    session = store.session("talk")
    session.append(user("tpyo"), user("b"))
    path = the_file(folder)
    path.write_text(path.read_text().replace("tpyo", "typo"))
    assert texts(session) == ["typo", "b"]
    session.append(user("c"))
    assert texts(session) == ["typo", "b", "c"]
    assert store.verify().is_sound


def test_a_file_that_was_taken_away_takes_its_session_with_it_but_not_its_fork(store, folder):
    session = store.session("talk")
    session.append(user("a"), user("b"))
    fork = session.fork(at=1, name="branch")
    fork.append(user("c"))
    the_file(folder).rename(folder / "kept.json")
    with pytest.raises(journal.SessionUnknown):
        session.open()
    assert texts(fork) == ["a", "c"]
    fork.append(user("d"))
    (folder / "kept.json").rename(folder / "sessions" / f"talk.{session.id[-12:]}.json")
    assert texts(session) == ["a", "b"]
    assert texts(fork) == ["a", "c", "d"]
    assert store.verify().is_sound


@pytest.mark.parametrize("name", ["a.json", "zz.json", "talk.000000000000.json", "old.{}.json"])
def test_a_copy_beside_the_file_is_named_and_left_alone(store, folder, name):
    session = store.session("talk")
    session.append(user("old"))
    copy = folder / "sessions" / name.format(session.id[-12:])
    copy.write_bytes(the_file(folder).read_bytes())
    before = copy.read_bytes()
    session.append(user("new"))
    assert texts(session) == ["old", "new"]
    (problem,) = store.verify().problems
    assert "it is a copy, or was renamed" in problem.what
    assert copy.read_bytes() == before


def test_two_stores_on_one_folder_see_each_other(store, folder):
    with journal.open_json(folder) as other:
        session = store.session("talk")
        for number in range(6):
            mine = (store, other)[number % 2].session("talk")
            mine.append(user(str(number)), expected=number)
        assert texts(session) == [*"012345"]
        with pytest.raises(journal.PositionConflict):
            other.session("talk").append(user("x"), expected=3)
        other.erase(session.id, positions=[2])
        assert texts(session) == [*"01345"]


def _append_many(folder, mark, count):
    with journal.open_json(folder) as store:
        for number in range(count):
            store.session("talk").append(user(f"{mark}{number}"))


def test_two_processes_do_not_overwrite_each_other(folder):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append_many, args=(folder, m, 40)) for m in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with journal.open_json(folder) as store:
        found = texts(store.session("talk"))
        assert [text for text in found if text[0] == "a"] == [f"a{n}" for n in range(40)]
        assert [text for text in found if text[0] == "b"] == [f"b{n}" for n in range(40)]
        assert store.verify().is_sound


WRITER = """
import sys
from novacore import journal
store = journal.open_json(sys.argv[1])
session = store.session("talk")
number = len(session.open())
while True:
    session.append({"role": "user", "content": f"{number} " + "x" * 20000})
    print(number, flush=True)
    number += 1
"""


@pytest.mark.heavy
def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(folder):
    acknowledged = -1
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, text=True
        ) as child:
            child.stdout.readline()
            time.sleep(random.uniform(0.005, 0.05))
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
        acknowledged = max([acknowledged, *map(int, rest)])
        with journal.open_json(folder) as store:
            found = [int(text.split()[0]) for text in texts(store.session("talk"))]
            assert found == list(range(len(found)))
            assert len(found) > acknowledged
            assert store.verify().is_sound


FULL = """
import resource, sys
from novacore import journal
store = journal.open_json(sys.argv[1])
small, large = store.session("small"), store.session("large")
small.append({"role": "user", "content": "a"})
large.append({"role": "user", "content": "x" * 3000})
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
for _ in range(2):
    try:
        large.append({"role": "user", "content": "x" * 3000})
    except journal.StorageFailed as error:
        print(error.kind.value)
assert len(large.open()) == 1
small.append({"role": "user", "content": "b"})
print(len(small.open()), len(large.open()))
"""


def test_a_full_disk_fails_the_append_and_nothing_else(folder):
    done = subprocess.run(
        [sys.executable, "-c", FULL, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["unavailable", "unavailable", "2", "1"]
    with journal.open_json(folder) as store:
        assert texts(store.session("small")) == ["a", "b"]
        assert len(store.session("large").open()) == 1
    assert not list((folder / "sessions").glob(".*.json.*"))


def test_what_was_erased_is_nowhere_on_the_disk(store, folder):
    session = store.session("plan of the secret", workspace="/w")
    session.append(user("open"), user("hush secret 1"), NewEntry(body={"s": "secret 2"}, kind="x"))
    fork = session.fork(name="branch")
    (folder / "sessions" / ".x.json.1.killed").write_text("secret 3")

    def on_disk():
        files = [path for path in folder.rglob("*") if path.is_file()]
        return str(files) + "".join(path.read_text() for path in files)

    assert store.erase(session.id, positions=[1]) == 1
    assert "hush" not in on_disk()
    assert texts(fork) == ["open"]
    store.erase(session.id)
    assert "secret" not in on_disk()
    assert fork.open().gaps == [0, 1, 2]
    with pytest.raises(journal.SessionUnknown):
        store.get_session(session.id)
    store.close()
    with journal.open_json(folder) as again:
        assert [info.name for info in again.list_sessions()] == ["branch"]
        assert again.get_session("branch").open().gaps == [0, 1, 2]
        assert again.verify().is_sound


def test_long_texts_stand_in_the_file_itself(store, folder):
    long = "🦉" * 200_000
    session = store.session("talk")
    session.append(user(long), user(long))
    store.close()
    assert [path.name for path in folder.iterdir()] == ["sessions"]
    assert the_file(folder).read_text().count(long) == 2
    with journal.open_json(folder) as again:
        assert texts(again.session("talk")) == [long, long]


def test_time_that_went_back_does_not_go_back_in_the_journal(folder):
    clock = FixedClock()
    with journal.open_json(folder, clock=clock) as store:
        store.session("talk").append(user("a"))
    clock.advance_ms(-60_000)
    with journal.open_json(folder, clock=clock) as store:
        session = store.session("talk")
        session.append(user("b"))
        times = [entry.recorded_at_us for entry in session.open().entries]
        assert times == sorted(times)


def test_names_of_all_sorts_become_file_names(store, folder):
    names = ["a/b", "..", ".hidden", "é 😀", "x" * 300, "con:*?", "a b", "a-b"]
    for name in names:
        store.session(name).append(user(name))
    store.close()
    with journal.open_json(folder) as again:
        assert {info.name for info in again.list_sessions()} == set(names)
        assert [texts(again.get_session(name)) for name in names] == [[name] for name in names]
    assert all(path.parent == folder / "sessions" for path in folder.rglob("*.json"))


def test_a_folder_that_can_not_be_used_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(journal.StoreUnusable):
        journal.open_json(tmp_path / "file")
