"""The Anthropic Messages format: streamed answers, put together block by block as they came.

Source: Anthropic's API reference, "Streaming Messages".
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from novacore.llm.errors import LLMError, ReplyInvalid
from novacore.llm.formats.encoding import decode_object, mapping_of, mappings_of, text_of
from novacore.llm.formats.failures import failure_in_stream
from novacore.llm.formats.reading import RAW_INPUT
from novacore.llm.formats.tokens import count_tokens
from novacore.llm.model import (
    Event,
    Finished,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)

_STOP: Mapping[str, StopReason] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "pause_turn": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
_TEXT_KEYS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_INPUT_TYPES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_USAGE_KEYS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


@dataclasses.dataclass(kw_only=True)
class _Block:
    """One content block while it is streamed; texts are joined once, at the end."""

    start: dict[str, Any]
    texts: dict[str, list[str]] = dataclasses.field(default_factory=dict[str, list[str]])
    inputs: list[str] = dataclasses.field(default_factory=list[str])
    citations: list[Any] = dataclasses.field(default_factory=list[Any])
    is_whole: bool = False
    call_index: int = -1

    @property
    def kind(self) -> str:
        return text_of(self.start.get("type"))

    def built(self) -> dict[str, Any]:
        """The block as it would have come unstreamed."""
        block = dict(self.start)
        for key, texts in self.texts.items():
            block[key] = text_of(block.get(key)) + "".join(texts)
        if self.citations:
            block["citations"] = [*mappings_of(block.get("citations")), *self.citations]
        raw = "".join(self.inputs)
        if self.kind in _INPUT_TYPES and raw.strip():
            decoded = decode_object(raw)
            block["input"] = {} if decoded is None else decoded
            if decoded is None:
                block[RAW_INPUT] = raw
        return block


class AnthropicAssembler:
    """Puts one answer together."""

    def __init__(self, *, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, int] = {}
        self._has_output_count = False
        self._stop = ""
        self._is_stopped = False

    @property
    def is_complete(self) -> bool:
        """Whether a stop reason or the end of the message has come."""
        return self._is_stopped or bool(self._stop)

    @property
    def is_done(self) -> bool:
        """Whether the end of the message has come."""
        return self._is_stopped

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in one event's data; see `wire.Assembler`."""
        event = decode_object(data)
        if event is None:
            raise ReplyInvalid("The stream holds something that is not a JSON object.")
        kind = text_of(event.get("type"))
        if kind == "content_block_delta":
            yield from self._delta(_index(event), mapping_of(event.get("delta")) or {})
        elif kind == "content_block_start":
            yield from self._start(_index(event), mapping_of(event.get("content_block")) or {})
        elif kind == "content_block_stop" and _index(event) in self._blocks:
            self._blocks[_index(event)].is_whole = True
        elif kind == "message_start":
            message = mapping_of(event.get("message")) or {}
            self._model = text_of(message.get("model")) or self._model
            self._count(mapping_of(message.get("usage")) or {})
        elif kind == "message_delta":
            delta = mapping_of(event.get("delta")) or {}
            self._stop = text_of(delta.get("stop_reason")) or self._stop
            usage = mapping_of(event.get("usage")) or {}
            self._count(usage)
            self._has_output_count = isinstance(usage.get("output_tokens"), int)
        elif kind == "message_stop":
            self._is_stopped = True
        elif kind == "error":
            raise self._failure(event)
        elif kind == "message":
            yield from self._whole(event)

    def finish(
        self,
        *,
        count_input: Callable[[], int],
        stop_reason: StopReason | None = None,
        problem: str = "",
    ) -> Finished:
        """The message as it stands; see `wire.Assembler`."""
        is_partial = stop_reason is not None
        content: list[dict[str, Any]] = []
        unfinished: list[dict[str, Any]] = []
        for _, block in sorted(self._blocks.items()):
            is_cut = is_partial and not block.is_whole and block.kind in _INPUT_TYPES
            (unfinished if is_cut else content).append(block.built())
        message: dict[str, Any] = {"role": "assistant", "content": content}
        message |= {"model": self._model, "provider": self._provider}
        if is_partial:
            message["is_partial"] = True
        if unfinished:
            message["unfinished_tool_calls"] = unfinished
        return Finished(
            message=message,
            usage=self._used(content, count_input=count_input),
            stop_reason=stop_reason or self._reason(content),
            is_partial=is_partial,
            problem=problem,
        )

    def _start(self, index: int, start: Mapping[str, Any]) -> Iterator[Event]:
        block = _Block(start=dict(start))
        if block.kind == "tool_use":
            block.call_index = sum(b.call_index >= 0 for b in self._blocks.values())
        self._blocks[index] = block
        if block.call_index >= 0:
            yield _call_delta(block, "")
        for key, event in (("text", TextDelta), ("thinking", ThinkingDelta)):
            if block.kind == key and text_of(start.get(key)):
                yield event(text=text_of(start.get(key)))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Event]:
        block = self._blocks.get(index)
        if block is None:
            raise ReplyInvalid("The stream goes on with a content block that it never began.")
        kind = text_of(delta.get("type"))
        key = _TEXT_KEYS.get(kind)
        if key is not None:
            text = text_of(delta.get(key))
            block.texts.setdefault(key, []).append(text)
            if text and key == "text":
                yield TextDelta(text=text)
            elif text and key == "thinking":
                yield ThinkingDelta(text=text)
        elif kind == "input_json_delta":
            text = text_of(delta.get("partial_json"))
            block.inputs.append(text)
            if text and block.call_index >= 0:
                yield _call_delta(block, text)
        elif kind == "citations_delta":
            block.citations.append(delta.get("citation"))

    def _whole(self, message: Mapping[str, Any]) -> Iterator[Event]:
        """An answer that came unstreamed."""
        self._model = text_of(message.get("model")) or self._model
        for index, start in enumerate(mappings_of(message.get("content"))):
            yield from self._start(index, start)
            self._blocks[index].is_whole = True
        self._stop = text_of(message.get("stop_reason")) or "end_turn"
        self._count(mapping_of(message.get("usage")) or {})
        self._has_output_count = True

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Later counts replace earlier ones; some servers know the input only at the end."""
        for key in _USAGE_KEYS:
            value = usage.get(key)
            # What can't be a count tells nothing.
            if isinstance(value, int) and value >= 0 and (value or key not in self._usage):
                self._usage[key] = value

    def _used(self, content: list[dict[str, Any]], *, count_input: Callable[[], int]) -> Usage:
        counted = self._usage.get
        read, written = counted("cache_read_input_tokens", 0), counted(_USAGE_KEYS[3], 0)
        total = counted("input_tokens", 0) + read + written
        output = counted("output_tokens", 0)
        is_counted = bool(total) and self._has_output_count
        if not self._has_output_count:
            output = max(output, sum(count_tokens(str(block)) for block in content))
        return Usage(
            input_tokens=total or count_input(),
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=written,
            source="provider" if is_counted else "estimate",
        )

    def _reason(self, content: list[dict[str, Any]]) -> StopReason:
        reason = _STOP.get(self._stop, "end")
        if reason == "end" and any(block.get("type") == "tool_use" for block in content):
            return "tool_calls" if self._stop != "pause_turn" else "end"
        return reason

    def _failure(self, event: Mapping[str, Any]) -> LLMError:
        return failure_in_stream(mapping_of(event.get("error")) or {})


def _call_delta(block: _Block, text: str) -> ToolCallDelta:
    return ToolCallDelta(
        index=block.call_index,
        id=text_of(block.start.get("id")),
        name=text_of(block.start.get("name")),
        arguments_delta=text,
    )


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1
