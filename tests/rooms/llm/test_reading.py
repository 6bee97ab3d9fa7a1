"""One reading of every message shape."""

import pytest

from novacore.llm import read_message

OPENAI = {
    "role": "assistant",
    "content": "I look.",
    "reasoning_content": "Hm.",
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "bash", "arguments": '{"command":"ls"}'},
        }
    ],
}
ANTHROPIC = {
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "bash", "input": {"command": "ls"}},
    ],
}
PREDECESSOR = {
    "role": "assistant",
    "content": "I look.",
    "thinking": "Hm.",
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "bash", "arguments": {"command": "ls"}},
        }
    ],
    "tool_call_id": None,
    "name": None,
}


@pytest.mark.parametrize(
    "message", [OPENAI, ANTHROPIC, PREDECESSOR], ids=["openai", "anthropic", "predecessor"]
)
def test_the_same_answer_reads_the_same_in_every_shape(message):
    reading = read_message(message)
    assert (reading.role, reading.text, reading.thinking) == ("assistant", "I look.", "Hm.")
    [call] = reading.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_1", "bash", {"command": "ls"})
    assert call.problem is None


def test_a_result_in_the_openai_shape_is_read():
    message = {
        "role": "tool",
        "tool_call_id": "c",
        "name": "bash",
        "content": "no",
        "is_error": True,
    }
    result = read_message(message).tool_result
    assert result is not None
    assert (result.call_id, result.name, result.text, result.is_error) == ("c", "bash", "no", True)


def test_several_results_in_one_anthropic_message_are_all_read():
    message = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "one"},
            {
                "type": "tool_result",
                "tool_use_id": "b",
                "content": [{"type": "text", "text": "two"}],
                "is_error": True,
            },
        ],
    }
    reading = read_message(message)
    assert reading.role == "tool"
    assert [(r.call_id, r.text, r.is_error) for r in reading.tool_results] == [
        ("a", "one", False),
        ("b", "two", True),
    ]


def test_text_beside_results_stays_the_users():
    message = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "one"},
            {"type": "text", "text": "and now?"},
        ],
    }
    reading = read_message(message)
    assert (reading.role, reading.text) == ("user", "and now?")


def test_images_are_counted_in_both_shapes_also_inside_results():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
    openai = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    assert read_message({"role": "user", "content": [image, openai]}).images == 2
    result = {"type": "tool_result", "tool_use_id": "a", "content": [image]}
    assert read_message({"role": "user", "content": [result]}).images == 1


@pytest.mark.parametrize("raw", ["{", '["a"]', '"text"', "null", '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_no_json_object_are_a_problem_told_in_words_and_no_error(raw):
    call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": raw}}
    [read] = read_message({"role": "assistant", "content": None, "tool_calls": [call]}).tool_calls
    assert read.arguments is None
    assert read.raw == raw
    assert read.problem is not None
    assert "bash" in read.problem


@pytest.mark.parametrize("raw", ["", "  ", "{}"])
def test_no_arguments_at_all_are_an_empty_object(raw):
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": raw}}
    [read] = read_message({"role": "assistant", "content": None, "tool_calls": [call]}).tool_calls
    assert (read.arguments, read.problem) == ({}, None)


def test_arguments_keep_large_integers_and_lone_surrogates():
    raw = '{"n": 123456789012345678901234567890, "s": "\\ud83d"}'
    call = {"id": "c", "function": {"name": "x", "arguments": raw}}
    [read] = read_message({"role": "assistant", "tool_calls": [call]}).tool_calls
    assert read.arguments == {"n": 123456789012345678901234567890, "s": "\ud83d"}


def test_reasoning_details_are_read_as_thinking():
    details = [{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}]
    assert read_message({"role": "assistant", "reasoning_details": details}).thinking == "ab"


def test_a_refusal_is_read_as_text():
    assert read_message({"role": "assistant", "content": None, "refusal": "No."}).text == "No."


@pytest.mark.parametrize(
    ("given", "read"), [("developer", "system"), ("function", "tool"), ("robot", "robot")]
)
def test_old_and_unknown_roles_are_no_error(given, read):
    assert read_message({"role": given, "content": "x", "name": "f"}).role == read


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"role": None, "content": None},
        {"role": "user", "content": 7},
        {"role": "user", "content": ["plain", None, 3, {}]},
        {"role": "assistant", "tool_calls": [None, {}, {"function": None}]},
        {"role": "assistant", "content": [{"type": "tool_use"}]},
        {"role": "user", "content": [{"type": "tool_result"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": None}]},
    ],
)
def test_a_message_of_odd_shape_is_read_as_far_as_it_goes(message):
    assert read_message(message).role in {"user", "assistant", "tool"}
