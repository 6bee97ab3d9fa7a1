"""Several processes on one thread: none loses what it was told is stored, killed or not."""

import subprocess
import sys
import textwrap

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from novacore import journal
from novacore.adapters.langgraph import JournalSaver, JournalStore

pytestmark = pytest.mark.heavy

WRITER = textwrap.dedent(
    """
    import sys
    from langgraph.checkpoint.base import empty_checkpoint
    from novacore import journal
    from novacore.adapters.langgraph import JournalSaver, JournalStore

    folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    store = journal.open_store(folder)
    saver, items = JournalSaver(store), JournalStore(store)
    messages = []
    config = {"configurable": {"thread_id": "shared", "checkpoint_ns": name}}
    for n in range(count):
        messages = [*messages, {"role": "user", "content": f"{name} {n} " + "word " * 100}]
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": messages}
        checkpoint["channel_versions"] = {"messages": n + 1}
        config = saver.put(config, checkpoint, {"step": n}, {"messages": n + 1})
        items.put(("notes", name), f"k{n}", {"n": n})
        print(config["configurable"]["checkpoint_id"], flush=True)
    """
)


def start(folder, name, count):
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def check(folder, name, ids):
    """Every acknowledged checkpoint and item is there, whole."""
    with journal.open_store(folder) as store:
        saver, items = JournalSaver(store), JournalStore(store)
        for n, checkpoint_id in enumerate(ids):
            config = {"configurable": {"thread_id": "shared", "checkpoint_ns": name,
                                       "checkpoint_id": checkpoint_id}}  # fmt: skip
            found = saver.get_tuple(config)
            messages = found.checkpoint["channel_values"]["messages"]
            assert [each["content"].split()[1] for each in messages] == [
                str(k) for k in range(n + 1)]  # fmt: skip
            assert items.get(("notes", name), f"k{n}").value == {"n": n}
        assert store.verify().is_sound


def test_two_processes_write_to_one_thread_and_lose_nothing(tmp_path):
    writers = {name: start(tmp_path, name, 40) for name in ("left", "right")}
    told = {name: writer.communicate(timeout=120)[0].split() for name, writer in writers.items()}
    for name, writer in writers.items():
        assert writer.returncode == 0
        assert len(told[name]) == 40
        check(tmp_path, name, told[name])


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_process_that_is_killed_loses_nothing_that_it_was_told(tmp_path, after):
    writer = start(tmp_path, "killed", 1_000)
    ids = [writer.stdout.readline().strip() for _ in range(after)]
    writer.kill()
    ids += writer.communicate(timeout=60)[0].split()
    check(tmp_path, "killed", [each for each in ids if len(each) == 36])


def test_one_prunes_while_another_writes(tmp_path):
    with start(tmp_path, "busy", 60) as writer, journal.open_store(tmp_path) as store:
        saver = JournalSaver(store)
        ids = []
        for line in writer.stdout:
            ids.append(line.strip())
            if len(ids) % 10 == 0:
                saver.prune(["shared"])
        assert writer.wait(timeout=60) == 0
        found = saver.get_tuple({"configurable": {"thread_id": "shared", "checkpoint_ns": "busy"}})
        assert found.checkpoint["id"] == ids[-1]
        assert len(found.checkpoint["channel_values"]["messages"]) == 60
        checkpoint = empty_checkpoint()
        assert saver.put(found.config, checkpoint, {"step": 61}, {})
        assert store.verify().is_sound
