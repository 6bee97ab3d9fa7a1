"""The checkpointer for LangGraph: its own conformance suite, and what that does not ask."""

import asyncio
import os

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from novacore import adapters, journal
from novacore.adapters import langgraph as adapter
from novacore.adapters.langgraph import JournalSaver
from novacore.adapters.langgraph.putting import plan_writes

FILES = ("sqlite", "sqlite-sealing", "json")
"""The engines whose every byte is in the folder: where a deleted text can be looked for."""


def config_of(thread_id, checkpoint_id=None, namespace=""):
    found = {"thread_id": thread_id, "checkpoint_ns": namespace}
    return {"configurable": found | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}


def put(saver, config, *, run="run", **values):
    """A checkpoint after the one that `config` names, with these values as new versions."""
    before = saver.get_tuple(config) if "checkpoint_id" in config["configurable"] else None
    checkpoint = empty_checkpoint()
    old = before.checkpoint["channel_versions"] if before else {}
    version = saver.get_next_version(max(old.values(), default=None), None)
    checkpoint["channel_values"] = (before.checkpoint["channel_values"] if before else {}) | values
    checkpoint["channel_versions"] = old | dict.fromkeys(values, version)
    metadata = {"source": "loop", "step": len(old), "parents": {}, "run_id": run}
    return saver.put(config, checkpoint, metadata, dict.fromkeys(values, version))


def talk(saver, thread_id, count, *, text="word " * 60):
    """A thread whose list of messages grows by one each step; its configs."""
    config, messages, configs = config_of(thread_id), [], []
    for index in range(count):
        messages = [*messages, {"role": "user", "content": f"{index}: {text}"}]
        config = put(saver, config, run=f"run-{index}", messages=messages)
        configs.append(config)
    return configs


@pytest.fixture
def saver(store):
    return JournalSaver(store)


async def test_langgraphs_own_conformance_suite_passes_in_full(place):
    @checkpointer_test(name="JournalSaver")
    async def checkpointer():
        yield JournalSaver(place.open())

    report = await validate(checkpointer)
    assert report.conformance_level() == "FULL", report.to_dict()
    assert {name for name, found in report.results.items() if found.passed} == {
        capability.value for capability in Capability
    }


def test_a_thread_survives_a_restart(place):
    store = place.open()
    configs = talk(JournalSaver(store), "ada", 20)
    JournalSaver(store).put_writes(configs[-1], [("messages", "next")], "task")
    saver = JournalSaver(place.reopen(store))
    found = saver.get_tuple(config_of("ada"))
    assert len(found.checkpoint["channel_values"]["messages"]) == 20
    assert found.pending_writes == [("task", "messages", "next")]
    assert [each.config for each in saver.list(config_of("ada"))] == configs[::-1]


def test_every_past_state_comes_back_as_it_was(store):
    configs = talk(JournalSaver(store), "ada", 40)
    saver = JournalSaver(store)
    for count, config in enumerate(configs, 1):
        messages = saver.get_tuple(config).checkpoint["channel_values"]["messages"]
        assert [each["content"].split(":")[0] for each in messages] == [
            str(index) for index in range(count)
        ]


def test_a_growing_conversation_is_stored_once_not_once_a_step(saver, store):
    talk(saver, "ada", 100)
    entries = store.get_session("thread:ada").open().entries
    stored = sum(len(entries.frame(at).body) for at in range(len(entries)) if
                 entries[at].kind == "checkpoint_value")  # fmt: skip
    newest = saver.get_tuple(config_of("ada")).checkpoint["channel_values"]["messages"]
    size = len(JsonPlusSerializer().dumps_typed(newest)[1])
    assert stored < 4 * size


def test_an_unchanged_channel_is_not_written_again(saver, store):
    first = put(saver, config_of("ada"), big="x" * 10_000, small=1)
    before = len(store.get_session("thread:ada").open().entries)
    second = put(saver, first, small=2)
    assert len(store.get_session("thread:ada").open().entries) == before + 2
    assert saver.get_tuple(second).checkpoint["channel_values"] == {"big": "x" * 10_000, "small": 2}


def test_a_retry_of_a_put_writes_nothing(saver, store):
    first = put(saver, config_of("ada"), text="one")
    found = saver.get_tuple(first)
    again = dict(found.checkpoint, channel_values={"text": "one"})
    before = store.get_session("thread:ada").info.entries
    versions = found.checkpoint["channel_versions"]
    for _ in range(2):
        assert JournalSaver(store).put(config_of("ada"), again, found.metadata, versions) == first
    assert store.get_session("thread:ada").info.entries == before


