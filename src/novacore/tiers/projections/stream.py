"""The stream tier: an event for each entry, and among them the points to come back to.

An event says in a line what happened and where; the content is in the journal. One that is a point
to come back to (an anchor) is in the collection `anchor`, every other one in `event`.
"""

from collections.abc import Sequence
from typing import Any, Final

from novacore import llm
from novacore.journal import Erased
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import (
    MESSAGE,
    facts_of,
    make_item,
    plain,
    reading_of,
    text_in,
)

EVENT: Final = "event"
ANCHOR: Final = "anchor"
SUMMARY_CHARS: Final = 160

_ANCHOR_KINDS: Final = frozenset({"decision", "view", "repair"})
_ANCHOR_MEMORIES: Final = frozenset({"achievement", "error", "lesson"})


class StreamProjection:
    """See `Projection`."""

    tier = "stream"
    identity = "stream 1"

    def __init__(self, place: Place) -> None:
        del place

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One event for each entry that is not erased."""
        return [_event(record) for record in records if not record.is_erased]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""


def is_first(record: Record) -> bool:
    """True for the first entry of a session's own, after what a fork shares with its parent."""
    return record.position == (record.forked_at or 0)


def event_type(record: Record, reading: llm.Reading | None) -> str:
    """What happened, in one or two words: user, assistant, tool, memory.created, decision …

    Args:
        record: the entry.
        reading: the message that it is; None: it is none.
    """
    if reading is not None:
        return plain(reading.role)
    more = text_in(record.body, "event", "type")
    return plain(f"{record.kind}.{more}" if more else record.kind)[:SUMMARY_CHARS]


def _event(record: Record) -> Item:
    reading = reading_of(record) if record.kind == MESSAGE else None
    summary, is_error = _summary(record, reading)
    anchor = _anchor(record, is_error=is_error)
    value: dict[str, Any] = {
        "type": event_type(record, reading),
        "summary": summary,
        **{
            name: value
            for name, value in facts_of(record).items()
            if name in {"entry_id", "kind", "actor", "said_at_us"}
        },
    }
    if anchor:
        value["anchor"] = anchor
    return make_item(record, ANCHOR if anchor else EVENT, value=value)


def _anchor(record: Record, *, is_error: bool) -> str:
    """Why somebody may want to come back to it; empty where nothing speaks for it."""
    if is_first(record):
        return "fork" if record.parent_id else "start"
    if record.kind in _ANCHOR_KINDS:
        return record.kind
    if is_error:
        return "error"
    if record.kind == "memory":
        type_ = text_in(record.body, "type")
        return type_ if type_ in _ANCHOR_MEMORIES else ""
    return ""


def _summary(record: Record, reading: llm.Reading | None) -> tuple[str, bool]:
    """(the entry in one short line, whether a tool failed)."""
    if reading is None:
        text = text_in(record.body, "text", "summary", "rule", "title", "model", "status", "name")
        return _line(text), False
    called = ", ".join(call.name for call in reading.tool_calls)
    text = reading.text[: SUMMARY_CHARS * 4] or (f"calls {called}" if called else "")
    return _line(plain(text)), any(result.is_error for result in reading.tool_results)


def _line(text: str) -> str:
    line = " ".join(text[: SUMMARY_CHARS * 4].split())
    return line if len(line) <= SUMMARY_CHARS else f"{line[: SUMMARY_CHARS - 1]}…"
