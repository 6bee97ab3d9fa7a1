"""The hot tier on SQLite: the newest messages, and leases."""

import time
from collections.abc import Mapping
from typing import Any, Final

from novacore.journal import Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Item
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import MESSAGE
from novacore.tiers.servers.server_items import decode_value, encode_value

_TABLE: Final = Table(
    name="message",
    columns={
        "entry_id": "text",
        "actor": "text",
        "said_at_us": "integer",
        "role": "text",
        "body": "text",
        "mark": "text",
    },
    indexes={"recorded": "(recorded_at_us)"},
)
_LEASES: Final = """
CREATE TABLE lease (
    tenant TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    until_us INTEGER NOT NULL, PRIMARY KEY (tenant, owner, key)) WITHOUT ROWID;
CREATE INDEX lease_until ON lease (until_us);
"""
_PUT: Final = (
    "INSERT INTO lease VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, owner, key)"
    " DO UPDATE SET value = excluded.value, until_us = excluded.until_us"
)


class SQLiteHot(SQLiteTier):
    """See `Engine` and `HotReads`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, tier="hot", tables={"": _TABLE}, more=_LEASES)

    def last_messages(self, scope: Scope, session_id: str, *, limit: int) -> list[Item]:
        """See `HotReads.last_messages`."""
        where = " AND i.collection = ? ORDER BY i.position DESC LIMIT ?"
        bindings = (MESSAGE, max(limit, 0))
        found = self.select(_TABLE, where, bindings, scope=scope, session_id=session_id)
        return found[::-1]

    def put_lease(self, scope: Scope, key: str, *, value: Mapping[str, Any], ttl_ms: int) -> None:
        """See `HotReads.put_lease`."""
        now_us = time.time_ns() // 1_000
        row = (scope.tenant, scope.owner, key, encode_value(value), now_us + ttl_ms * 1_000)
        with self.link.transaction() as connection:
            connection.execute("DELETE FROM lease WHERE until_us <= ?", (now_us,))
            connection.execute(_PUT, row)

    def leases(self, scope: Scope, *, prefix: str = "") -> dict[str, Mapping[str, Any]]:
        """See `HotReads.leases`."""
        with self.link.reading() as connection:
            if connection is None:
                return {}
            rows = connection.execute(
                "SELECT key, value FROM lease WHERE tenant = ? AND owner = ? AND until_us > ?",
                (scope.tenant, scope.owner, time.time_ns() // 1_000),
            ).fetchall()
        try:
            return {key: decode_value(value) for key, value in rows if key.startswith(prefix)}
        except ValueError as error:
            raise TierCorrupt("A lease in the hot tier can't be read.") from error
