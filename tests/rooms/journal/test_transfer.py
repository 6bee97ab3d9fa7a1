"""What is exported comes back equal; what is cut or changed does not come in at all."""

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import uuid

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from novacore import journal
from novacore.journal import NewEntry, Scope
from novacore.kit import FixedClock

ODD = {
    "role": "assistant",
    "z": 1,
    "a": 1.0,
    "huge": -(10**5000),
    "large": 2**64,
    "lone": "\ud800 x \udfff",
    "two halves": "\ud83d\ude00",
    "whole": "😀 é \u2028 \x00",
    "half \udc00 key": {"\ud83d\ude00": [None, True, -0.0, 1e300, []]},
    "content": [{"type": "thinking", "thinking": "…", "signature": "c2ln"}],
}


def user(text):
    return {"role": "user", "content": text}


def memory(**fields):
    return journal.open_memory(clock=FixedClock(), **fields)


def exported(store):
    out = io.BytesIO()
    journal.export_store(store, out)
    return out.getvalue()


def imported(store, data):
    return journal.import_lines(store, io.BytesIO(data))


def strict(value):
    """A value with its types and the order of its keys, for comparing."""
    if isinstance(value, dict):
        return [(strict(key), strict(each)) for key, each in value.items()]
    if isinstance(value, list):
        return ["list", *map(strict, value)]
    return type(value).__name__, hex(value) if type(value) is int else repr(value)


def said(store):
    """Everything that must be equal, by session."""
    return {
        info.id: (
            info.name,
            info.workspace,
            info.created_at_us,
            info.parent_id,
            info.forked_at,
            info.messages,
            [
                (
                    *(e.position, e.id, e.kind, e.version, e.said_at_us, e.actor, e.is_erased),
                    e.digest if e.is_erased else strict(dict(e.body)),
                )
                for e in store.get_session(info.id).open().entries
            ],
        )
        for info in store.all_sessions()
    }


@pytest.fixture
def store():
    with memory() as opened:
        yield opened


@pytest.fixture
def full(store):
    """A store with all that is hard to carry over."""
    talk = store.session("talk", workspace="/w")
    talk.append(user("one"), NewEntry(body={"system": "S"}, kind="state", version=3))
    talk.append(NewEntry(body=ODD, actor="novà", said_at_us=5))
    fork = talk.fork(at=2)
    fork.append(user("other way"))
    deep = fork.fork(at=3, name="deep")
    deep.append(user("deeper"), user("secret"))
    talk.append(user("gone"), user("last"))
    talk.put_blob(b"\xff\x00 raw")
    store.erase(talk.id, positions=[3])
    store.erase(deep.id, positions=[4])
    store.session("empty", workspace="/w")
    return store


@pytest.fixture
def target(request, tmp_path):
    engine = getattr(request, "param", "memory")
    opened = journal.open_memory() if engine == "memory" else journal.open_store(tmp_path / "data")
    with opened:
        yield opened


@pytest.mark.parametrize("target", ["memory", "sqlite"], indirect=True)
def test_an_exported_store_comes_back_equal(full, target):
    report = imported(target, exported(full))
    assert said(target) == said(full)
    assert {step.action for step in report.steps} == {"create", "fork"}
    assert report.is_complete
    assert target.verify().is_sound


@pytest.mark.parametrize("target", ["memory", "sqlite"], indirect=True)
def test_an_export_of_what_was_imported_says_the_same(full, target):
    imported(target, exported(full))
    digests = [
        {
            info.name: journal.transcript_digest(store.get_session(info.id).open())
            for info in store.all_sessions()
        }
        for store in (full, target)
    ]
    assert digests[0] == digests[1]


def test_a_second_import_adds_nothing(full, target):
    data = exported(full)
    imported(target, data)
    before = said(target)
    report = imported(target, data)
    assert [step.action for step in report.steps] == ["known"] * 4
    assert report.messages == 0
    assert said(target) == before


