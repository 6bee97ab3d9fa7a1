"""The OpenAI chat completions format: streamed answers, put together from their deltas.

Source: OpenAI's API reference, "Chat completions: streaming"; other servers' reasoning fields.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from novacore.llm.errors import ReplyInvalid
from novacore.llm.formats.encoding import decode_object, encode, mapping_of, mappings_of, text_of
from novacore.llm.formats.failures import failure_in_stream, minimax_error
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
    "stop": "end",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}
_REASONING_KEYS = ("reasoning_content", "reasoning")
_COUNTED_KEYS = ("content", "reasoning_content", "tool_calls")
_GROWING_KEYS = frozenset({"text", "summary", "data", "signature"})


@dataclasses.dataclass(kw_only=True)
class _Call:
    """One tool call while it is streamed."""

    index: int
    fields: dict[str, Any]
    id: str = ""
    name: str = ""
    arguments: list[str] = dataclasses.field(default_factory=list[str])

    def built(self) -> dict[str, Any]:
        """The call as it would have come unstreamed, other fields of the server's own kept."""
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {**self.fields, "id": self.id, "type": "function", "function": function}


def random_call_id() -> str:
    """An id for a call that came without one."""
    return f"call_{uuid.uuid4().hex[:24]}"


class OpenAIAssembler:
    """Puts one answer together. Calls that come without an id get one from `make_id`."""

    def __init__(
        self, *, provider: str, model: str, make_id: Callable[[], str] = random_call_id
    ) -> None:
        self._provider = provider
        self._model = model
        self._make_id = make_id
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._reasoning: dict[str, list[str]] = {}
        self._details: list[dict[str, Any]] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._usage: Mapping[str, Any] = {}
        self._stop = ""
        self._is_done = False

    @property
    def is_complete(self) -> bool:
        """Whether a finish reason or the end mark has come."""
        return bool(self._stop) or self._is_done

    @property
    def is_done(self) -> bool:
        """Whether the end mark has come; the usage comes after the finish reason."""
        return self._is_done

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in one event's data; see `wire.Assembler`."""
        if data.strip() == b"[DONE]":
            self._is_done = True
            return
        chunk = decode_object(data)
        if chunk is None:
            raise ReplyInvalid("The stream holds something that is not a JSON object.")
        error = chunk.get("error") or minimax_error(chunk)
        if error:
            raise failure_in_stream(mapping_of(error) or {"message": str(error)})
        self._model = text_of(chunk.get("model")) or self._model
        self._usage = mapping_of(chunk.get("usage")) or self._usage
        for choice in mappings_of(chunk.get("choices"))[:1]:
            delta = mapping_of(choice.get("delta")) or mapping_of(choice.get("message")) or {}
            yield from self._delta(delta)
            self._stop = text_of(choice.get("finish_reason")) or self._stop

    def finish(
        self,
        *,
        count_input: Callable[[], int],
        stop_reason: StopReason | None = None,
        problem: str = "",
    ) -> Finished:
        """The message as it stands; see `wire.Assembler`."""
        is_partial = stop_reason is not None
        calls = [call.built() for call in self._calls]
        # Only a call after which another one began, or the answer ended, is known to be whole.
        unfinished = [calls.pop()] if is_partial and calls and not self._stop else []
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        message |= {key: "".join(texts) for key, texts in self._reasoning.items()}
        if self._details:
            message["reasoning_details"] = self._details
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if calls:
            message["tool_calls"] = calls
        message |= {"model": self._model, "provider": self._provider}
        if is_partial:
            message["is_partial"] = True
        if unfinished:
            message["unfinished_tool_calls"] = unfinished
        return Finished(
            message=message,
            usage=self._used(message, count_input=count_input),
            stop_reason=stop_reason or self._reason(),
            is_partial=is_partial,
            problem=problem,
        )

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._think(delta)
        for key, texts in (("content", self._texts), ("refusal", self._refusals)):
            text = text_of(delta.get(key))
            if text:
                texts.append(text)
                yield TextDelta(text=text)
        for piece in mappings_of(delta.get("tool_calls")):
            yield self._call(piece)

    def _think(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        """Every reasoning field is kept; the first one that says something is shown."""
        shown = ""
        for key in _REASONING_KEYS:
            text = text_of(delta.get(key))
            if text:
                self._reasoning.setdefault(key, []).append(text)
                shown = shown or text
        details = mappings_of(delta.get("reasoning_details"))
        for detail in details:
            self._keep_detail(detail)
        told = (text_of(item.get("text")) or text_of(item.get("summary")) for item in details)
        shown = shown or "".join(told)
        if shown:
            yield ThinkingDelta(text=shown)

    def _keep_detail(self, detail: Mapping[str, Any]) -> None:
        """Pieces of the same detail (index and type) grow together; others stand side by side."""
        last = self._details[-1] if self._details else None
        same = ("index", "type")
        if last is None or any(last.get(key) != detail.get(key) for key in same):
            self._details.append(dict(detail))
            return
        for key, value in detail.items():
            if key in _GROWING_KEYS and isinstance(value, str) and isinstance(last.get(key), str):
                last[key] += value
            elif value is not None:
                last[key] = value

    def _call(self, piece: Mapping[str, Any]) -> ToolCallDelta:
        function = mapping_of(piece.get("function")) or {}
        call = self._open_call(piece, name=text_of(function.get("name")))
        call.name = call.name or text_of(function.get("name"))
        given = function.get("arguments")
        # Some servers give the arguments as an object instead of its text.
        text = given if isinstance(given, str) else "" if given is None else encode(given).decode()
        call.arguments.append(text)
        extra = {k: v for k, v in piece.items() if k not in ("index", "id", "type", "function")}
        call.fields.update(extra)
        return ToolCallDelta(index=call.index, id=call.id, name=call.name, arguments_delta=text)

    def _open_call(self, piece: Mapping[str, Any], *, name: str) -> _Call:
        """The call that a piece belongs to: by index, else by id, else the latest one.

        Some servers give every call index 0, or none: an id or a name of its own tells a new one.
        """
        call_id, given = text_of(piece.get("id")), piece.get("index")
        call = self._by_index.get(given) if isinstance(given, int) else None
        if not isinstance(given, int) and self._calls and not (name and not call_id):
            same = [known for known in self._calls if call_id and known.id == call_id]
            call = same[0] if same else None if call_id else self._calls[-1]
        if call is None or (call_id and name and call_id != call.id):
            call = _Call(index=len(self._calls), fields={}, id=call_id or self._make_id())
            self._calls.append(call)
        if isinstance(given, int):
            self._by_index[given] = call
        return call

    def _used(self, message: Mapping[str, Any], *, count_input: Callable[[], int]) -> Usage:
        count = self._usage.get
        sent, received = _number(count("prompt_tokens")), _number(count("completion_tokens"))
        details = mapping_of(count("prompt_tokens_details")) or {}
        read = details.get("cached_tokens") or count("prompt_cache_hit_tokens") or 0
        written = details.get("cache_write_tokens") or 0
        is_counted = sent is not None and received is not None
        said = 0
        if received is None:
            said = sum(count_tokens(str(message.get(key, ""))) for key in _COUNTED_KEYS)
        return Usage(
            input_tokens=count_input() if sent is None else sent,
            output_tokens=said if received is None else received,
            cache_read_tokens=_number(read) or 0,
            cache_write_tokens=_number(written) or 0,
            source="provider" if is_counted else "estimate",
        )

    def _reason(self) -> StopReason:
        if self._refusals and self._stop == "stop":
            return "refusal"
        reason = _STOP.get(self._stop, "end")
        return "tool_calls" if reason == "end" and self._calls else reason


def _number(told: object) -> int | None:
    """A count of tokens; None: what can't be one tells nothing."""
    return told if isinstance(told, int) and told >= 0 else None
