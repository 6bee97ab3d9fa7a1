"""The document tier: sessions as documents of a bounded number of entries, each entry whole."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from novacore.journal import Erased
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import (
    MESSAGE,
    exact_body,
    facts_of,
    make_item,
    plain,
    reading_of,
)

ENTRY: Final = "entry"


class DocumentProjection:
    """See `Projection`."""

    tier = "document"

    def __init__(self, place: Place) -> None:
        self._entries = place.config.document_entries
        self.identity = f"document 1, {self._entries} entries"

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One entry of a document for each entry that is not erased."""
        return [
            make_item(record, ENTRY, value=self._entry(record))
            for record in records
            if not record.is_erased
        ]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""

    def _entry(self, record: Record) -> dict[str, Any]:
        value = {"number": record.position // self._entries, **facts_of(record)}
        if record.kind == MESSAGE:
            value["role"] = plain(reading_of(record).role)
        return {**value, **exact_body(record)}


def document_of(items: Iterable[Item]) -> Mapping[str, Any] | None:
    """The document that items of one number make up; None where there are none.

    Its fields: `session_id`, `number`, `tenant`, `owner`, and `entries` in order of position, each
    with its `position`, `sequence`, `recorded_at_us` and the item's value.
    """
    found = sorted(items, key=lambda item: item.position)
    if not found:
        return None
    first = found[0]
    return {
        "session_id": first.session_id,
        "number": first.value.get("number"),
        "tenant": first.tenant,
        "owner": first.owner,
        "entries": [
            {
                "position": item.position,
                "sequence": item.sequence,
                "recorded_at_us": item.recorded_at_us,
                **item.value,
            }
            for item in found
        ],
    }
