"""The scripted provider is honest: the vendors' own kits take it for the real thing."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import anthropic
import openai
import pytest
from tests.scripted_provider import ScriptedProvider

ROOT = Path(__file__).parents[3]
CALLS = [
    {"id": "call_1", "name": "bash", "arguments": {"command": "ls"}},
    {"id": "call_2", "name": "bash", "arguments": {"command": "pwd"}},
]
REPLY = {
    "thinking": "Two looks.",
    "signature": "c2lnMQ==",
    "text": "I look.",
    "tool_calls": CALLS,
    "usage": {"input": 11, "output": 7, "cache_read": 3},
}
ASKED = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
ANTHROPIC_TOOLS = [{"name": "bash", "description": "Run.", "input_schema": SCHEMA}]
OPENAI_TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}]


def _anthropic(provider, kind=anthropic.Anthropic):
    return kind(base_url=provider.url, api_key="k", max_retries=0)


def _openai(provider, kind=openai.OpenAI):
    return kind(base_url=f"{provider.url}/v1", api_key="k", max_retries=0)


def _check_anthropic(message):
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.content[0].signature == "c2lnMQ=="
    assert [block.input for block in message.content[2:]] == [call["arguments"] for call in CALLS]
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)
    assert message.usage.cache_read_input_tokens == 3


def test_anthropics_kit_takes_a_whole_answer_and_a_streamed_one_for_the_same(provider):
    provider.play(REPLY, REPLY)
    asked = {"model": "m", "max_tokens": 100, "messages": ASKED, "tools": ANTHROPIC_TOOLS}
    with _anthropic(provider) as client:
        whole = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            text = "".join(stream.text_stream)
            streamed = stream.get_final_message()
    _check_anthropic(whole)
    _check_anthropic(streamed)
    assert text == "I look."


async def test_anthropics_asynchronous_kit_takes_it_too(provider):
    provider.play(REPLY)
    asked = {"model": "m", "max_tokens": 100, "messages": ASKED, "tools": ANTHROPIC_TOOLS}
    client = _anthropic(provider, anthropic.AsyncAnthropic)
    async with client, client.messages.stream(**asked) as stream:
        _check_anthropic(await stream.get_final_message())


def test_anthropics_kit_can_go_on_with_results(provider):
    provider.play(REPLY, {"text": "Done."})
    with _anthropic(provider) as client:
        asked = {"model": "m", "max_tokens": 100, "tools": ANTHROPIC_TOOLS}
        first = client.messages.create(messages=ASKED, **asked)
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": "ok"} for call in CALLS
        ]
        said = [
            *ASKED,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        assert client.messages.create(messages=said, **asked).content[0].text == "Done."


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (529, anthropic.APIStatusError),
    ],
)
def test_anthropics_kit_takes_errors_for_its_own(provider, status, error):
    provider.play({"status": status, "error": {"type": "x", "message": "It is wrong."}})
    with _anthropic(provider) as client, pytest.raises(error, match="It is wrong"):
        client.messages.create(model="m", max_tokens=1, messages=ASKED)


def test_anthropics_kit_takes_an_error_within_the_stream_for_its_own(provider):
    provider.play({"text": "one two", "error_after": 4})
    asked = {"model": "m", "max_tokens": 1, "messages": ASKED}
    with (
        _anthropic(provider) as client,
        client.messages.stream(**asked) as stream,
        pytest.raises(anthropic.APIStatusError, match="verloaded"),
    ):
        stream.get_final_message()


def _openai_calls(message):
    return [(call.id, json.loads(call.function.arguments)) for call in message.tool_calls]


def test_openais_kit_takes_a_whole_answer_and_a_streamed_one_for_the_same(provider):
    provider.play(REPLY, REPLY)
    asked = {"model": "m", "messages": ASKED, "tools": OPENAI_TOOLS}
    expected = [(call["id"], call["arguments"]) for call in CALLS]
    with _openai(provider) as client:
        whole = client.chat.completions.create(**asked)
        options = {"include_usage": True}
        with client.chat.completions.stream(stream_options=options, **asked) as stream:
            streamed = stream.get_final_completion()
    for done in (whole, streamed):
        assert _openai_calls(done.choices[0].message) == expected
        assert done.choices[0].message.content == "I look."
        assert done.choices[0].finish_reason == "tool_calls"
        assert done.usage.prompt_tokens == 14
        assert done.usage.prompt_tokens_details.cached_tokens == 3


async def test_openais_asynchronous_kit_takes_it_too(provider):
    provider.play({"text": "one two three"})
    async with _openai(provider, openai.AsyncOpenAI) as client:
        stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
        said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(said) == "one two three"


def test_openais_kit_can_go_on_with_results_and_list_the_models(provider):
    provider.play(REPLY, {"text": "Done."})
    with _openai(provider) as client:
        asked = {"model": "m", "tools": OPENAI_TOOLS}
        first = client.chat.completions.create(messages=ASKED, **asked).choices[0].message
        results = [{"role": "tool", "tool_call_id": c["id"], "content": "ok"} for c in CALLS]
        done = client.chat.completions.create(messages=[*ASKED, first, *results], **asked)
        assert done.choices[0].message.content == "Done."
        assert [model.id for model in client.models.list()] == ["scripted"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_openais_kit_takes_errors_for_its_own(provider, status, error):
    provider.play({"status": status, "error": {"type": "x", "message": "It is wrong."}})
    with _openai(provider) as client, pytest.raises(error, match="It is wrong"):
        client.chat.completions.create(model="m", messages=ASKED)


def test_openais_kit_takes_an_error_within_the_stream_for_its_own(provider):
    provider.play({"text": "one two", "error_after": 2})
    with _openai(provider) as client, pytest.raises(openai.APIError, match="Overloaded"):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))


def test_a_wrong_key_an_unknown_model_and_a_wrong_request_are_refused():
    with ScriptedProvider([{"text": "x", "repeat": True}], api_key="right", models=["m"]) as strict:
        with _openai(strict) as client, pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="m", messages=ASKED)
        client = anthropic.Anthropic(base_url=strict.url, api_key="right", max_retries=0)
        with client, pytest.raises(anthropic.NotFoundError):
            client.messages.create(model="other", max_tokens=1, messages=ASKED)
        client = anthropic.Anthropic(base_url=strict.url, api_key="right", max_retries=0)
        said = [{"role": "assistant", "content": "x"}]
        with client, pytest.raises(anthropic.BadRequestError, match="user role"):
            client.messages.create(model="m", max_tokens=1, messages=said)


def test_thinking_that_was_changed_is_refused_as_the_real_service_does(provider):
    provider.play({"thinking": "True.", "signature": "c2ln", "text": "x"}, {"text": "never"})
    with _anthropic(provider) as client:
        client.messages.create(model="m", max_tokens=1, messages=ASKED)
        changed = {"type": "thinking", "thinking": "False.", "signature": "c2ln"}
        said = [
            *ASKED,
            {"role": "assistant", "content": [changed, {"type": "text", "text": "x"}]},
            {"role": "user", "content": "?"},
        ]
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
            client.messages.create(model="m", max_tokens=1, messages=said)


def test_it_runs_as_a_process_that_prints_its_address_and_ends_with_its_input(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"text": "hello"}]))
    command = [sys.executable, "-m", "tests.scripted_provider", "--script", str(script)]
    process = subprocess.Popen(
        [*command, "--log", str(tmp_path / "log")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = json.dumps({"model": "m", "messages": ASKED}).encode()
        request = urllib.request.Request(f"{url}/v1/chat/completions", data=body)
        with urllib.request.urlopen(request) as answer:
            said = json.load(answer)["choices"][0]["message"]["content"]
        process.stdin.close()
        assert process.wait(10) == 0
    assert said == "hello"
    assert json.loads((tmp_path / "log").read_text())["body"]["model"] == "m"
