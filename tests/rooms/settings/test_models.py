"""The tables of models in nova.toml: read, checked where they stand, and never shown."""

import pytest

from novacore import settings

TABLES = """
[models.fast]
base_url = "http://127.0.0.1:9/v1"
api_key = "sk-canary"
"""


def test_tables_of_models_are_read_and_hidden(tmp_path):
    path = tmp_path / "nova.toml"
    path.write_text(TABLES)
    chosen = settings.load(path, env={}, workspace=tmp_path)
    assert chosen.models == {"fast": {"base_url": "http://127.0.0.1:9/v1", "api_key": "sk-canary"}}
    assert "canary" not in repr(chosen)
    shown = next(each for each in chosen.list_shown() if each.name == "models")
    assert shown.shown == "(set, hidden)"


def test_a_mistake_in_a_table_is_told_with_its_file(tmp_path):
    path = tmp_path / "nova.toml"
    path.write_text(TABLES.replace("base_url", "base_ur"))
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(path, env={}, workspace=tmp_path)
    assert "models.fast.base_ur" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_folder_may_not_name_models(tmp_path):
    (tmp_path / "nova.toml").write_text(TABLES)
    env = {"NOVA_DATA_DIR": str(tmp_path / "data")}
    with pytest.raises(settings.SettingsError):
        settings.load(env=env, workspace=tmp_path)
