"""A request's body: read once, and patched in as few places as can be. The rest stays as it came.

Source: docs/decisions/bodies-are-passed-through.md.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from novacore.llm.detect import Choice
from novacore.llm.errors import BodyInvalid
from novacore.llm.families import WireName
from novacore.llm.formats.encoding import mapping_of, mappings_of, text_of
from novacore.llm.formats.reading import split
from novacore.llm.formats.tokens import MESSAGE_TOKENS, count_parts, count_tokens
from novacore.llm.model import Message

_RawObject = dict[str, msgspec.Raw]
_read_raw = msgspec.json.Decoder(_RawObject).decode
_read = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_OWN_CAP = frozenset({"openai", "minimax"})
"""Providers whose models refuse `max_tokens`; most others know nothing else."""
_CAPS = ("max_completion_tokens", "max_tokens")
_MARGIN_PERCENT = 20
_OVERHEAD_TOKENS = 16
_CHOICES_MAX = 128


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """One request for an answer, in a client's wire format."""

    wire: WireName
    """The client's format."""
    raw: Mapping[str, msgspec.Raw]
    """Its fields as they came."""
    read: Mapping[str, Any]
    """The same fields, decoded."""
    messages: list[Mapping[str, Any]]
    """The messages as they came."""

    @property
    def model(self) -> str:
        """The name that was asked for; empty: none."""
        return text_of(self.read.get("model"))

    @property
    def is_stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return self.read.get("stream") is True

    @property
    def shows_usage(self) -> bool:
        """Whether the caller asked for the usage chunk of the OpenAI format."""
        options = mapping_of(self.read.get("stream_options")) or {}
        return options.get("include_usage") is True

    @property
    def choices(self) -> int:
        """How many answers were asked for at once."""
        count = _whole(self.read.get("n"))
        return count if count is not None and count > 1 and self.wire == "openai" else 1

    @property
    def output_tokens_wanted(self) -> int | None:
        """The cap of one answer that the caller set; None: none."""
        caps = [_whole(self.read.get(name)) for name in _CAPS]
        found = [cap for cap in caps if cap is not None and cap > 0]
        return min(found) if found else None

    @property
    def output_tokens_min(self) -> int:
        """The smallest cap that the request can be sent with: a thinking budget and one more."""
        thinking = mapping_of(self.read.get("thinking")) or {}
        budget = _whole(thinking.get("budget_tokens")) or 0
        return budget + 1 if budget > 0 and self.wire == "anthropic" else 1


def read_body(data: bytes, *, wire: WireName, is_counted_only: bool = False) -> Body:
    """The request in `data`, checked as far as we rely on it; what we don't know is kept.

    Args:
        data: the body.
        wire: the client's format.
        is_counted_only: True: its tokens are counted and nothing is asked, so no cap is needed.

    Raises:
        BodyInvalid: it is no JSON object, or a field that we rely on is not what it must be.
    """
    try:
        raw, read = _read_raw(data), _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyInvalid(f"The body is no JSON object: {error}.", parameter="") from error
    fields = cast("Mapping[str, Any]", read)
    body = Body(wire=wire, raw=raw, read=fields, messages=mappings_of(fields.get("messages")))
    _check(body)
    is_capped = wire == "openai" or is_counted_only or body.read.get("max_tokens") is not None
    if not is_capped:
        raise BodyInvalid("max_tokens: Field required", "max_tokens")
    return body


def _check(body: Body) -> None:
    messages = body.read.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BodyInvalid("messages: a list with at least one message is needed.", "messages")
    if len(body.messages) != len(cast("list[Any]", messages)):
        raise BodyInvalid("messages: every message must be an object.", "messages")
    if not isinstance(body.read.get("model", ""), str):
        raise BodyInvalid("model: must be text.", "model")
    if not isinstance(body.read.get("stream", False), bool | None):
        raise BodyInvalid("stream: must be true or false.", "stream")
    count = body.read.get("n")
    if count is not None and not 1 <= (_whole(count) or 0) <= _CHOICES_MAX:
        raise BodyInvalid(f"n: must be a whole number from 1 to {_CHOICES_MAX}.", "n")
    for name in _CAPS:
        cap = body.read.get(name)
        if cap is not None and (_whole(cap) or 0) < 1:
            raise BodyInvalid(f"{name}: must be a whole number of at least 1.", name)


def input_tokens(body: Body, *, tokens_percent: int, margin_percent: int = _MARGIN_PERCENT) -> int:
    """What the request's input costs, from above: our estimate, the model's share, and a margin.

    Args:
        body: the request.
        tokens_percent: what the model's family counts for a text, in percent of our estimate.
        margin_percent: added for what the estimate misses.
    """
    count = sum(message_tokens(message) for message in body.messages)
    for name in ("system", "tools", "functions", "response_format"):
        raw = body.raw.get(name)
        if raw is not None:
            count += count_tokens(bytes(raw).decode("utf-8", "replace"))
    percent = tokens_percent * (100 + margin_percent)
    return -(-count * percent // 10_000) + _OVERHEAD_TOKENS


def message_tokens(message: Message) -> int:
    """Our estimate of what one message of any shape costs."""
    content = message.get("content")
    if isinstance(content, str) and len(message) == 2:
        return count_tokens(content) + MESSAGE_TOKENS
    return count_parts(split(message))


def patched(
    body: Body,
    *,
    choice: Choice,
    cap: int,
    messages: bytes | None = None,
    system: bytes | None = None,
) -> bytes:
    """The body for a provider that speaks the client's own format.

    Changed are the model's name, the cap of the answer and, in a stream of the OpenAI format, that
    usage is to be told. Every other field goes on byte by byte, known or not.

    Args:
        body: as it came.
        choice: the model that is asked.
        cap: the most tokens that one answer may have.
        messages: a JSON array that takes the place of the messages; None: they stay.
        system: the JSON of a system prompt that takes the place of the body's; None: it stays.
    """
    raw = dict(body.raw)
    raw["model"] = _raw(choice.model)
    if messages is not None:
        raw["messages"] = msgspec.Raw(messages)
    if system is not None:
        raw["system"] = msgspec.Raw(system)
    if body.wire == "anthropic":
        raw["max_tokens"] = _raw(cap)
        return _encode(raw)
    _cap_openai(raw, choice=choice, cap=cap)
    if body.is_stream:
        options = mapping_of(body.read.get("stream_options")) or {}
        raw["stream_options"] = _raw({**options, "include_usage": True})
    return _encode(raw)


def _cap_openai(raw: _RawObject, *, choice: Choice, cap: int) -> None:
    """The cap under the name that the provider obeys: an unknown one would be no cap at all."""
    has_old = "max_tokens" in raw and "max_completion_tokens" not in raw
    name = "max_tokens"
    if choice.provider in _OWN_CAP and not has_old:
        name = "max_completion_tokens"
    for other in _CAPS:
        raw.pop(other, None)
    raw[name] = _raw(cap)


def _whole(value: object) -> int | None:
    """A whole number, also where it was written as 5.0; None: it is none."""
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
