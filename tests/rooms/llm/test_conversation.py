"""A conversation: encoded once, joined for every request."""

import json
import types
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.rooms.llm.conftest import BASH

from novacore import llm
from novacore.llm.conversation import EncodedConversation
from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.openai_request import OpenAIWire

WIRES = pytest.mark.parametrize("wire", ["anthropic", "openai"])


class Counted(Mapping[str, Any]):
    """A lazy message, as a journal hands it out, that counts how often it is read."""

    def __init__(self, message: dict[str, Any]) -> None:
        self._message = message
        self.reads = 0

    def __getitem__(self, key: str) -> Any:
        self.reads += 1
        return self._message[key]

    def __iter__(self) -> Iterator[str]:
        self.reads += 1
        return iter(self._message)

    def __len__(self) -> int:
        return len(self._message)


def _conversation(wire: str, **more: Any) -> EncodedConversation:
    dialect = Dialect(provider="p", model="m", output_tokens_max=800, **more)
    spoken = AnthropicWire(dialect, with_tools=True) if wire == "anthropic" else OpenAIWire(dialect)
    return EncodedConversation(spoken, dialect=dialect, system="S", tools=[BASH])


def _texts(body: bytes) -> list[str]:
    """Everything said, in order, without the system prompt."""
    said: list[str] = []
    for message in json.loads(body)["messages"]:
        content = message["content"]
        if message["role"] != "system":
            said += [content] if isinstance(content, str) else [block["text"] for block in content]
    return said


def _talk(count: int) -> list[dict[str, Any]]:
    return [
        {"role": "assistant" if index % 2 else "user", "content": f"text {index}"}
        for index in range(count)
    ]


@WIRES
def test_a_message_is_read_when_added_and_never_again(wire):
    messages = [Counted(message) for message in _talk(6)]
    conversation = _conversation(wire)
    conversation.extend(messages)
    reads = [message.reads for message in messages]
    for _ in range(3):
        conversation.body()
        conversation.body(keep=[2, 3], lead="note")
    assert [message.reads for message in messages] == reads


@WIRES
def test_the_body_of_all_messages_is_the_same_however_they_were_added(wire):
    at_once, one_by_one = _conversation(wire), _conversation(wire)
    at_once.extend(_talk(9))
    for message in _talk(9):
        one_by_one.extend([message])
        one_by_one.body()
    assert one_by_one.body() == at_once.body()


@WIRES
def test_a_view_sends_what_is_kept_behind_a_note_and_changes_nothing(wire):
    conversation = _conversation(wire)
    conversation.extend(_talk(8))
    whole = conversation.body()
    view = conversation.body(keep=[0, 6, 7], lead="Messages 2 to 6 were left out.")
    assert _texts(view) == ["Messages 2 to 6 were left out.", "text 0", "text 6", "text 7"]
    assert conversation.body() == whole
    assert len(conversation) == 8


@WIRES
def test_replacing_and_truncating_give_the_body_of_what_remains(wire):
    conversation, fresh = _conversation(wire), _conversation(wire)
    conversation.extend(_talk(8))
    conversation.replace(1, {"role": "assistant", "content": "other"})
    conversation.truncate(3)
    talk = _talk(3)
    talk[1]["content"] = "other"
    fresh.extend(talk)
    assert conversation.body() == fresh.body()
    assert conversation.tokens == fresh.tokens


@WIRES
def test_tokens_are_the_base_and_every_message(wire):
    conversation = _conversation(wire)
    conversation.extend(_talk(5))
    counts = [conversation.message_tokens(index) for index in range(5)]
    assert min(counts) > 0
    assert conversation.tokens == conversation.base_tokens + sum(counts)


def test_a_model_that_counts_more_is_counted_more():
    talk = [{"role": "user", "content": "word " * 1_000}]
    plain, large = _conversation("anthropic"), _conversation("anthropic", tokens_percent=130)
    plain.extend(talk)
    large.extend(talk)
    assert large.message_tokens(0) == pytest.approx(plain.message_tokens(0) * 1.3, abs=2)


@WIRES
def test_the_cap_of_one_answer_can_be_lowered(wire):
    conversation = _conversation(wire)
    conversation.extend(_talk(1))
    caps = [json.loads(conversation.body(output_tokens_max=cap))["max_tokens"] for cap in (None, 9)]
    assert caps == [800, 9]


def test_an_image_counts_as_an_image_and_not_as_its_bytes():
    conversation = _conversation("anthropic")
    source = {"type": "base64", "media_type": "image/png", "data": "QUJD" * 100_000}
    conversation.extend([{"role": "user", "content": [{"type": "image", "source": source}]}])
    assert 1_000 < conversation.message_tokens(0) < 3_000


def test_thinking_that_is_not_sent_is_not_counted():
    thinking = {"role": "assistant", "content": "Yes.", "reasoning_content": "hm " * 5_000}
    conversation = _conversation("anthropic")
    conversation.extend([thinking])
    assert conversation.message_tokens(0) < 20


def test_mappings_of_any_kind_are_taken_also_inside():
    inner = types.MappingProxyType({"type": "text", "text": "hi"})
    conversation = _conversation("anthropic")
    conversation.extend([types.MappingProxyType({"role": "user", "content": (inner,)})])
    assert _texts(conversation.body()) == ["hi"]
    given = types.MappingProxyType({"deep": types.MappingProxyType({"list": range(2)})})
    call = {"type": "tool_use", "id": "a", "name": "bash", "input": given}
    conversation.extend([{"role": "assistant", "content": [call]}])
    sent = json.loads(conversation.body())["messages"][1]["content"][0]["input"]
    assert sent == {"deep": {"list": [0, 1]}}


def test_tools_count():
    bare = EncodedConversation(
        OpenAIWire(Dialect(provider="p", model="m", output_tokens_max=1)),
        dialect=Dialect(provider="p", model="m", output_tokens_max=1),
        system="S",
        tools=[],
    )
    assert bare.base_tokens < _conversation("openai").base_tokens
    assert isinstance(bare, EncodedConversation)
    assert llm.count_tokens("S") == bare.base_tokens
