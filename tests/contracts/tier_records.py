"""Records for the tiers' contracts: everything that a journal may hold, in a few sessions."""

import hashlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from novacore.tiers import Record

START_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000


def session_id(name: str) -> str:
    """The session of that name in these tests."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def record(
    body: Mapping[str, Any],
    *,
    position: int = 0,
    sequence: int | None = None,
    session: str = "talk",
    kind: str = "message",
    tenant: str = "local",
    owner: str = "local",
    **facts: Any,
) -> Record:
    """A record; what a test does not say follows from its place."""
    sequence = position + 1 if sequence is None else sequence
    at_us = START_US + sequence * MINUTE_US
    return Record(
        **{
            "sequence": sequence,
            "session_id": session_id(session),
            "position": position,
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{session}/{position}")),
            "kind": kind,
            "said_at_us": at_us - 5,
            "recorded_at_us": at_us,
            "actor": "",
            "body": body,
            "is_erased": False,
            "tenant": tenant,
            "owner": owner,
            "workspace": "/home/ada/engine",
            "session_name": session,
            **facts,
        }
    )


def said(text: str, **place: Any) -> Record:
    """What a user said."""
    return record({"role": "user", "content": text}, **place)


ODD_BODIES: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("message", {"role": "user", "content": "Please look at src/engine.py, and ask Zoë."}),
    (
        "message",
        {
            "role": "assistant",
            "content": "I look at `src/engine.py`.",
            "thinking": "The user wants src/engine.py.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "read_file", "arguments": {"path": "src/engine.py"}},
                }
            ],
            "tool_call_id": None,
            "name": None,
        },
    ),
    (
        "message",
        {"role": "tool", "tool_call_id": "call_1", "name": "read_file", "content": "wheels: 12"},
    ),
    (
        "message",
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Twelve.", "signature": "EqQBCgIYAhIM"},
                {"type": "text", "text": "There are 12 wheels."},
                {"type": "tool_use", "id": "toolu_2", "name": "bash", "input": {"command": "ls"}},
            ],
        },
    ),
    (
        "message",
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_2", "content": "a.py b.py"}],
        },
    ),
    ("message", {"role": "user", "content": ""}),
    ("message", {"role": "user", "content": None, "x-own": {"b": 1, "a": [1.0, 1, True, None]}}),
    ("message", {"role": "user", "content": "你好，世界 — Ünïcödé 🙂 \x00 and \u2028"}),
    ("message", {"role": "user", "content": "half \ud83d", "halves": "\ud83d\ude42", "\udc00": 1}),
    ("message", {"role": "user", "content": "numbers", "big": 2**200, "n": -0.0, "m": 1e300}),
    ("message", {"role": "user", "content": "ends", "a.b": {"$c": 1}, "": "empty key"}),
    ("memory", {"memory_id": "m1", "event": "created", "type": "fact", "text": "Ada likes tea."}),
    ("memory", {"memory_id": "m1", "event": "expired", "state": "expired", "is_retired": True}),
    ("decision", {"type": "permission", "effect": "allow", "rule": "bash(ls *)"}),
    ("usage", {"model": "m", "input_tokens": 12, "output_tokens": 3, "ms": 40, "cost": 0.25}),
    ("state", {"model": "m", "system": "You help."}),
    ("thing-of-tomorrow", {"any": ["thing", {"at": "all"}]}),
    ("message", {}),
)
"""(Kind, body) of what tiers meet: every shape of message, odd texts and numbers, other kinds."""


def odd_records(session: str = "talk", *, first: int = 1, **facts: Any) -> list[Record]:
    """One record for each odd body, in a session of its own."""
    return [
        record(body, kind=kind, position=at, sequence=first + at, session=session, **facts)
        for at, (kind, body) in enumerate(ODD_BODIES)
    ]


class HashEmbedder:
    """Vectors that follow from the letters of a text: texts that share words are near."""

    identity = "letters-16"
    dimensions = 16

    def __init__(self) -> None:
        self.texts: list[str] = []
        """What it was asked for, in order."""

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector of 16 numbers per text, of length 1."""
        self.texts += texts
        return [_vector(text) for text in texts]


def _vector(text: str) -> bytes:
    numbers = [0.0] * 16
    for word in text.lower().split():
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        numbers[digest[0] % 16] += 1.0 if digest[1] % 2 else -1.0
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return struct.pack("<16f", *(number / length for number in numbers))
