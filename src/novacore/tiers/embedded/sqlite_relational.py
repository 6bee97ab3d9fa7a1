"""The relational tier on SQLite: a table with real columns for each collection."""

from collections.abc import Mapping
from typing import Final

from novacore.journal import Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.model import Item
from novacore.tiers.place import Place
from novacore.tiers.projections.relational import COLUMNS, ENTRY

_INDEXES: Final = {"said": "(scope, said_at_us, sequence)"}
_TABLES: Final[Mapping[str, Table]] = {
    name: Table(name=f"{name}_row", columns=columns, indexes=_INDEXES)
    for name, columns in COLUMNS.items()
}


class SQLiteRelational(SQLiteTier):
    """See `Engine` and `RelationalReads`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, tier="relational", tables={**_TABLES, "": _TABLES[ENTRY]})

    def rows(
        self,
        scope: Scope,
        collection: str,
        *,
        session_id: str | None = None,
        since_us: int = 0,
        until_us: int | None = None,
        limit: int = 100,
    ) -> list[Item]:
        """See `RelationalReads.rows`."""
        table = self.table(collection)
        said = "i.said_at_us" if session_id is None else "+i.said_at_us"
        where = f" AND i.collection = ? AND {said} >= ?"
        bindings: list[object] = [collection, since_us]
        if until_us is not None:
            where += f" AND {said} < ?"
            bindings.append(until_us)
        bindings.append(max(limit, 0))
        if session_id is None:
            where += " ORDER BY i.said_at_us DESC, i.sequence DESC LIMIT ?"
            found = self.select_owned(table, where, bindings, scope=scope)
        else:
            where += " ORDER BY i.position DESC LIMIT ?"
            found = self.select(table, where, bindings, scope=scope, session_id=session_id)
        return found[::-1]

    def counts(self, scope: Scope, collection: str, *, bucket_us: int) -> list[tuple[int, int]]:
        """See `RelationalReads.counts`."""
        table = self.table(collection)
        with self.link.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT i.said_at_us - ((i.said_at_us % :bucket) + :bucket) % :bucket AS start,"  # noqa: S608
                f" count(*) FROM {table.name} i WHERE i.scope ="
                " (SELECT id FROM scope WHERE tenant = :tenant AND owner = :owner)"
                " AND i.collection = :collection GROUP BY start ORDER BY start",
                {
                    "bucket": bucket_us,
                    "tenant": scope.tenant,
                    "owner": scope.owner,
                    "collection": collection,
                },
            ).fetchall()
        return [(start, count) for start, count in rows]