def test_a_grown_file_adds_only_what_is_new(full, target):
    imported(target, exported(full))
    full.get_session("deep").append(user("even deeper"))
    report = imported(target, exported(full))
    added = [step for step in report.steps if step.action == "extend"]
    assert [(step.session, step.messages) for step in added] == [("deep", 1)]
    assert said(target) == said(full)


def test_an_import_that_was_stopped_in_the_middle_is_completed_by_the_next(full, target):
    info = full.get_session("talk", workspace="/w").info
    restored = target.restore_session(info)
    first = full.get_session(info.id).open().entries[0]
    restored.append(NewEntry(body=first.body, id=first.id, said_at_us=first.said_at_us))
    imported(target, exported(full))
    assert said(target) == said(full)


def test_what_a_fork_shares_is_written_once(full):
    lines = exported(full).splitlines()
    ids = [line[:100] for line in lines if b'"type":"entry"' in line]
    assert len(ids) == len(set(ids)) == 9


def test_a_fork_exported_alone_is_whole(full, target):
    out = io.BytesIO()
    fork = full.get_session("deep")
    journal.export_session(fork, out)
    imported(target, out.getvalue())
    alone = target.get_session("deep")
    assert alone.info.parent_id is None
    digest = journal.transcript_digest
    assert digest(alone.open()) == digest(fork.open())


def test_a_parent_imported_after_its_fork_shares_what_they_have_in_common(full, target):
    out = io.BytesIO()
    journal.export_session(full.get_session("deep"), out)
    imported(target, out.getvalue())
    imported(target, exported(full))
    theirs, ours = said(full), said(target)
    assert {key: each[-1] for key, each in ours.items()} == {
        key: each[-1] for key, each in theirs.items()
    }
    assert target.verify().is_sound


def test_a_fork_exported_alone_joins_its_parent_where_that_is_there(full, target):
    imported(target, exported(full))
    again = target.get_session("deep").fork(name="more")
    again.append(user("more"))
    out = io.BytesIO()
    journal.export_session(again, out)
    with memory() as third:
        imported(third, exported(full))
        imported(third, out.getvalue())
        assert third.get_session("more").info.parent_id == again.info.parent_id
        assert said(third)[again.id] == said(target)[again.id]


def test_a_session_that_grew_apart_becomes_a_fork_where_they_part(full, target):
    imported(target, exported(full))
    full.get_session("deep").append(user("there"))
    target.get_session("deep").append(user("here"))
    report = imported(target, exported(full))
    step = next(step for step in report.steps if step.action == "fork")
    assert (step.session, step.forked_from, step.forked_at) == ("deep-2", "deep", 5)
    assert [m["content"] for m in target.get_session("deep-2").open()][-1] == "there"
    assert [m["content"] for m in target.get_session("deep").open()][-1] == "here"
    assert {step.action for step in imported(target, exported(full)).steps} == {"known"}


def test_a_name_that_another_session_has_gets_a_number(full, target):
    mine = target.session("talk", workspace="/w")
    mine.append(user("mine"))
    report = imported(target, exported(full))
    renamed = [step for step in report.steps if step.note]
    assert [(step.session, step.note) for step in renamed] == [
        ("talk-3", "the name talk was taken")
    ]
    assert [m["content"] for m in mine.open()] == ["mine"]


def test_what_was_erased_here_is_not_brought_back(full, target):
    data = exported(full)
    imported(target, data)
    target.erase(target.get_session("talk", workspace="/w").id)
    target.erase(target.get_session("talk-2", workspace="/w").id, positions=[2])
    report = imported(target, data)
    assert {step.session: step.action for step in report.steps}["talk"] == "skip"
    assert report.messages == 0
    assert "'one'" not in str(said(target))


