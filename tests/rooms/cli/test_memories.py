"""`nova memories`: each action, what it prints, and what it refuses."""

import json

import pytest

from novacore import journal

pytestmark = pytest.mark.heavy


def add(nova, text: str, *options: str) -> str:
    done = nova("memories", "add", text, *options, "--json")
    assert done.code == 0, done.err
    return done.json["id"]


def texts(nova, *options: str) -> list[str]:
    return [each["text"] for each in nova("memories", "list", *options, "--json").json["memories"]]


def test_what_is_added_is_listed_and_shown(nova):
    made = add(nova, "run the tests", "--type", "lesson", "--tag", "Git", "--confidence", "0.9")
    listed = nova("memories", "list")
    assert made[-8:] in listed.out
    assert "run the tests" in listed.out
    shown = nova("memories", "show", made[-8:])
    assert shown.code == 0
    assert "git" in shown.out
    assert made in shown.out


def test_a_list_says_when_it_is_empty_and_when_there_is_more(nova):
    assert nova("memories", "list").out == "No memories.\n"
    for number in range(3):
        add(nova, f"m{number}")
    first = nova("memories", "list", "--limit", "2", "--json").json
    rest = nova("memories", "list", "--limit", "2", "--after", first["next"], "--json").json
    assert [each["text"] for each in first["memories"] + rest["memories"]] == ["m2", "m1", "m0"]
    assert "--after" in nova("memories", "list", "--limit", "2").out


def test_a_list_is_narrowed_by_what_is_asked_for(nova):
    add(nova, "one", "--type", "lesson", "--tag", "x", "--pin")
    add(nova, "two", "--term", "short", "--agent", "coder", "--project", "p")
    for options, found in (
        (["--type", "lesson"], ["one"]),
        (["--tag", "x"], ["one"]),
        (["--pinned"], ["one"]),
        (["--term", "short"], ["two"]),
        (["--agent", "coder"], ["two"]),
        (["--project", "p"], ["two"]),
        (["TWO"], ["two"]),
    ):
        assert texts(nova, *options) == found
    assert nova("memories", "list", "--type", "rumour").code == 2


def test_a_memory_is_edited_tagged_pinned_moved_and_shared(nova):
    made = add(nova, "before", "--agent", "coder", "--term", "short")
    for arguments in (
        ("edit", made, "--text", "after", "--confidence", "0.6", "--outcome", "success"),
        ("tag", made, "x", "y"),
        ("tag", made, "--remove", "y"),
        ("pin", made),
        ("promote", made),
        ("share", made, "writer"),
    ):
        done = nova("memories", *arguments)
        assert done.code == 0, done.err
    shown = nova("memories", "show", made, "--json").json
    assert (shown["text"], shown["confidence"], shown["outcome"]) == ("after", 0.6, "success")
    assert (shown["tags"], shown["is_pinned"], shown["term"]) == (["x"], True, "intermediate")
    assert shown["shared_with"] == ["writer"]
    nova("memories", "share", made, "writer", "--off")
    nova("memories", "pin", made, "--off")
    nova("memories", "demote", made)
    shown = nova("memories", "show", made, "--json").json
    assert (shown["shared_with"], shown["is_pinned"], shown["term"]) == ([], False, "short")


@pytest.mark.parametrize(
    "arguments",
    [("edit", "{}"), ("tag", "{}"), ("add",), ("add", "x", "--fact", "a", "b", "c"), ("show", "0")],
)
def test_what_makes_no_sense_is_refused_with_code_2(nova, arguments):
    first, _ = add(nova, "one 0"), add(nova, "two 0")
    done = nova("memories", *(each.format(first) for each in arguments))
    assert done.code == 2
    assert done.err.startswith("nova: ")


def test_an_unknown_memory_is_refused(nova):
    done = nova("memories", "show", "zzz")
    assert done.code == 1
    assert "No memory 'zzz'" in done.err


