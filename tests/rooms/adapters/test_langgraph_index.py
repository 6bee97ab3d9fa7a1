"""Whatever was done to a thread: opened from its indexes, from all its entries, or kept in memory,
it is the same.
"""

import random

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from novacore import journal
from novacore.adapters.langgraph import Config, JournalSaver

pytestmark = pytest.mark.heavy

NAMESPACES = ("", "child:1")


class Story:
    """Random work on two threads by two savers that sum up often."""

    def __init__(self, store, seed):
        self.random = random.Random(seed)
        self.savers = [JournalSaver(store, config=Config(index_entries=4)) for _ in range(2)]
        self.known = []

    def step(self):
        saver = self.random.choice(self.savers)
        deed = self.random.choices(
            [self.put, self.write, self.write_early, self.prune, self.delete_run, self.put_again],
            [40, 30, 5, 2, 2, 5],
        )[0]
        deed(saver)

    def put(self, saver):
        thread, namespace = self.random.choice("ab"), self.random.choice(NAMESPACES)
        config = {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}
        same = [each for each in self.known if each["configurable"]["thread_id"] == thread
                and each["configurable"]["checkpoint_ns"] == namespace]  # fmt: skip
        parent = self.random.choice([*same[-3:], config]) if same else config
        before = saver.get_tuple(parent) if parent is not config else None
        checkpoint = empty_checkpoint()
        values = dict(before.checkpoint["channel_values"]) if before else {}
        versions = dict(before.checkpoint["channel_versions"]) if before else {}
        channel = self.random.choice("xyz")
        version = saver.get_next_version(max(versions.values(), default=None), None)
        values[channel] = [*values.get(channel, []), f"{channel} " * self.random.randint(1, 200)]
        checkpoint["channel_values"], checkpoint["channel_versions"] = values, versions | {
            channel: version}  # fmt: skip
        run = {"step": 1, "run_id": f"run-{self.random.randint(0, 5)}"}
        self.known.append(saver.put(parent, checkpoint, run, {channel: version}))

    def put_again(self, saver):
        if self.known:
            config = self.random.choice(self.known)
            found = saver.get_tuple(config)
            if found is not None:
                versions = found.checkpoint["channel_versions"]
                saver.put(found.parent_config or _without_id(config), found.checkpoint,
                          {"step": 2}, versions)  # fmt: skip

    def write(self, saver):
        if self.known:
            config = self.random.choice(self.known[-4:])
            writes = [(self.random.choice(["x", "__error__"]), self.random.random())]
            saver.put_writes(config, writes, f"task-{self.random.randint(0, 3)}")

    def write_early(self, saver):
        checkpoint = empty_checkpoint()
        config = {"configurable": {"thread_id": "a", "checkpoint_ns": "",
                                   "checkpoint_id": checkpoint["id"]}}  # fmt: skip
        saver.put_writes(config, [("x", "early")], "task")
        if self.random.random() < 0.5:
            self.known.append(saver.put(_without_id(config), checkpoint, {"step": 0}, {}))

    def prune(self, saver):
        saver.prune(["a"])

    def delete_run(self, saver):
        saver.delete_for_runs([f"run-{self.random.randint(0, 5)}"])


def _without_id(config):
    known = config["configurable"]
    return {"configurable": {key: known[key] for key in ("thread_id", "checkpoint_ns")}}


@pytest.mark.parametrize("seed", range(12))
def test_a_thread_is_the_same_however_it_is_opened(seed):
    with journal.open_memory() as store:
        story = Story(store, seed)
        for _ in range(120):
            story.step()
        ways = [*story.savers, JournalSaver(store, config=Config(index_entries=4)),
                JournalSaver(store)]  # fmt: skip
        seen = [list(saver.list(None)) for saver in ways]
        assert seen[0]
        assert all(each == seen[0] for each in seen[1:])
        kinds = [entry.kind for entry in store.get_session("thread:b").open().entries]
        assert "checkpoint_index" in kinds


def test_opening_a_long_thread_reads_few_of_its_entries(store):
    saver = JournalSaver(store)
    config = {"configurable": {"thread_id": "a", "checkpoint_ns": ""}}
    for step in range(400):
        config = saver.put(config, empty_checkpoint(), {"step": step}, {})
    fresh = JournalSaver(store)
    thread = fresh._threads._lookup("thread:a")
    read, reads = thread.read, []
    thread.read = lambda position: reads.append(position) or read(position)
    thread.refresh()
    assert len(thread.rows[""]) == 400
    assert len(reads) < 150
