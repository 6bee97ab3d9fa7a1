"""A request in one wire format, made anew for a provider that speaks the other one.

What both formats know is carried over: messages with tools, images and thinking, system prompt,
tools and the choice among them, temperature, top_p, stop words, the cap, the user's id. A field
that only one of them knows is left out.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from novacore.llm.detect import Choice
from novacore.llm.formats.anthropic_request import AnthropicWire
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.encoding import encode, mapping_of, mappings_of, text_of
from novacore.llm.formats.openai_request import OpenAIWire
from novacore.llm.formats.reading import role_of, split
from novacore.llm.formats.wire import Wire
from novacore.llm.model import Message, ToolSpec
from novacore.llm.relay.body import Body

_read_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_ANTHROPIC_CHOICE = {"auto": "auto", "required": "any", "none": "none"}
_OPENAI_CHOICE = {"auto": "auto", "any": "required", "none": "none"}


def translated(body: Body, *, choice: Choice, dialect: Dialect, cap: int) -> bytes:
    """The request for a provider of the other format. It always asks for a stream.

    Args:
        body: as the client sent it.
        choice: the model that is asked.
        dialect: how it speaks.
        cap: the most tokens that one answer may have.
    """
    system, messages = split_system(body)
    tools = tools_of(body)
    wire: Wire
    if choice.wire == "anthropic":
        wire, extra = AnthropicWire(dialect, with_tools=bool(tools)), _for_anthropic(body)
    else:
        wire, extra = OpenAIWire(dialect), _for_openai(body)
    base = wire.encode_base(system=system, tools=tools)
    made = wire.body([wire.encode(each) for each in messages], base=base, output_tokens_max=cap)
    raw = _read_raw(made)
    for name, value in extra.items():
        raw[name] = msgspec.Raw(encode(value))
    return _encode(raw)


def split_system(body: Body) -> tuple[str, list[Message]]:
    """The system prompt that stands first, and the messages after it."""
    if body.wire == "anthropic":
        return _text(body.read.get("system")), list(body.messages)
    messages = body.messages
    count = 0
    while count < len(messages) and role_of(messages[count]) == "system":
        count += 1
    texts = [_text(message.get("content")) for message in messages[:count]]
    return "\n\n".join(text for text in texts if text), list(messages[count:])


def tools_of(body: Body) -> list[ToolSpec]:
    """The tools that the request offers; those that a provider runs itself are left out."""
    found: list[ToolSpec] = []
    for tool in mappings_of(body.read.get("tools")):
        is_openai = body.wire == "openai"
        told = mapping_of(tool.get("function")) if is_openai else tool
        schema_name = "parameters" if is_openai else "input_schema"
        if told is None or not text_of(told.get("name")):
            continue
        schema = mapping_of(told.get(schema_name))
        if schema is None and not is_openai:
            continue
        found.append(
            ToolSpec(
                name=text_of(told.get("name")),
                description=text_of(told.get("description")),
                parameters=schema or {"type": "object", "properties": {}},
            )
        )
    return found


def _for_anthropic(body: Body) -> dict[str, Any]:
    read = body.read
    extra: dict[str, Any] = {}
    temperature = read.get("temperature")
    if isinstance(temperature, int | float) and not isinstance(temperature, bool):
        extra["temperature"] = min(1.0, max(0.0, float(temperature)))
    elif isinstance(read.get("top_p"), int | float):
        # Newer Anthropic models refuse both at once.
        extra["top_p"] = read["top_p"]
    stop = read.get("stop")
    words = [stop] if isinstance(stop, str) else stop
    if isinstance(words, list) and words:
        extra["stop_sequences"] = words
    if text_of(read.get("user")):
        extra["metadata"] = {"user_id": text_of(read.get("user"))}
    choice = _anthropic_tool_choice(read)
    if choice and tools_of(body):
        extra["tool_choice"] = choice
    return extra


def _anthropic_tool_choice(read: Mapping[str, Any]) -> dict[str, Any]:
    given = read.get("tool_choice")
    choice: dict[str, Any] = {}
    if isinstance(given, str) and given in _ANTHROPIC_CHOICE:
        choice = {"type": _ANTHROPIC_CHOICE[given]}
    function = mapping_of((mapping_of(given) or {}).get("function"))
    if function is not None:
        choice = {"type": "tool", "name": text_of(function.get("name"))}
    if read.get("parallel_tool_calls") is False and choice.get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice


def _for_openai(body: Body) -> dict[str, Any]:
    read = body.read
    extra: dict[str, Any] = {name: read[name] for name in ("temperature", "top_p") if name in read}
    if read.get("stop_sequences"):
        extra["stop"] = read["stop_sequences"]
    user = text_of((mapping_of(read.get("metadata")) or {}).get("user_id"))
    if user:
        extra["user"] = user
    given = mapping_of(read.get("tool_choice")) or {}
    kind = text_of(given.get("type"))
    if kind == "tool":
        function = {"name": text_of(given.get("name"))}
        extra["tool_choice"] = {"type": "function", "function": function}
    elif kind in _OPENAI_CHOICE:
        extra["tool_choice"] = _OPENAI_CHOICE[kind]
    if given.get("disable_parallel_tool_use") is True:
        extra["parallel_tool_calls"] = False
    if not tools_of(body):
        extra.pop("tool_choice", None)
        extra.pop("parallel_tool_calls", None)
    return extra


def _text(content: object) -> str:
    parts = split({"role": "system", "content": content})
    return "\n".join(part.text for part in parts if part.kind == "text" and part.text)
