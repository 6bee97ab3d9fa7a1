"""The process that projects gets its settings, and leaves the JSON store alone."""

import dataclasses
import shutil
import subprocess
import time

import pytest

from novacore import bootstrap, settings
from novacore.bootstrap import asked
from novacore.tiers.runner import Runner

PATIENCE_S = 60.0


def _chosen(tmp_path, **overrides) -> settings.Settings:
    env = {
        "HOME": str(tmp_path),
        "NOVA_TIERS_REDIS_URL": "redis://:hush@127.0.0.1/1",
        "OPENAI_API_KEY": "sk-hush",
    }
    return settings.load(env=env, overrides={"data_dir": str(tmp_path / "data"), **overrides})


def test_what_a_projector_needs_of_the_settings_arrives_whole(tmp_path):
    chosen = _chosen(tmp_path, **{"tiers.batch_entries_max": "77"})
    line = asked.encode(chosen)
    assert line.count(b"\n") == 1
    found = asked.decode(line)
    for name in ("data_dir", "store", "database_url", "journal", "llm", "embedding", "tiers"):
        assert getattr(found, name) == getattr(chosen, name), name
    assert found.vendor_keys == chosen.vendor_keys
    assert found.tiers.batch_entries_max == 77


def test_without_an_embedder_the_vector_tier_is_off_and_the_rest_is_kept(tmp_path):
    chosen = _chosen(tmp_path, **{"embedding.embedder": "none"})
    with bootstrap.open_store(chosen) as store:
        opened = bootstrap.open_tiers(chosen, store)
        assert "vector" not in opened.names
        assert len(opened.names) == 6
        opened.close()


def test_tiers_whose_data_directory_was_moved_away_do_not_bring_it_back(tmp_path):
    chosen = _chosen(tmp_path)
    with bootstrap.open_store(chosen) as store:
        opened = bootstrap.open_tiers(chosen, store)
        runner = opened.runner()
        runner.start()
        store.session("talk").append({"role": "user", "content": "one"})
        _watch_until_at_rest(runner)
        assert (chosen.data_dir / "tiers" / "hot").is_dir()
        chosen.data_dir.rename(tmp_path / "elsewhere")
        _watch_until_at_rest(runner)
        assert not chosen.data_dir.exists()
        runner.stop()
        opened.close()
    assert not chosen.data_dir.exists()


def test_a_tiers_folder_that_was_removed_with_all_tiers_is_made_again(tmp_path):
    chosen = _chosen(tmp_path)
    with bootstrap.open_store(chosen) as store:
        opened = bootstrap.open_tiers(chosen, store)
        runner = opened.runner()
        runner.start()
        store.session("talk").append({"role": "user", "content": "one"})
        _watch_until_at_rest(runner)
        shutil.rmtree(chosen.data_dir / "tiers")
        _watch_until_at_rest(runner)
        assert all(each.lag_entries == 0 for each in opened.status())
        runner.stop()
        opened.close()


def _watch_until_at_rest(runner: Runner) -> None:
    """Let every tier look at the journal once more, at least."""
    end_s = time.monotonic() + PATIENCE_S
    while runner.watch(0.05) and not runner.is_at_rest:
        assert time.monotonic() < end_s


def test_sessions_in_json_files_have_no_tiers_and_start_no_process(tmp_path, monkeypatch):
    chosen = dataclasses.replace(_chosen(tmp_path), store="json")
    with bootstrap.open_store(chosen) as store, pytest.raises(settings.SettingsError):
        bootstrap.open_tiers(chosen, store)
    started = _noted_processes(monkeypatch)
    with bootstrap.projecting(chosen):
        assert started == []


def test_a_projector_that_is_off_is_not_started(tmp_path, monkeypatch):
    started = _noted_processes(monkeypatch)
    with bootstrap.projecting(_chosen(tmp_path, **{"tiers.projector": "off"})):
        assert started == []


def test_where_no_process_can_be_started_the_program_goes_on(tmp_path, monkeypatch):
    refused = []

    def refuse(*arguments, **options):
        refused.append(arguments)
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with bootstrap.projecting(_chosen(tmp_path)):
        pass
    assert len(refused) == 1


def _noted_processes(monkeypatch) -> list[object]:
    """What is asked to be started; nothing is."""
    started: list[object] = []

    def note(*arguments, **options):
        started.append(arguments)
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", note)
    return started
