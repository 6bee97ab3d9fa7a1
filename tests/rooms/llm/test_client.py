"""A model over HTTP, against a real server: answers, failures, retries, breaks and cancelling."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from tests.rooms.llm.conftest import ask, hear
from tests.scripted_provider import anthropic_format, openai_format

from novacore import llm

WIRES = pytest.mark.parametrize("wire", ["anthropic", "openai"])
OVERLOADED = {"status": 529, "error": {"type": "overloaded_error", "message": "Overloaded"}}
CALLS = [
    {"id": "toolu_1", "name": "bash", "arguments": {"command": "ls"}},
    {"id": "toolu_2", "name": "bash", "arguments": {"command": "pwd", "n": 2**80}},
]
DROP_TIMEOUT_S = 10.0


@WIRES
async def test_an_answer_is_streamed_in_pieces_and_ends_with_the_whole_message(
    provider, open_model, wire
):
    provider.play({"thinking": "Let me see.", "text": "Grüße 你好 🎉 !", "usage": {"output": 7}})
    heard = await hear(await open_model(wire), ask(await open_model(wire), "hi"))
    assert heard.text == "Grüße 你好 🎉 !"
    assert heard.thinking == "Let me see."
    assert len(heard.events) > 5
    reading = llm.read_message(heard.finished.message)
    assert (reading.text, reading.thinking) == (heard.text, heard.thinking)
    assert heard.finished.stop_reason == "end"
    assert not heard.finished.is_partial


@WIRES
async def test_a_conversation_of_thinking_and_parallel_calls_goes_on_over_several_requests(
    provider, open_model, wire
):
    provider.play(
        {"thinking": "Two looks.", "signature": "c2lnMQ==", "text": "I look.", "tool_calls": CALLS},
        {"thinking": "Clear.", "signature": "c2lnMg==", "text": "Done."},
        {"text": "Bye."},
    )
    model = await open_model(wire)
    messages: list[Any] = ["hi"]
    heard = await hear(model, ask(model, *messages))
    calls = llm.read_message(heard.finished.message).tool_calls
    assert [(call.id, call.arguments) for call in calls] == [
        (call["id"], call["arguments"]) for call in CALLS
    ]
    assert heard.finished.stop_reason == "tool_calls"
    messages.append(heard.finished.message)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in calls]
    second = await hear(model, ask(model, *messages))
    third = await hear(model, ask(model, *messages, second.finished.message, "bye"))
    assert (second.text, third.text) == ("Done.", "Bye.")
    assert [request.problem for request in provider.requests] == ["", "", ""]


@WIRES
async def test_call_deltas_name_their_call_and_add_up_to_its_arguments(provider, open_model, wire):
    provider.play({"tool_calls": CALLS})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    deltas = [event for event in heard.events if isinstance(event, llm.ToolCallDelta)]
    for index, call in enumerate(CALLS):
        own = [delta for delta in deltas if delta.index == index]
        assert {(delta.id, delta.name) for delta in own} == {(call["id"], "bash")}
        raw = "".join(delta.arguments_delta for delta in own)
        assert json.loads(raw) == call["arguments"]


@WIRES
async def test_a_call_whose_arguments_are_no_json_is_told_as_a_problem_and_can_be_sent_back(
    provider, open_model, wire
):
    broken = {"id": "toolu_1", "name": "bash", "arguments": '{"command": "l'}
    provider.play({"tool_calls": [broken]}, {"text": "Sorry."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    [call] = llm.read_message(heard.finished.message).tool_calls
    assert call.arguments is None
    assert call.raw == '{"command": "l'
    result = {"role": "tool", "tool_call_id": call.id, "content": call.problem, "is_error": True}
    assert (await hear(model, ask(model, "hi", heard.finished.message, result))).text == "Sorry."


@WIRES
@pytest.mark.parametrize("bytes_per_write", [1, 7])
async def test_an_answer_that_comes_in_tiny_pieces_is_the_same(
    provider, open_model, wire, bytes_per_write
):
    reply = {"thinking": "Hm é", "text": "日本語 ok", "tool_calls": CALLS}
    provider.play(reply, {**reply, "bytes_per_write": bytes_per_write})
    model = await open_model(wire)
    whole = await hear(model, ask(model, "hi"))
    cut = await hear(model, ask(model, "hi"))
    assert cut.finished.message == whole.finished.message


async def test_usage_of_anthropic_includes_what_was_cached(provider, open_model):
    usage = {"input": 5, "cache_read": 100, "cache_write": 20, "output": 9}
    provider.play({"text": "x", "usage": usage})
    model = await open_model("anthropic")
    assert (await hear(model, ask(model, "hi"))).finished.usage == llm.Usage(
        input_tokens=125, output_tokens=9, cache_read_tokens=100, cache_write_tokens=20
    )


async def test_usage_of_openai_is_taken_as_it_is_told(provider, open_model):
    provider.play({"text": "x", "usage": {"input": 5, "cache_read": 100, "output": 9}})
    model = await open_model("openai")
    assert (await hear(model, ask(model, "hi"))).finished.usage == llm.Usage(
        input_tokens=105, output_tokens=9, cache_read_tokens=100
    )


async def test_usage_that_nobody_tells_is_estimated_and_says_so(provider, open_model):
    provider.play({"text": "one two three four", "usage": None})
    model = await open_model("openai")
    usage = (await hear(model, ask(model, "hi"))).finished.usage
    assert usage.source == "estimate"
    assert usage.input_tokens > 20
    assert 4 <= usage.output_tokens <= 8


@WIRES
@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("max_tokens", "length"),
        ("length", "length"),
        ("refusal", "refusal"),
        ("content_filter", "refusal"),
    ],
)
async def test_why_an_answer_ended_is_told_in_one_vocabulary(
    provider, open_model, wire, stop, reason
):
    provider.play({"text": "x", "stop": stop})
    model = await open_model(wire)
    is_known = (stop in ("max_tokens", "refusal")) == (wire == "anthropic")
    heard = await hear(model, ask(model, "hi"))
    assert heard.finished.stop_reason == (reason if is_known else "end")


async def test_a_refusal_is_shown_and_named(provider, open_model):
    provider.play({"refusal": "I can't help with that."})
    model = await open_model("openai")
    heard = await hear(model, ask(model, "hi"))
    assert (heard.text, heard.finished.stop_reason) == ("I can't help with that.", "refusal")


@WIRES
@pytest.mark.parametrize(
    ("status", "error", "setting"),
    [
        (400, llm.RequestRefused, "llm.model"),
        (401, llm.AuthRefused, "llm.api_key"),
        (403, llm.AuthRefused, "llm.api_key"),
        (404, llm.ModelUnknown, "llm.model"),
        (413, llm.RequestRefused, "llm."),
        (422, llm.RequestRefused, "llm."),
    ],
)
async def test_what_a_retry_cannot_mend_fails_at_once_and_names_the_setting(
    provider, open_model, wire, status, error, setting
):
    provider.play({"status": status, "error": {"type": "x", "message": "It is wrong."}})
    model = await open_model(wire)
    with pytest.raises(error, match=r"It is wrong\.") as caught:
        await hear(model, ask(model, "hi"))
    assert setting in caught.value.hint
    assert caught.value.status == status
    assert len(provider.requests) == 1


@WIRES
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_what_a_retry_can_mend_is_retried_in_sight(provider, open_model, wire, status):
    provider.play({"status": status}, {"text": "Here."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert [retry.attempt for retry in heard.retries] == [2]
    assert str(status) in heard.retries[0].reason
    assert heard.text == "Here."


@WIRES
async def test_retrying_ends_when_the_attempts_are_used_up(provider, open_model, wire):
    provider.play({**OVERLOADED, "repeat": True})
    model = await open_model(wire, retry_attempts_max=3)
    with pytest.raises(llm.Overloaded, match="sent 3 times") as caught:
        await hear(model, ask(model, "hi"))
    assert caught.value.attempts == len(provider.requests) == 3


@WIRES
async def test_switching_retries_off_really_switches_them_off(provider, open_model, wire):
    provider.play(OVERLOADED, {"text": "Here."})
    model = await open_model(wire, retry_enabled=False)
    with pytest.raises(llm.Overloaded):
        await hear(model, ask(model, "hi"))
    assert len(provider.requests) == 1


@WIRES
async def test_the_wait_that_the_provider_asks_for_is_kept(provider, open_model, wire):
    provider.play({"status": 429, "headers": {"Retry-After": "0.02"}}, {"text": "Here."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert [retry.delay_ms for retry in heard.retries] == [20]


@WIRES
async def test_a_wait_beyond_the_limit_fails_at_once_and_says_how_long_it_would_be(
    provider, open_model, wire
):
    provider.play({"status": 429, "headers": {"Retry-After": "3600"}})
    model = await open_model(wire)
    with pytest.raises(llm.RateLimited, match="3600 s"):
        await hear(model, ask(model, "hi"))


async def test_an_account_without_money_is_not_asked_again(provider, open_model):
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "No credit."}
    provider.play({"status": 429, "error": error})
    model = await open_model("openai")
    with pytest.raises(llm.QuotaSpent, match="No credit"):
        await hear(model, ask(model, "hi"))


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ("anthropic", {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}),
        ("openai", {"type": "x", "code": "context_length_exceeded", "message": "too much"}),
    ],
)
async def test_a_request_larger_than_the_window_is_told_apart(provider, open_model, wire, error):
    provider.play({"status": 400, "error": error})
    model = await open_model(wire)
    with pytest.raises(llm.WindowExceeded):
        await hear(model, ask(model, "hi"))


@WIRES
async def test_an_overload_told_in_the_stream_before_any_word_is_retried(
    provider, open_model, wire
):
    error = {"type": "overloaded_error", "message": "Overloaded"}
    provider.play({"text": "x", "error_after": 1, "error": error}, {"text": "Here."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert (len(heard.retries), heard.text) == (1, "Here.")


@WIRES
async def test_an_overload_told_after_the_first_word_keeps_what_was_said(
    provider, open_model, wire
):
    provider.play({"text": "one two three four five six", "error_after": 6}, {"text": "never"})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert heard.finished.is_partial
    assert heard.finished.stop_reason == "broken"
    assert "Overloaded" in heard.finished.problem
    assert llm.read_message(heard.finished.message).text == heard.text != ""
    assert len(provider.requests) == 1


@WIRES
async def test_a_stream_that_breaks_midway_keeps_what_arrived_and_is_not_sent_again(
    provider, open_model, wire
):
    provider.play({"text": "one two three four five six", "break_after": 6}, {"text": "never"})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert heard.finished.is_partial
    assert heard.finished.stop_reason == "broken"
    assert heard.finished.message["is_partial"] is True
    assert llm.read_message(heard.finished.message).text == heard.text != ""
    assert heard.retries == []
    provider.play({"text": "Here."})
    again = await hear(model, ask(model, "hi", heard.finished.message, "go on"))
    assert again.text == "never"


@WIRES
async def test_a_stream_that_breaks_before_any_word_is_sent_again(provider, open_model, wire):
    provider.play({"text": "one two", "break_after": 1}, {"text": "Here."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert (len(heard.retries), heard.text) == (1, "Here.")


@pytest.mark.parametrize(("wire", "cut"), [("anthropic", 8), ("openai", 4)])
async def test_a_call_cut_off_by_a_break_is_set_aside_and_no_call(provider, open_model, wire, cut):
    provider.play({"text": "I look.", "tool_calls": CALLS[:1], "break_after": cut}, {"text": "Ok."})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert llm.read_message(heard.finished.message).tool_calls == ()
    [unfinished] = heard.finished.message["unfinished_tool_calls"]
    assert unfinished["id"] == "toolu_1"
    assert (await hear(model, ask(model, "hi", heard.finished.message, "go on"))).text == "Ok."


async def test_thinking_that_broke_off_unsigned_is_kept_but_not_sent_back(provider, open_model):
    provider.play({"thinking": "one two three four", "break_after": 6}, {"text": "Ok."})
    model = await open_model("anthropic")
    heard = await hear(model, ask(model, "hi"))
    assert llm.read_message(heard.finished.message).thinking == heard.thinking != ""
    assert (await hear(model, ask(model, "hi", heard.finished.message, "go on"))).text == "Ok."


@WIRES
async def test_closing_the_stream_closes_the_connection_at_once_and_keeps_what_was_said(
    provider, open_model, wire
):
    provider.play({"text": "one two three four", "hang_after": 5})
    model = await open_model(wire)
    stream = model.stream(ask(model, "hi"))
    async for event in stream:
        if isinstance(event, llm.TextDelta):
            break
    await stream.aclose()
    dropped = provider.requests[0].was_dropped
    assert await asyncio.to_thread(dropped.wait, DROP_TIMEOUT_S)
    partial = stream.partial()
    assert (partial.stop_reason, partial.is_partial) == ("cancelled", True)
    assert llm.read_message(partial.message).text == "one"


@WIRES
@pytest.mark.parametrize("reply", [{"delay_ms": 60_000}, {"text": "one two", "hang_after": 3}])
async def test_cancelling_the_task_closes_the_connection_at_once(provider, open_model, wire, reply):
    provider.play(reply)
    model = await open_model(wire)
    task = asyncio.create_task(hear(model, ask(model, "hi")))
    assert await asyncio.to_thread(provider.has_request.wait, DROP_TIMEOUT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    dropped = provider.requests[0].was_dropped
    assert await asyncio.to_thread(dropped.wait, DROP_TIMEOUT_S)


async def test_nothing_is_sent_before_the_first_event_is_asked_for(provider, open_model):
    model = await open_model()
    stream = model.stream(ask(model, "hi"))
    await stream.aclose()
    assert provider.requests == []
    assert stream.partial().usage.total == 0


async def test_a_request_that_was_refused_costs_nothing_and_one_cut_off_an_estimate(
    provider, open_model
):
    provider.play(OVERLOADED, {"text": "one two three", "hang_after": 4})
    model = await open_model()
    async with contextlib.aclosing(model.stream(ask(model, "hi"))) as stream:
        assert isinstance(await anext(stream), llm.Retrying)
        assert stream.partial().usage.total == 0
        assert isinstance(await anext(stream), llm.TextDelta)
    usage = stream.partial().usage
    assert (usage.source, usage.input_tokens) == ("estimate", 10)
    assert usage.output_tokens >= 1


@WIRES
async def test_a_provider_that_says_nothing_is_given_up(provider, open_model, wire):
    provider.play({"delay_ms": 60_000}, {"text": "Here."})
    model = await open_model(wire, first_byte_timeout_ms=50, retry_enabled=False)
    with pytest.raises(llm.TimedOut, match=r"llm\.first_byte_timeout_ms"):
        await hear(model, ask(model, "hi"))


@WIRES
async def test_a_stream_that_falls_silent_ends_as_a_broken_one(provider, open_model, wire):
    provider.play({"text": "one two three", "hang_after": 5})
    model = await open_model(wire, idle_timeout_ms=50)
    heard = await hear(model, ask(model, "hi"))
    assert heard.finished.stop_reason == "broken"
    assert "silent" in heard.finished.problem


async def test_a_provider_that_cannot_be_reached_is_retried_and_then_named(
    unused_tcp_port, open_model
):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    model = await open_model(base_url=url, retry_attempts_max=2)
    events: list[llm.Event] = []
    with pytest.raises(llm.ConnectFailed, match=r"llm\.base_url"):  # noqa: PT012 - the loop collects
        async with contextlib.aclosing(model.stream(ask(model, "hi"))) as stream:
            async for event in stream:
                events += [event]
    assert [type(event) for event in events] == [llm.Retrying]


@WIRES
@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
async def test_an_address_that_answers_with_a_web_page_is_named(
    provider, open_model, wire, content_type
):
    provider.play({"raw": "<html>Welcome</html>", "content_type": content_type})
    model = await open_model(wire)
    with pytest.raises(llm.ReplyInvalid, match=r"llm\.base_url"):
        await hear(model, ask(model, "hi"))


@WIRES
async def test_an_error_page_is_not_shown_in_full(provider, open_model, wire):
    provider.play({"raw": "<html>" + "x" * 5_000, "content_type": "text/html", "status": 502})
    model = await open_model(wire, retry_enabled=False)
    with pytest.raises(llm.Overloaded) as caught:
        await hear(model, ask(model, "hi"))
    assert len(str(caught.value)) < 200


@WIRES
async def test_the_key_is_not_shown_even_where_the_provider_quotes_it(provider, open_model, wire):
    error = {"type": "authentication_error", "message": "bad key k-123 given"}
    provider.play({"status": 401, "error": error})
    model = await open_model(wire)
    with pytest.raises(llm.AuthRefused) as caught:
        await hear(model, ask(model, "hi"))
    assert "k-123" not in str(caught.value)


@WIRES
async def test_a_server_that_answers_unstreamed_is_understood(provider, open_model, wire):
    formats = {"anthropic": anthropic_format, "openai": openai_format}
    reply = {"text": "Here.", "tool_calls": CALLS}
    provider.play({"raw": json.dumps(formats[wire].whole(reply, model="m"))})
    model = await open_model(wire)
    heard = await hear(model, ask(model, "hi"))
    assert heard.text == "Here."
    assert len(llm.read_message(heard.finished.message).tool_calls) == 2
    assert heard.finished.stop_reason == "tool_calls"


async def test_an_error_that_minimax_tells_under_a_status_of_200_is_an_error(provider, open_model):
    provider.play(
        {"raw": '{"base_resp": {"status_code": 1004, "status_msg": "login fail"}, "choices": null}'}
    )
    model = await open_model("openai")
    with pytest.raises(llm.AuthRefused, match="login fail"):
        await hear(model, ask(model, "hi"))


@WIRES
async def test_garbage_in_the_stream_is_an_error_and_no_crash(provider, open_model, wire):
    provider.play({"raw": "data: {not json}\n\n", "content_type": "text/event-stream"})
    model = await open_model(wire)
    with pytest.raises(llm.ReplyInvalid):
        await hear(model, ask(model, "hi"))


async def test_lone_surrogates_and_huge_integers_reach_the_provider_as_valid_json(
    provider, open_model
):
    provider.play({"text": "ok"})
    model = await open_model("openai")
    call = {"id": "a", "function": {"name": "bash", "arguments": {"n": 10**30, "s": "\ud83d!"}}}
    answer = {"role": "assistant", "content": "pair \ud83d\ude00 lone \udc00", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "a", "content": "x"}
    await hear(model, ask(model, "hi", answer, result))
    sent = provider.bodies[0]["messages"][2]
    assert sent["content"] == "pair 😀 lone \ufffd"
    assert sent["tool_calls"][0]["function"]["arguments"] == (
        '{"n":1000000000000000000000000000000,"s":"\ufffd!"}'
    )


async def test_a_proxy_that_is_set_is_gone_through(provider, open_model):
    provider.play({"text": "ok"})
    url = "http://somewhere.invalid/v1"
    model = await open_model("openai", base_url=url, proxy_url=provider.url)
    assert (await hear(model, ask(model, "hi"))).text == "ok"
    assert provider.requests[0].headers["host"] == "somewhere.invalid"


async def test_many_streams_at_once_do_not_disturb_each_other(provider, open_model):
    provider.play(*({"text": "one two three", "chunk_delay_ms": 2} for _ in range(20)))
    model = await open_model()
    heard = await asyncio.gather(*(hear(model, ask(model, "hi")) for _ in range(20)))
    assert {one.text for one in heard} == {"one two three"}


@WIRES
async def test_a_request_of_several_megabytes_arrives_whole(provider, open_model, wire):
    provider.play({"text": "ok"})
    model = await open_model(wire)
    body = ask(model, "wörd " * 1_000_000)
    assert (await hear(model, body)).text == "ok"
    assert provider.requests[0].raw == body


async def test_a_model_may_be_closed_more_than_once(open_model, provider):
    model = await open_model()
    provider.play({"text": "ok"})
    conversation = model.conversation(system="")
    conversation.extend([{"role": "user", "content": "Hi"}])
    assert (await hear(model, conversation.body())).text == "ok"
    await model.close()
    await model.close()
    assert len(provider.requests) == 1
