"""What a turn leaves behind it: facts that were stated, uses of memories, time that passed."""

from collections.abc import Iterator

import pytest
from tests.rooms.cli.conftest import Nova
from tests.scripted_provider import ScriptedProvider

import novacore
from novacore import bootstrap, journal, memory


@pytest.fixture
def provider(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "openai")
        monkeypatch.setenv("NOVA_LLM_BASE_URL", scripted.url)
        monkeypatch.setenv("NOVA_LLM_API_KEY", "key")
        monkeypatch.setenv("NOVA_TIERS_PROJECTOR", "off")
        yield scripted


def test_what_a_task_states_is_known_afterwards(nova, provider):
    provider.play({"text": "My name is Bob."})
    assert nova("run", "-t", "My name is Anna.").code == 0
    found = nova("memories", "facts", "--json").json
    assert [each["text"] for each in found] == ["The user's name is Anna."]


def test_a_later_session_is_reminded_of_what_was_stated(nova, provider):
    provider.play({"text": "hello"}, {"text": "Anna"})
    nova("run", "-t", "My name is Anna.", "--session", "one")
    nova("memories", "add", "of another folder", "--project", "/elsewhere", "--confidence", "0.9")
    nova("run", "-t", "what is my name?", "--session", "two")
    prompt = str(provider.bodies[1]["messages"][0])
    assert "The user's name is Anna." in prompt
    assert "of another folder" not in prompt
    found = nova("memories", "list", "--json").json["memories"]
    assert {each["access_count"] for each in found} == {0}


def test_learning_can_be_switched_off(nova, provider, monkeypatch):
    monkeypatch.setenv("NOVA_MEMORY_LEARN", "false")
    provider.play({"text": "hello"})
    assert nova("run", "-t", "My name is Anna.").code == 0
    assert nova("memories", "facts", "--json").json == []


def test_a_turn_that_states_nothing_writes_nothing(nova, provider):
    provider.play({"text": "hello"})
    assert nova("run", "-t", "hello").code == 0
    assert "memories:" not in nova("sessions", "--all").out


def test_a_memory_that_recall_found_counts_as_used_after_the_turn(nova):
    with novacore.open(nova.data_dir) as store:
        made = store.memories.create("the wombat build needs make 4", term="long")
        session = store.session("talk")
        for _ in range(3):
            assert store.recall("wombat build")
        assert store.memories.get(made.id).access_count == 0
        bootstrap.learn(store, session, config=memory.Config())
        assert store.memories.get(made.id).access_count == 1


def test_a_task_is_done_also_where_what_it_stated_can_not_be_kept_now(nova, provider, monkeypatch):
    def fail(*arguments, **options):
        raise journal.StorageFailed("The disk is full.")

    monkeypatch.setattr(bootstrap, "learn", fail)
    provider.play({"text": "Hello Anna."})
    done = nova("run", "-t", "My name is Anna.", "--json")
    assert done.code == 0
    assert done.json["text"] == "Hello Anna."
    assert "not remembered yet: The disk is full." in done.err
