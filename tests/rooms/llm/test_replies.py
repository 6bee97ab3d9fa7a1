"""Streams of odd servers, put together event by event."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripted_provider import anthropic_format, openai_format

from novacore import llm
from novacore.llm.formats.anthropic_reply import AnthropicAssembler
from novacore.llm.formats.openai_reply import OpenAIAssembler
from novacore.llm.formats.wire import Assembler


def _feed(assembler: Assembler, *events: Any) -> llm.Finished:
    for event in events:
        list(assembler.feed(json.dumps(event).encode()))
    return assembler.finish(count_input=lambda: 42)


def _openai(*deltas: dict[str, Any], **more: Any) -> llm.Finished:
    chunks = [{"choices": [{"delta": delta}]} for delta in deltas]
    return _feed(OpenAIAssembler(provider="p", model="m"), *chunks, more)


def _anthropic(*events: dict[str, Any]) -> llm.Finished:
    return _feed(AnthropicAssembler(provider="p", model="m"), *events)


def _call(index: Any, call_id: str | None, name: str | None, arguments: Any) -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    piece |= {} if index is None else {"index": index}
    return {"tool_calls": [piece if call_id is None else {**piece, "id": call_id}]}


@pytest.mark.parametrize(
    "deltas",
    [
        [_call(0, "a", "x", '{"n":'), _call(0, None, None, "1}"), _call(1, "b", "y", "{}")],
        [_call(0, "a", "x", '{"n":1}'), _call(0, "b", "y", "{}")],
        [
            _call(None, "a", "x", '{"n":'),
            _call(None, None, None, "1}"),
            _call(None, "b", "y", "{}"),
        ],
        [_call(None, "a", "x", '{"n":'), _call(None, "a", None, "1}"), _call(None, "b", "y", "{}")],
        [_call(0, "a", "x", {"n": 1}), _call(1, "b", "y", {})],
        [_call(0, "a", "x", '{"n":1}'), _call(1, "b", "y", None)],
        [_call(0, "a", "x", '{"n":'), _call(0, "a", "x", "1}"), _call(3, "b", "y", "")],
    ],
    ids=["by index", "all 0", "no index", "by id", "objects", "null", "name repeated"],
)
def test_calls_are_put_together_however_a_server_numbers_their_pieces(deltas):
    calls = llm.read_message(_openai(*deltas).message).tool_calls
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("a", "x", {"n": 1}),
        ("b", "y", {}),
    ]


def test_calls_without_ids_get_different_ones():
    calls = llm.read_message(
        _openai(_call(0, None, "x", "{}"), _call(1, None, "x", "{}")).message
    ).tool_calls
    assert len({call.id for call in calls}) == 2
    assert all(call.id for call in calls)


def test_calls_make_the_stop_reason_whatever_the_server_says():
    assert _openai(_call(0, "a", "x", "{}")).stop_reason == "tool_calls"
    done = _anthropic(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "a", "name": "x", "input": {}},
        },
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    )
    assert done.stop_reason == "tool_calls"


def test_other_fields_of_a_call_are_kept():
    delta = _call(0, "a", "x", "{}")
    delta["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "c2ln"}}
    [call] = _openai(delta).message["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": "c2ln"}}


def test_reasoning_told_in_two_fields_is_shown_once_and_kept_twice():
    details = [{"type": "reasoning.text", "index": 0, "text": "Hm"}]
    assembler = OpenAIAssembler(provider="p", model="m")
    chunk = {"choices": [{"delta": {"reasoning": "Hm", "reasoning_details": details}}]}
    assert list(assembler.feed(json.dumps(chunk).encode())) == [llm.ThinkingDelta(text="Hm")]
    message = assembler.finish(count_input=lambda: 1).message
    assert (message["reasoning"], message["reasoning_details"]) == ("Hm", details)


def test_reasoning_details_grow_by_index_and_type_and_keep_their_signature():
    def detail(**more: Any) -> dict[str, Any]:
        return {"reasoning_details": [{"type": "reasoning.text", "index": 0, **more}]}

    encrypted = {"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "ZQ=="}]}
    message = _openai(detail(text="a"), detail(text="b"), detail(signature="s"), encrypted).message
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "ZQ=="},
    ]


def test_usage_that_comes_only_at_the_end_is_taken():
    done = _anthropic(
        {"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}},
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 9, "output_tokens": 3}},
    )
    assert done.usage == llm.Usage(input_tokens=9, output_tokens=3)


def test_unknown_blocks_and_citations_are_kept_as_they_came():
    start = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"x": 1}]}
    citation = {"type": "char_location", "cited_text": "q"}
    done = _anthropic(
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "A"}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "citations_delta", "citation": citation},
        },
        {"type": "a_new_event", "x": 1},
    )
    assert done.message["content"] == [
        start,
        {"type": "text", "text": "A", "citations": [citation]},
    ]


def test_the_input_of_a_tool_that_the_server_runs_is_put_together_too():
    start = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"query":"x"}'}
    done = _anthropic(
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
    )
    assert done.message["content"] == [{**start, "input": {"query": "x"}}]
    assert done.stop_reason == "end"


def test_a_delta_for_a_block_that_never_began_is_an_error():
    with pytest.raises(llm.ReplyInvalid):
        _anthropic({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}})


REPLY = {
    "thinking": "Hm.",
    "text": "Yes.",
    "reasoning": "reasoning_details",
    "tool_calls": [{"id": "a", "name": "x", "arguments": {"n": 1}}],
    "blocks": [{"type": "server_tool_use", "id": "s", "name": "y", "input": {}}],
}
JUNK = st.sampled_from([None, True, -1, 2.5, "", "x", [], ["x"], {}, {"type": "text"}, [{}]])


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from _places(inner, (*path, key))
        else:
            yield (*path, key)


def _put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(copy[path[0]], path[1:], junk)
    return copy


def _events(frames: list[bytes]) -> list[Any]:
    data = [frame.split(b"data: ", 1)[1] for frame in frames]
    return [json.loads(one) for one in data if not one.startswith(b"[DONE]")]


@pytest.mark.parametrize(
    ("kind", "spoken"),
    [(AnthropicAssembler, anthropic_format), (OpenAIAssembler, openai_format)],
)
@pytest.mark.parametrize("is_whole", [False, True])
@given(data=st.data())
def test_a_value_of_any_odd_kind_anywhere_causes_nothing_but_an_error_of_ours(
    kind, spoken, is_whole, data
):
    asked = {"model": "m", "stream_options": {"include_usage": True}}
    frames = spoken.frames(REPLY, request=asked)
    events = [spoken.whole(REPLY, model="m")] if is_whole else _events(frames)
    place = data.draw(st.sampled_from([path for path in _places(events) if path]))
    assembler = kind(provider="p", model="m")
    try:
        done = _feed(assembler, *_put(events, place, data.draw(JUNK)))
    except llm.LLMError:
        done = assembler.finish(count_input=lambda: 1, stop_reason="broken", problem="x")
    assert llm.read_message(done.message).role == "assistant"
    assert min(done.usage.input_tokens, done.usage.output_tokens) >= 0