def test_the_same_checkpoint_put_with_other_content_takes_its_place(saver):
    checkpoint = empty_checkpoint()
    for text in ("one", "two", "one"):
        checkpoint["channel_values"], checkpoint["channel_versions"] = {"text": text}, {"text": 1}
        config = saver.put(config_of("ada"), checkpoint, {"source": "loop"}, {"text": 1})
        assert saver.get_tuple(config).checkpoint["channel_values"] == {"text": text}
    assert len(list(saver.list(config_of("ada")))) == 1


def test_branches_that_count_versions_alike_keep_their_own_values(saver):
    root = put(saver, config_of("ada"), text="root")
    ends = []
    for word in ("left", "right"):
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"], checkpoint["channel_versions"] = {"text": word}, {"text": 2}
        ends.append(saver.put(root, checkpoint, {"source": "fork"}, {"text": 2}))
    words = [saver.get_tuple(end).checkpoint["channel_values"]["text"] for end in ends]
    assert words == ["left", "right"]


def test_versions_rise_also_from_those_of_another_saver(saver):
    theirs = "00000000000000000000000000000009.0.123"
    for current in (None, theirs, 9):
        first = saver.get_next_version(current, None)
        second = saver.get_next_version(first, None)
        assert second > first
        assert not isinstance(current, str) or first > current


def test_values_of_every_size_and_kind_come_back(saver):
    values = {
        "large": os.urandom(1_500_000), "text": "äöü 漢字 " * 200_000, "nothing": None,
        "empty": b"", "nested": {"a": [1, 2.5, {"b": ["c", {1, 2}]}]},
    }  # fmt: skip
    config = put(saver, config_of("ada"), **values)
    assert saver.get_tuple(config).checkpoint["channel_values"] == values
    changed = put(saver, config, large=values["large"][:-10] + b"changed")
    assert saver.get_tuple(changed).checkpoint["channel_values"]["large"].endswith(b"changed")


def test_writes_come_back_in_the_order_in_which_a_run_applies_them(saver):
    config = put(saver, config_of("ada"), text="one")
    saver.put_writes(config, [("b", 3)], "1-late", "~b")
    saver.put_writes(config, [("a", 1), ("a", 2)], "9-early", "~a")
    assert [write[2] for write in saver.get_tuple(config).pending_writes] == [1, 2, 3]


def test_a_later_error_replaces_the_one_before_but_a_plain_write_stands(saver):
    config = put(saver, config_of("ada"), text="one")
    for text in ("first", "second", "first"):
        saver.put_writes(config, [("__error__", text)], "task")
        assert saver.get_tuple(config).pending_writes == [("task", "__error__", text)]
    other = put(saver, config, text="two")
    for text in ("first", "second"):
        saver.put_writes(other, [("a", text)], "task")
    assert saver.get_tuple(other).pending_writes == [("task", "a", "first")]


def test_writes_may_come_before_their_checkpoint(saver):
    checkpoint = empty_checkpoint()
    saver.put_writes(config_of("ada", checkpoint["id"]), [("a", 1)], "task")
    assert saver.get_tuple(config_of("ada")) is None
    saver.put(config_of("ada"), checkpoint, {"source": "loop"}, {})
    assert saver.get_tuple(config_of("ada")).pending_writes == [("task", "a", 1)]


def _raw(place, store):
    """All bytes that an engine keeps on the disk."""
    store.close()
    return b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())


def test_a_deleted_thread_is_gone_from_the_disk(place):
    store = place.open()
    saver = JournalSaver(store)
    talk(saver, "ada", 30, text="canary-in-a-cage " * 20)
    put(saver, config_of("ada"), large="canary-in-a-cage " * 100_000)
    saver.delete_thread("ada")
    assert saver.get_tuple(config_of("ada")) is None
    assert list(saver.list(None)) == []
    if place.engine in FILES:
        assert b"canary-in-a-cage" not in _raw(place, store)


def test_a_thread_can_begin_again_under_its_old_name(saver):
    talk(saver, "ada", 3)
    saver.delete_thread("ada")
    config = put(saver, config_of("ada"), text="anew")
    assert [each.config for each in saver.list(config_of("ada"))] == [config]


