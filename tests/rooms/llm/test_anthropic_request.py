"""Requests in the Anthropic format: what the provider is shown of each message."""

import json
from typing import Any

import pytest
from tests.rooms.llm.conftest import BASH
from tests.scripted_provider import rules

from novacore.llm.conversation import EncodedConversation
from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.dialect import Dialect

MARK = {"type": "ephemeral"}


def _body(
    *messages: Any,
    provider: str = "anthropic",
    tools: Any = (BASH,),
    system: str = "S",
    **more: Any,
) -> dict[str, Any]:
    dialect = Dialect(provider=provider, model="m", output_tokens_max=8_000, **more)
    wire = AnthropicWire(dialect, with_tools=bool(tools))
    conversation = EncodedConversation(wire, dialect=dialect, system=system, tools=tools)
    said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    conversation.extend(said)
    return json.loads(conversation.body())


def _unmarked(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages without cache marks, once the real service's rules have passed them."""
    headers = {"anthropic-version": "1"}
    assert rules.anthropic_problem(body, headers=headers, signatures=rules.Signatures()) == ""
    for message in body["messages"]:
        for block in message["content"]:
            block.pop("cache_control", None)
    return body["messages"]


def _call(call_id: str, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_use", "id": call_id, "name": "bash", "input": {"command": "ls"}}
    return {**block, **more}


def _assistant(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks), **more}


def _result(call_id: str, text: str = "ok", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "name": "bash", "content": text, **more}


THINKING = {"type": "thinking", "thinking": "Hm. ", "signature": "c2lnbmVk+/="}
REDACTED = {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"}
TEXT = {"type": "text", "text": "I look."}


def test_signed_and_redacted_thinking_goes_back_exactly_as_it_came():
    answer = _assistant(THINKING, REDACTED, TEXT, _call("toolu_1"), provider="anthropic")
    messages = _unmarked(_body("hi", answer, _result("toolu_1")))
    assert messages[1]["content"] == [THINKING, REDACTED, TEXT, _call("toolu_1")]


def test_results_of_parallel_calls_become_one_user_message_with_what_the_user_adds():
    answer = _assistant(_call("a"), _call("b"))
    messages = _unmarked(
        _body("hi", answer, _result("a"), _result("b", "no", is_error=True), "go on")
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "ok"}]},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "content": [{"type": "text", "text": "no"}],
            "is_error": True,
        },
        {"type": "text", "text": "go on"},
    ]


def test_neighbours_of_one_role_become_one_message():
    messages = _unmarked(_body("a", "b", _assistant(TEXT), _assistant(TEXT), "c"))
    assert [len(message["content"]) for message in messages] == [2, 2, 1]


def test_cache_marks_stand_on_tools_system_and_the_ends_of_the_last_two_requests():
    answer = _assistant(THINKING, _call("a"))
    body = _body("hi", _assistant(TEXT), "go", answer, _result("a"))
    assert body["system"][-1]["cache_control"] == MARK
    assert body["tools"][-1]["cache_control"] == MARK
    marked = [
        (index, place)
        for index, message in enumerate(body["messages"])
        for place, block in enumerate(message["content"])
        if "cache_control" in block
    ]
    assert marked == [(2, 0), (4, 0)]


def test_a_cache_mark_never_stands_on_thinking():
    body = _body("hi", _assistant(TEXT, THINKING, REDACTED))
    assert ["cache_control" in block for block in body["messages"][1]["content"]] == [
        True,
        False,
        False,
    ]


def test_cache_marks_of_others_are_taken_off():
    block = {"type": "text", "text": "x", "cache_control": MARK}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block], "cache_control": MARK}
    said = [{"role": "user", "content": [block]} for _ in range(6)]
    messages = [
        *said,
        _assistant(_call("t", cache_control=MARK)),
        {"role": "user", "content": [result]},
    ]
    assert json.dumps(_body(*messages)).count("cache_control") == 4


def test_thinking_of_another_provider_or_without_a_signature_is_left_out():
    unsigned = {"type": "thinking", "thinking": "Hm."}
    of_other = _assistant(THINKING, TEXT, provider="minimax")
    partial = _assistant(unsigned, TEXT, provider="anthropic", is_partial=True)
    of_openai = {"role": "assistant", "content": "I look.", "reasoning_content": "Hm."}
    for answer in (of_other, partial, of_openai):
        assert _unmarked(_body("hi", answer))[1]["content"] == [TEXT]


def test_minimax_is_shown_everyones_thinking_unsigned():
    predecessor = {"role": "assistant", "content": "I look.", "thinking": "Hm."}
    body = _body("hi", predecessor, provider="minimax")
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm."}


def test_unsigned_thinking_of_a_compatible_server_goes_back_to_that_server_alone():
    unsigned = {"type": "thinking", "thinking": "Hm."}
    answer = _assistant(unsigned, TEXT, provider="llm.example")
    assert _body("hi", answer, provider="llm.example")["messages"][1]["content"][0] == unsigned
    assert len(_body("hi", answer, provider="other.example")["messages"][1]["content"]) == 1


def test_calls_of_the_openai_shape_become_blocks_with_object_input():
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "bash", "arguments": '{"n":1}'},
    }
    answer = {"role": "assistant", "content": "I look.", "tool_calls": [call]}
    messages = _unmarked(_body("hi", answer, _result("call_1")))
    assert messages[1]["content"] == [
        TEXT,
        {"type": "tool_use", "id": "call_1", "name": "bash", "input": {"n": 1}},
    ]


