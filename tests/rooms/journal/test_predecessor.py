"""Session files of other agents come in whole, once, and overlapping snapshots become one."""

import dataclasses
import io
import json
import random
import time

import pytest

from novacore import journal
from novacore.journal import Scope
from novacore.kit import FixedClock

SIZES = [2, 60, 70, 75, 80, 85, 88, 90, 93, 95]
"""Messages of ten snapshots of one conversation: 738 in all."""


def conversation(size, *, seed=1, system="You are Mini-Agent."):
    """A conversation as the other agent keeps it, every key there even if null."""
    draw = random.Random(seed)
    messages = [message("system", system)]
    while len(messages) < size:
        number = len(messages)
        kind = number % 4
        if kind == 1:
            messages.append(
                message("user", f"Frage {number} 🦉 \ud83e" if number == 5 else f"{number}?")
            )
        elif kind == 2:
            call = {
                "path": f"/tmp/{draw.random()}",
                "n": number,
                "deep": {"z": 1, "a": [1.0, None]},
            }
            function = {"name": "read_file", "arguments": call}
            calls = [{"id": f"call_{number}", "type": "function", "function": function}]
            messages.append(message("assistant", "", thinking=f"hm {number}", tool_calls=calls))
        elif kind == 3:
            text = "x" * draw.randrange(2_000)
            messages.append(
                message("tool", text, tool_call_id=f"call_{number - 1}", name="read_file")
            )
        else:
            blocks = [
                {"type": "text", "text": f"done {number}"},
                {"type": "image", "source": {"type": "base64", "data": "aGk="}},
            ]
            messages.append(message("assistant", blocks if number % 8 else f"done {number}"))
    return messages


def message(role, content, **fields):
    empty = {"thinking": None, "tool_calls": None, "tool_call_id": None, "name": None}
    return {"role": role, "content": content, **empty, **fields}


def write(folder, stem, messages, *, minute=0, workspace="/w", file_id="novaops", **fields):
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}.json"
    value = {
        "id": file_id,
        "timestamp": f"2025-12-18T10:{minute:02}:00.000001",
        "workspace": workspace,
        "messages": messages,
        "message_count": len(messages),
        **fields,
    }
    path.write_text(json.dumps(value, indent=2))
    return path


def bring_in(store, *paths, **options):
    return journal.run_import(store, journal.plan_import(store, paths, **options))


def actions(result):
    return [step.action for step in result.steps]


def said(session):
    return [dict(each) for each in session.open()]


def states(session):
    return [dict(e.body) for e in session.open().entries if e.kind == "state"]


def systems(session):
    return [body["system"] for body in states(session) if "system" in body]


@pytest.fixture(params=["memory", "json"])
def store(request, tmp_path):
    opened = (
        journal.open_memory() if request.param == "memory" else journal.open_json(tmp_path / "d")
    )
    with opened:
        yield opened


@pytest.fixture
def old(tmp_path):
    return tmp_path / "old"


@pytest.fixture
def snapshots(old):
    """Ten files of one conversation, each the whole history of its moment; 738 messages in all."""
    whole = conversation(95)
    sizes = sorted(SIZES)
    for number, size in enumerate(sizes):
        stem = "novaops" if number == 0 else f"novaops_{number}"
        prompt = f"You are Mini-Agent. Skills: {number // 4}"
        write(old, stem, [message("system", prompt), *whole[1:size]], minute=number)
    assert sum(sizes) == 738
    return old


def test_ten_overlapping_snapshots_become_one_session(store, snapshots):
    report = bring_in(store, snapshots)
    (info,) = store.all_sessions()
    assert (info.name, info.workspace, info.messages) == ("novaops", "/w", 94)
    session = store.get_session(info.id)
    assert said(session) == conversation(95)[1:]
    assert systems(session) == [f"You are Mini-Agent. Skills: {n}" for n in range(3)]
    assert actions(report).count("create") == 1
    assert set(actions(report)) <= {"create", "extend", "known"}
    assert report.messages == 94


