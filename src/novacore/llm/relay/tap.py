"""What a relayed stream says about itself: usage, end, errors. The bytes go on as they came.

Pieces that hold nothing of interest are not taken apart: they are searched once and passed on.
Usage is cumulative: the last one counts, they are never added up.

Source: OpenAI's API reference, "stream_options"; Anthropic's, "Streaming Messages".
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from novacore.llm.errors import StreamBroken
from novacore.llm.families import WireName
from novacore.llm.formats.encoding import mapping_of
from novacore.llm.model import Usage

# Inside a JSON text its quotes are escaped, so these can't be matched by what a model says.
_TELLING = re.compile(rb'"usage": ?\{|\[DONE\]|"error": ?[{"]|"message_st|"type": ?"error"')
_EVENT_END = re.compile(rb"\r?\n\r?\n|\r\r")
_DONE = b"[DONE]"
_decode = msgspec.json.Decoder().decode


class StreamTap:
    """Listens to one stream. Feed it every piece, pass on what it gives back.

    Args:
        wire: the format of the stream.
        hides_usage: True: the caller did not ask for the OpenAI format's usage chunk; it is kept
            back.
        event_bytes_max: the largest single event.
    """

    __slots__ = (
        "_buffer",
        "_event_bytes_max",
        "_hides_usage",
        "_is_openai",
        "_usage",
        "error",
        "events",
        "is_done",
    )

    def __init__(self, wire: WireName, *, hides_usage: bool, event_bytes_max: int) -> None:
        self.events = 0
        """Events that came so far: at least one token each, as models stream."""
        self.is_done = False
        """The stream has said that it is over."""
        self.error: Mapping[str, Any] | None = None
        """The error that the provider told within the stream."""
        self._is_openai = wire == "openai"
        self._hides_usage = hides_usage
        self._event_bytes_max = event_bytes_max
        self._usage: dict[str, Any] = {}
        self._buffer = b""

    def feed(self, piece: bytes) -> bytes:
        """What of the stream may be passed on now; perhaps nothing.

        Raises:
            StreamBroken: one event is larger than `event_bytes_max`.
        """
        if not self._buffer and piece.endswith(b"\n\n") and not _TELLING.search(piece):
            self.events += piece.count(b"data:")
            return piece
        self._buffer += piece
        out: list[bytes] = []
        start = 0
        for end in _EVENT_END.finditer(self._buffer):
            event = self._buffer[start : end.end()]
            start = end.end()
            if self._shows(event):
                out.append(event)
        self._buffer = self._buffer[start:]
        if len(self._buffer) > self._event_bytes_max:
            raise StreamBroken(
                f"The stream holds an event of more than {self._event_bytes_max} bytes.",
                hint="The setting llm.event_bytes_max allows larger ones.",
            )
        return b"".join(out)

    def rest(self) -> bytes:
        """What came after the last whole event, once the stream has ended."""
        rest, self._buffer = self._buffer, b""
        return rest if rest.strip() and self._shows(rest) else b""

    def usage(self) -> Usage | None:
        """What the provider counted; None where it said nothing, or not all."""
        read = openai_usage if self._is_openai else anthropic_usage
        return read(self._usage)

    def _shows(self, event: bytes) -> bool:
        """Take note of an event; False: it is kept back."""
        self.events += 1
        if not _TELLING.search(event):
            return True
        data = _data(event)
        if data == _DONE:
            self.is_done = True
            return True
        try:
            told = _decode(data)
        except (msgspec.DecodeError, RecursionError):
            return True
        if not isinstance(told, dict):
            return True
        return self._note(told)  # pyright: ignore[reportUnknownArgumentType] - outside data

    def _note(self, told: Mapping[str, Any]) -> bool:
        if not self._is_openai:
            self._note_anthropic(told)
            return True
        if told.get("error"):
            self.error = mapping_of(told["error"]) or {"message": str(told["error"])}
        usage = mapping_of(told.get("usage"))
        if usage:
            self._usage = dict(usage)
        return not (self._hides_usage and usage and not told.get("choices"))

    def _note_anthropic(self, told: Mapping[str, Any]) -> None:
        kind = told.get("type")
        if kind == "message_stop":
            self.is_done = True
        elif kind == "error":
            self.error = mapping_of(told.get("error")) or {}
        message = mapping_of(told.get("message")) or {}
        usage = mapping_of(told.get("usage")) or mapping_of(message.get("usage")) or {}
        for key, value in usage.items():
            if kind == "message_start" and key == "output_tokens":
                continue
            if isinstance(value, int) and (value or key not in self._usage):
                self._usage[key] = value


def openai_usage(usage: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer in the OpenAI format; None where it isn't told."""
    sent, received = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(sent, int):
        return None
    details = mapping_of(usage.get("prompt_tokens_details")) or {}
    return Usage(
        input_tokens=max(0, sent),
        output_tokens=_count(received),
        cache_read_tokens=_count(
            details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
        ),
        cache_write_tokens=_count(details.get("cache_write_tokens")),
    )


def anthropic_usage(usage: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer in the Anthropic format; None where it isn't told whole."""
    sent, received = usage.get("input_tokens"), usage.get("output_tokens")
    if not isinstance(sent, int) or not isinstance(received, int):
        return None
    read = _count(usage.get("cache_read_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=max(0, sent) + read + written,
        output_tokens=max(0, received),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _count(value: object) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _data(event: bytes) -> bytes:
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)
