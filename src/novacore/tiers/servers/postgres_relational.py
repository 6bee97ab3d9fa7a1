"""The relational tier on PostgreSQL: a table for each collection, with columns to ask by.

Where TimescaleDB is installed in the database the tables are hypertables over the time at
which entries were recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

from novacore.journal import Scope
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.projections.relational import COLUMNS, ENTRY
from novacore.tiers.servers.postgres_link import PostgresLink
from novacore.tiers.servers.postgres_rows import (
    BASE,
    BASE_NAMES,
    DELETE_KEYS,
    base_of,
    item_of,
    keys_of,
)
from novacore.tiers.servers.server_columns import fits, restored, scope_key, storable

_CREATE: Final[LiteralString] = (
    f"CREATE TABLE {{table}} ({BASE}, PRIMARY KEY (session_id, position, collection, part_key))"
)
_CREATE_BY_TIME: Final[LiteralString] = (
    f"CREATE TABLE {{table}} ({BASE},"
    " PRIMARY KEY (session_id, position, collection, part_key, recorded_at_us))"
)
_INDEX: Final[LiteralString] = (
    "CREATE INDEX {by_time} ON {table} (scope_key, collection, said_at_us, sequence)"
)
_ADD: Final[Mapping[str, LiteralString]] = {
    "text": "ALTER TABLE {table} ADD COLUMN {columns} text",
    "integer": "ALTER TABLE {table} ADD COLUMN {columns} bigint",
    "real": "ALTER TABLE {table} ADD COLUMN {columns} double precision",
}
_COUNTS: Final[LiteralString] = (
    "SELECT said_at_us - ((said_at_us %% %(bucket)s) + %(bucket)s) %% %(bucket)s AS start, count(*)"
    " FROM {table} WHERE scope_key = %(scope)s AND collection = %(collection)s"
    " AND said_at_us IS NOT NULL GROUP BY start ORDER BY start"
)
_KNOWN: Final[LiteralString] = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = ANY(%s)"
)
_HYPERTABLE: Final[LiteralString] = (
    "SELECT create_hypertable(%s::regclass, 'recorded_at_us', chunk_time_interval => %s)"
)
_CHUNK_US: Final = 7 * 24 * 3600 * 1_000_000
_READ_ROWS: Final = 1_000


class PostgresRelational:
    """Messages, decisions, usage and memories as rows.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "relational"
    name = "postgresql"
    tested_with = "PostgreSQL 18.6"

    def __init__(self, place: Place) -> None:
        self._link = PostgresLink(place, tier=self.tier, prepare=self._create)

    def _create(self, connection: Any) -> None:
        """Create the tables and columns that are not there."""
        known = self._known_columns(connection)
        extension = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"
        is_timescale = connection.execute(extension).fetchone() is not None
        for collection, columns in COLUMNS.items():
            names = self._names(collection)
            held = known.get(self._link.name(names["table"]), set())
            if not held:
                # A hypertable's keys must hold its time; an item's is always the same.
                create = _CREATE_BY_TIME if is_timescale else _CREATE
                connection.execute(self._link.sql(create, names))
            for name in columns.keys() - held:
                kind = columns[name]
                connection.execute(self._link.sql(_ADD[kind], names, columns=[name]))
            if not held:
                connection.execute(self._link.sql(_INDEX, names))
            if is_timescale and not held:
                table = self._link.name(names["table"])
                connection.execute(_HYPERTABLE, [f'"{table}"', _CHUNK_US])

    def _known_columns(self, connection: Any) -> dict[str, set[str]]:
        tables = [self._link.name(self._names(name)["table"]) for name in COLUMNS]
        found: dict[str, set[str]] = {}
        for table, column in connection.execute(_KNOWN, [tables]):
            found.setdefault(table, set()).add(column)
        return found

    def _names(self, collection: str) -> dict[str, str]:
        table = f"relational_{_table_of(collection)}"
        return {"table": table, "by_time": f"{table}_by_time"}

    def state(self) -> TierState:
        """The watermark and what was set aside."""
        return self._link.state()

    def apply(self, batch: Batch) -> None:
        """Store a batch and its watermark in one transaction."""
        by_table: dict[str, dict[Any, Item]] = {}
        for item in batch.items:
            by_table.setdefault(_table_of(item.collection), {})[item.key] = item
        with self._link.transaction() as connection:
            for collection, items in by_table.items():
                self._store(connection, collection, list(items.values()))
            for collection in COLUMNS if batch.erased or batch.forget_before_us else ():
                self._destroy(connection, collection, batch)
            self._link.put_state(connection, batch)

    def _store(self, connection: Any, collection: str, items: Sequence[Item]) -> None:
        names = self._names(collection)
        columns = COLUMNS[collection]
        connection.execute(self._link.sql(DELETE_KEYS, names), keys_of(items))
        listed = [*BASE_NAMES, *columns]
        copy = self._link.sql("COPY {table} ({columns}) FROM STDIN", names, columns=listed)
        with connection.cursor().copy(copy) as writer:
            for item in items:
                native = {
                    name: item.value[name]
                    for name, kind in columns.items()
                    if name in item.value and fits(item.value[name], kind)
                }
                rest = {name: value for name, value in item.value.items() if name not in native}
                writer.write_row([*base_of(item, rest), *(native.get(name) for name in columns)])

    def _destroy(self, connection: Any, collection: str, batch: Batch) -> None:
        names = self._names(collection)
        delete = self._link.sql("DELETE FROM {table} WHERE session_id = %s", names)
        some = self._link.sql(
            "DELETE FROM {table} WHERE session_id = %s AND position = ANY(%s)", names
        )
        for erased in batch.erased:
            session = storable(erased.session_id)
            if erased.positions is None:
                connection.execute(delete, [session])
            else:
                connection.execute(some, [session, list(erased.positions)])
        if batch.forget_before_us:
            old = self._link.sql("DELETE FROM {table} WHERE recorded_at_us < %s", names)
            connection.execute(old, [batch.forget_before_us])

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session, put together from the columns."""
        for collection in COLUMNS:
            yield from self._read(
                collection, "WHERE session_id = %s ORDER BY position", [storable(session_id)]
            )

    def _read(self, collection: str, where: LiteralString, values: Sequence[Any]) -> list[Item]:
        columns = COLUMNS[collection]
        query = self._link.sql(
            "SELECT {columns} FROM {table} {where}",
            self._names(collection),
            columns=[*BASE_NAMES, *columns],
            where=where,
        )
        found: list[Item] = []
        with self._link.transaction() as connection:
            cursor = connection.execute(query, values)
            while rows := cursor.fetchmany(_READ_ROWS):
                for row in rows:
                    native = zip(columns, row[len(BASE_NAMES) :], strict=True)
                    more = {name: value for name, value in native if value is not None}
                    item = item_of(row[: len(BASE_NAMES)], more)
                    if item is not None and _table_of(item.collection) == collection:
                        found.append(item)
        return found

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        found: set[str] = set()
        with self._link.transaction() as connection:
            for collection in COLUMNS:
                query = self._link.sql(
                    "SELECT DISTINCT session_id FROM {table}", self._names(collection)
                )
                found.update(restored(session_id) for (session_id,) in connection.execute(query))
        return iter(found)

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
        """The newest rows of a collection, oldest first; times are those at which it was said."""
        where: LiteralString = "WHERE scope_key = %s AND collection = %s AND said_at_us >= %s"
        values: list[Any] = [scope_key(scope.tenant, scope.owner), storable(collection), since_us]
        if until_us is not None:
            where += " AND said_at_us < %s"
            values.append(until_us)
        if session_id is None:
            where += " ORDER BY said_at_us DESC, sequence DESC, part DESC LIMIT %s"
        else:
            where += " AND session_id = %s ORDER BY position DESC, part DESC LIMIT %s"
            values.append(storable(session_id))
        found = self._read(_table_of(collection), where, [*values, max(limit, 0)])
        return found[::-1]

    def counts(self, scope: Scope, collection: str, *, bucket_us: int) -> list[tuple[int, int]]:
        """(start of the bucket µs UTC, rows said in it), oldest first."""
        query = self._link.sql(_COUNTS, self._names(collection))
        bound = {
            "bucket": bucket_us,
            "scope": scope_key(scope.tenant, scope.owner),
            "collection": storable(collection),
        }
        with self._link.transaction() as connection:
            return [(start, count) for start, count in connection.execute(query, bound)]

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._link.wipe([self._names(collection)["table"] for collection in COLUMNS])

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()


def _table_of(collection: str) -> str:
    """The collection whose table holds it: those that are unknown are kept as entries."""
    return collection if collection in COLUMNS else ENTRY
