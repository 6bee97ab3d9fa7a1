"""Tools for a model that knows none: it is made to answer in JSON that is speech or a call."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from novacore.llm.formats.encoding import decode_object, encode, mapping_of, text_of
from novacore.llm.formats.openai_reply import OpenAIAssembler, random_call_id
from novacore.llm.formats.openai_request import OpenAIWire
from novacore.llm.formats.reading import read_message
from novacore.llm.formats.wire import Assembler
from novacore.llm.model import (
    Event,
    Finished,
    StopReason,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    ToolSpec,
)

_RULES = (
    'Answer with one JSON object: {"say": "..."} to speak to the user,'
    ' or {"tool": "name", "arguments": {...}} to use a tool. The tools:'
)


class SchemaWire(OpenAIWire):
    """The OpenAI format with `response_format` in place of tools."""

    def encode_base(self, *, system: str, tools: Sequence[ToolSpec]) -> bytes:
        """The system prompt with the tools told in words, and the schema of an answer."""
        if not tools:
            return super().encode_base(system=system, tools=())
        told = "\n".join((system, _RULES, *(_told(tool) for tool in tools)))
        schema = {"name": "step", "strict": True, "schema": _schema(tools)}
        answer = encode({"type": "json_schema", "json_schema": schema})
        base = super().encode_base(system=told, tools=())
        return b'"response_format":' + answer + b"," + base

    def assembler(self) -> Assembler:
        """Reads one answer."""
        inner = OpenAIAssembler(provider=self._dialect.provider, model=self._dialect.model)
        return SchemaAssembler(inner)

    def _told_call(self, call: ToolCall) -> str:
        return encode({"tool": call.name, "arguments": call.arguments or {}}).decode()

    def _told_result(self, result: ToolResult) -> str:
        word = "Error" if result.is_error else "Result"
        return f"{word} of the tool: {result.text}"


class SchemaAssembler:
    """Turns the JSON that was said into speech or one call, when all of it has come."""

    def __init__(
        self, inner: OpenAIAssembler, *, make_id: Callable[[], str] = random_call_id
    ) -> None:
        self._inner = inner
        self._call_id = make_id()
        self._texts: list[str] = []
        self._is_told = False

    @property
    def is_complete(self) -> bool:
        """Whether the answer's end has come."""
        return self._inner.is_complete

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return self._inner.is_done

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in one event's data; see `wire.Assembler`."""
        for event in self._inner.feed(data):
            if isinstance(event, TextDelta):
                self._texts.append(event.text)
            else:
                yield event
        if self._inner.is_complete and not self._is_told:
            self._is_told = True
            yield from self._tell()

    def finish(
        self,
        *,
        count_input: Callable[[], int],
        stop_reason: StopReason | None = None,
        problem: str = "",
    ) -> Finished:
        """The message in the OpenAI shape; see `wire.Assembler`."""
        done = self._inner.finish(count_input=count_input, stop_reason=stop_reason, problem=problem)
        step = decode_object("".join(self._texts)) or {}
        message = dict(done.message)
        reason = done.stop_reason
        if "say" in step:
            message["content"] = text_of(step["say"])
        elif "tool" in step:
            message["content"] = None
            message["tool_calls"] = [_call(step, call_id=self._call_id)]
            reason = "tool_calls" if stop_reason is None else reason
        return Finished(
            message=message,
            usage=done.usage,
            stop_reason=reason,
            is_partial=done.is_partial,
            problem=done.problem,
        )

    def _tell(self) -> Iterator[Event]:
        said = read_message(self.finish(count_input=lambda: 0).message)
        if said.text:
            yield TextDelta(text=said.text)
        for index, call in enumerate(said.tool_calls):
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments_delta=call.raw)


def _call(step: Mapping[str, Any], *, call_id: str) -> dict[str, Any]:
    arguments = encode(mapping_of(step.get("arguments")) or {}).decode()
    function = {"name": text_of(step.get("tool")), "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _told(tool: ToolSpec) -> str:
    """One line a tool: the window is small."""
    properties = mapping_of(tool.parameters.get("properties")) or {}
    first = tool.description.strip().split("\n", 1)[0]
    return f"- {tool.name}({', '.join(properties)}): {first}"


def _schema(tools: Sequence[ToolSpec]) -> Mapping[str, Any]:
    say = {
        "type": "object",
        "properties": {"say": {"type": "string"}},
        "required": ["say"],
        "additionalProperties": False,
    }
    return {"anyOf": [say, *(_call_schema(tool) for tool in tools)]}


def _call_schema(tool: ToolSpec) -> Mapping[str, Any]:
    # The copy keeps the caller's mapping types out of the encoder.
    parameters = json.loads(encode(tool.parameters))
    return {
        "type": "object",
        "properties": {"tool": {"const": tool.name}, "arguments": parameters},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