def test_pruning_destroys_what_only_older_checkpoints_had(place):
    store = place.open()
    saver = JournalSaver(store)
    first = put(saver, config_of("ada"), secret="canary-in-a-cage " * 60, kept="shared " * 200)
    second = put(saver, first, secret="gone")
    saver.prune(["ada"])
    assert [each.config for each in saver.list(config_of("ada"))] == [second]
    values = saver.get_tuple(second).checkpoint["channel_values"]
    assert values == {"secret": "gone", "kept": "shared " * 200}
    third = put(saver, second, kept="shared " * 199 + "changed")
    assert store.verify().is_sound
    saver = JournalSaver(place.reopen(store))
    assert saver.get_tuple(third).checkpoint["channel_values"]["kept"].endswith("changed")
    if place.engine in FILES:
        assert b"canary-in-a-cage" not in _raw(place, saver._threads._store)


def test_what_is_kept_of_a_long_thread_survives_its_pruning(saver, store):
    configs = talk(saver, "ada", 60)
    saver.put_writes(configs[-1], [("a", 1)], "task")
    saver.prune(["ada"])
    found = JournalSaver(store).get_tuple(config_of("ada"))
    assert len(found.checkpoint["channel_values"]["messages"]) == 60
    assert found.pending_writes == [("task", "a", 1)]
    with pytest.raises(ValueError, match="keep_latest"):
        saver.prune(["ada"], strategy="keep_some")


def test_deleting_a_run_leaves_the_others_whole(saver, store):
    configs = talk(saver, "ada", 12)
    talk(saver, "ben", 2)
    saver.delete_for_runs(["run-0", "run-5", "run-6"])
    left = [each for index, each in enumerate(configs) if index not in (0, 5, 6)]
    for found in (saver, JournalSaver(store)):
        assert [each.config for each in found.list(config_of("ada"))] == left[::-1]
        assert len(list(found.list(config_of("ben")))) == 1
        newest = found.get_tuple(config_of("ada")).checkpoint
        assert len(newest["channel_values"]["messages"]) == 12


def test_a_copy_outlives_its_source_and_grows_alone(saver, store):
    configs = talk(saver, "ada", 25)
    saver.copy_thread("ada", "ben")
    put(saver, config_of("ben", configs[-1]["configurable"]["checkpoint_id"]), text="own")
    saver.delete_thread("ada")
    found = JournalSaver(store).get_tuple(config_of("ben")).checkpoint["channel_values"]
    assert (len(found["messages"]), found["text"]) == (25, "own")
    with pytest.raises(adapters.ThreadTaken):
        saver.copy_thread("ben", "ben")


def test_a_copy_that_was_cut_short_does_not_count(store):
    saver = JournalSaver(store, config=adapter.Config(batch_entries=4))
    talk(saver, "ada", 10)
    target = store.session("thread:ben", workspace="langgraph:threads")
    whole = store.session("thread:whole", workspace="langgraph:threads")
    saver.copy_thread("ada", "whole")
    entries = whole.open().entries
    for entry in entries[: len(entries) - 1]:
        target.append(journal.NewEntry(kind=entry.kind, body=dict(entry.body), actor=entry.actor))
    assert list(saver.list(config_of("ben"))) == []
    saver.copy_thread("ada", "ben")
    assert len(list(saver.list(config_of("ben")))) == 10


def test_an_interrupted_pruning_is_finished_by_the_next_write(store, monkeypatch):
    saver = JournalSaver(store)
    config = put(saver, config_of("ada"), text="old " * 300)
    put(saver, config, text="new")
    monkeypatch.setattr(saver._threads, "clean", lambda _: None)
    saver.prune(["ada"])
    session = store.get_session("thread:ada")
    assert not session.open().entries[0].is_erased
    after = JournalSaver(store)
    put(after, after.get_tuple(config_of("ada")).config, text="newer")
    assert store.get_session("thread:ada").open().entries[0].is_erased


def test_two_savers_of_one_store_see_each_others_checkpoints(store):
    ours, theirs = JournalSaver(store), JournalSaver(store)
    config = config_of("ada")
    for index in range(6):
        config = put((ours, theirs)[index % 2], config, messages=list(range(200 + index)))
        seen = ours.get_tuple(config_of("ada")), theirs.get_tuple(config_of("ada"))
        assert [each.checkpoint["channel_values"]["messages"][-1] for each in seen] == [
            199 + index
        ] * 2
    ours.delete_thread("ada")
    assert theirs.get_tuple(config_of("ada")) is None
    assert put(theirs, config_of("ada"), messages=[1])


def test_a_saver_whose_owner_was_erased_begins_anew(saver, store):
    configs = talk(saver, "ada", 3)
    store.erase_owner()
    assert saver.get_tuple(configs[-1]) is None
    assert list(saver.list(None)) == []
    config = put(saver, config_of("ada"), text="anew")
    assert saver.get_tuple(config).checkpoint["channel_values"] == {"text": "anew"}