def test_a_fork_of_what_was_erased_here_is_left_out(full, target):
    imported(target, exported(full))
    target.erase(target.get_session("deep").id)
    full.get_session("deep").fork(name="more").append(user("more"))
    report = imported(target, exported(full))
    assert {s.session: s.action for s in report.steps if s.action != "known"} == {
        "deep": "skip",
        "more": "skip",
    }


def test_forks_of_an_erased_parent_go_on_sharing_what_is_left(store, target):
    parent = store.session("parent")
    parent.append(user("a"), user("b"))
    fork = parent.fork(name="fork")
    fork.append(user("c"))
    fork.fork(at=3, name="deep").append(user("d"))
    parent.fork(at=1, name="bare")
    store.erase(parent.id)
    data = exported(store)
    imported(target, data)
    digest = journal.transcript_digest
    for info in store.all_sessions():
        theirs, ours = (digest(each.get_session(info.id).open()) for each in (store, target))
        assert theirs == ours
    assert {step.action for step in imported(target, data).steps} == {"known"}
    assert target.verify().is_sound


@pytest.mark.parametrize("seed", range(25))
def test_any_family_of_sessions_comes_over_whole_and_in_steps(seed):
    draw = random.Random(seed)
    with journal.open_memory() as store, journal.open_memory() as target:
        for _ in range(4):
            for _ in range(draw.randrange(1, 8)):
                _do_something(store, draw)
            imported(target, exported(store))
            _assert_same(store, target)
            assert {step.action for step in imported(target, exported(store)).steps} <= {"known"}
        assert target.verify().is_sound


def _do_something(store, draw):
    infos = store.all_sessions()
    session = store.get_session(draw.choice(infos).id) if infos else store.session("first")
    end = session.open().position
    match draw.randrange(8):
        case 0:
            store.session(f"new {draw.random()}")
        case 1 | 2:
            session.fork(at=draw.randrange(end + 1))
        case 3 if end and draw.random() < 0.3:
            store.erase(session.id, positions=[draw.randrange(end)])
        case _:
            session.append(*(user(str(draw.random())) for _ in range(draw.randrange(1, 4))))


def _assert_same(store, target):
    for info in store.all_sessions():
        copy = target.get_session(info.id).info
        assert (copy.name, copy.parent_id, copy.forked_at, copy.entries) == (
            info.name,
            info.parent_id,
            info.forked_at,
            info.entries,
        )
        pairs = zip(
            store.get_session(info.id).open().entries,
            target.get_session(info.id).open().entries,
            strict=True,
        )
        for theirs, ours in pairs:
            assert (theirs.id, theirs.position) == (ours.id, ours.position)
            if not theirs.is_erased:
                assert dict(theirs.body) == dict(ours.body)


def test_two_owners_import_the_same_file_apart(full):
    with memory() as target:
        data = exported(full)
        imported(target, data)
        other = target.for_owner(Scope(owner="other"))
        imported(other, data)
        assert {step.action for step in imported(other, data).steps} == {"known"}
        names = {info.name for info in target.all_sessions()}
        assert {info.name for info in other.all_sessions()} == names
        assert not {i.id for i in other.all_sessions()} & {i.id for i in target.all_sessions()}
        digest = journal.transcript_digest
        theirs = [digest(other.get_session(n).open()) for n in sorted(names)]
        assert theirs == [digest(target.get_session(n).open()) for n in sorted(names)]


def test_the_last_session_used_is_the_last_one_used_after_the_import(tmp_path):
    clock = FixedClock()
    with journal.open_memory(clock=clock) as store, journal.open_memory() as target:
        for name in ("a", "b", "c"):
            clock.advance_ms(5)
            store.session(name).append(user(name))
        clock.advance_ms(5)
        store.session("b").append(user("again"))
        imported(target, exported(store))
        assert target.last_session("").name == "b"


def test_every_cut_is_noticed_and_nothing_comes_in(full, target):
    data = exported(full)
    for size in [*range(0, len(data) - 1, 53), len(data) - 1]:
        with pytest.raises(journal.ImportRefused):
            imported(target, data[:size])
    assert target.all_sessions() == []