def test_one_file_of_738_messages_is_kept_whole(store, old):
    messages = conversation(738)
    path = write(old, "novaops_15", messages, storage_method="atomic_with_json_backup")
    report = bring_in(store, path)
    session = store.get_session("novaops")
    assert said(session) == messages[1:]
    kept = [list(each) for each in session.open()]
    assert kept == [list(each) for each in messages[1:]]
    system = next(body for body in states(session) if "system" in body)
    assert system == {"system": "You are Mini-Agent.", "message": messages[0]}
    origin = states(session)[0]["imported_from"]
    assert origin["file"] == "novaops_15.json"
    assert origin["facts"]["storage_method"] == "atomic_with_json_backup"
    assert report.messages == 737
    assert store.verify().is_sound


def test_the_plan_says_what_the_import_then_does_and_writes_nothing(store, snapshots):
    write(snapshots, "torn", []).write_text('{"messages": [\n  {"role": "us')
    plan = journal.plan_import(store, [snapshots])
    assert store.all_sessions() == []
    report = journal.run_import(store, plan)
    assert list(report.steps) == list(plan.steps)
    assert "nova" in str(plan)
    assert json.loads(json.dumps(dataclasses.asdict(plan)))["files"] == plan.files
    assert str(plan).splitlines()[-1] == str(report).splitlines()[-1]


def test_importing_again_adds_nothing(store, snapshots):
    bring_in(store, snapshots)
    before = [journal.transcript_digest(store.get_session("novaops").open())]
    report = bring_in(store, snapshots)
    assert set(actions(report)) == {"known"}
    assert report.messages == 0
    assert [journal.transcript_digest(store.get_session("novaops").open())] == before


def test_one_by_one_gives_the_same_as_all_at_once(snapshots):
    with journal.open_memory() as one, journal.open_memory() as other:
        bring_in(one, snapshots)
        for path in sorted(
            snapshots.iterdir(), key=lambda p: json.loads(p.read_text())["timestamp"]
        ):
            bring_in(other, path)
        digests = [journal.transcript_digest(s.get_session("novaops").open()) for s in (one, other)]
        assert digests[0] == digests[1]
        ids = [s.get_session("novaops").id for s in (one, other)]
        assert ids[0] == ids[1]


def test_a_grown_file_adds_only_what_is_new(store, old):
    messages = conversation(20)
    path = write(old, "talk", messages[:11])
    bring_in(store, path)
    ids = [entry.id for entry in store.get_session("novaops").open().entries]
    write(old, "talk", messages, minute=5)
    report = bring_in(store, path)
    assert [(s.action, s.messages, s.known) for s in report.steps] == [("extend", 9, 10)]
    session = store.get_session("novaops")
    assert said(session) == messages[1:]
    assert [entry.id for entry in session.open().entries][: len(ids)] == ids


def test_a_renamed_copy_is_recognised(store, old):
    messages = conversation(12)
    bring_in(store, write(old, "talk", messages))
    report = bring_in(store, write(old, "copy of talk", messages, file_id="copy", minute=9))
    assert actions(report) == ["known"]
    assert [info.name for info in store.all_sessions()] == ["novaops"]


def test_snapshots_that_share_four_messages_and_part_become_forks(store, old):
    trunk = conversation(9)
    for at, name in ((5, "four"), (7, "six")):
        branch = [*trunk[:at], message("user", f"instead {name}"), message("assistant", "yes")]
        write(old, name, branch, minute=at, file_id=name)
    write(old, "trunk", trunk, file_id="trunk")
    report = bring_in(store, old)
    found = {step.session: (step.action, step.forked_from, step.known) for step in report.steps}
    assert found == {
        "trunk": ("create", "", 0),
        "four": ("fork", "trunk", 4),
        "six": ("fork", "trunk", 6),
    }
    for name, at in (("four", 5), ("six", 7)):
        session = store.get_session(name)
        assert said(session)[: at - 1] == trunk[1:at]
        assert session.open()[at - 1]["content"] == f"instead {name}"
        assert session.info.parent_id == store.get_session("trunk").id
    assert store.verify().is_sound


def test_a_grown_branch_goes_on_in_its_fork(store, old):
    trunk = conversation(9)
    branch = [*trunk[:6], message("user", "instead")]
    bring_in(store, write(old, "trunk", trunk, file_id="trunk"))
    bring_in(store, write(old, "branch", branch, file_id="branch", minute=1))
    longer = [*branch, message("assistant", "yes")]
    report = bring_in(store, write(old, "branch", longer, file_id="branch", minute=2))
    assert [(s.action, s.session, s.messages) for s in report.steps] == [("extend", "branch", 1)]
    assert said(store.get_session("branch")) == longer[1:]
    assert set(actions(bring_in(store, old))) == {"known"}


