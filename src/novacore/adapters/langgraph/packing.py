"""Bytes of a serializer as JSON, and a channel's value as the body of an entry."""

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from novacore.adapters.langgraph import delta
from novacore.adapters.langgraph.config import Config

Typed = tuple[str, bytes]
"""What a serializer gives: the name of a format, and bytes."""


def pack(data: bytes) -> Any:
    """Bytes as JSON: one character a byte where that is the shorter, else base64.

    Most of what serializers write is text, which so stays readable, and can be searched for.
    """
    text = data.decode("latin-1")
    if len(text.encode()) * 3 <= len(data) * 4:
        return text
    return {"base64": base64.b64encode(data).decode("ascii")}


def unpack(packed: Any) -> bytes:
    """What `pack` was given."""
    if isinstance(packed, str):
        return packed.encode("latin-1")
    return base64.b64decode(packed["base64"])


def pack_typed(typed: Typed) -> dict[str, Any]:
    """What a serializer gave, as JSON."""
    return {"type": typed[0], "data": pack(bytes(typed[1]))}


def unpack_typed(packed: Mapping[str, Any]) -> Typed:
    """What `pack_typed` was given."""
    return packed["type"], unpack(packed["data"])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One version of one channel, as it is stored."""

    kind: str
    """The name of the serializer's format."""
    size: int
    """How many bytes it has."""
    parts: Sequence[delta.Part]
    """What it is made of; copies are out of the value at `before`."""
    before: int | None = None
    """The position of the value that it is told from; None: it is whole."""
    depth: int = 0
    """How many versions it is away from one that is whole."""
    news_bytes: int = 0
    """New bytes in all versions since one that is whole."""

    def body(self) -> dict[str, Any]:
        """As the body of an entry."""
        body: dict[str, Any] = {
            "type": self.kind,
            "size": self.size,
            "parts": [pack(each) if isinstance(each, bytes) else list(each) for each in self.parts],
        }
        if self.before is not None:
            body |= {"before": self.before, "depth": self.depth, "news_bytes": self.news_bytes}
        return body


def read_value(body: Mapping[str, Any]) -> Value:
    """The value that an entry's body holds."""
    return Value(
        kind=body["type"],
        size=body["size"],
        parts=[
            cast(tuple[int, int], tuple(each)) if isinstance(each, list) else unpack(each)
            for each in body["parts"]
        ],
        before=body.get("before"),
        depth=body.get("depth", 0),
        news_bytes=body.get("news_bytes", 0),
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """The version that a new one may be told from."""

    position: int
    value: Value
    data: bytes


def make_value(typed: Typed, before: Before | None, *, config: Config) -> Value:
    """The value to store: what changed, where that is little, else all of it.

    All versions since a whole one together hold no more new bytes than that one has, so that what
    is stored stays within a small multiple of the newest version, and reading it too.
    """
    kind, data = typed[0], bytes(typed[1])
    whole = Value(kind=kind, size=len(data), parts=[data] if data else [])
    if before is None or before.value.kind != kind or len(data) < config.delta_bytes_min:
        return whole
    if before.value.depth + 1 >= config.delta_depth_max:
        return whole
    parts = delta.diff(before.data, data)
    news = delta.literal_bytes(parts)
    if 2 * news > len(data) or before.value.news_bytes + news > max(len(data) // 2, 4096):
        return whole
    return Value(
        kind=kind,
        size=len(data),
        parts=parts,
        before=before.position,
        depth=before.value.depth + 1,
        news_bytes=before.value.news_bytes + news,
    )


def read_bytes(
    position: int, *, read: Callable[[int], Value], known: Callable[[int], Typed | None]
) -> Typed:
    """All bytes of the value at a position, gathered from those that it is told from.

    Args:
        position: where it is.
        read: gives the stored value at a position.
        known: gives the bytes at a position where they are in memory, else None.

    Cost: linear in the bytes and in the versions between it and a whole one.
    """
    values: dict[int, Value] = {}
    top = values[position] = read(position)
    found: list[bytes] = []
    waiting: list[tuple[int, int, int] | bytes] = [(position, 0, top.size)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, bytes):
            found.append(each)
            continue
        at, start, size = each
        held = known(at)
        if held is not None:
            found.append(held[1][start : start + size])
            continue
        if at not in values:
            values[at] = read(at)
        waiting.extend(reversed(_cut(values[at], start, size)))
    return top.kind, b"".join(found)


def _cut(value: Value, start: int, size: int) -> list[tuple[int, int, int] | bytes]:
    """What bytes `start` to `start + size` of a value are made of."""
    cut: list[tuple[int, int, int] | bytes] = []
    at = 0
    for part in value.parts:
        length = delta.size_of(part)
        low, high = max(start - at, 0), min(start + size - at, length)
        if low < high and isinstance(part, bytes):
            cut.append(part[low:high])
        elif low < high:
            assert value.before is not None
            cut.append((value.before, part[0] + low, high - low))  # pyright: ignore[reportOperatorIssue]
        at += length
    return cut
