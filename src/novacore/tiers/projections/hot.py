"""The hot tier: the messages of the last days, whole. Leases are put beside them, by others."""

from collections.abc import Sequence
from typing import Final

from novacore.journal import Erased
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import MESSAGE, exact_body, make_item, plain, reading_of

_HOUR_US: Final = 3_600_000_000


class HotProjection:
    """See `Projection`."""

    tier = "hot"

    def __init__(self, place: Place) -> None:
        self._window_us = place.config.hot_window_h * _HOUR_US
        self.identity = f"hot 1, {place.config.hot_window_h} h"

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One message for each entry that is one."""
        return [
            make_item(record, MESSAGE, value=_message(record))
            for record in records
            if record.kind == MESSAGE and not record.is_erased
        ]

    def forget_before_us(self, now_us: int) -> int:
        """Where the window begins."""
        return max(0, now_us - self._window_us)

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""


def _message(record: Record) -> dict[str, object]:
    return {
        "entry_id": record.id,
        "actor": plain(record.actor),
        "said_at_us": record.said_at_us,
        "role": plain(reading_of(record).role),
        **exact_body(record),
    }