def test_a_cut_between_two_sessions_is_noticed(full, target):
    lines = exported(full).splitlines(keepends=True)
    ends = [at for at, line in enumerate(lines) if line.startswith(b'{"type":"end"')]
    for end in ends[:-1]:
        with pytest.raises(journal.ImportRefused, match=r"it was cut"):
            imported(target, b"".join(lines[: end + 1]))
        with pytest.raises(journal.ImportRefused, match=r"is missing before it"):
            imported(target, b"".join(lines[end + 1 :]))


@pytest.mark.heavy
def test_every_flipped_byte_is_noticed_and_its_line_named(full, target):
    data = exported(full)
    for at in range(7, len(data), 31):
        line = data[:at].count(b"\n") + 1
        bad = bytearray(data)
        bad[at] ^= 0x04
        with pytest.raises(journal.ImportRefused) as caught:
            imported(target, bytes(bad))
        assert int(re.search(r"line (\d+)", caught.value.message)[1]) in (line, line + 1)
    assert target.all_sessions() == []


@pytest.mark.parametrize("change", ["drop", "double", "swap"])
def test_a_line_that_is_gone_doubled_or_moved_is_noticed(full, target, change):
    lines = exported(full).splitlines(keepends=True)
    for at in range(len(lines) - 1):
        kept = list(lines)
        if change == "drop":
            del kept[at]
        elif change == "double":
            kept.insert(at, kept[at])
        else:
            kept[at : at + 2] = reversed(kept[at : at + 2])
        with pytest.raises(journal.ImportRefused):
            imported(target, b"".join(kept))
    assert target.all_sessions() == []


def test_a_fork_without_its_parent_is_refused(full, target):
    lines = exported(full).splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if b'"first":3' in line)
    end = next(at for at in range(start, len(lines)) if lines[at].startswith(b'{"type":"end"'))
    alone = json.loads(lines[start]) | {"part": 1, "parts": 1}
    del alone["sum"]
    header = _summed(alone)
    with pytest.raises(journal.ImportRefused, match="is a fork of"):
        imported(target, b"".join([header, *lines[start + 1 : end + 1]]))


def _summed(fields):
    raw = json.dumps(fields, separators=(",", ":")).encode()[:-1]
    return b'%s,"sum":"%016x"}\n' % (raw, xxhash.xxh3_64_intdigest(raw))


def test_an_entry_over_the_targets_limits_is_refused_before_anything_is_written(full):
    with journal.open_memory(config=journal.Config(nesting_max=8)) as target:
        deep = user("x")
        for _ in range(9):
            deep = {"in": deep}
        full.session("nested").append(user("fine"), deep)
        with pytest.raises(journal.ImportRefused, match="nesting_max"):
            imported(target, exported(full))
        assert target.all_sessions() == []


def test_a_file_of_a_newer_format_is_refused(full, target):
    lines = exported(full).splitlines(keepends=True)
    header = json.loads(lines[0]) | {"version": 2}
    del header["sum"]
    with pytest.raises(journal.ImportRefused, match="newer NovaCore"):
        imported(target, b"".join([_summed(header), *lines[1:]]))


def test_a_damaged_entry_stops_an_export_and_leaves_the_old_file(tmp_path):
    with journal.open_store(tmp_path / "data") as store:
        session = store.session("talk")
        session.append(user("one"), user("two"))
        out = tmp_path / "out.jsonl"
        assert journal.export_session(session, out) == 2
        before = out.read_bytes()
        session._core.engine._writer.execute("UPDATE tail SET frame = zeroblob(300)")
    with journal.open_store(tmp_path / "data") as store:
        with pytest.raises(journal.Corrupt):
            journal.export_session(store.session("talk"), out)
        assert out.read_bytes() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out.jsonl"]


