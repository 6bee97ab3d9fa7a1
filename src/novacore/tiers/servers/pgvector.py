"""The vector tier on PostgreSQL with pgvector: exact within an owner, HNSW where owners are large.

Vectors are stored as pgvector's float32, unchanged; `read` gives back the bytes the server holds.
"""

import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

from novacore.journal import Scope
from novacore.tiers.errors import TierUnavailable
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.reading import Neighbour
from novacore.tiers.servers.postgres_link import PostgresLink
from novacore.tiers.servers.postgres_rows import (
    BASE,
    BASE_NAMES,
    DELETE_KEYS,
    base_of,
    item_of,
    keys_of,
)
from novacore.tiers.servers.server_columns import restored, scope_key, storable

_VECTOR: Final = "vector"
_INDEX_ROWS: Final = 50_000
"""From so many rows on there is an HNSW index; with it pgvector takes about 1,000 rows a second."""
_INDEX_DIMENSIONS_MAX: Final = 2_000
_READ_ROWS: Final = 1_000
_TABLE: Final = "vector_item"
_HEADER_BYTES: Final = 4
_CREATE: Final[LiteralString] = (
    f"CREATE TABLE IF NOT EXISTS {{table}} ({BASE}, embedding vector,"
    " PRIMARY KEY (session_id, position, collection, part_key))"
)
_BY_SCOPE: Final[LiteralString] = (
    "CREATE INDEX IF NOT EXISTS {by_scope} ON {table} (scope_key, session_id)"
)
_INDEX: Final[LiteralString] = (
    "CREATE INDEX {by_vector} ON {table} USING hnsw"
    " ((embedding::vector({dimensions})) vector_cosine_ops)"
    " WHERE vector_dims(embedding) = {dimensions}"
)


