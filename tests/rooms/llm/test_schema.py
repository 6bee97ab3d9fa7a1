"""Tools by constrained output, for a model that knows none."""

import json

from tests.rooms.llm.conftest import BASH

from novacore import llm
from novacore.llm.conversation import EncodedConversation
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.schema import SchemaWire

DIALECT = Dialect(provider="builtin", model="m", output_tokens_max=80, tool_mode="schema")


def _hear(*contents: str, stop: str = "stop"):
    assembler = SchemaWire(DIALECT).assembler()
    events = []
    for content in contents:
        chunk = {"choices": [{"delta": {"content": content}, "finish_reason": None}]}
        events += assembler.feed(json.dumps(chunk).encode())
    end = {"choices": [{"delta": {}, "finish_reason": stop}]}
    events += assembler.feed(json.dumps(end).encode())
    events += assembler.feed(b"[DONE]")
    return events, assembler.finish(count_input=lambda: 1)


def test_speech_is_told_as_text():
    events, finished = _hear('{"say": "Hel', 'lo."}')
    assert events == [llm.TextDelta(text="Hello.")]
    assert finished.message["content"] == "Hello."
    assert finished.stop_reason == "end"


def test_a_call_is_told_as_a_real_call():
    events, finished = _hear('{"tool": "bash", ', '"arguments": {"command": "ls"}}')
    [call] = llm.read_message(finished.message).tool_calls
    assert (call.name, call.arguments) == ("bash", {"command": "ls"})
    assert finished.stop_reason == "tool_calls"
    assert [type(event) for event in events] == [llm.ToolCallDelta]
    assert finished.message["content"] is None


def test_two_calls_never_share_an_id():
    said = '{"tool": "bash", "arguments": {}}'
    ids = {llm.read_message(_hear(said)[1].message).tool_calls[0].id for _ in range(5)}
    assert len(ids) == 5


def test_an_answer_cut_off_at_its_cap_is_kept_as_it_stands():
    events, finished = _hear('{"say": "Hel', stop="length")
    assert finished.message["content"] == '{"say": "Hel'
    assert finished.stop_reason == "length"
    assert events == [llm.TextDelta(text='{"say": "Hel')]


def test_the_request_tells_the_tools_and_the_schema_of_an_answer():
    conversation = EncodedConversation(
        SchemaWire(DIALECT), dialect=DIALECT, system="Be brief.", tools=[BASH]
    )
    conversation.extend(
        [
            {"role": "user", "content": "hi"},
            _hear('{"tool": "bash", "arguments": {"command": "ls"}}')[1].message,
            {"role": "tool", "tool_call_id": "x", "content": "a.txt"},
        ]
    )
    body = json.loads(conversation.body())
    assert "tools" not in body
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert "bash(command): Run a shell command." in body["messages"][0]["content"]
    assert json.loads(body["messages"][2]["content"]) == {
        "tool": "bash",
        "arguments": {"command": "ls"},
    }
    [say, call] = body["response_format"]["json_schema"]["schema"]["anyOf"]
    assert set(say["properties"]) == {"say"}
    assert call["properties"]["tool"] == {"const": "bash"}
    assert call["properties"]["arguments"] == BASH.parameters


def test_without_tools_it_is_a_plain_request():
    plain = EncodedConversation(SchemaWire(DIALECT), dialect=DIALECT, system="S", tools=())
    assert "response_format" not in json.loads(plain.body())
