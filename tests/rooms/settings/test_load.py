"""Where settings come from, which wins, and what each place may set."""

from pathlib import Path

import pytest

from novacore import settings


def test_without_files_and_variables_everything_is_a_default(place) -> None:
    loaded = place.load()

    assert loaded.data_dir == place.home / ".nova"
    assert loaded.store == "journal"
    assert loaded.agent.context_tokens_max == 195_000
    assert {each.origin for each in loaded.list_shown()} == {"default"}
    assert loaded.files == ()
    assert not loaded.data_dir.exists()


def test_flags_win_over_variables_over_the_users_file(place) -> None:
    place.write_user('[llm]\nmodel = "file"\nbase_url = "http://file"\nprovider = "openai"\n')
    env = {"NOVA_LLM_MODEL": "variable", "NOVA_LLM_BASE_URL": "http://variable"}

    loaded = place.load(env=env, overrides={"llm.model": "flag"})

    assert loaded.llm.model == "flag"
    assert loaded.origin("llm.model") == "command line"
    assert loaded.llm.base_url == "http://variable"
    assert loaded.origin("llm.base_url") == "environment NOVA_LLM_BASE_URL"
    assert loaded.llm.provider == "openai"
    assert loaded.origin("llm.provider") == f"file {place.user_file}"


def test_a_folders_file_wins_over_the_users_where_it_may(place) -> None:
    place.write_user('[cli]\nwidth_columns_max = 90\n[llm]\nmodel = "mine"\n')
    place.folder_file.write_text('[cli]\nwidth_columns_max = 60\n[llm]\nmodel = "theirs"\n')

    loaded = place.load()

    assert loaded.cli.width_columns_max == 60
    assert loaded.llm.model == "theirs"
    assert loaded.files == (place.user_file, place.folder_file)


@pytest.mark.parametrize(
    "line",
    [
        '[llm]\napi_key = "k"',
        '[llm]\nbase_url = "http://elsewhere"',
        '[llm]\nprovider = "openai"',
        'data_dir = "/elsewhere"',
        'store = "json"',
        '[agent]\npermissions_default = "allow"',
        '[agent]\npermissions_allow = ["bash"]',
        "[agent]\nworkspace_confined = false",
        '[agent]\nsystem_prompt = "obey"',
        "[agent]\nsteps_max = 100000",
    ],
)
def test_a_folders_file_can_set_no_secret_no_address_and_no_permission(place, line: str) -> None:
    place.folder_file.write_text(line + "\n")

    with pytest.raises(settings.KeyForbidden) as refused:
        place.load()

    assert str(place.folder_file) in str(refused.value)
    assert "--config" in refused.value.hint


def test_what_a_folders_file_refuses_is_added_to_what_the_user_refuses(place) -> None:
    place.write_user('[agent]\npermissions_deny = ["bash(rm *)"]\n')
    place.folder_file.write_text('[agent]\npermissions_deny = ["write_file(db/**)"]\n')

    loaded = place.load()

    assert loaded.agent.permissions_deny == ("bash(rm *)", "write_file(db/**)")
    origin = loaded.origin("agent.permissions_deny")
    assert str(place.user_file) in origin
    assert str(place.folder_file) in origin


def test_a_named_file_stands_in_the_place_of_both_others(place, tmp_path: Path) -> None:
    place.write_user('[llm]\nmodel = "user"\n')
    place.folder_file.write_text('[llm]\nbase_url = "http://trusted"\n')

    loaded = place.load(place.folder_file)

    assert loaded.llm.base_url == "http://trusted"
    assert loaded.llm.model == ""
    assert loaded.files == (place.folder_file,)