def test_three_common_messages_are_a_coincidence(store, old):
    start = conversation(4)
    write(old, "a", [*start, message("user", "this")], file_id="a")
    write(old, "b", [*start, message("user", "that")], file_id="b", minute=1)
    report = bring_in(store, old)
    assert actions(report) == ["create", "create"]
    assert {info.parent_id for info in store.all_sessions()} == {None}
    assert set(actions(bring_in(store, old))) == {"known"}


def test_a_short_beginning_is_folded_into_its_whole(store, old):
    messages = conversation(9)
    write(old, "a", messages[:2], file_id="a")
    write(old, "b", messages, file_id="b", minute=1)
    assert actions(bring_in(store, old)) == ["create", "extend"]


@pytest.mark.parametrize(
    "change",
    [
        {"role": "assistant"},
        {"content": "other"},
        {"thinking": "other"},
        {"tool_calls": [{"id": "x"}]},
        {"tool_call_id": "other"},
        {"name": "other"},
    ],
)
def test_each_compared_field_makes_a_difference(store, old, change):
    messages = conversation(9)
    changed = [*messages[:7], {**messages[7], **change}, *messages[8:]]
    write(old, "a", messages, file_id="a")
    write(old, "b", changed, file_id="b", minute=1)
    assert actions(bring_in(store, old)) == ["create", "fork"]


def test_numbers_that_python_takes_for_equal_are_not(store, old):
    for name, value in (("a", 1), ("b", 1.0), ("c", True)):
        calls = [{"id": "x", "function": {"arguments": {"n": value}}}]
        messages = [*conversation(6), message("assistant", "", tool_calls=calls)]
        write(old, name, messages, file_id=name)
    assert actions(bring_in(store, old)) == ["create", "fork", "fork"]


def test_other_fields_and_the_order_of_keys_make_none(store, old):
    messages = conversation(9)
    reordered = [dict(reversed(each.items())) | {"extra": 1} for each in messages]
    bare = [{k: v for k, v in each.items() if v is not None} for each in messages]
    write(old, "a", messages)
    write(old, "b", reordered, minute=1)
    write(old, "c", bare, minute=2)
    assert actions(bring_in(store, old)) == ["create", "known", "known"]


def test_the_same_talk_in_two_workspaces_stays_apart(store, old):
    messages = conversation(9)
    write(old, "a", messages, workspace="/one")
    write(old, "b", messages, workspace="/two", minute=1)
    report = bring_in(store, old)
    assert [(s.action, s.workspace) for s in report.steps] == [
        ("create", "/one"),
        ("create", "/two"),
    ]
    assert {info.name for info in store.all_sessions()} == {"novaops"}


def test_a_file_without_workspace_goes_where_the_caller_says(store, old):
    path = write(old, "a", conversation(3), workspace=None)
    bring_in(store, path, workspace="/here")
    assert store.last_session("/here").name == "novaops"
    other = write(old, "b", conversation(3, seed=2), workspace="/own")
    bring_in(store, other, workspace="/here")
    assert [info.workspace for info in store.list_sessions(workspace="/own")] == ["/own"]


def test_a_file_that_names_anothers_id_is_called_after_itself(store, old):
    write(old, "novaops", conversation(9))
    write(old, "novaops_10", [message("user", "something else")], minute=1)
    write(old, "novaops_11", [message("user", "a third")], minute=2, file_id="novaops_10")
    report = bring_in(store, old)
    assert [step.session for step in report.steps] == ["novaops", "novaops_10", "novaops_11"]


def test_a_name_in_use_gets_a_number(store, old):
    store.session("novaops", workspace="/w").append(message("user", "mine"))
    report = bring_in(store, write(old, "novaops", conversation(9)))
    (step,) = report.steps
    assert (step.session, step.note) == ("novaops-2", "the name novaops was taken")
    assert actions(bring_in(store, old)) == ["known"]


