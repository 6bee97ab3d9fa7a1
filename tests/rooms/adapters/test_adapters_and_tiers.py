"""What the adapters keep is in all tiers, and what they delete is gone from all of them."""

import asyncio

import pytest
from langgraph.checkpoint.base import empty_checkpoint

import novacore
from novacore.adapters.anthropic_memory import JournalMemoryTool
from novacore.adapters.langgraph import JournalSaver, JournalStore
from novacore.adapters.openai_agents import JournalSession

pytestmark = pytest.mark.heavy

CATCH_UP_MS = 120_000
SECRET = "canary-in-a-cage "


def every_byte(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def are_equal(store):
    assert store.tiers.catch_up(timeout_ms=CATCH_UP_MS)
    return {report.tier: report.is_equal for report in store.tiers.verify()}


def test_all_tiers_equal_the_journal_and_nothing_deleted_is_left_in_any(tmp_path):
    with novacore.open(tmp_path) as store:
        saver, items, tool = JournalSaver(store), JournalStore(store), JournalMemoryTool(store)
        session = JournalSession("talk", store)
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        for step in range(12):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"text": f"{step} " + SECRET * 30}
            checkpoint["channel_versions"] = {"text": step + 1}
            config = saver.put(config, checkpoint, {"step": step}, {"text": step + 1})
        items.put(("users", "1"), "k", {"text": SECRET})
        tool.call({"command": "create", "path": "/memories/a", "file_text": SECRET})
        said = [{"role": "user", "content": SECRET}, {"role": "user", "content": "this stays"}]
        asyncio.run(session.add_items(said))
        assert store.recall("canary", limit=5)
        equal = are_equal(store)
        assert len(equal) == 7
        assert all(equal.values()), equal
    assert SECRET.encode().strip() in every_byte(tmp_path)

    with novacore.open(tmp_path) as store:
        JournalSaver(store).delete_thread("t")
        JournalStore(store).delete(("users", "1"), "k")
        JournalMemoryTool(store).call({"command": "delete", "path": "/memories/a"})
        store.erase(store.session("talk", workspace="openai-agents").id, positions=[0])
        assert store.recall("canary", limit=5) == []
        equal = are_equal(store)
        assert all(equal.values()), equal
        assert store.verify().is_sound
    left = [path for path in tmp_path.rglob("*") if path.is_file()
            and SECRET.encode().strip() in path.read_bytes()]  # fmt: skip
    assert left == []