def test_nova_config_names_the_file_and_may_set_the_data_directory(place, tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text('data_dir = "~/elsewhere"\n')

    loaded = place.load(env={"NOVA_CONFIG": str(named)})

    assert loaded.data_dir == place.home / "elsewhere"


def test_a_named_file_that_is_missing_is_an_error(place) -> None:
    with pytest.raises(settings.FileUnreadable, match="not there") as missing:
        place.load(place.folder / "no.toml")

    assert "nova config init" in missing.value.hint


def test_the_users_file_is_found_in_the_chosen_data_directory(place, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nova.toml").write_text('[llm]\nmodel = "there"\n')

    loaded = place.load(env={"NOVA_DATA_DIR": str(tmp_path / "data")})

    assert loaded.llm.model == "there"
    assert loaded.user_file == tmp_path / "data" / "nova.toml"


def test_the_users_file_can_not_move_the_data_directory_it_lies_in(place) -> None:
    place.write_user('data_dir = "/elsewhere"\n')

    with pytest.raises(settings.KeyForbidden, match="found by it"):
        place.load()


def test_the_same_file_as_users_and_folders_is_read_once_with_the_users_rights(place) -> None:
    place.folder_file.write_text('store = "json"\n')

    loaded = place.load(overrides={"data_dir": str(place.folder)})

    assert loaded.store == "json"
    assert loaded.files == (place.folder_file,)


def test_vendors_own_variables_are_kept_and_never_shown(place) -> None:
    loaded = place.load(env={"ANTHROPIC_API_KEY": " sk-1 ", "OPENAI_API_KEY": "", "PATH": "/bin"})

    assert dict(loaded.vendor_keys) == {"ANTHROPIC_API_KEY": "sk-1"}
    assert "sk-1" not in repr(loaded)


def test_secrets_are_masked_wherever_they_are_shown(place) -> None:
    loaded = place.load(env={"NOVA_LLM_API_KEY": "sk-secret"})

    shown = {each.name: each for each in loaded.list_shown()}
    assert shown["llm.api_key"].shown == "(set, hidden)"
    assert "sk-secret" not in repr(loaded) + repr(shown)
    assert loaded.value("llm.api_key") == "sk-secret"


def test_a_secret_on_the_command_line_is_refused(place) -> None:
    with pytest.raises(settings.KeyForbidden, match="command lines") as refused:
        place.load(overrides={"llm.api_key": "sk-1"})

    assert "NOVA_LLM_API_KEY" in refused.value.hint
    assert "sk-1" not in str(refused.value)


def test_a_rule_between_two_settings_names_where_the_value_came_from(place) -> None:
    with pytest.raises(settings.SettingsError, match="bash_timeout_ms") as wrong:
        place.load(env={"NOVA_AGENT_BASH_TIMEOUT_MS": "700000"})

    assert "agent." in str(wrong.value)
    assert "environment NOVA_AGENT_BASH_TIMEOUT_MS" in str(wrong.value)


def test_what_the_environment_says_of_the_terminal_is_read_here(place) -> None:
    facts = place.load(env={"NO_COLOR": "1", "TERM": "dumb", "SHELL": "/bin/zsh"}).terminal

    assert (facts.no_color, facts.is_dumb, facts.shell) == (True, True, "zsh")
    assert place.load(env={"NO_COLOR": ""}).terminal == settings.TerminalFacts()


def test_a_relative_data_directory_is_made_absolute(place) -> None:
    assert place.load(overrides={"data_dir": "here"}).data_dir == Path.cwd() / "here"


@pytest.mark.parametrize(
    ("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False), ("off", False)]
)
def test_debug_is_known_even_where_the_settings_are_wrong(value: str, wanted: bool) -> None:
    assert settings.wants_debug({"NOVA_DEBUG": value, "NOVA_NONSENSE": "x"}) is wanted
    assert settings.wants_debug({}) is False


def test_the_environment_of_the_process_is_the_default(place, monkeypatch) -> None:
    monkeypatch.setenv("NOVA_DATA_DIR", str(place.home / "mine"))
    monkeypatch.setenv("NOVA_DEBUG", "1")

    assert settings.load(workspace=place.folder).data_dir == place.home / "mine"
    assert settings.wants_debug()
