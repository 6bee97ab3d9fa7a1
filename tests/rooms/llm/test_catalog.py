"""Several models by name: what a table of nova.toml means, and what it can't."""

import pytest

from novacore import kit, llm

LLM = llm.Config(base_url="http://127.0.0.1:9/v1", model="first")


async def _open(tmp_path, tables, **keys) -> llm.Catalog:
    return await llm.open_catalog(
        LLM, tables=tables, keys=keys, relay=llm.RelayConfig(), data_dir=tmp_path
    )


async def test_the_model_of_llm_is_the_default_under_two_names(tmp_path):
    catalog = await _open(tmp_path, {"fast": {"base_url": "http://127.0.0.1:9/v1"}})
    assert [model.name for model in catalog] == ["first", "fast"]
    assert {catalog.find(name).name for name in ("", "default", "first")} == {"first"}
    assert catalog.find("fast").choice.model == "fast"
    with pytest.raises(llm.ModelNotListed, match="first, fast"):
        catalog.find("slow")
    await catalog.close()


async def test_a_table_with_the_defaults_own_name_takes_that_name(tmp_path):
    table = {"base_url": "http://127.0.0.1:8/v1", "window_tokens": 5_000}
    catalog = await _open(tmp_path, {"first": table})
    assert catalog.find("first").window_tokens == 5_000
    assert catalog.find("default").choice.base_url == "http://127.0.0.1:9/v1"
    await catalog.close()


async def test_models_at_one_address_share_what_is_learned_about_it(tmp_path):
    tables = {
        "near": {"base_url": "http://127.0.0.1:9/v1"},
        "far": {"base_url": "http://127.0.0.1:8/v1"},
    }
    catalog = await _open(tmp_path, tables)
    assert catalog.find("near").transport is catalog.default.transport
    assert catalog.find("far").transport is not catalog.default.transport
    await catalog.close()


async def test_a_key_goes_to_its_own_provider_and_shows_nowhere(tmp_path):
    tables = {
        "own": {"provider": "openai", "model": "gpt-x", "api_key": "sk-canary"},
        "usual": {"provider": "anthropic", "model": "claude-x"},
    }
    catalog = await _open(tmp_path, tables, ANTHROPIC_API_KEY="sk-vendor")
    assert catalog.find("own").choice.api_key == "sk-canary"
    assert catalog.find("usual").choice.api_key == "sk-vendor"
    assert catalog.default.choice.api_key == ""
    assert "canary" not in repr(catalog.find("own"))
    await catalog.close()


async def test_a_provider_without_its_key_is_named_with_its_table(tmp_path):
    with pytest.raises(llm.KeyMissing) as caught:
        await _open(tmp_path, {"usual": {"provider": "anthropic"}})
    assert "[models.usual]" in str(caught.value)


async def test_plans_choose_among_the_models(tmp_path):
    address = {"base_url": "http://127.0.0.1:9/v1"}
    catalog = await _open(tmp_path, {"a": {**address, "plans": ["pro"]}, "b": address})
    assert [model.name for model in catalog.list_for("pro")] == ["first", "a", "b"]
    assert [model.name for model in catalog.list_for("basic")] == ["first", "b"]
    await catalog.close()


@pytest.mark.parametrize(
    "tables",
    [
        {"default": {}},
        {"a b": {}},
        {"a": 7},
        {"a": {"base_ur": "x"}},
        {"a": {"window_tokens": "many"}},
        {"a": {"window_tokens": True}},
        {"a": {"window_tokens": -1}},
        {"a": {"plans": "pro"}},
        {"a": {"wire": "soap"}},
        {"a": {"base_url": "http://127.0.0.1:9/v1", "fallback": "gone"}},
    ],
)
async def test_what_a_table_can_not_say_is_named(tmp_path, tables):
    with pytest.raises(kit.SettingInvalid, match="models"):
        await _open(tmp_path, tables)


def test_a_wrong_key_is_not_quoted():
    with pytest.raises(kit.SettingInvalid) as caught:
        llm.tables_of({"a": {"api_key": 12345678}})
    assert "12345678" not in str(caught.value)
