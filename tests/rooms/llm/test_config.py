"""The settings of the model room."""

import pytest

from novacore import kit, llm


def test_the_defaults_are_valid_and_every_field_is_documented():
    config = llm.Config()
    infos = list(kit.limits_of(config))
    assert len(infos) == len(config.__dataclass_fields__)
    assert all(info.doc.endswith((".", "…")) for info in infos)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("provider", "bard"),
        ("wire", "soap"),
        ("retry_attempts_max", 0),
        ("idle_timeout_ms", 0),
        ("builtin_window_tokens", 100_000),
        ("base_url", "api.example.com"),
        ("base_url", "http://[bad"),
        ("base_url", "http://host:port"),
        ("ollama_url", "ftp://host"),
    ],
)
def test_a_value_that_cannot_be_is_named(name, value):
    with pytest.raises(kit.SettingInvalid, match=name) as caught:
        llm.Config(**{name: value})
    assert caught.value.name == name


def test_the_key_is_never_printed():
    assert "geheim" not in repr(llm.Config(api_key="geheim"))
