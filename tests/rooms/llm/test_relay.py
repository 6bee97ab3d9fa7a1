"""The relay against real servers: bytes passed on, translation, faults, retries, fallback."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.rooms.llm.relay_stage import Stage, open_stage
from tests.scripted_provider import ScriptedProvider

from novacore import llm

TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}]
ANTHROPIC_TOOLS = [{"name": "bash", "description": "", "input_schema": {"type": "object"}}]
CALL = {"id": "toolu_1", "name": "bash", "arguments": {"command": "ls"}}
HI = [{"role": "user", "content": "hi"}]
DOWN = {"status": 503, "error": {"type": "api_error", "message": "down"}, "repeat": True}

OpenStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stage(tmp_path, provider) -> AsyncIterator[OpenStage]:
    """Makes stages whose default model speaks OpenAI's format and `claude` Anthropic's."""
    opened: list[Stage] = []

    async def make(tables: dict[str, Any] | None = None, **config: Any) -> Stage:
        claude = {"wire": "anthropic", "base_url": provider.url, "model": "claude-test"}
        made = await open_stage(
            tmp_path,
            {"claude": claude, **(tables or {})},
            default={"base_url": f"{provider.url}/v1", "model": "gpt-test"},
            **config,
        )
        opened.append(made)
        return made

    yield make
    for each in opened:
        await each.catalog.close()


async def test_bytes_pass_through_patched_only_in_model_cap_and_usage(stage, provider):
    provider.play({"text": "hello there"})
    made = await stage()
    request = {
        "messages": [{"role": "user", "content": "hi", "of_tomorrow": [1.0, 2**70]}],
        "model": "default",
        "stream": True,
        "max_completion_tokens": 9,
        "stream_options": {"include_obfuscation": False},
        "unknown_field": {"b": 1, "a": 0.10},
    }
    told = await made.call(request)
    sent = provider.bodies[0]
    assert sent["messages"] == request["messages"]
    assert sent["unknown_field"] == request["unknown_field"]
    assert b'"of_tomorrow":[1.0,1180591620717411303424]' in provider.requests[0].raw
    assert (sent["model"], sent["max_tokens"]) == ("gpt-test", 9)
    assert "max_completion_tokens" not in sent
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert told.text == "hello there"


async def test_usage_is_counted_and_hidden_from_a_client_that_did_not_ask_for_it(stage, provider):
    provider.play({"text": "one two", "usage": {"input": 31, "output": 7, "cache_read": 2}})
    told = await (await stage()).call({"messages": HI, "stream": True})
    assert told.answer.usage() == llm.Usage(input_tokens=33, output_tokens=7, cache_read_tokens=2)
    assert all(event["choices"] for event in told.events)
    assert told.lines[-1] == b"[DONE]"


async def test_usage_is_shown_to_a_client_that_asked_for_it(stage, provider):
    provider.play({"text": "one two", "bytes_per_write": 7})
    request = {"messages": HI, "stream": True, "stream_options": {"include_usage": True}}
    told = await (await stage()).call(request)
    assert told.events[-1]["usage"]["prompt_tokens"] == 10
    assert told.answer.usage().output_tokens == 5


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
@pytest.mark.parametrize("size", [1, 13, 10_000])
async def test_a_stream_arrives_as_it_was_sent_however_it_was_cut(stage, provider, wire, size):
    said = 'Grüße "usage": {"prompt_tokens": 9} [DONE] 你好'
    provider.play({"text": said, "bytes_per_write": size, "usage": {"input": 3, "output": 4}})
    model = "default" if wire == "openai" else "claude"
    request = {"messages": HI, "stream": True, "model": model, "max_tokens": 8}
    told = await (await stage()).call(request, wire=wire)
    assert told.text == said
    assert (told.answer.usage().input_tokens, told.answer.usage().output_tokens) == (3, 4)
    assert told.answer.is_complete


async def test_the_last_usage_counts_and_usages_are_never_added_up(stage, provider):
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": usage}
        for usage in (None, {"prompt_tokens": 5, "completion_tokens": 1})
    ]
    chunks.append({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    raw = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    provider.play({"raw": raw, "content_type": "text/event-stream"})
    told = await (await stage()).call({"messages": HI, "stream": True})
    assert told.answer.usage() == llm.Usage(input_tokens=5, output_tokens=2)


async def test_a_whole_answer_passes_byte_by_byte_and_is_counted(stage, provider):
    provider.play({"text": "hello", "usage": {"input": 11, "output": 3}})
    told = await (await stage()).call({"messages": HI})
    assert json.loads(told.data)["choices"][0]["message"]["content"] == "hello"
    assert told.answer.usage() == llm.Usage(input_tokens=11, output_tokens=3)


async def test_an_answer_without_usage_is_counted_by_estimate(stage, provider):
    provider.play({"text": "one two three four", "usage": None})
    told = await (await stage()).call({"messages": HI, "stream": True})
    usage = told.answer.usage()
    assert usage.source == "estimate"
    assert (usage.input_tokens, usage.output_tokens > 3) == (77, True)


async def test_an_openai_client_talks_to_an_anthropic_provider(stage, provider):
    provider.play({"thinking": "Hm.", "text": "I look.", "tool_calls": [CALL]}, {"text": "Done."})
    made = await stage()
    system = {"role": "system", "content": "Be brief."}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    asked = {"role": "user", "content": [{"type": "text", "text": "look"}, image]}
    request = {
        "model": "claude",
        "messages": [system, asked],
        "tools": TOOLS,
        "tool_choice": "required",
        "stop": "END",
        "temperature": 1.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    told = await made.call(request)
    sent = provider.bodies[0]
    assert sent["system"][0]["text"] == "Be brief."
    assert sent["messages"][0]["content"][1]["source"]["data"] == "aGk="
    assert sent["tool_choice"] == {"type": "any"}
    assert (sent["stop_sequences"], sent["temperature"]) == (["END"], 1.0)
    assert told.text == "I look."
    calls = [e["choices"][0]["delta"].get("tool_calls") for e in told.events if e["choices"]]
    raw = "".join(call[0]["function"]["arguments"] for call in calls if call)
    assert json.loads(raw) == CALL["arguments"]
    assert told.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert told.events[-1]["usage"]["completion_tokens"] == 5
    back = told.answer.finished().message
    assistant = {
        "role": "assistant",
        "tool_calls": [
            {
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "bash", "arguments": raw},
            }
        ],
    }
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "a.txt"}
    again = await made.call({**request, "messages": [asked, assistant, result], "stream": False})
    assert back["content"][1]["text"] == "I look."
    assert json.loads(again.data)["choices"][0]["message"]["content"] == "Done."
    assert [request.problem for request in provider.requests] == ["", ""]


async def test_an_anthropic_client_talks_to_an_openai_provider(stage, provider):
    provider.play({"thinking": "Hm.", "text": "I look.", "tool_calls": [CALL]}, {"text": "Done."})
    made = await stage()
    request = {
        "model": "default",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": HI,
        "tools": ANTHROPIC_TOOLS,
        "tool_choice": {"type": "tool", "name": "bash", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "stream": True,
    }
    told = await made.call(request, wire="anthropic")
    sent = provider.bodies[0]
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "bash"}}
    assert (sent["parallel_tool_calls"], sent["stop"]) == (False, ["END"])
    kinds = [event["type"] for event in told.events]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    starts = [e["content_block"]["type"] for e in told.events if e["type"].endswith("block_start")]
    assert starts == ["thinking", "text", "tool_use"]
    assert told.events[-2]["delta"]["stop_reason"] == "tool_use"
    answer = {"role": "assistant", "content": [{"type": "tool_use", **_used(CALL)}]}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a.txt"}
    messages = [*HI, answer, {"role": "user", "content": [result]}]
    again = await made.call({**request, "messages": messages, "stream": False}, wire="anthropic")
    assert json.loads(again.data)["content"] == [{"type": "text", "text": "Done."}]
    assert [request.problem for request in provider.requests] == ["", ""]


def _used(call: dict[str, Any]) -> dict[str, Any]:
    return {"id": call["id"], "name": call["name"], "input": call["arguments"]}


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
@pytest.mark.parametrize("model", ["default", "claude"])
async def test_a_sessions_history_stands_before_the_clients_messages(stage, provider, wire, model):
    provider.play({"text": "yes"})
    past = [
        {"role": "user", "content": "my name is Ada"},
        {"role": "assistant", "content": [{"type": "text", "text": "hello Ada"}]},
    ]
    request = {"model": model, "max_tokens": 9, "messages": HI, "system": "Be brief."}
    if wire == "openai":
        system = {"role": "system", "content": request.pop("system")}
        request["messages"] = [system, *HI]
    told = await (await stage()).call(request, wire=wire, history=past, lead="Ada likes tea.")
    assert provider.requests[0].problem == ""
    raw = provider.requests[0].raw
    places = [raw.index(text) for text in (b"my name is Ada", b"hello Ada", b'"hi"')]
    assert places == sorted(places)
    system = provider.bodies[0].get("system") or [
        m for m in provider.bodies[0]["messages"] if m["role"] == "system"
    ]
    assert "Be brief." in str(system)
    assert "Ada likes tea." in str(system)
    assert told.data


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_fault_of_the_provider_is_tried_again_and_then_at_the_fallback(
    stage, provider, is_stream
):
    with ScriptedProvider([DOWN]) as broken:
        table = {"base_url": broken.url, "fallback": "claude"}
        made = await stage({"fast": table}, retry_attempts_max=2)
        provider.play({"text": "from elsewhere"})
        told = await made.call({"model": "fast", "messages": HI, "stream": is_stream})
    assert len(broken.requests) == 2
    assert b"from" in told.data
    assert b"elsewhere" in told.data
    assert told.answer.model.name == "claude"


async def test_a_stream_that_begins_with_an_error_has_not_begun(stage, provider):
    with ScriptedProvider([{"text": "x", "error_after": 0, "repeat": True}]) as broken:
        made = await stage({"fast": {"base_url": broken.url, "fallback": "default"}})
        provider.play({"text": "fine"})
        told = await made.call({"model": "fast", "messages": HI, "stream": True})
    assert told.text == "fine"


async def test_a_request_that_is_wrong_itself_goes_nowhere_else(stage, provider):
    refused = {"status": 400, "error": {"type": "invalid_request_error", "message": "bad field"}}
    with ScriptedProvider([refused]) as picky:
        made = await stage({"fast": {"base_url": picky.url, "fallback": "default"}})
        with pytest.raises(llm.RequestRefused) as caught:
            await made.call({"model": "fast", "messages": HI})
    assert json.loads(caught.value.reply)["error"]["message"] == "bad field"
    assert provider.requests == []


async def test_the_providers_key_is_masked_in_what_it_says(tmp_path):
    with ScriptedProvider(api_key="other") as picky:
        made = await open_stage(
            tmp_path,
            {},
            default={"base_url": picky.url, "model": "m", "api_key": "sk-canary"},
        )
        with pytest.raises(llm.AuthRefused) as caught:
            await made.call({"messages": HI})
        await made.catalog.close()
    assert b"sk-canary" not in caught.value.reply
    assert "sk-canary" not in str(caught.value)


async def test_retries_are_a_small_share_of_all_requests(stage):
    with ScriptedProvider([DOWN]) as broken:
        table = {"base_url": broken.url}
        made = await stage({"fast": table}, retry_reserve=2, breaker_failures_max=1_000)
        for _ in range(40):
            with pytest.raises(llm.Overloaded):
                await made.call({"model": "fast", "messages": HI})
    assert len(broken.requests) <= 40 + 2 + 4


async def test_five_failures_open_the_breaker_and_one_probe_closes_it(stage):
    with ScriptedProvider([DOWN]) as broken:
        table = {"base_url": broken.url}
        made = await stage({"fast": table}, retry_attempts_max=1)
        for _ in range(5):
            with pytest.raises(llm.Overloaded):
                await made.call({"model": "fast", "messages": HI})
        with pytest.raises(llm.ProviderDown) as caught:
            await made.call({"model": "fast", "messages": HI})
        assert caught.value.retry_after_s == pytest.approx(60)
        assert (len(broken.requests), made.catalog.find("fast").breaker_state) == (5, "open")
        broken._script[:] = [{"text": "back", "repeat": True}]
        made.clock.advance_ms(60_001)
        assert (await made.call({"model": "fast", "messages": HI})).data
        assert made.catalog.find("fast").breaker_state == "closed"


async def test_refusals_and_callers_who_leave_do_not_open_the_breaker(stage, provider):
    refused = {"status": 429, "error": {"type": "rate_limit_error"}, "repeat": True}
    with ScriptedProvider([refused]) as busy:
        made = await stage({"fast": {"base_url": busy.url}}, retry_attempts_max=1)
        for _ in range(6):
            with pytest.raises(llm.RateLimited):
                await made.call({"model": "fast", "messages": HI})
        assert made.catalog.find("fast").breaker_state == "closed"
    provider.play({"text": "x", "delay_ms": 60_000, "repeat": True})
    for _ in range(6):
        provider.has_request.clear()
        task = asyncio.create_task(made.call({"messages": HI}))
        assert await asyncio.to_thread(provider.has_request.wait, 10)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(provider.requests[-1].was_dropped.wait, 10)
    assert made.catalog.default.breaker_state == "closed"


async def test_streams_that_break_midway_open_the_breaker_too(stage):
    with ScriptedProvider([{"text": "a b c", "break_after": 2, "repeat": True}]) as broken:
        made = await stage({"fast": {"base_url": broken.url}})
        for _ in range(5):
            with pytest.raises(llm.LLMError):
                await made.call({"model": "fast", "messages": HI, "stream": True})
        assert made.catalog.find("fast").breaker_state == "open"


async def test_an_error_within_a_stream_is_passed_on_and_the_stream_still_ends(stage, provider):
    provider.play({"text": "a b c", "error_after": 2})
    told = await (await stage()).call({"messages": HI, "stream": True})
    assert told.events[-1]["error"]["message"] == "Overloaded"
    assert told.lines[-1] == b"[DONE]"
    assert not told.answer.is_complete
    assert told.answer.usage().source == "estimate"


async def test_a_server_that_ignores_stream_is_still_streamed_to_the_client(stage, provider):
    message = {"role": "assistant", "content": "all at once"}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    provider.play({"raw": json.dumps(whole)})
    told = await (await stage()).call({"messages": HI, "stream": True})
    assert told.text == "all at once"
    assert told.lines[-1] == b"[DONE]"


@pytest.mark.parametrize(
    "change",
    [
        {"messages": []},
        {"messages": "hi"},
        {"messages": ["hi"]},
        {"model": 7},
        {"stream": "yes"},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"n": 0},
        {"n": 2.5},
    ],
)
def test_a_body_that_we_can_not_rely_on_is_refused_with_the_field_named(change):
    raw = json.dumps({"messages": HI, **change}).encode()
    with pytest.raises(llm.BodyInvalid) as caught:
        llm.read_body(raw, wire="openai")
    assert caught.value.parameter in change


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"x"', b"[" * 100_000, b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(raw):
    with pytest.raises(llm.BodyInvalid):
        llm.read_body(raw, wire="openai")


def test_a_field_that_is_given_twice_is_sent_once_as_we_read_it():
    raw = b'{"messages":[{"role":"user","content":"x"}],"max_tokens":5,"max_tokens":9}'
    body = llm.read_body(raw, wire="openai")
    assert body.output_tokens_wanted == 9
    assert bytes(body.raw["max_tokens"]) == b"9"


def test_the_counted_input_is_above_what_was_said_for_each_kind_of_content():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    texts = [{"role": "user", "content": "word " * 100}]
    pictures = [{"role": "user", "content": [image]}]
    counts = [
        llm.input_tokens(
            llm.read_body(json.dumps({"messages": each}).encode(), wire="openai"),
            tokens_percent=100,
        )
        for each in (texts, pictures)
    ]
    assert 100 < counts[0] < 200
    assert 1_600 < counts[1] < 2_500