def test_a_session_that_went_on_here_is_left_alone(store, old):
    messages = conversation(9)
    path = write(old, "talk", messages)
    bring_in(store, path)
    session = store.get_session("novaops")
    session.append({"role": "user", "content": "here"})
    assert actions(bring_in(store, path)) == ["known"]
    write(old, "talk", [*messages, message("user", "there")], minute=1)
    report = bring_in(store, path)
    assert [(s.action, s.known) for s in report.steps] == [("fork", 8)]
    assert session.open()[-1]["content"] == "here"
    assert actions(bring_in(store, path)) == ["known"]


def test_a_session_of_ours_is_not_continued_for_a_greeting(store, old):
    mine = store.session("mine", workspace="/w")
    mine.append({"role": "user", "content": "hi"})
    bring_in(store, write(old, "talk", [message("user", "hi"), message("assistant", "hello")]))
    assert len(mine.open()) == 1
    assert len(store.get_session("novaops").open()) == 2


def test_what_was_erased_is_not_brought_back(store, old):
    messages = conversation(9)
    path = write(old, "talk", messages)
    bring_in(store, path)
    session = store.get_session("novaops")
    store.erase(session.id, positions=[session.open().message_positions[2]])
    write(old, "talk", [*messages, message("user", "more")], minute=1)
    assert actions(bring_in(store, path)) == ["extend"]
    assert len(session.open()) == 8
    store.erase(session.id)
    report = bring_in(store, path)
    assert [(s.action, s.note) for s in report.steps] == [
        ("skip", "it was erased here, and stays so")
    ]
    assert store.all_sessions() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"messages": [\n  {"role": "us', "torn or no JSON at line 2 column 12"),
        (b"", "torn or no JSON at line 1 column 1"),
        (b'{"messages": [{"role": "user", "n": NaN}]}', "NaN"),
        (b'{"messages": 3}', "no list of messages"),
        (b'"text"', "no list of messages"),
        (b'[{"role": "user"}, 3]', "message 1 is no object"),
        (b'[{"role": "user"}, {"content": "x"}]', "message 1 has no role"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[" * 3000 + b"]" * 3000, "nested too deeply"),
        (b'[{"role": "user", "content": ' + b"[" * 200 + b"]" * 200 + b"}]", "nesting_max"),
        (b'[{"role": "user", "content": 1e999}]', "inf"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_and_the_others_go_on(store, old, content, reason):
    write(old, "good", conversation(5))
    (old / "bad.json").write_bytes(content)
    plan = journal.plan_import(store, [old])
    report = journal.run_import(store, plan)
    for result in (plan, report):
        (refused,) = result.refused
        assert refused.source.endswith("bad.json")
        assert reason in refused.note
        assert "refused" in str(result)
    assert not report.is_complete
    assert report.messages == 4


def test_what_is_not_there_is_named(store, tmp_path):
    (tmp_path / "empty").mkdir()
    report = bring_in(store, tmp_path / "none", tmp_path / "empty")
    assert [step.note for step in report.steps] == [
        "there is no such file or folder",
        "the folder holds no .json or .jsonl file",
    ]
    assert report.messages == 0


def test_a_file_with_nothing_but_a_system_prompt_is_left_out(store, old):
    report = bring_in(store, write(old, "a", conversation(1)))
    assert [(s.action, s.note) for s in report.steps] == [("skip", "it holds no messages")]


def test_the_folder_of_a_workspace_is_looked_into(store, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    write(project / ".agent-sessions", "talk", conversation(5))
    (project / ".agent-sessions" / ".hidden.json").write_text("{")
    (project / "notes.md").write_text("no session")
    assert actions(bring_in(store, project, project / ".agent-sessions" / "talk.json")) == [
        "create"
    ]


def test_bare_lists_and_what_vendors_take_are_read(store, old):
    old.mkdir()
    openai = [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "x"},
    ]
    anthropic = {
        "model": "m",
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "b"}]},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "…", "signature": "s"}],
            },
        ],
    }
    (old / "list.json").write_text(json.dumps(openai))
    (old / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in openai[1:]))
    (old / "claude.json").write_text(json.dumps(anthropic))
    assert set(actions(bring_in(store, old))) == {"create"}
    assert said(store.get_session("list")) == openai
    assert said(store.get_session("rows")) == openai[1:]
    claude = store.get_session("claude")
    assert said(claude) == anthropic["messages"]
    assert systems(claude) == ["be brief"]
    assert states(claude)[0]["imported_from"]["facts"] == {"model": "m"}


