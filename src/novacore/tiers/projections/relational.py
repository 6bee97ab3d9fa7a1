"""The relational tier: every entry as a row with columns to ask by, and its exact body.

Messages, decisions, usage, memories and state have a collection each, with columns of their own;
entries of any other kind are in the collection `entry`. A value has only the columns that are
known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from novacore.journal import Erased, encode_exact
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import (
    exact_body,
    facts_of,
    make_item,
    number_in,
    plain,
    reading_of,
    text_in,
)

TEXT: Final = "text"
INTEGER: Final = "integer"
REAL: Final = "real"

ENTRY: Final = "entry"

_FACTS: Final = {
    "entry_id": TEXT,
    "kind": TEXT,
    "actor": TEXT,
    "said_at_us": INTEGER,
    "workspace": TEXT,
    "session_name": TEXT,
    "parent_id": TEXT,
    "forked_at": INTEGER,
}
_CONTENT: Final = {"body": TEXT, "mark": TEXT}
_USAGE_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "ms",
)
_USAGE_TEXTS: Final = ("model", "provider", "purpose", "source")
_OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "message": {
        "role": TEXT,
        "text": TEXT,
        "thinking": TEXT,
        "tool_calls": TEXT,
        "tool_call_id": TEXT,
        "name": TEXT,
        "is_error": INTEGER,
        "images": INTEGER,
        "tokens": INTEGER,
    },
    "decision": {"type": TEXT, "text": TEXT, "effect": TEXT, "permission_scope": TEXT},
    "usage": {
        "model": TEXT,
        "provider": TEXT,
        "purpose": TEXT,
        "source": TEXT,
        **dict.fromkeys(_USAGE_COUNTS, INTEGER),
    },
    "memory": {
        "memory_id": TEXT,
        "event": TEXT,
        "type": TEXT,
        "term": TEXT,
        "state": TEXT,
        "text": TEXT,
        "tags": TEXT,
        "confidence": REAL,
        "emotional_weight": REAL,
    },
    "state": {"model": TEXT, "text": TEXT},
    ENTRY: {},
}
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {**_FACTS, **own, **_CONTENT} for name, own in _OWN.items()
}
"""Collection -> column -> text, integer (64 bits) or real: what a table of it needs."""


class RelationalProjection:
    """See `Projection`."""

    tier = "relational"
    identity = "relational 1"

    def __init__(self, place: Place) -> None:
        del place

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One row for each entry that is not erased."""
        return [_row(record) for record in records if not record.is_erased]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""


def _row(record: Record) -> Item:
    collection = record.kind if record.kind in _OWN else ENTRY
    own = _READERS[collection](record) if collection in _READERS else {}
    known = {name: value for name, value in own.items() if value not in (None, "")}
    value = {**facts_of(record), **known, **exact_body(record)}
    return make_item(record, collection, value=value)


def _message(record: Record) -> dict[str, Any]:
    body, reading = record.body, reading_of(record)
    result = reading.tool_result
    calls = [
        {"id": call.id, "name": call.name, "arguments": call.raw} for call in reading.tool_calls
    ]
    return {
        "role": plain(reading.role),
        "text": plain(reading.text),
        "thinking": plain(reading.thinking),
        "tool_calls": plain(encode_exact(calls)[0]) if calls else "",
        "tool_call_id": plain(result.call_id) if result else text_in(body, "tool_call_id"),
        "name": plain(result.name) if result and result.name else text_in(body, "name"),
        "is_error": 1 if result and result.is_error else None,
        "images": reading.images or None,
        "tokens": _whole(body, "token_count", "tokens"),
    }


def _decision(record: Record) -> dict[str, Any]:
    body = record.body
    return {
        "type": text_in(body, "type"),
        "text": text_in(body, "text", "decision", "rule", "summary", "title"),
        "effect": text_in(body, "effect"),
        "permission_scope": text_in(body, "scope"),
    }


def _usage(record: Record) -> dict[str, Any]:
    body = record.body
    counts = {name: _whole(body, name) for name in _USAGE_COUNTS}
    return {name: text_in(body, name) for name in _USAGE_TEXTS} | counts


def _memory(record: Record) -> dict[str, Any]:
    body = record.body
    tags = body.get("tags")
    texts = ("memory_id", "event", "type", "term", "state", "text")
    return {name: text_in(body, name) for name in texts} | {
        "tags": plain(encode_exact(tags)[0]) if isinstance(tags, list) else "",
        "confidence": _real(body, "confidence"),
        "emotional_weight": _real(body, "emotional_weight"),
    }


def _state(record: Record) -> dict[str, Any]:
    return {
        "model": text_in(record.body, "model"),
        "text": text_in(record.body, "text", "status", "state"),
    }


def _whole(body: Mapping[str, Any], *names: str) -> int | None:
    found = (number_in(body, name) for name in names)
    return next((number for number in found if isinstance(number, int)), None)


def _real(body: Mapping[str, Any], name: str) -> float | None:
    number = number_in(body, name)
    return None if number is None else float(number)


_READERS: Final[Mapping[str, Callable[[Record], dict[str, Any]]]] = {
    "message": _message,
    "decision": _decision,
    "usage": _usage,
    "memory": _memory,
    "state": _state,
}
