"""The document tier on SQLite: a row for each entry, put together into documents when read.

A document that is written as one piece is written anew for each entry that it gains.
"""

from collections.abc import Mapping
from typing import Any, Final

from novacore.journal import Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.model import Item
from novacore.tiers.place import Place
from novacore.tiers.projections.document import ENTRY, document_of

_TABLE: Final = Table(
    name="entry",
    columns={
        "number": "integer",
        "entry_id": "text",
        "kind": "text",
        "actor": "text",
        "said_at_us": "integer",
        "workspace": "text",
        "session_name": "text",
        "parent_id": "text",
        "forked_at": "integer",
        "role": "text",
        "body": "text",
        "mark": "text",
    },
    indexes={"document": "(session, number, position)"},
)


class SQLiteDocument(SQLiteTier):
    """See `Engine` and `DocumentReads`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, tier="document", tables={"": _TABLE})

    def document(self, scope: Scope, session_id: str, *, number: int) -> Mapping[str, Any] | None:
        """See `DocumentReads.document`."""
        where = " AND i.collection = ? AND i.number = ? ORDER BY i.position"
        found: list[Item] = self.select(
            _TABLE, where, (ENTRY, number), scope=scope, session_id=session_id
        )
        return document_of(found)
