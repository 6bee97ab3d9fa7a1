"""Everything that can be set is listed, and the written template is a right settings file."""

import stat
import tomllib

import pytest

from novacore import settings


def test_every_setting_is_described_with_its_variable_and_meaning() -> None:
    described = {each.name: each for each in settings.describe()}

    steps = described["agent.steps_max"]
    assert steps.env == "NOVA_AGENT_STEPS_MAX"
    assert steps.is_limit
    assert steps.unit == "steps"
    assert described["llm.api_key"].is_secret
    assert not described["llm.api_key"].in_folder_file
    assert described["cli.plain"].in_folder_file
    assert not described["cli.plain"].is_limit
    assert all(each.doc.endswith((".", '".')) for each in described.values())


def test_every_default_fits_its_own_description(place) -> None:
    loaded = place.load()

    for each in settings.describe():
        if each.name != "data_dir":
            assert loaded.value(each.name) == each.default


def test_the_template_read_as_it_is_changes_nothing(place) -> None:
    settings.write_template(place.user_file)

    assert place.load().files == (place.user_file,)
    assert {each.origin for each in place.load().list_shown()} == {"default"}


def test_the_template_with_every_line_switched_on_holds_all_defaults(place) -> None:
    lines = settings.render_template().splitlines()
    on = [line[2:] if " = " in line and line.startswith("# ") else line for line in lines]
    named = {
        f"{room}.{key}" if isinstance(value, dict) else room
        for room, value in tomllib.loads("\n".join(on)).items()
        for key in (value if isinstance(value, dict) else [""])
    }
    place.write_user("\n".join(on))

    assert named == {each.name for each in settings.describe()} - {"data_dir"}
    for each in settings.describe():
        if each.name != "data_dir":
            assert place.load().value(each.name) == each.default


def test_a_settings_file_is_private_and_never_overwritten(place) -> None:
    settings.write_template(place.user_file)
    before = place.user_file.read_text()

    assert stat.S_IMODE(place.user_file.stat().st_mode) == 0o600
    with pytest.raises(settings.FileTaken):
        settings.write_template(place.user_file)
    assert place.user_file.read_text() == before
