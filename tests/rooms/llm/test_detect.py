"""Which model answers."""

import pytest
from tests.scripted_provider import ScriptedProvider

from novacore import llm

ALL_KEYS = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o", "MINIMAX_API_KEY": "m"}


def _config(**settings):
    """Settings under which no Ollama is found, whatever runs on this machine."""
    return llm.Config(**{"ollama_url": "http://127.0.0.1:9", **settings})


@pytest.mark.parametrize(
    ("missing", "provider"),
    [
        ((), "anthropic"),
        (("ANTHROPIC_API_KEY",), "openai"),
        (("ANTHROPIC_API_KEY", "OPENAI_API_KEY"), "minimax"),
        (tuple(ALL_KEYS), "builtin"),
    ],
)
async def test_keys_are_looked_for_in_order_and_the_built_in_model_comes_last(missing, provider):
    keys = {name: key for name, key in ALL_KEYS.items() if name not in missing}
    choice = await llm.detect(_config(), keys)
    assert choice.provider == provider
    assert choice.model
    assert choice.reason


async def test_an_ollama_that_answers_comes_before_the_built_in_model():
    with ScriptedProvider(ollama=["qwen3:8b", "other"]) as ollama:
        choice = await llm.detect(llm.Config(ollama_url=ollama.url), {})
    assert (choice.provider, choice.wire, choice.model) == ("ollama", "openai", "qwen3:8b")
    assert choice.base_url == f"{ollama.url}/v1"


@pytest.mark.parametrize("names", [None, []])
async def test_something_else_on_ollamas_port_or_one_without_models_is_passed_over(names):
    with ScriptedProvider(ollama=names) as other:
        choice = await llm.detect(llm.Config(ollama_url=other.url), {})
    assert choice.provider == "builtin"


async def test_an_ollama_that_was_chosen_and_is_not_there_is_an_error():
    with pytest.raises(llm.ConnectFailed):
        await llm.detect(_config(provider="ollama"), {})


async def test_an_ollama_that_was_chosen_and_is_empty_says_what_to_do():
    with ScriptedProvider(ollama=[]) as ollama, pytest.raises(llm.ModelUnknown, match="pull"):
        await llm.detect(llm.Config(provider="ollama", ollama_url=ollama.url), {})


@pytest.mark.parametrize("provider", ["anthropic", "openai", "minimax", "builtin"])
async def test_what_the_settings_name_is_taken_whatever_keys_are_set(provider):
    choice = await llm.detect(_config(provider=provider), ALL_KEYS)
    assert choice.provider == provider


async def test_a_chosen_provider_without_a_key_names_the_variable_and_the_setting():
    with pytest.raises(llm.KeyMissing, match=r"OPENAI_API_KEY.*llm.api_key"):
        await llm.detect(_config(provider="openai"), {"ANTHROPIC_API_KEY": "a"})


async def test_a_key_in_the_settings_comes_before_the_variable():
    choice = await llm.detect(_config(provider="openai", api_key="mine"), ALL_KEYS)
    assert (choice.api_key, choice.key_hint) == ("mine", "llm.api_key")


@pytest.mark.parametrize("key", ["k\nx", "schlüssel", "k\x00"])
async def test_a_key_that_no_header_can_hold_is_refused_before_anything_is_sent(key):
    with pytest.raises(llm.AuthRefused, match="ANTHROPIC_API_KEY") as caught:
        await llm.detect(_config(), {"ANTHROPIC_API_KEY": key})
    assert key not in str(caught.value)


async def test_blanks_around_a_key_are_taken_off():
    choice = await llm.detect(_config(provider="openai", api_key=" k\n"), {})
    assert choice.api_key == "k"


async def test_a_key_of_blanks_is_no_key():
    assert (await llm.detect(_config(), {"ANTHROPIC_API_KEY": " "})).provider == "builtin"


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-6-sol", "openai"), ("MiniMax-M2.5", "minimax"), ("claude-haiku-4-5", "anthropic")],
)
async def test_a_named_model_picks_its_provider_among_the_keys(model, provider):
    choice = await llm.detect(_config(model=model), ALL_KEYS)
    assert (choice.provider, choice.model) == (provider, model)


async def test_a_key_in_the_settings_goes_with_the_model_that_is_named():
    choice = await llm.detect(_config(model="gpt-6-sol", api_key="k"), {})
    assert choice.provider == "openai"


async def test_an_address_alone_means_an_openai_like_server_and_gets_no_other_hosts_key():
    config = _config(base_url="http://vllm.example:8000/v1", model="m")
    choice = await llm.detect(config, ALL_KEYS)
    assert (choice.provider, choice.wire) == ("vllm.example:8000", "openai")
    assert choice.api_key == ""


@pytest.mark.parametrize(
    ("url", "wire", "reached"),
    [
        ("https://api.minimax.io", "auto", "https://api.minimax.io/anthropic"),
        ("https://api.minimaxi.com/", "openai", "https://api.minimaxi.com/v1"),
        ("https://api.minimax.io/anthropic", "anthropic", "https://api.minimax.io/anthropic"),
        ("https://api.anthropic.com/v1", "auto", "https://api.anthropic.com"),
        ("https://llm.example/api/v1/", "auto", "https://llm.example/api/v1"),
        ("https://llm.example/anthropic", "anthropic", "https://llm.example/anthropic"),
    ],
)
async def test_addresses_get_the_formats_suffix_on_minimaxs_hosts_and_nowhere_else(
    url, wire, reached
):
    choice = await llm.detect(_config(base_url=url, wire=wire, model="m"), ALL_KEYS)
    assert choice.base_url == reached


async def test_the_key_is_not_printed_with_the_choice():
    choice = await llm.detect(_config(), {"ANTHROPIC_API_KEY": "geheim"})
    assert choice.api_key == "geheim"
    assert "geheim" not in repr(choice)


@pytest.mark.parametrize(
    ("model", "window_tokens"),
    [
        ("claude-sonnet-5-5", 1_000_000),
        ("claude-haiku-4-5", 200_000),
        ("gpt-5.4", 400_000),
        ("MiniMax-M2.5", 204_800),
        ("MiniMax-M3", 1_000_000),
    ],
)
async def test_windows_of_common_models_are_known(model, window_tokens):
    choice = await llm.detect(_config(model=model), ALL_KEYS)
    assert choice.window_tokens == window_tokens


async def test_windows_can_be_set_and_an_answer_never_fills_one():
    choice = await llm.detect(_config(model="x", window_tokens=1_000), ALL_KEYS)
    assert (choice.window_tokens, choice.output_tokens_max) == (1_000, 500)
    choice = await llm.detect(_config(output_tokens_max=77), ALL_KEYS)
    assert choice.output_tokens_max == 77


async def test_newer_claude_models_are_counted_with_their_larger_share():
    new = await llm.detect(_config(model="claude-opus-5-5"), ALL_KEYS)
    old = await llm.detect(_config(model="claude-opus-4-6"), ALL_KEYS)
    assert (new.tokens_percent, old.tokens_percent) == (130, 100)