def test_a_saver_goes_on_after_another_one_pruned(store):
    ours, theirs = JournalSaver(store), JournalSaver(store)
    configs = talk(ours, "ada", 10)
    theirs.prune(["ada"])
    config = put(ours, configs[-1], messages=[{"role": "user", "content": "after " * 200}] * 3)
    for saver in (ours, theirs, JournalSaver(store)):
        values = saver.get_tuple(config).checkpoint["channel_values"]
        assert len(values["messages"]) == 3


def test_a_pruning_between_a_puts_look_and_its_append_is_noticed(store, monkeypatch):
    ours, theirs = JournalSaver(store), JournalSaver(store)
    configs = talk(ours, "ada", 10)
    append, waiting = ours._threads.append, ["once"]

    def interrupted(*arguments, **options):
        if waiting:
            waiting.pop()
            theirs.prune(["ada"])
        return append(*arguments, **options)

    monkeypatch.setattr(ours._threads, "append", interrupted)
    messages = ours.get_tuple(configs[-1]).checkpoint["channel_values"]["messages"]
    config = put(ours, configs[-1], messages=[*messages, {"role": "user", "content": "last"}])
    for saver in (ours, JournalSaver(store)):
        values = saver.get_tuple(config).checkpoint["channel_values"]
        assert len(values["messages"]) == 11


def test_two_processes_that_store_one_tasks_writes_at_once_store_the_first(saver, store):
    config = put(saver, config_of("ada"), text="one")
    thread = saver._threads.open("ada")
    key = ("", config["configurable"]["checkpoint_id"])
    entries = [
        plan_writes(thread, key, [(0, "a", saver.serde.dumps_typed(text))], task="task", path="")
        for text in ("first", "second")
    ]
    store.get_session("thread:ada").append(*entries)
    for each in (saver, JournalSaver(store)):
        assert each.get_tuple(config).pending_writes == [("task", "a", "first")]


async def test_many_tasks_write_to_one_thread_at_once(saver):
    config = put(saver, config_of("ada"), text="one")
    await asyncio.gather(
        *(saver.aput_writes(config, [("a", index)], f"task-{index:02}") for index in range(40))
    )
    found = await saver.aget_tuple(config)
    assert [write[2] for write in found.pending_writes] == list(range(40))


async def test_many_threads_at_once_mix_nothing_up(saver):
    async def run(name):
        config = config_of(name)
        for index in range(5):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"text": f"{name} {index}"}
            checkpoint["channel_versions"] = {"text": index + 1}
            config = await saver.aput(config, checkpoint, {"step": index}, {"text": index + 1})
        return [each.checkpoint["channel_values"]["text"] async for each in saver.alist(
            config_of(name))]  # fmt: skip

    names = [f"thread-{index}" for index in range(20)]
    found = await asyncio.gather(*(run(name) for name in names))
    assert found == [[f"{name} {index}" for index in (4, 3, 2, 1, 0)] for name in names]
    assert len([each async for each in saver.alist(None, limit=7)]) == 7


def test_names_that_look_alike_are_different_threads(saver):
    names = ["a", "a:b", "thread:a", "a ", "A", "ä", "", "9b2f7c1e-1111-4222-8333-444455556666"]
    for name in names:
        put(saver, config_of(name), text=name)
        put(saver, config_of(name, namespace="child"), text=name + "/child")
    for name in names:
        assert saver.get_tuple(config_of(name)).checkpoint["channel_values"]["text"] == name
        found = [each.checkpoint["channel_values"]["text"] for each in saver.list(
            {"configurable": {"thread_id": name}})]  # fmt: skip
        assert found == [name + "/child", name]


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"configurable": {}}, adapters.ConfigIncomplete),
        ({}, adapters.ConfigIncomplete),
        ({"configurable": {"thread_id": "x" * 1_100}}, adapters.NameTooLong),
    ],
)
def test_a_config_that_names_no_usable_thread_is_refused(saver, config, error):
    with pytest.raises(error):
        saver.get_tuple(config)


def test_an_erased_value_is_named_not_made_up(saver, store):
    config = put(saver, config_of("ada"), text="one")
    session = store.get_session("thread:ada")
    position = next(e.position for e in session.open().entries if e.kind == "checkpoint_value")
    store.erase(session.id, positions=[position])
    with pytest.raises(adapters.ValueErased):
        JournalSaver(store).get_tuple(config)
