"""Requests in the OpenAI format: what the provider is shown of each message."""

import json
from typing import Any

import pytest
from tests.rooms.llm.conftest import BASH
from tests.scripted_provider import rules

from novacore.llm.conversation import EncodedConversation
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.openai_request import OpenAIWire


def _body(
    *messages: Any, provider: str = "llm.example", tools: Any = (BASH,), **more: Any
) -> dict[str, Any]:
    dialect = Dialect(provider=provider, model="m", output_tokens_max=800, **more)
    wire = OpenAIWire(dialect)
    conversation = EncodedConversation(wire, dialect=dialect, system="S", tools=tools)
    said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    conversation.extend(said)
    body = json.loads(conversation.body())
    assert rules.openai_problem(body, headers={}, signatures=rules.Signatures()) == ""
    return body


def _sent(*messages: Any, **more: Any) -> list[dict[str, Any]]:
    """The messages after the system prompt."""
    return _body(*messages, **more)["messages"][1:]


def _call(call_id: str, arguments: Any = '{"command":"ls"}', **more: Any) -> dict[str, Any]:
    function = {"name": "bash", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def _result(call_id: str, text: str = "ok", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "name": "bash", "content": text, **more}


def test_the_system_prompt_stands_first_and_nowhere_else():
    messages = _body(
        "hi", {"role": "system", "content": "Be kind."}, {"role": "developer", "content": "x"}
    )
    assert [message["role"] for message in messages["messages"]] == [
        "system",
        "user",
        "user",
        "user",
    ]


def test_usage_is_asked_for_with_the_stream():
    body = _body("hi")
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_details"])
def test_reasoning_goes_back_in_the_field_it_came_in(field):
    value = [{"type": "reasoning.text", "text": "Hm."}] if field.endswith("details") else "Hm."
    answer = {"role": "assistant", "content": "Yes.", field: value, "provider": "llm.example"}
    [_, sent] = _sent("hi", answer)
    assert sent == {"role": "assistant", "content": "Yes.", field: value}


def test_reasoning_of_another_provider_is_left_out():
    answer = {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "Hm.",
        "provider": "other",
    }
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    blocks = {"role": "assistant", "content": [thinking, {"type": "text", "text": "Yes."}]}
    for message in (answer, blocks):
        assert _sent("hi", message)[1] == {"role": "assistant", "content": "Yes."}


def test_openai_itself_is_never_shown_reasoning_fields():
    answer = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    assert _sent("hi", answer, provider="openai")[1] == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    "answer",
    [
        {"role": "assistant", "content": "Yes.", "thinking": "Hm."},
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.", "provider": "other"},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}],
        },
    ],
)
def test_minimax_is_shown_everyones_thinking_as_reasoning_details(answer):
    body = _body("hi", answer, provider="minimax")
    assert body["reasoning_split"] is True
    assert body["messages"][2]["reasoning_details"] == [{"type": "reasoning.text", "text": "Hm."}]


def test_calls_and_their_other_fields_go_back_as_they_came():
    call = _call("function-call-17", extra_content={"google": {"thought_signature": "c2ln"}})
    answer = {"role": "assistant", "content": None, "tool_calls": [call], "provider": "llm.example"}
    assert _sent("hi", answer, _result("function-call-17"))[1]["tool_calls"] == [call]


def test_arguments_are_a_text_also_where_they_were_an_object():
    answer = {"role": "assistant", "content": None, "tool_calls": [_call("a", {"command": "ls"})]}
    function = _sent("hi", answer, _result("a"))[1]["tool_calls"][0]["function"]
    assert function["arguments"] == '{"command":"ls"}'


def test_blocks_of_the_anthropic_shape_become_calls_and_results_messages_of_their_own():
    use = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"}}
    answer = {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]}
    results = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"},
            {"type": "text", "text": "go on"},
        ],
    }
    assert _sent("hi", answer, results)[1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [_call("toolu_1")],
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": "ok"},
        {"role": "user", "content": "go on"},
    ]


def test_malformed_arguments_are_shown_as_they_were_in_a_valid_object():
    answer = {"role": "assistant", "content": None, "tool_calls": [_call("a", '{"command": "l')]}
    raw = _sent("hi", answer, _result("a"))[1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(raw) == {"malformed_arguments": '{"command": "l'}


def test_ids_that_openai_refuses_are_replaced_alike_in_call_and_result():
    answer = {"role": "assistant", "content": None, "tool_calls": [_call("x" * 64)]}
    _, sent, result = _sent("hi", answer, _result("x" * 64), provider="openai")
    assert sent["tool_calls"][0]["id"] == result["tool_call_id"] != "x" * 64


def test_a_failed_result_says_so_once():
    answer = {"role": "assistant", "content": None, "tool_calls": [_call(i) for i in "abc"]}
    results = [
        _result("a", "no such file", is_error=True),
        _result("b", "Error: no", is_error=True),
        _result("c", "", is_error=True),
    ]
    texts = [message["content"] for message in _sent("hi", answer, *results)[2:]]
    assert texts == ["Error: no such file", "Error: no", "Error: the tool failed silently."]


def test_images_of_the_anthropic_shape_are_turned():
    data = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
    }
    link = {"type": "image", "source": {"type": "url", "url": "https://images.example/a.png"}}
    [message] = _sent({"role": "user", "content": [data, link]})
    assert [block["image_url"]["url"] for block in message["content"]] == [
        "data:image/png;base64,QUJD",
        "https://images.example/a.png",
    ]


def test_an_image_inside_a_result_is_named_in_words():
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
    }
    answer = {"role": "assistant", "content": None, "tool_calls": [_call("a")]}
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "a", "content": [image]}],
    }
    assert "image" in _sent("hi", answer, result)[2]["content"]


def test_blocks_that_only_anthropic_has_are_named_in_words():
    block = {"type": "document", "source": {"type": "text", "data": "x"}}
    [message] = _sent({"role": "user", "content": [block, {"type": "text", "text": "?"}]})
    assert "document" in message["content"]


def test_an_answer_without_words_or_calls_is_left_out():
    assert len(_sent("hi", {"role": "assistant", "content": None, "reasoning_content": "Hm."})) == 1


def test_a_model_that_calls_no_tools_is_told_of_calls_and_results_in_words():
    answer = {"role": "assistant", "content": "I look.", "tool_calls": [_call("a")]}
    sent = _sent("hi", answer, _result("a", "listing"), tools=(), tool_mode="none")
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert "ls" in sent[1]["content"]
    assert "listing" in sent[2]["content"]


@pytest.mark.parametrize(
    ("provider", "key"), [("openai", "max_completion_tokens"), ("ollama", "max_tokens")]
)
def test_the_cap_of_the_answer_has_the_name_that_the_provider_knows(provider, key):
    assert _body("hi", provider=provider)[key] == 800
