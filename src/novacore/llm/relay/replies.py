"""An answer in the client's wire format, from the events of a provider that speaks the other one.

Source: OpenAI's API reference, "Chat completions: streaming"; Anthropic's, "Streaming Messages".
"""

from collections.abc import Mapping
from typing import Any, Protocol

from novacore.llm.families import WireName
from novacore.llm.formats.encoding import encode
from novacore.llm.formats.reading import read_message
from novacore.llm.model import (
    Event,
    Finished,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)

_OPENAI_STOP: Mapping[StopReason, str] = {
    "end": "stop",
    "tool_calls": "tool_calls",
    "length": "length",
    "refusal": "content_filter",
    "cancelled": "stop",
    "broken": "stop",
}
_ANTHROPIC_STOP: Mapping[StopReason, str] = {
    "end": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "refusal": "refusal",
    "cancelled": "end_turn",
    "broken": "end_turn",
}


class Rewriter(Protocol):
    """Writes one answer in a client's format."""

    def begin(self) -> bytes:
        """What stands before the first event."""
        ...

    def event(self, event: Event) -> bytes:
        """What one event becomes; perhaps nothing."""
        ...

    def end(self, finished: Finished) -> bytes:
        """What stands after the last one."""
        ...

    def whole(self, finished: Finished) -> bytes:
        """The whole answer, for a client that asked for no stream."""
        ...


def open_rewriter(
    wire: WireName, *, model: str, answer_id: str, now_s: int, shows_usage: bool, input_tokens: int
) -> Rewriter:
    """Writes one answer in this format.

    Args:
        wire: the client's format.
        model: the name that the client asked for.
        answer_id: made unique by the caller; the format's prefix is added.
        now_s: UTC seconds, where the format tells the time.
        shows_usage: whether a stream of the OpenAI format ends with a usage chunk.
        input_tokens: our estimate, where the Anthropic format tells it at the start.
    """
    if wire == "anthropic":
        return _AnthropicRewriter(model=model, answer_id=answer_id, input_tokens=input_tokens)
    return _OpenAIRewriter(model=model, answer_id=answer_id, now_s=now_s, shows_usage=shows_usage)


class _OpenAIRewriter:
    def __init__(self, *, model: str, answer_id: str, now_s: int, shows_usage: bool) -> None:
        self._head = {"id": f"chatcmpl-{answer_id}", "created": now_s, "model": model}
        self._shows_usage = shows_usage
        self._seen: set[int] = set()

    def begin(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def event(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._chunk({"content": event.text})
        if isinstance(event, ThinkingDelta):
            return self._chunk({"reasoning_content": event.text})
        if isinstance(event, ToolCallDelta):
            return self._chunk({"tool_calls": [self._call(event)]})
        return b""

    def end(self, finished: Finished) -> bytes:
        out = self._chunk({}, stop=_OPENAI_STOP[finished.stop_reason])
        if self._shows_usage:
            out += _frame(
                {
                    **self._head,
                    "object": "chat.completion.chunk",
                    "choices": [],
                    "usage": _openai_usage(finished.usage),
                }
            )
        return out + b"data: [DONE]\n\n"

    def whole(self, finished: Finished) -> bytes:
        said = read_message(finished.message)
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
        if said.thinking:
            message["reasoning_content"] = said.thinking
        if said.tool_calls:
            message["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.raw}}
                for c in said.tool_calls
            ]
        stop = _OPENAI_STOP[finished.stop_reason]
        choice = {"index": 0, "message": message, "finish_reason": stop, "logprobs": None}
        return encode(
            {
                **self._head,
                "object": "chat.completion",
                "choices": [choice],
                "usage": _openai_usage(finished.usage),
            }
        )

    def _call(self, event: ToolCallDelta) -> dict[str, Any]:
        function: dict[str, Any] = {"arguments": event.arguments_delta}
        if event.index in self._seen:
            return {"index": event.index, "function": function}
        self._seen.add(event.index)
        function = {"name": event.name, **function}
        return {"index": event.index, "id": event.id, "type": "function", "function": function}

    def _chunk(self, delta: Mapping[str, Any], *, stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": stop, "logprobs": None}
        return _frame({**self._head, "object": "chat.completion.chunk", "choices": [choice]})


class _AnthropicRewriter:
    """Content blocks are opened and closed as the kind of what comes changes."""

    def __init__(self, *, model: str, answer_id: str, input_tokens: int) -> None:
        self._model = model
        self._id = f"msg_{answer_id}"
        self._input_tokens = input_tokens
        self._index = -1
        self._open: tuple[str, int] | None = None

    def begin(self) -> bytes:
        usage = {"input_tokens": self._input_tokens, "output_tokens": 1}
        message = {**self._message(content=[]), "usage": usage}
        return _named({"type": "message_start", "message": message})

    def event(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            start = {"type": "text", "text": ""}
            delta: dict[str, Any] = {"type": "text_delta", "text": event.text}
            return self._within(("text", 0), start) + self._delta(delta)
        if isinstance(event, ThinkingDelta):
            start = {"type": "thinking", "thinking": "", "signature": ""}
            delta = {"type": "thinking_delta", "thinking": event.text}
            return self._within(("thinking", 0), start) + self._delta(delta)
        if isinstance(event, ToolCallDelta):
            start = _call_start(event)
            delta = {"type": "input_json_delta", "partial_json": event.arguments_delta}
            opened = self._within(("call", event.index), start)
            return opened + (self._delta(delta) if event.arguments_delta else b"")
        return b""

    def end(self, finished: Finished) -> bytes:
        delta = {"stop_reason": _ANTHROPIC_STOP[finished.stop_reason], "stop_sequence": None}
        told = {"type": "message_delta", "delta": delta, "usage": _anthropic_usage(finished.usage)}
        return self._close() + _named(told) + _named({"type": "message_stop"})

    def whole(self, finished: Finished) -> bytes:
        said = read_message(finished.message)
        content: list[dict[str, Any]] = []
        if said.thinking:
            content.append({"type": "thinking", "thinking": said.thinking, "signature": ""})
        if said.text:
            content.append({"type": "text", "text": said.text})
        for call in said.tool_calls:
            given = call.arguments if call.arguments is not None else {}
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
        message = self._message(content=content)
        message["stop_reason"] = _ANTHROPIC_STOP[finished.stop_reason]
        return encode({**message, "usage": _anthropic_usage(finished.usage)})

    def _message(self, *, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _within(self, block: tuple[str, int], start: Mapping[str, Any]) -> bytes:
        if self._open == block:
            return b""
        closed = self._close()
        self._open = block
        self._index += 1
        told = {"type": "content_block_start", "index": self._index, "content_block": start}
        return closed + _named(told)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _named({"type": "content_block_stop", "index": self._index})

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return _named({"type": "content_block_delta", "index": self._index, "delta": delta})


def _call_start(event: ToolCallDelta) -> dict[str, Any]:
    return {"type": "tool_use", "id": event.id, "name": event.name, "input": dict[str, Any]()}


def _openai_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
    }


def _anthropic_usage(usage: Usage) -> dict[str, Any]:
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": max(0, usage.input_tokens - cached),
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
    }


def _frame(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + encode(chunk) + b"\n\n"


def _named(event: Mapping[str, Any]) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + encode(event) + b"\n\n"
