"""Messages of any shape as lines for a person."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from novacore import journal, llm
from novacore.cli.terminal import folds

_BODY_CHARACTERS_MAX = 300


def render(message: Mapping[str, Any], *, position: int) -> Iterator[str]:
    """The lines of one message: who, then thinking, text, calls and results."""
    reading = llm.read_message(message)
    yield f"--- {position}  {reading.role}"
    if reading.thinking:
        yield f"(thinking) {reading.thinking}"
    if reading.images:
        yield f"({reading.images} images)"
    if reading.text:
        yield reading.text
    for call in reading.tool_calls:
        yield "* " + folds.call_line(call.name, call.arguments, call.raw)
    for result in reading.tool_results:
        failed = " failed" if result.is_error else ""
        yield f"({result.name or result.call_id}{failed})"
        yield result.text


def body_line(entry: journal.Entry) -> str:
    """The body of an entry in one line, cut where it is long."""
    written = json.dumps(dict(entry.body), ensure_ascii=False, default=str)
    if len(written) > _BODY_CHARACTERS_MAX:
        return written[:_BODY_CHARACTERS_MAX] + "…"
    return written
