"""A mistake in a setting is named where it was made, with what was meant."""

from pathlib import Path

import pytest

from novacore import settings
from novacore.settings import sources


def error_of(place, toml: str) -> settings.SettingsError:
    place.write_user(toml)
    with pytest.raises(settings.SettingsError) as wrong:
        place.load()
    assert str(place.user_file) in str(wrong.value)
    return wrong.value


def test_an_unknown_key_names_the_nearest_one(place) -> None:
    wrong = error_of(place, '[llm]\nmodle = "x"\n')

    assert isinstance(wrong, settings.KeyUnknown)
    assert wrong.key == "llm.modle"
    assert wrong.nearest == "llm.model"
    assert "Did you mean llm.model?" in str(wrong)


def test_a_key_of_another_section_is_found_there(place) -> None:
    assert error_of(place, "[llm]\nsteps_max = 3\n").nearest == "agent.steps_max"


@pytest.mark.parametrize(
    ("toml", "nearest"),
    [("[lm]\n", "llm"), ('modle = "x"\n', ""), ('storr = "json"\n', "store")],
)
def test_an_unknown_section_or_top_key_is_an_error(place, toml: str, nearest: str) -> None:
    wrong = error_of(place, toml)

    assert isinstance(wrong, settings.KeyUnknown)
    assert nearest in (wrong.nearest, "")


def test_a_section_written_as_a_value_is_an_error(place) -> None:
    assert isinstance(error_of(place, 'llm = "x"\n'), settings.KeyUnknown)


def test_an_unknown_variable_names_the_nearest_one(place) -> None:
    with pytest.raises(settings.KeyUnknown, match="NOVA_LLM_MODEL"):
        place.load(env={"NOVA_LLM_MODLE": "x"})


def test_an_unknown_flag_names_the_nearest_one(place) -> None:
    with pytest.raises(settings.KeyUnknown, match=r"agent\.steps_max"):
        place.load(overrides={"agent.step_max": "1"})


def test_a_name_that_nothing_resembles_points_to_the_list(place) -> None:
    with pytest.raises(settings.KeyUnknown, match="nova config show"):
        place.load(overrides={"zzzzzz": "1"})


def test_a_file_that_is_no_toml_says_where(place) -> None:
    assert "line 1" in str(error_of(place, "[llm\n"))


def test_a_file_of_other_bytes_is_an_error(place) -> None:
    place.write_user("")
    place.user_file.write_bytes(b"\xff\xfe")

    with pytest.raises(settings.FileUnreadable, match="UTF-8"):
        place.load()


def test_a_huge_file_is_an_error(place) -> None:
    place.write_user("#" * (sources.FILE_BYTES_MAX + 1))

    with pytest.raises(settings.FileUnreadable, match="larger"):
        place.load()


def test_a_folder_in_the_place_of_a_file_is_an_error(place, tmp_path: Path) -> None:
    with pytest.raises(settings.FileUnreadable, match="can't be read"):
        place.load(tmp_path)


def test_a_wrong_value_names_key_value_expectation_and_place(place) -> None:
    wrong = error_of(place, "[agent]\nsteps_max = 0\n")

    assert isinstance(wrong, settings.ValueInvalid)
    assert (wrong.key, wrong.shown) == ("agent.steps_max", "0")
    assert "whole number (steps) from 1" in wrong.expected


@pytest.mark.parametrize(
    "toml",
    [
        '[agent]\nsteps_max = "ten"\n',
        "[agent]\nsteps_max = 1.5\n",
        "[agent]\nsteps_max = true\n",
        "[cli]\nplain = 1\n",
        "[llm]\nmodel = 3\n",
        '[agent]\nrules_files = "AGENTS.md"\n',
        "[agent]\nrules_files = [1]\n",
        '[llm]\nprovider = "acme"\n',
    ],
)
def test_a_value_of_another_kind_is_not_converted(place, toml: str) -> None:
    assert isinstance(error_of(place, toml), settings.ValueInvalid)


def test_a_wrong_secret_is_not_repeated_in_the_message(place) -> None:
    assert "hush" not in str(error_of(place, '[llm]\napi_key = ["hush"]\n'))


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("NOVA_AGENT_STEPS_MAX", "1_000", "agent.steps_max", 1_000),
        ("NOVA_CLI_PLAIN", "Yes", "cli.plain", True),
        ("NOVA_CLI_PLAIN", "off", "cli.plain", False),
        ("NOVA_AGENT_PERMISSIONS_ALLOW", "bash(ls *), edit_file", "agent.permissions_allow",
         ("bash(ls *)", "edit_file")),
        ("NOVA_AGENT_PERMISSIONS_ALLOW", '["bash(a, b)"]', "agent.permissions_allow",
         ("bash(a, b)",)),
        ("NOVA_AGENT_PERMISSIONS_ALLOW", "", "agent.permissions_allow", ()),
    ],
)  # fmt: skip
def test_variables_are_read_by_the_kind_of_their_setting(place, variable, text, key, value) -> None:
    assert place.load(env={variable: text}).value(key) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("NOVA_AGENT_STEPS_MAX", "many"),
        ("NOVA_AGENT_STEPS_MAX", "-1"),
        ("NOVA_CLI_PLAIN", "maybe"),
        ("NOVA_AGENT_PERMISSIONS_ALLOW", "[1"),
        ("NOVA_AGENT_PERMISSIONS_ALLOW", "[1]"),
        ("NOVA_STORE", "mongo"),
    ],
)
def test_a_variable_that_means_no_such_value_is_an_error(place, variable, text) -> None:
    with pytest.raises(settings.ValueInvalid, match=variable):
        place.load(env={variable: text})
