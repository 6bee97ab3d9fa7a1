"""One reading of every message shape: OpenAI's, Anthropic's and the predecessor's.

`split` takes a message apart into `Part`s in their order, each with the block it came from; the
wire formats put parts together again. `read_message` sums the parts up for a reader.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from novacore.llm.formats.encoding import decode_object, encode, mapping_of, mappings_of, text_of
from novacore.llm.model import Message, Reading, ToolCall, ToolResult

MALFORMED = "malformed_arguments"
"""The one argument under which a provider is shown arguments that were no JSON object."""

RAW_INPUT = "raw_input"
"""Where an Anthropic tool_use block keeps arguments that were no JSON object. Never sent."""

_IMAGE_TYPES = frozenset({"image", "image_url", "input_image"})
_THINKING_KEYS = ("reasoning_content", "reasoning", "thinking")

Kind = Literal["text", "thinking", "redacted", "image", "call", "result", "other"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One piece of a message."""

    kind: Kind
    """What it is."""
    text: str = ""
    """Text of a text, thinking or result part."""
    block: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """The content block or tool call it came from; empty where it came from a plain field."""
    call: ToolCall | None = None
    """Set in a call part."""
    result: ToolResult | None = None
    """Set in a result part."""
    parts: tuple["Part", ...] = ()
    """What a result holds."""


def read_message(message: Message) -> Reading:
    """What a message of any known shape says, in one form.

    Unknown roles and blocks are no error: what is known is read, the rest is left out.
    """
    parts = split(message)
    results = tuple(part.result for part in parts if part.result is not None)
    text = "\n".join(part.text for part in parts if part.kind == "text" and part.text)
    inside = [inner for part in parts for inner in part.parts]
    role = role_of(message)
    if role == "user" and results and not text:
        role = "tool"
    return Reading(
        role=role,
        text=text or "\n".join(result.text for result in results),
        thinking="\n".join(part.text for part in parts if part.kind == "thinking" and part.text),
        tool_calls=tuple(part.call for part in parts if part.call is not None),
        tool_results=results,
        images=sum(part.kind == "image" for part in (*parts, *inside)),
    )


def role_of(message: Message) -> str:
    """The role in today's words: user, assistant, system, tool, or what the message says."""
    role = text_of(message.get("role")) or "user"
    return {"developer": "system", "function": "tool"}.get(role, role)


def origin_of(message: Message) -> str:
    """The provider that wrote the message; empty where it doesn't say."""
    return text_of(message.get("provider"))


def split(message: Message) -> list[Part]:
    """The parts of a message: thinking, then content, then the tool calls of the OpenAI shape."""
    if role_of(message) == "tool":
        return [_openai_result(message)]
    parts = list(_content(message.get("content")))
    if not any(part.kind in ("thinking", "redacted") for part in parts):
        thinking = thinking_of(message)
        if thinking:
            parts.insert(0, Part(kind="thinking", text=thinking))
    if not parts and text_of(message.get("refusal")):
        parts.append(Part(kind="text", text=text_of(message.get("refusal"))))
    calls = mappings_of(message.get("tool_calls"))
    parts.extend(Part(kind="call", block=block, call=_openai_call(block)) for block in calls)
    return parts


def thinking_of(message: Message) -> str:
    """The readable thinking in a message's own fields, as OpenAI-like shapes carry it."""
    for key in _THINKING_KEYS:
        text = text_of(message.get(key))
        if text:
            return text
    details = mappings_of(message.get("reasoning_details"))
    return "".join(text_of(item.get("text")) or text_of(item.get("summary")) for item in details)


def _content(content: object) -> Iterator[Part]:
    if isinstance(content, str):
        yield Part(kind="text", text=content)
        return
    if isinstance(content, list | tuple):
        for block in content:  # pyright: ignore[reportUnknownVariableType] - outside data
            if isinstance(block, str):
                yield Part(kind="text", text=block)
            elif isinstance(block, Mapping):
                yield _block(mapping_of(block) or {})  # pyright: ignore[reportUnknownArgumentType]


def _block(block: Mapping[str, Any]) -> Part:
    kind = text_of(block.get("type"))
    if kind in ("text", "input_text", "output_text"):
        return Part(kind="text", text=text_of(block.get("text")), block=block)
    if kind == "thinking":
        return Part(kind="thinking", text=text_of(block.get("thinking")), block=block)
    if kind == "redacted_thinking":
        return Part(kind="redacted", block=block)
    if kind == "tool_use":
        return Part(kind="call", block=block, call=_anthropic_call(block))
    if kind == "tool_result":
        return _anthropic_result(block)
    if kind in _IMAGE_TYPES:
        return Part(kind="image", block=block)
    if kind == "refusal":
        return Part(kind="text", text=text_of(block.get("refusal")), block=block)
    return Part(kind="other", text=text_of(block.get("text")), block=block)


def _openai_call(block: Mapping[str, Any]) -> ToolCall:
    function = mapping_of(block.get("function")) or block
    name, call_id = text_of(function.get("name")), text_of(block.get("id"))
    arguments = function.get("arguments")
    given = mapping_of(arguments)
    if given is not None:
        raw = encode(given).decode()
        return ToolCall(id=call_id, name=name, arguments=dict(given), raw=raw)
    return call_of(call_id=call_id, name=name, raw=text_of(arguments))


def _anthropic_call(block: Mapping[str, Any]) -> ToolCall:
    name, call_id = text_of(block.get("name")), text_of(block.get("id"))
    if RAW_INPUT in block:
        return call_of(call_id=call_id, name=name, raw=text_of(block.get(RAW_INPUT)))
    given = mapping_of(block.get("input"))
    raw = encode(given if given is not None else block.get("input")).decode()
    if given is None:
        return call_of(call_id=call_id, name=name, raw=raw)
    return ToolCall(id=call_id, name=name, arguments=dict(given), raw=raw)


def call_of(*, call_id: str, name: str, raw: str) -> ToolCall:
    """A call from its arguments' text; `problem` says in words for the model what is wrong with it.

    No text at all stands for no arguments, as models write it for tools that take none.
    """
    arguments = decode_object(raw) if raw.strip() else {}
    problem = None
    if arguments is None:
        problem = (
            f"The arguments of {name or 'this call'} are not a valid JSON object, so the tool was"
            " not run. Call it again with the arguments as one complete JSON object."
        )
    return ToolCall(id=call_id, name=name, arguments=arguments, raw=raw, problem=problem)


def _openai_result(message: Message) -> Part:
    parts = tuple(_content(message.get("content")))
    name = text_of(message.get("name"))
    return _result(
        parts,
        block={},
        # The old `function` role names the function instead of the call.
        call_id=text_of(message.get("tool_call_id", name)),
        name=name,
        is_error=message.get("is_error") is True,
    )


def _anthropic_result(block: Mapping[str, Any]) -> Part:
    parts = tuple(_content(block.get("content")))
    return _result(
        parts,
        block=block,
        call_id=text_of(block.get("tool_use_id")),
        name="",
        is_error=block.get("is_error") is True,
    )


def _result(
    parts: tuple[Part, ...], *, block: Mapping[str, Any], call_id: str, name: str, is_error: bool
) -> Part:
    text = "\n".join(part.text for part in parts if part.kind == "text")
    result = ToolResult(call_id=call_id, name=name, text=text, is_error=is_error)
    return Part(kind="result", text=text, block=block, result=result, parts=parts)