def test_our_own_exports_are_known_by_their_content(store, old):
    with journal.open_memory() as other:
        other.session("exported").append({"role": "user", "content": "a"})
        out = io.BytesIO()
        journal.export_store(other, out)
    old.mkdir()
    (old / "some.json").write_bytes(out.getvalue())
    (old / "cut.jsonl").write_bytes(out.getvalue()[:-9])
    plan = journal.plan_import(store, [old])
    assert store.all_sessions() == []
    assert sorted(actions(plan)) == ["create", "refuse"]
    report = journal.run_import(store, plan)
    assert sorted(actions(report)) == ["create", "refuse"]
    assert [info.name for info in store.all_sessions()] == ["exported"]


def test_the_files_time_is_when_it_was_said(tmp_path, old, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        path = write(old, "talk", conversation(3))
        zoned = write(old, "zoned", conversation(3, seed=2), workspace="/z")
        value = json.loads(zoned.read_text()) | {"timestamp": "2025-12-18T10:00:00+01:00"}
        zoned.write_text(json.dumps(value))
        timeless = write(old, "none", conversation(3, seed=3), workspace="/n", timestamp="soon")
        with journal.open_memory() as store:
            bring_in(store, old)
            times = [
                {e.said_at_us for e in store.last_session(w).open().entries}
                for w in ("/w", "/z", "/n")
            ]
            assert times[0] == {1_766_070_000_000_001}
            assert times[1] == {1_766_048_400_000_000}
            assert times[2] == {timeless.stat().st_mtime_ns // 1000}
            assert path.exists()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_newest_snapshot_is_the_session_resumed(store, old):
    write(old, "newer", conversation(5, seed=2), file_id="newer", minute=9)
    write(old, "older", [message("user", "older")], file_id="older", minute=1)
    bring_in(store, old)
    assert store.last_session("/w").name == "newer"


def test_two_owners_import_the_same_files_apart(store, snapshots):
    other = store.for_owner(Scope(owner="other"))
    bring_in(store, snapshots)
    bring_in(other, snapshots)
    assert set(actions(bring_in(other, snapshots))) == {"known"}
    assert said(other.get_session("novaops")) == said(store.get_session("novaops"))
    assert other.get_session("novaops").id != store.get_session("novaops").id


def test_an_import_that_was_stopped_is_completed_by_the_next(store, old):
    messages = conversation(30)
    path = write(old, "talk", messages)
    with journal.open_memory() as whole:
        bring_in(whole, path)
        session = whole.get_session("novaops")
        for count in (0, 1, 2, 7):
            with journal.open_memory() as stopped:
                begun = stopped.restore_session(session.info)
                for entry in list(session.open().entries)[:count]:
                    begun.append(
                        journal.NewEntry(body=dict(entry.body), kind=entry.kind, id=entry.id)
                    )
                bring_in(stopped, path)
                (info,) = stopped.all_sessions()
                assert said(stopped.get_session(info.id)) == messages[1:]
                assert set(actions(bring_in(stopped, path))) == {"known"}


def test_files_of_one_moment_are_taken_shortest_first(old):
    messages = conversation(12)
    write(old, "a_long", messages, file_id="long")
    write(old, "b_short", messages[:6], file_id="short")
    with journal.open_memory(clock=FixedClock()) as store:
        assert actions(bring_in(store, old)) == ["create", "extend"]


def test_integers_and_texts_that_json_tools_stumble_over_come_in_exactly(store, old):
    old.mkdir()
    text = '[{"role": "user", "content": "\\ud800", "n": ' + "9" * 5000 + ', "f": 1.0, "i": 1}]'
    (old / "odd.json").write_text(text)
    bring_in(store, old)
    (found,) = said(store.get_session("odd"))
    assert found == {"role": "user", "content": "\ud800", "n": 10**5000 - 1, "f": 1.0, "i": 1}
    assert type(found["f"]) is float
    assert set(actions(bring_in(store, old))) == {"known"}