def test_memories_are_merged(nova):
    one, two = add(nova, "alpha"), add(nova, "beta")
    assert nova("memories", "merge", one, two).code == 0
    assert texts(nova) == ["alpha\nbeta"]
    assert sorted(texts(nova, "--all")) == ["alpha", "alpha\nbeta", "beta"]
    assert nova("memories", "merge", one).code == 1


def test_forgetting_asks_first_and_destroys_then(nova):
    made = add(nova, "CANARY-7")
    refused = nova("memories", "forget", made)
    assert refused.code == 1
    assert "--yes" in refused.err
    done = nova("memories", "forget", made, "--yes")
    assert "1 memories; 1 entries" in done.out
    assert texts(nova, "--all") == []
    raw = b"".join(path.read_bytes() for path in nova.data_dir.rglob("*") if path.is_file())
    assert b"CANARY-7" not in raw


def test_memories_go_out_and_come_in_again(nova, tmp_path):
    add(nova, "kept")
    add(nova, "fading", "--term", "short")
    out = tmp_path / "memories.jsonl"
    assert nova("memories", "export", "-o", str(out)).code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert nova("memories", "export", "-o", str(out)).code == 1
    assert nova("memories", "import", str(out), "--json").json["known"] == 2
    other = nova("--data-dir", str(tmp_path / "other"), "memories", "import", str(out))
    assert "Added 2 memories" in other.out
    assert nova("memories", "export").out == out.read_text()
    assert "## Note" in nova("memories", "export", "--markdown").out


@pytest.mark.parametrize(
    ("content", "told"),
    [(b'{"role":"user"}\n', "Line 1"), (b"\xff\xfe", "no UTF-8"), (None, "can't be read")],
)
def test_a_foreign_file_is_refused(nova, tmp_path, content, told):
    path = tmp_path / "foreign"
    if content is not None:
        path.write_bytes(content)
    done = nova("memories", "import", str(path))
    assert done.code == 1
    assert told in done.err


def test_facts_are_asked_for_at_two_times(nova):
    nova("memories", "add", "--fact", "user", "lives in", "Oslo", "--since", "2020-01-01")
    nova("memories", "add", "--fact", "user", "lives in", "Rome", "--since", "2024-06-01T12:00")
    assert "Rome" in nova("memories", "facts").out
    assert "Oslo" not in nova("memories", "facts").out
    then = nova("memories", "facts", "--as-of", "2023-01-01", "--json").json
    assert [each["object"] for each in then] == ["Oslo"]
    assert nova("memories", "facts", "--known-at", "2023-01-01").out == "No facts.\n"
    history = nova("memories", "facts", "--history", "--subject", "user", "--json").json
    assert [each["object"] for each in history] == ["Rome", "Oslo"]
    assert nova("memories", "facts", "--as-of", "yesterday").code == 2


def test_sessions_are_read_for_facts_once(nova):
    with journal.open_store(nova.data_dir) as store:
        store.session("talk").append({"role": "user", "content": "My name is Anna."})
    assert "1 new facts" in nova("memories", "learn").out
    assert "0 new facts" in nova("memories", "learn", "talk").out
    assert nova("memories", "facts", "--json").json[0]["text"] == "The user's name is Anna."


def test_time_passes_when_it_is_told_to(nova):
    add(nova, "sure of it", "--term", "short", "--confidence", "0.9")
    assert "Promoted 1" in nova("memories", "advance").out
    assert nova("memories", "advance", "--json").json["promoted"] == []


def test_the_session_that_holds_memories_is_in_no_plain_listing(nova):
    add(nova, "one")
    assert nova("sessions").out == "No sessions.\n"
    assert "memories" in nova("sessions", "--all").out


def test_plain_files_hold_memories_too(nova):
    made = nova("--set", "store=json", "memories", "add", "in a file", "--json")
    assert made.code == 0, made.err
    listed = nova("--set", "store=json", "memories", "list", "--json")
    assert json.loads(listed.out)["memories"][0]["text"] == "in a file"
