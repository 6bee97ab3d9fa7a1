"""What a server and its memory process say to each other: JSON, a line each way.

The first line to the process is its settings; its first line back says that it is ready.
"""

from typing import Final

import msgspec

from novacore import chat

READY: Final = 0
"""The number of the line that says so; requests are counted from 1."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall"):
    """Find what fits a text; see `chat.Remembering.recall`."""

    number: int
    account_id: str
    text: str
    session_id: str
    limit: int
    tokens_max: int


class Learn(msgspec.Struct, frozen=True, kw_only=True, tag="learn"):
    """Take in what was said in a session."""

    number: int
    account_id: str
    session_id: str


Request = Recall | Learn


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of the request with this number."""

    number: int
    found: tuple[chat.Found, ...] = ()


_ENCODER: Final = msgspec.json.Encoder()
_REQUESTS: Final = msgspec.json.Decoder(Request)
_ANSWERS: Final = msgspec.json.Decoder(Answer)


def encode(said: Request | Answer) -> bytes:
    """One line.

    Raises:
        UnicodeEncodeError: a text has half of a surrogate pair, which no line can hold.
    """
    return _ENCODER.encode(said) + b"\n"


def read_request(line: bytes) -> Request:
    """What the server asks."""
    return _REQUESTS.decode(line)


def read_answer(line: bytes) -> Answer:
    """What the process answers."""
    return _ANSWERS.decode(line)
