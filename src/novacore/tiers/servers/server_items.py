"""Items as exact text: what a server has no exact type for goes there and back as this JSON."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from novacore.tiers.model import Item, SetAside, TierState, Watermark

_HALF = re.compile("[\ud800-\udfff]")


def encode_value(value: Mapping[str, Any]) -> str:
    """A value as JSON: any integer, any text, lone surrogates too; bytes as base64.

    Bytes stand in an object of their own: whatever people write can't be taken for them.
    """
    raw = {name: found for name, found in value.items() if isinstance(found, bytes)}
    plain = {name: found for name, found in value.items() if name not in raw}
    coded = {name: base64.b64encode(found).decode() for name, found in raw.items()}
    return _dumps([plain, coded] if raw else [plain])


def decode_value(text: str | bytes) -> dict[str, Any]:
    """A value from its JSON.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        plain, *more = json.loads(text)
        raw = {name: base64.b64decode(found) for coded in more for name, found in coded.items()}
        return {**plain, **raw}
    except (TypeError, AttributeError) as error:
        raise ValueError("What is stored is not a value of ours.") from error


def _dumps(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_mapping)
    if text.isascii() or not _HALF.search(text):
        return text
    # Half a surrogate pair has no UTF-8; as an escape it has.
    return json.dumps(value, separators=(",", ":"), default=_mapping)


def _mapping(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast(Mapping[str, Any], value))
    raise TypeError(f"An item holds a {type(value).__name__}.")


def encode_item(item: Item) -> str:
    """A whole item as JSON: one line with what it is, one with its value."""
    head = [item.collection, item.session_id, item.position, item.part]
    place = [item.tenant, item.owner, item.sequence, item.recorded_at_us]
    return f"{_dumps([*head, *place])}\n{encode_value(item.value)}"


def decode_item(text: str | bytes) -> Item:
    """An item from its JSON.

    Raises:
        ValueError: it is none of ours.
    """
    head, _, value = (text if isinstance(text, str) else text.decode()).partition("\n")
    try:
        collection, session_id, position, part, tenant, owner, sequence, recorded = json.loads(head)
    except TypeError as error:
        raise ValueError("What is stored is not an item of ours.") from error
    return Item(
        collection=collection,
        session_id=session_id,
        position=position,
        part=part,
        tenant=tenant,
        owner=owner,
        sequence=sequence,
        recorded_at_us=recorded,
        value=decode_value(value),
    )


def encode_set_aside(entries: Sequence[SetAside]) -> str:
    """The list of entries set aside as JSON."""
    return json.dumps([asdict(entry) for entry in entries], separators=(",", ":"))


def decode_state(watermark: str | bytes | None, set_aside: str | bytes | None) -> TierState:
    """A tier's state from its two texts; what can't be read counts as never stored."""
    if watermark is None:
        return TierState(watermark=None)
    text = watermark.decode("utf-8", "replace") if isinstance(watermark, bytes) else watermark
    try:
        entries = tuple(SetAside(**found) for found in json.loads(set_aside or "[]"))
    except (ValueError, TypeError):
        return TierState(watermark=None)
    return TierState(watermark=Watermark.decode(text), set_aside=entries)
