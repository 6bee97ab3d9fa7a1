"""The broker tier: an event with a subject for each entry, for other systems and agents.

The content is in the event; a larger one carries a reference instead: session, position and the
digest of the body's text.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from novacore.journal import Erased
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import BODY, exact_body, facts_of, make_item
from novacore.tiers.server_names import segment

EVENT: Final = "event"


class BrokerProjection:
    """See `Projection`."""

    tier = "broker"

    def __init__(self, place: Place) -> None:
        self._prefix = place.config.prefix
        self._bytes_max = place.config.event_bytes_max
        self.identity = f"broker 1, {self._prefix!r}, {self._bytes_max} bytes"

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One event for each entry that is not erased."""
        return [
            make_item(record, EVENT, value=self._event(record))
            for record in records
            if not record.is_erased
        ]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""

    def _event(self, record: Record) -> dict[str, Any]:
        content = exact_body(record)
        body = content[BODY].encode()
        if len(body) > self._bytes_max:
            digest = hashlib.sha256(body).hexdigest()
            content = {"reference": f"{record.session_id}/{record.position}", "sha256": digest}
        return {"subject": self._subject(record), **facts_of(record), **content}

    def _subject(self, record: Record) -> str:
        return subject(self._prefix, record.tenant, record.owner, record.kind)


def subject(prefix: str, *parts: str) -> str:
    """`<prefix>.<tenant>.<owner>.<kind>`, each a segment of its own without a separator in it."""
    return ".".join([prefix, *map(segment, parts)])