def test_an_export_to_a_folder_that_is_not_there_says_so(store, tmp_path):
    with pytest.raises(journal.StorageFailed, match="could not be written"):
        journal.export_session(store.session("talk"), tmp_path / "none" / "out.jsonl")


KILLED = """
import os, signal, sys
from pathlib import Path
from novacore import journal
store = journal.open_store(sys.argv[1])
session = store.session("talk")
session.append(*({"role": "user", "content": "x" * 1000} for _ in range(200)))
entries = type(session.open().entries)
get = entries.__getitem__
def dying(self, at):
    if at == 150: os.kill(os.getpid(), signal.SIGKILL)
    return get(self, at)
entries.__getitem__ = dying
journal.export_session(session, Path(sys.argv[2]))
"""


def test_a_kill_in_the_middle_of_an_export_leaves_no_file_that_looks_whole(tmp_path):
    out = tmp_path / "out.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "data", out], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    for left in tmp_path.glob(".*"):
        with memory() as target, pytest.raises(journal.ImportRefused):
            journal.import_lines(target, left)


def test_a_path_a_file_and_a_pipe_can_be_read(full, tmp_path):
    path = tmp_path / "all.jsonl"
    assert journal.export_store(full, path) == 9
    reading, writing = os.pipe()
    os.write(writing, path.read_bytes())
    os.close(writing)
    with memory() as target, os.fdopen(reading, "rb") as pipe:
        report = journal.import_lines(target, pipe, label="standard input")
        assert {step.source for step in report.steps} == {"standard input"}
        report = journal.import_lines(target, path)
        assert {step.action for step in report.steps} == {"known"}
        with path.open("rb") as file:
            journal.import_lines(target, file)
        with pytest.raises(journal.ImportRefused, match="can't be read"):
            journal.import_lines(target, tmp_path / "none")


def test_two_exports_joined_into_one_file_are_both_imported(store, target):
    parts = []
    for name in ("a", "b"):
        out = io.BytesIO()
        session = store.session(name)
        session.append(user(name))
        journal.export_session(session, out)
        parts.append(out.getvalue())
    imported(target, b"".join(parts))
    assert said(target) == said(store)


def test_a_long_session_comes_in_although_batches_and_queue_are_small(store):
    session = store.session("long")
    session.append(*(user(str(n)) for n in range(700)))
    small = journal.Config(batch_entries_max=1, queue_entries_max=3, group_entries_max=2)
    with journal.open_memory(config=small) as target:
        imported(target, exported(store))
        assert said(target) == said(store)


def test_texts_that_live_in_blobs_travel_inside_the_file(tmp_path, target):
    with journal.open_store(tmp_path / "other") as store:
        store.session("big").append(user("🦉" * 300_000))
        assert (tmp_path / "other" / "blobs").exists()
        imported(target, exported(store))
        assert said(target) == said(store)


def test_the_digest_sees_every_change_of_what_was_said(store):
    base = {"body": user("a"), "kind": "message", "actor": "x", "said_at_us": 1, "version": 1}
    base["id"] = str(uuid.uuid4())
    changes = [
        {},
        {"body": {"content": "a", "role": "user"}},
        {"body": user("b")},
        {"kind": "state"},
        {"actor": "y"},
        {"said_at_us": 2},
        {"version": 2},
        {"id": str(uuid.uuid4())},
        {"body": {"role": "user", "content": "a", "n": 1}},
        {"body": {"role": "user", "content": "a", "n": 1.0}},
        {"erased_digest": bytes(32)},
    ]
    digests = set()
    for number, change in enumerate(changes):
        with memory() as fresh:
            session = fresh.session(str(number))
            session.append(NewEntry(**(base | change)))
            digests.add(journal.transcript_digest(session.open()))
    assert len(digests) == len(changes)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.heavy
@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4))
def test_any_bodies_come_back_equal(bodies):
    with memory() as store, memory() as target:
        session = store.session("any")
        for body in bodies:
            session.append(body)
        imported(target, exported(store))
        assert said(target) == said(store)
