"""What the settings choose is what is opened."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

import novacore
from novacore import bootstrap, journal, settings


def chosen(tmp_path: Path, **overrides: str) -> settings.Settings:
    env = {"HOME": str(tmp_path), "NOVA_LLM_OLLAMA_URL": "http://127.0.0.1:9"}
    return settings.load(env=env, overrides=overrides, workspace=tmp_path)


def test_the_journal_is_the_default_store_in_a_private_directory(tmp_path: Path) -> None:
    with bootstrap.open_store(chosen(tmp_path)) as store:
        store.session("s").append({"role": "user", "content": "x"})

    assert stat.S_IMODE((tmp_path / ".nova").stat().st_mode) == 0o700
    with novacore.open(tmp_path / ".nova") as again:
        assert [dict(each) for each in again.session("s").messages] == [
            {"role": "user", "content": "x"}
        ]


def test_plain_files_are_used_where_the_setting_says_so(tmp_path: Path) -> None:
    with bootstrap.open_store(chosen(tmp_path, store="json")) as store:
        store.session("s").append({"role": "user", "content": "x"})

    assert any("user" in path.read_text() for path in (tmp_path / ".nova").rglob("*.json"))
    assert not (tmp_path / ".nova" / "journal.db").exists()


def test_the_limits_of_the_settings_reach_the_store(tmp_path: Path) -> None:
    with bootstrap.open_store(chosen(tmp_path, **{"journal.batch_entries_max": "1"})) as store:
        session = store.session("s")
        with pytest.raises(journal.EntryRefused, match="batch_entries_max"):
            session.append({"role": "user"}, {"role": "user"})


def test_the_mode_of_a_directory_that_was_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".nova").mkdir(mode=0o755)

    bootstrap.prepare_data_dir(chosen(tmp_path))

    assert stat.S_IMODE((tmp_path / ".nova").stat().st_mode) == 0o755


def test_a_data_directory_that_can_not_be_is_an_error_that_names_the_setting(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    for path in (tmp_path / "file", tmp_path / "file" / "inner"):
        with pytest.raises(settings.SettingsError) as wrong:
            bootstrap.prepare_data_dir(chosen(tmp_path, data_dir=str(path)))
        assert "NOVA_DATA_DIR" in wrong.value.hint


async def test_without_keys_the_built_in_model_answers(tmp_path: Path) -> None:
    model = await bootstrap.open_model(chosen(tmp_path))

    assert model.info.is_builtin
    await model.close()


async def test_an_agent_has_the_standard_tools_and_the_rules_of_the_settings(
    tmp_path: Path,
) -> None:
    parts = chosen(
        tmp_path,
        **{"agent.permissions_deny": "bash(rm *)"},
    )
    model = await bootstrap.open_model(chosen(tmp_path, **{"llm.builtin_tools": "schema"}))
    with bootstrap.open_store(parts) as store:
        made = bootstrap.open_agent(parts, model=model, store=store, session=store.session("s"))
        names = {tool.name for tool in made.tools}
        await made.close()

    assert {"bash", "read_file", "write_file", "edit_file", "note", "recall"} <= names
    assert ("deny", "bash(rm *)", False) in made.permissions.rules()
    await model.close()


async def test_a_workspace_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    parts = settings.load(env={"HOME": str(tmp_path)}, workspace=tmp_path / "nowhere")
    model = await bootstrap.open_model(chosen(tmp_path))
    with (
        bootstrap.open_store(parts) as store,
        pytest.raises(settings.SettingsError, match="no folder"),
    ):
        bootstrap.open_agent(parts, model=model, store=store, session=store.session("s"))
    await model.close()


def test_the_package_stays_light_until_it_is_used() -> None:
    program = (
        "import sys, novacore; "
        "print([name for name in sys.modules if name.startswith('novacore.')], "
        "'apsw' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] False\n"


def test_opening_by_path_reads_no_environment(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NOVA_DATA_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("NOVA_STORE", "json")

    with novacore.open(tmp_path / "here") as store:
        store.session("s").append({"role": "user", "content": "x"})

    assert (tmp_path / "here" / "journal.db").exists()
    assert not (tmp_path / "other").exists()