@pytest.mark.parametrize("call_id", ["functions.bash:0", "ü", "x" * 500, "", "a b"])
def test_ids_that_the_provider_refuses_are_replaced_alike_in_call_and_result(call_id):
    call = {"id": call_id, "function": {"name": "bash", "arguments": "{}"}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    messages = _unmarked(_body("hi", answer, _result(call_id)))
    called, result = messages[1]["content"][0], messages[2]["content"][0]
    assert called["id"] == result["tool_use_id"]


def test_different_ids_stay_different_when_replaced():
    calls = [{"id": f"f.{n}", "function": {"name": "bash", "arguments": "{}"}} for n in range(3)]
    answer = {"role": "assistant", "content": None, "tool_calls": calls}
    messages = _unmarked(_body("hi", answer, *(_result(f"f.{n}") for n in range(3))))
    assert len({block["id"] for block in messages[1]["content"]}) == 3


def test_malformed_arguments_are_shown_as_they_were_in_a_valid_object():
    answer = _assistant(_call("a", input={}, raw_input='{"command": "l'))
    messages = _unmarked(_body("hi", answer, _result("a")))
    assert messages[1]["content"][0]["input"] == {"malformed_arguments": '{"command": "l'}


def test_empty_texts_and_empty_messages_are_left_out():
    nothing = {"role": "assistant", "content": []}
    blank = {
        "role": "user",
        "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": ""}],
    }
    assert [m["role"] for m in _unmarked(_body("hi", nothing, blank, _assistant(TEXT)))] == [
        "user",
        "assistant",
    ]


def test_an_empty_error_says_something_and_an_empty_result_nothing():
    answer = _assistant(_call("a"), _call("b"))
    messages = _unmarked(_body("hi", answer, _result("a", "", is_error=True), _result("b", "")))
    error, fine = messages[2]["content"]
    assert error["content"][0]["text"]
    assert "content" not in fine


def test_images_of_the_openai_shape_are_turned():
    data = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUJD"}}
    link = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    [message] = _unmarked(_body({"role": "user", "content": [data, link]}))
    assert [block["source"] for block in message["content"]] == [
        {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"},
        {"type": "url", "url": "https://images.example/a.png"},
    ]


def test_unknown_blocks_go_back_to_their_provider_and_to_no_other():
    block = {
        "type": "server_tool_use",
        "id": "s",
        "name": "web_search",
        "input": {"q": 1},
        "new": [1],
    }
    for provider, count in (("anthropic", 2), ("minimax", 1)):
        answer = _assistant(block, TEXT, provider="anthropic")
        sent = _body("hi", answer, provider=provider)["messages"][1]["content"]
        assert len(sent) == count
        assert (block in sent) is (count == 2)


def test_a_block_without_a_type_is_left_out():
    [message] = _unmarked(_body({"role": "user", "content": [{}, {"type": "text", "text": "?"}]}))
    assert message["content"] == [{"type": "text", "text": "?"}]


def test_a_users_block_without_a_form_here_is_named_in_words():
    sound = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    [message] = _unmarked(
        _body({"role": "user", "content": [sound, {"type": "text", "text": "?"}]})
    )
    assert "input_audio" in message["content"][0]["text"]


def test_a_system_message_in_the_middle_is_told_as_a_note():
    messages = _unmarked(_body("hi", _assistant(TEXT), {"role": "system", "content": "Be kind."}))
    assert messages[2]["role"] == "user"
    assert messages[2]["content"][1]["text"] == "Be kind."


def test_without_tools_calls_and_results_are_told_as_text():
    answer = _assistant(_call("a"))
    messages = _unmarked(_body("hi", answer, _result("a", "listing"), tools=()))
    assert "ls" in messages[1]["content"][0]["text"]
    assert "listing" in messages[2]["content"][0]["text"]


def test_a_request_that_would_begin_with_the_assistant_begins_with_a_note():
    assert _unmarked(_body(_assistant(TEXT), "go on"))[0]["role"] == "user"


def test_a_thinking_budget_is_asked_for_and_leaves_room_for_the_answer():
    body = _body("hi", thinking="budget", thinking_tokens=100_000)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 8_000 - 1_024}


def test_a_thinking_budget_is_not_asked_for_in_a_turn_that_began_without_thinking():
    answer = _assistant(_call("a"), provider="openai")
    body = _body("hi", answer, _result("a"), thinking="budget", thinking_tokens=2_000)
    assert body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("mode", "sent"),
    [("default", None), ("off", {"type": "disabled"}), ("adaptive", {"type": "adaptive"})],
)
def test_the_other_ways_to_think_are_said_as_the_setting_names_them(mode, sent):
    assert _body("hi", thinking=mode).get("thinking") == sent


def test_an_empty_system_prompt_and_no_tools_leave_no_trace():
    body = _body("hi", system=" ", tools=())
    assert "system" not in body
    assert "tools" not in body


@pytest.mark.parametrize(("provider", "has_bearer"), [("anthropic", False), ("minimax", True)])
def test_the_key_goes_where_the_provider_reads_it(provider, has_bearer):
    dialect = Dialect(provider=provider, model="m", output_tokens_max=1)
    headers = AnthropicWire(dialect, with_tools=True).headers("k")
    assert headers["x-api-key"] == "k"
    assert (headers.get("authorization") == "Bearer k") is has_bearer
