"""Messages of any shape as lines for a person."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from novacore import journal, llm
from novacore.cli import text

_BODY_CHARACTERS_MAX = 300
_MAIN_ARGUMENTS = ("command", "path", "pattern", "query", "text", "id")


def read(message: journal.Message) -> llm.Reading:
    """What a journaled message says."""
    return llm.read_message(dict(message))


def render(message: journal.Message, *, position: int) -> Iterator[str]:
    """The lines of one message: who, then thinking, text, calls and results."""
    reading = read(message)
    yield f"--- {position}  {reading.role}"
    if reading.thinking:
        yield f"(thinking) {reading.thinking}"
    if reading.images:
        yield f"({reading.images} images)"
    if reading.text:
        yield reading.text
    for call in reading.tool_calls:
        yield "* " + call_line(call.name, call.arguments, call.raw)
    for result in reading.tool_results:
        failed = " failed" if result.is_error else ""
        yield f"({result.name or result.call_id}{failed})"
        yield result.text


def call_line(name: str, arguments: Mapping[str, Any] | None, raw: str) -> str:
    """A tool call in one line: its name and what it is about."""
    if arguments is None:
        return f"{name} {raw}".strip()
    main = next((key for key in _MAIN_ARGUMENTS if isinstance(arguments.get(key), str)), None)
    parts = [] if main is None else [str(arguments[main])]
    for key, value in arguments.items():
        if key != main:
            parts.append(f"{key}={value if isinstance(value, str) else json.dumps(value)}")
    return " ".join([name, *parts]).replace("\n", " ")


def body_line(entry: journal.Entry) -> str:
    """The body of an entry in one line, cut where it is long."""
    written = json.dumps(dict(entry.body), ensure_ascii=False, default=str)
    if len(written) > _BODY_CHARACTERS_MAX:
        return written[:_BODY_CHARACTERS_MAX] + "…"
    return written


def headline(reading: llm.Reading, *, columns: int) -> str:
    """The text of a message in one line; empty where it has none."""
    return text.cut(" ".join(text.clean(reading.text).split()), columns)


def model_line(info: llm.ModelInfo) -> str:
    """A model in one line."""
    reason = f"; {info.reason}" if info.reason else ""
    return f"{info.name} ({info.provider}), {info.window_tokens:,} tokens{reason}"