class PgVector:
    """Embeddings of messages and memories.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "vector"
    name = "pgvector"
    tested_with = "PostgreSQL 18.6 with pgvector 0.8.6"

    def __init__(self, place: Place) -> None:
        self._link = PostgresLink(place, tier=self.tier, prepare=self._create)
        self._names = {"table": _TABLE, "by_scope": f"{_TABLE}_by_scope"}
        self._may_index = False
        self._is_indexed = False

    def _create(self, connection: Any) -> None:
        """Create the table, after a look at whether pgvector works at all.

        A build for another processor kills the server's process at the first vector.
        """
        found = connection.execute(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        )
        if found.fetchone() == (0,):
            raise TierUnavailable(
                "PostgreSQL has no pgvector.", hint="Install pgvector on the server."
            )
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("SELECT '[1,2]'::vector <-> '[2,1]'").fetchone()
        connection.execute(self._link.sql(_CREATE, self._names))
        connection.execute(self._link.sql(_BY_SCOPE, self._names))
        # Before 0.8 an index gives too few of an owner's vectors; it is not used then.
        version = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        (text,) = connection.execute(version).fetchone()
        self._may_index = tuple(int(each) for each in text.split(".")[:2]) >= (0, 8)
        if self._may_index:
            connection.execute("SELECT set_config('hnsw.iterative_scan', 'strict_order', false)")

    def state(self) -> TierState:
        """The watermark and what was set aside."""
        return self._link.state()

    def apply(self, batch: Batch) -> None:
        """Store a batch and its watermark in one transaction."""
        items = list({item.key: item for item in batch.items}.values())
        with self._link.transaction() as connection:
            if items:
                self._store(connection, items)
            self._destroy(connection, batch)
            self._link.put_state(connection, batch)
        if not self._is_indexed and self._may_index:
            self._index(items)

    def _index(self, items: Sequence[Item]) -> None:
        """Build the index over vectors like these once there are many, however long it takes."""
        count = self._link.sql("SELECT count(*) FROM {table}", self._names)
        known = "SELECT to_regclass(%s) IS NOT NULL"
        sizes = [len(vector) // 4 for item in items if (vector := _native(item.value))]
        name = f"{_TABLE}_by_{sizes[0]}" if sizes else ""
        with self._link.transaction(is_long=True) as connection:
            if not name or sizes[0] > _INDEX_DIMENSIONS_MAX:
                return
            index = f'"{self._link.name(name)}"'
            (self._is_indexed,) = connection.execute(known, [index]).fetchone()
            if self._is_indexed or connection.execute(count).fetchone()[0] < _INDEX_ROWS:
                return
            names = {**self._names, "by_vector": name}
            connection.execute(self._link.sql(_INDEX, names, dimensions=sizes[0]))
            connection.execute(self._link.sql("ANALYZE {table}", names))
            self._is_indexed = True

    def _store(self, connection: Any, items: Sequence[Item]) -> None:
        connection.execute(self._link.sql(DELETE_KEYS, self._names), keys_of(items))
        names = [*BASE_NAMES, "embedding"]
        copy = self._link.sql("COPY {table} ({columns}) FROM STDIN", self._names, columns=names)
        with connection.cursor().copy(copy) as writer:
            for item in items:
                vector = _native(item.value)
                rest = {
                    name: value
                    for name, value in item.value.items()
                    if vector is None or name != _VECTOR
                }
                writer.write_row([*base_of(item, rest), vector and _text(vector)])

    def _destroy(self, connection: Any, batch: Batch) -> None:
        delete = self._link.sql("DELETE FROM {table} WHERE session_id = %s", self._names)
        some = self._link.sql(
            "DELETE FROM {table} WHERE session_id = %s AND position = ANY(%s)", self._names
        )
        for erased in batch.erased:
            session = storable(erased.session_id)
            if erased.positions is None:
                connection.execute(delete, [session])
            else:
                connection.execute(some, [session, list(erased.positions)])
        if batch.forget_before_us:
            old = self._link.sql("DELETE FROM {table} WHERE recorded_at_us < %s", self._names)
            connection.execute(old, [batch.forget_before_us])

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session with the vectors that the server holds."""
        query = self._link.sql(
            "SELECT {columns}, vector_send(embedding) FROM {table} WHERE session_id = %s",
            self._names,
            columns=BASE_NAMES,
        )
        found: list[Item] = []
        with self._link.transaction() as connection:
            cursor = connection.execute(query, [storable(session_id)])
            while rows := cursor.fetchmany(_READ_ROWS):
                for row in rows:
                    more = {} if row[-1] is None else {_VECTOR: _sent(row[-1])}
                    item = item_of(row[:-1], more)
                    if item is not None:
                        found.append(item)
        return iter(found)

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        query = self._link.sql("SELECT DISTINCT session_id FROM {table}", self._names)
        with self._link.transaction() as connection:
            found = [restored(session_id) for (session_id,) in connection.execute(query)]
        return iter(found)

    def neighbours(
        self,
        scope: Scope,
        vector: bytes,
        *,
        limit: int,
        sessions: Sequence[str] | None = None,
        without: str | None = None,
    ) -> list[Neighbour]:
        """The stored vectors nearest to `vector`, the nearest first."""
        where = "scope_key = %s"
        values: list[Any] = [scope_key(scope.tenant, scope.owner)]
        if sessions is not None:
            where += " AND session_id = ANY(%s)"
            values.append([storable(each) for each in sessions])
        if without is not None:
            where += " AND session_id <> %s"
            values.append(storable(without))
        query = self._link.sql(
            "SELECT session_id, position, part,"
            " embedding::vector({dimensions}) <=> %s::vector AS distance FROM {table}"
            " WHERE vector_dims(embedding) = {dimensions} AND {where} ORDER BY distance LIMIT %s",
            self._names,
            where=where,
            dimensions=len(vector) // 4,
        )
        with self._link.transaction() as connection:
            rows = connection.execute(query, [_text(vector), *values, limit]).fetchall()
        return [
            Neighbour(
                session_id=restored(session_id),
                position=position,
                part=restored(part),
                score=1.0 - distance,
            )
            for session_id, position, part, distance in rows
            # The distance from or to a vector of zeros is no number; such come last.
            if not math.isnan(distance)
        ]

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._is_indexed = False
        self._link.wipe([_TABLE])

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()


def _native(value: Mapping[str, Any]) -> bytes | None:
    """The vector of a value, where pgvector can hold it."""
    found = value.get(_VECTOR)
    return found if isinstance(found, bytes) and found and len(found) % 4 == 0 else None


def _numbers(vector: bytes, *, is_big_endian: bool) -> "array[float]":
    numbers = array("f", vector)
    if is_big_endian != (sys.byteorder == "big"):
        numbers.byteswap()
    return numbers


def _text(vector: bytes) -> str:
    """As pgvector reads it; Python writes enough digits for every float32 to come back."""
    return str(_numbers(vector, is_big_endian=False).tolist())


def _sent(raw: bytes) -> bytes:
    """The float32 bytes, little-endian, of what `vector_send` gives."""
    numbers = _numbers(raw[_HEADER_BYTES:], is_big_endian=True)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
