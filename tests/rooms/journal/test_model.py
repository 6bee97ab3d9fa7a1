"""Messages as their users hold them."""

from collections.abc import Mapping
from typing import Any

import pytest

from novacore.journal import Message

SAID = {"role": "user", "content": ["a", {"b": 1}]}


@pytest.mark.parametrize("other", [SAID, Message(SAID), Message(dict(SAID))])
def test_a_message_equals_what_was_said(other: Any) -> None:
    message = Message(SAID)
    assert isinstance(message, Mapping)
    assert message == other
    assert other == message
    # Each operator is a method of its own, and one of them was wrong once.
    assert message.__ne__(other) is False


@pytest.mark.parametrize("other", [{"role": "user"}, Message({"role": "user"}), 1, [SAID], None])
def test_messages_that_differ_are_not_equal(other: Any) -> None:
    message = Message(SAID)
    assert message != other
    assert other != message
    assert message.__eq__(other) in (False, NotImplemented)


def test_a_message_reads_like_a_dict() -> None:
    message = Message(SAID)
    assert (message["role"], message.get("role"), message.get("none", 3)) == ("user", "user", 3)
    assert message.get("none") is None
    assert [key in message for key in ("role", "none")] == [True, False]
    assert (list(message), len(message)) == (["role", "content"], 2)
    assert list(message.keys()) == list(SAID.keys())
    assert list(message.items()) == list(SAID.items())
    assert list(message.values()) == list(SAID.values())
    assert dict(message) == {**message} == SAID
    assert repr(message) == f"Message({SAID!r})"


def test_a_message_can_not_be_a_key() -> None:
    with pytest.raises(TypeError):
        hash(Message(SAID))
