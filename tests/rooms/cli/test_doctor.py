"""`nova doctor`: what is wrong is named, with the way to mend it."""

import shutil
from typing import NamedTuple

import pytest
from tests.rooms.cli.conftest import Nova
from tests.scripted_provider import ScriptedProvider

import novacore
from novacore import journal
from novacore.cli import examining


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def finding(nova: Nova, name: str, *arguments: str) -> dict[str, str]:
    found = nova("doctor", "--json", *arguments).json["findings"]
    return next(each for each in found if each["name"] == name)


def test_a_fresh_machine_lacks_a_model_and_nothing_else(nova: Nova) -> None:
    outcome = nova("doctor", "--json")

    wrong = [each for each in outcome.json["findings"] if each["state"] == "wrong"]
    assert outcome.code == 1
    assert [each["name"] for each in wrong] == ["model"]
    assert "nova model install" in wrong[0]["mend"]
    assert not nova.data_dir.exists()


def test_a_model_that_answers_is_well(nova: Nova, monkeypatch) -> None:
    with ScriptedProvider([{"text": "ok"}, {"text": "ok"}]) as provider:
        monkeypatch.setenv("NOVA_LLM_BASE_URL", provider.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "anthropic")
        outcome = nova("doctor")
        assert outcome.code == 0, outcome.out
        assert "answers." in outcome.out
        assert finding(nova, "model")["state"] == "ok"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([{"status": 401, "error": {"type": "authentication_error", "message": "no"}}], "401"),
        ([{"status": 529, "error": {"type": "overloaded_error", "message": "busy"}}], "busy"),
    ],
)
def test_a_model_that_refuses_is_wrong_with_the_reason(nova, monkeypatch, script, said) -> None:
    with ScriptedProvider(script) as provider:
        monkeypatch.setenv("NOVA_LLM_BASE_URL", provider.url)
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "anthropic")
        monkeypatch.setenv("NOVA_LLM_API_KEY", "key")
        found = finding(nova, "model")

    assert found["state"] == "wrong"
    assert said in found["what"]
    assert len(provider.requests) == 1


def test_a_provider_without_its_key_is_wrong(nova: Nova) -> None:
    found = finding(nova, "model", "--set", "llm.provider=minimax")

    assert found["state"] == "wrong"
    assert "MINIMAX_API_KEY" in found["mend"]


def test_a_model_that_keeps_silent_is_wrong(nova: Nova, monkeypatch) -> None:
    monkeypatch.setattr(examining, "_PROBE_S", 0.2)
    with ScriptedProvider([{"text": "x", "hang_after": 0}]) as provider:
        monkeypatch.setenv("NOVA_LLM_BASE_URL", provider.url)
        monkeypatch.setenv("NOVA_LLM_PROVIDER", "anthropic")
        monkeypatch.setenv("NOVA_LLM_API_KEY", "key")
        assert "did not answer within" in finding(nova, "model")["what"]


def test_a_data_directory_that_others_can_enter_is_wrong(nova: Nova) -> None:
    nova.data_dir.mkdir(mode=0o755)
    nova.data_dir.chmod(0o755)

    found = finding(nova, "data directory")

    assert found["state"] == "wrong"
    assert found["mend"] == f"Run: chmod 700 {nova.data_dir}"


def test_files_that_others_can_read_are_named(nova: Nova) -> None:
    with novacore.open(nova.data_dir) as store:
        store.session("s").append({"role": "user", "content": "x"})
    assert finding(nova, "files")["state"] == "ok"
    (nova.data_dir / "open.txt").write_text("x")
    (nova.data_dir / "open.txt").chmod(0o644)

    found = finding(nova, "files")

    assert found["state"] == "wrong"
    assert "open.txt" in found["what"]


def test_a_file_in_the_place_of_the_data_directory_is_wrong(nova: Nova) -> None:
    nova.data_dir.touch()

    assert finding(nova, "data directory")["state"] == "wrong"
    assert finding(nova, "sessions")["state"] == "wrong"


def test_a_settings_file_with_a_key_must_be_private(nova: Nova) -> None:
    nova.data_dir.mkdir(mode=0o700)
    path = nova.data_dir / "nova.toml"
    path.write_text('[llm]\napi_key = "k"\n')
    path.chmod(0o644)
    assert finding(nova, "settings")["state"] == "wrong"

    path.chmod(0o600)
    assert finding(nova, "settings")["state"] == "ok"


@pytest.mark.parametrize(
    ("free", "state"), [(50 * 1024**2, "wrong"), (500 * 1024**2, "warning"), (5 * 1024**3, "ok")]
)
def test_little_disk_is_said(nova: Nova, monkeypatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, free))

    assert finding(nova, "disk")["state"] == state


def test_the_sqlite_library_is_named_with_its_version(nova: Nova) -> None:
    found = finding(nova, "sqlite")

    assert found["state"] == "ok"
    assert "apsw" in found["what"]


def test_an_affected_library_and_a_network_file_system_are_refused(nova, monkeypatch) -> None:
    facts = journal.Surroundings(
        sqlite_version="3.40.1",
        sqlite_version_min="3.51.3",
        is_sqlite_safe=False,
        binding_version="3.40.1.0",
        file_system="nfs4",
        is_network=True,
    )
    monkeypatch.setattr(journal, "describe_surroundings", lambda _folder: facts)

    sqlite, disk = finding(nova, "sqlite"), finding(nova, "file system")
    assert (sqlite["state"], disk["state"]) == ("wrong", "wrong")
    assert "upgrade apsw" in sqlite["mend"]
    assert "NOVA_DATA_DIR" in disk["mend"]


def test_a_damaged_store_is_wrong_and_names_the_way_out(nova: Nova) -> None:
    nova("sessions")
    (database,) = [path for path in nova.data_dir.iterdir() if path.suffix == ".db"]
    database.write_bytes(b"not a database" * 1_000)

    found = finding(nova, "sessions")
    assert found["state"] == "wrong"
    assert "salvage" in found["mend"]
    assert "wrong" in nova("doctor").out
