"""`novacore.open`: a store with recall, context, memories and tiers around it."""

import pytest

import novacore
from novacore import bootstrap, journal, memory, settings


@pytest.fixture
def store(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nova.toml").write_text('[tiers]\nprojector = "off"\n')
    with novacore.open(tmp_path / "data") as opened:
        yield opened


def _say(store, session, *texts):
    for text in texts:
        store.session(session).append({"role": "user", "content": text})


def test_what_was_said_a_moment_ago_is_recalled_with_where_it_is_and_why(store):
    _say(store, "planning", "The harbour closes in March.", "Lunch is at noon.")
    hit = store.recall("when does the harbour close?", limit=1)[0]
    assert (hit.session, hit.position) == ("planning", 0)
    assert hit.message["content"] == "The harbour closes in March."
    assert hit.score > 0
    assert hit.parts


def test_another_owner_recalls_nothing_of_it_and_has_memories_of_its_own(store):
    _say(store, "planning", "The harbour closes in March.")
    store.memories.create("The harbour closes in March.", type="lesson")
    other = store.for_owner(journal.Scope(owner="bob"))
    assert other.recall("harbour") == []
    assert list(other.memories.list().memories) == []


def test_a_recalled_memory_counts_as_used_once_the_turn_is_written(store):
    made = store.memories.create("Ada prefers green tea.", type="fact")
    assert store.recall("which tea does Ada prefer?", kind="memory")[0].kind == "memory"
    assert store.memories.get(made.id).access_count == 0
    store.memories.flush_access()
    assert store.memories.get(made.id).access_count == 1


def test_only_so_many_owners_are_kept_ready_and_the_others_lose_nothing(tmp_path):
    chosen = settings.load(
        env={},
        overrides={
            "data_dir": str(tmp_path / "data"),
            "tiers.projector": "off",
            "recall.open_owners_max": "2",
        },
    )
    with bootstrap.open_store(chosen) as store:
        owners = [store.for_owner(journal.Scope(owner=f"owner {number}")) for number in range(5)]
        for number, owner in enumerate(owners):
            owner.memories.create(f"The word of this one is canary{number}.", type="fact")
        for _ in range(2):
            for number, owner in enumerate(owners):
                found = owner.recall("which word?", kind="memory")
                assert [hit.text for hit in found] == [f"The word of this one is canary{number}."]
                assert len(store._around._recalls) <= 2
                assert len(store._around._memories) <= 2
        for owner in owners:
            owner.memories.flush_access()
            [made] = owner.memories.list().memories
            assert made.access_count == 2


def test_a_session_opens_with_its_context_and_tells_what_is_missing(store):
    _say(store, "planning", "The harbour closes in March.")
    found = store.open_context("planning")
    assert [message["content"] for message in found.history] == ["The harbour closes in March."]
    assert set(found.missing) <= set(memory.PARTS)
    with pytest.raises(journal.SessionUnknown):
        store.open_context("nowhere")


def test_the_settings_beside_the_data_hold_and_no_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVA_TIERS_HOT", "redis")
    monkeypatch.setenv("NOVA_DATA_DIR", str(tmp_path / "elsewhere"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nova.toml").write_text('[tiers]\ngraph = "off"\nprojector = "off"\n')
    with novacore.open(tmp_path / "data") as store:
        engines = {status.tier: status.engine for status in store.tiers.status()}
    assert (engines["hot"], engines["graph"]) == ("sqlite", "off")
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_around_the_store_is_made_before_it_is_used(tmp_path):
    with novacore.open(tmp_path / "data") as store:
        _say(store, "talk", "hello")
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert not names & {"tiers", "recall"}


def test_after_closing_nothing_answers(store):
    store.close()
    with pytest.raises(journal.StoreClosed):
        store.recall("anything")
    store.close()


def test_sessions_in_json_files_are_recalled_but_have_no_tiers(tmp_path):
    chosen = settings.load(env={}, overrides={"data_dir": str(tmp_path), "store": "json"})
    with bootstrap.open_store(chosen) as store:
        _say(store, "talk", "The harbour closes in March.")
        assert store.recall("harbour")[0].position == 0
        with pytest.raises(settings.SettingsError, match="JSON"):
            _ = store.tiers
