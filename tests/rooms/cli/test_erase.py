"""`nova erase`: what it refuses, what it says, and the typed lines that it forgets."""

import json

import pytest

from novacore import journal, memory

pytestmark = pytest.mark.heavy


@pytest.fixture
def filled(nova):
    with journal.open_store(nova.data_dir) as store:
        session = store.session("talk")
        session.append(
            journal.NewEntry(body={"role": "user", "content": "My name is Anna."}, actor="user"),
            journal.NewEntry(body={"role": "assistant", "content": "hello"}, actor="coder"),
        )
        session.fork(name="branch").append({"role": "user", "content": "branched"})
        memories = memory.Memories(store)
        memory.Facts(memories).extract(session)
        memories.create("from the talk", sources=[memory.Source(session_id=session.id, position=1)])
        memories.create("from nowhere")
    return nova


def kept_memories(nova) -> list[str]:
    listed = nova("memories", "list", "--all", "--json").json["memories"]
    return sorted(each["text"] for each in listed)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--tenant", "acme"),
        ("talk", "--session", "talk"),
        ("talk", "--agent", "coder"),
    ],
)
def test_what_is_unclear_is_refused_and_erases_nothing(filled, arguments):
    done = filled("erase", *arguments, "--yes")
    assert done.code == 2
    assert len(kept_memories(filled)) == 3


def test_a_session_goes_with_the_memories_made_from_it(filled):
    done = filled("erase", "--session", "talk", "--yes")
    assert done.code == 0, done.err
    assert "2 memories that came from there" in done.out
    assert "1 sessions branched off" in done.out
    assert kept_memories(filled) == ["from nowhere"]
    assert filled("sessions", "--names").out == "branch\n"


def test_a_fact_stays_while_it_is_stated_elsewhere_too(filled):
    with journal.open_store(filled.data_dir) as store:
        store.session("other").append({"role": "user", "content": "my name is Anna"})
    filled("memories", "learn", "other")
    assert filled("erase", "talk", "--yes").code == 0
    assert kept_memories(filled) == ["The user's name is Anna.", "from nowhere"]


def test_notes_made_in_a_session_go_with_it(filled):
    with journal.open_store(filled.data_dir) as store:
        session_id = store.get_session("talk").id
        notebook = store.session("notebook", workspace="notebook:/x")
        for about in (session_id, "another"):
            body = {"type": "note", "text": f"of {about}", "session_id": about}
            notebook.append(journal.NewEntry(kind="memory", body=body))
    assert filled("erase", "talk", "--yes").code == 0
    with journal.open_store(filled.data_dir) as store:
        entries = store.get_session("notebook", workspace="notebook:/x").open().entries
        assert [each.is_erased for each in entries] == [True, False]


def test_an_agents_words_go_and_the_users_stay(filled):
    done = filled("erase", "--agent", "coder", "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["entries"] >= 1
    assert kept_memories(filled) == ["The user's name is Anna.", "from nowhere"]
    with journal.open_store(filled.data_dir) as store:
        entries = store.get_session("talk").open().entries
        assert [each.is_erased for each in entries] == [False, True]


def test_an_owner_is_erased_with_everything(filled):
    done = filled("erase", "--owner", "local", "--yes")
    assert done.code == 0, done.err
    assert filled("sessions", "--all").out == "No sessions.\n"
    assert kept_memories(filled) == []


def test_another_owner_is_another_owner(filled):
    done = filled("erase", "--owner", "nobody", "--yes", "--json")
    assert (done.code, done.json["entries"]) == (0, 0)
    assert len(kept_memories(filled)) == 3


def test_typed_lines_of_an_erased_session_are_forgotten(filled):
    path = filled.data_dir / "history"
    lines = ["My name is Anna.", "something else"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    filled("erase", "talk", "--yes")
    assert path.read_text() == '"something else"\n'
    filled("erase", "--owner", "local", "--yes")
    assert path.read_text() == ""


def test_plain_files_are_erased_too(nova):
    with journal.open_json(nova.data_dir) as store:
        store.session("talk").append({"role": "user", "content": "CANARY"})
    done = nova("--set", "store=json", "erase", "talk", "--yes")
    assert done.code == 0, done.err
    raw = b"".join(path.read_bytes() for path in nova.data_dir.rglob("*") if path.is_file())
    assert b"CANARY" not in raw
