"""The stream tier on SQLite: events in the order in which they were recorded."""

from typing import Final

from novacore.journal import Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.model import Item
from novacore.tiers.place import Place
from novacore.tiers.projections.stream import ANCHOR

_TABLE: Final = Table(
    name="event",
    columns={
        "type": "text",
        "anchor": "text",
        "summary": "text",
        "entry_id": "text",
        "kind": "text",
        "actor": "text",
        "said_at_us": "integer",
    },
    indexes={
        "order": "(session, sequence)",
        "tail": "(scope, sequence)",
        "anchors": f"(session, sequence) WHERE collection = '{ANCHOR}'",
    },
)


class SQLiteStream(SQLiteTier):
    """See `Engine` and `StreamReads`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, tier="stream", tables={"": _TABLE})

    def timeline(
        self, scope: Scope, session_id: str, *, after: int | None = None, limit: int = 100
    ) -> list[Item]:
        """See `StreamReads.timeline`."""
        where = " AND i.sequence > ? ORDER BY i.sequence LIMIT ?"
        bindings: tuple[int, ...] = (after or 0, max(limit, 0))
        if after is None:
            where, bindings = " ORDER BY i.sequence DESC LIMIT ?", bindings[1:]
        found = self.select(_TABLE, where, bindings, scope=scope, session_id=session_id)
        return found[::-1] if after is None else found

    def anchors(self, scope: Scope, session_id: str, *, limit: int = 20) -> list[Item]:
        """See `StreamReads.anchors`."""
        # The condition stands as it does in the index, so that SQLite takes it.
        where = f" AND i.collection = '{ANCHOR}' ORDER BY i.sequence DESC LIMIT ?"
        bindings = (max(limit, 0),)
        found = self.select(_TABLE, where, bindings, scope=scope, session_id=session_id)
        return found[::-1]

    def tail(self, scope: Scope, *, after: int, limit: int) -> list[Item]:
        """See `StreamReads.tail`."""
        where = " AND i.sequence > ? ORDER BY i.sequence LIMIT ?"
        return self.select_owned(_TABLE, where, (after, max(limit, 0)), scope=scope)
