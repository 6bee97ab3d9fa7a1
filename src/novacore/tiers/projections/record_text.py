"""What projections take out of a record: its exact body as text, and plain columns beside it.

The body goes into a tier as JSON text that gives back exactly what was appended: key order, ints of
any size, ints and floats apart, lone surrogates. The columns beside it are for searching: what a
column can't hold is in the body.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from novacore import journal, llm
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Item, Record

BODY: Final = "body"
MARK: Final = "mark"
MESSAGE: Final = journal.MESSAGE
INT_MAX: Final = 2**63 - 1

_UNFIT = re.compile("[\ud800-\udfff\0]")


def exact_body(record: Record) -> dict[str, Any]:
    """The record's body as JSON text, for `body_of`; a second value only where it is needed."""
    text, mark = journal.encode_exact(dict(record.body))
    return {BODY: text, MARK: mark} if mark else {BODY: text}


def body_of(item: Item) -> dict[str, Any]:
    """What was appended, out of an item that holds it.

    Raises:
        TierCorrupt: it does not hold a JSON object.
    """
    try:
        found = journal.decode_exact(item.value[BODY], mark=item.value.get(MARK, ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TierCorrupt("A tier holds something that is no entry's content.") from error
    if not isinstance(found, dict):
        raise TierCorrupt("A tier holds something that is no entry's content.")
    return found  # pyright: ignore[reportUnknownVariableType]


def plain(text: str) -> str:
    """A text that every database takes: no NUL, no half of a surrogate pair."""
    return _UNFIT.sub("\ufffd", text) if _UNFIT.search(text) else text


def facts_of(record: Record) -> dict[str, Any]:
    """What every entry is known by: its id, times, actor, and the session's facts."""
    facts: dict[str, Any] = {
        "entry_id": record.id,
        "kind": record.kind,
        "actor": plain(record.actor),
        "said_at_us": record.said_at_us,
        "workspace": plain(record.workspace),
        "session_name": plain(record.session_name),
    }
    if record.parent_id is not None:
        facts["parent_id"] = record.parent_id
        facts["forked_at"] = record.forked_at
    return facts


def make_item(record: Record, collection: str, *, value: Mapping[str, Any], part: str = "") -> Item:
    """An item that comes from a record."""
    return Item(
        collection=collection,
        session_id=record.session_id,
        position=record.position,
        part=part,
        tenant=record.tenant,
        owner=record.owner,
        sequence=record.sequence,
        recorded_at_us=record.recorded_at_us,
        value=value,
    )


def text_in(body: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds a text; empty where none does."""
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value:
            return plain(value)
    return ""


def number_in(body: Mapping[str, Any], name: str) -> int | float | None:
    """A field's number where a 64-bit column can hold it."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, float) or -INT_MAX <= value <= INT_MAX else None


def reading_of(record: Record) -> llm.Reading:
    """A message of any known shape, read."""
    return llm.read_message(record.body)


def texts_of(record: Record) -> list[str]:
    """All that an entry says in words: text, thinking aside; calls, results, a memory's text."""
    if record.kind != MESSAGE:
        found = [text_in(record.body, "text", "content", "summary", "title")]
    else:
        reading = reading_of(record)
        results = [result.text for result in reading.tool_results]
        found = [reading.text] if reading.text and reading.text != "\n".join(results) else []
        found += [f"{call.name} {call.raw}" for call in reading.tool_calls]
        found += results
    return [plain(text) for text in found if text.strip()]
