"""Any history, in any mixture of shapes and providers, is one that every provider takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.llm.conftest import BASH
from tests.scripted_provider import rules

from novacore.llm import read_message
from novacore.llm.conversation import EncodedConversation
from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.openai_request import OpenAIWire
from novacore.llm.formats.schema import SchemaWire

PROVIDERS = ("anthropic", "openai", "minimax", "llm.example", "")
TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)
IDS = st.text(min_size=0, max_size=60)


@st.composite
def _answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """An assistant's message in one of three shapes, and the ids of its calls."""
    shape = draw(st.sampled_from(["openai", "anthropic", "predecessor"]))
    text, thinking = draw(TEXTS), draw(TEXTS)
    ids = draw(st.lists(IDS, max_size=3, unique=True))
    raw = draw(st.sampled_from(['{"command": "ls"}', "{", "", "[]"]))
    message: dict[str, Any] = {"role": "assistant"}
    if shape == "anthropic":
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if thinking:
            signature = draw(st.sampled_from(["c2ln", ""]))
            blocks.insert(0, {"type": "thinking", "thinking": thinking, "signature": signature})
        kept = {"input": {}, "raw_input": raw}
        blocks += [{"type": "tool_use", "id": one, "name": "bash", **kept} for one in ids]
        message["content"] = blocks
    else:
        given = {"n": 1} if shape == "predecessor" else raw
        message["content"] = draw(st.sampled_from([text, None])) if ids else text
        message["reasoning_content" if shape == "openai" else "thinking"] = thinking or None
        function = {"name": "bash", "arguments": given}
        calls = [{"id": one, "type": "function", "function": function} for one in ids]
        message["tool_calls"] = calls or None
    provider = draw(st.sampled_from(PROVIDERS))
    return (message | {"provider": provider} if provider else message), ids


@st.composite
def _histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 4))):
        said += [{"role": "user", "content": draw(TEXTS)} for _ in range(draw(st.integers(0, 2)))]
        answer, ids = draw(_answers())
        said.append(answer)
        if draw(st.booleans()) and ids:
            results = [{"type": "tool_result", "tool_use_id": one, "content": "r"} for one in ids]
            said.append({"role": "user", "content": results})
        else:
            is_error = draw(st.booleans())
            said += [
                {"role": "tool", "tool_call_id": one, "content": draw(TEXTS), "is_error": is_error}
                for one in ids
            ]
    return [*said, {"role": "user", "content": "go on"}]


def _body(history: list[dict[str, Any]], *, wire: Any, dialect: Dialect) -> dict[str, Any]:
    conversation = EncodedConversation(wire, dialect=dialect, system="S", tools=[BASH])
    conversation.extend(history)
    return json.loads(conversation.body())


@pytest.mark.heavy
@pytest.mark.parametrize("thinking", ["default", "budget"])
@given(history=_histories())
def test_anthropic_takes_it(thinking, history):
    dialect = Dialect(
        provider="anthropic",
        model="m",
        output_tokens_max=9_000,
        thinking=thinking,
        thinking_tokens=2_000,
    )
    body = _body(history, wire=AnthropicWire(dialect, with_tools=True), dialect=dialect)
    headers = {"anthropic-version": "1"}
    assert rules.anthropic_problem(body, headers=headers, signatures=rules.Signatures()) == ""


@pytest.mark.parametrize("provider", ["openai", "minimax"])
@given(history=_histories())
def test_openai_and_minimax_take_it(provider, history):
    dialect = Dialect(provider=provider, model="m", output_tokens_max=9_000)
    body = _body(history, wire=OpenAIWire(dialect), dialect=dialect)
    problem = rules.openai_problem(body, headers={}, signatures=rules.Signatures())
    assert "string too long" not in problem or provider == "minimax"
    assert problem == "" or "too long" in problem


@given(history=_histories())
def test_a_model_without_tools_is_shown_none(history):
    for mode, kind in (("none", OpenAIWire), ("schema", SchemaWire)):
        dialect = Dialect(provider="builtin", model="m", output_tokens_max=9, tool_mode=mode)
        body = _body(history, wire=kind(dialect), dialect=dialect)
        assert all(message["role"] != "tool" for message in body["messages"])
        assert all("tool_calls" not in message for message in body["messages"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "text",
                    "id",
                    "name",
                    "input",
                    "content",
                    "function",
                    "arguments",
                    "source",
                ]
            ),
            inner | st.sampled_from(["tool_use", "tool_result", "thinking", "image", "text"]),
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(
    message=st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "name", "provider"]),
        VALUES | st.sampled_from(["user", "assistant", "tool", "system"]),
    )
)
def test_no_message_however_odd_stops_a_request_from_being_made(message):
    read_message(message)
    for provider in ("anthropic", "minimax"):
        dialect = Dialect(provider=provider, model="m", output_tokens_max=9)
        for wire in (AnthropicWire(dialect, with_tools=True), OpenAIWire(dialect)):
            body = _body([message], wire=wire, dialect=dialect)
            assert (body["model"], isinstance(body["messages"], list)) == ("m", True)
