"""The vector tier in files of our own: vectors as rows of SQLite, HNSW indexes by usearch.

Small owners are searched exactly, in memory. From `exact_max` vectors on an index is published, and
grown when a quarter more has come; what it lacks is searched exactly beside it. The rows are the
tier's content: an index is made from them, and `read` compares both.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from novacore.journal import Scope
from novacore.tiers.embedded import vector_index, vector_matrix
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.embedded.vector_index import Builder, Mapped, Published
from novacore.tiers.embedded.vector_matrix import Matrix
from novacore.tiers.errors import ItemRefused
from novacore.tiers.model import Batch, Item
from novacore.tiers.place import Place
from novacore.tiers.reading import Neighbour
from novacore.tiers.sqlite_link import Connection

EXACT_MAX: Final = 50_000
"""Vectors of one owner that are searched exactly: some 6 ms at 256 numbers each. An index finds as
fast, but takes about 1 ms of work for each vector."""

_TABLE: Final = Table(
    name="vector",
    columns={
        "vector": "blob",
        "entry_id": "text",
        "kind": "text",
        "said_at_us": "integer",
        "role": "text",
    },
    indexes={"owned": "(scope)"},
)
_READ_ROWS: Final = 500
_FEW: Final = 2_000
"""Vectors of chosen sessions that are read one by one rather than sought in an index."""
_BUILT_AT_ONCE: Final = 500
_BUILT_PER_BATCH: Final = 2_000
_BUILDERS_MAX: Final = 2
_OWNERS_MAX: Final = 8
_MATRIX_BYTES_MAX: Final = 256 * 1024 * 1024
"""Memory for the vectors that are searched exactly, of all owners together."""
_GROWTH: Final = 4
_WIDER: Final = 4
_NEAR_MIN: Final = 64


class UsearchVector(SQLiteTier):
    """See `Engine` and `VectorReads`.

    Args:
        place: its folder and limits.
        exact_max: vectors of one owner that are searched exactly.
    """

    name = "usearch"
    tested_with = f"usearch 2.26 over {SQLiteTier.tested_with}"

    def __init__(self, place: Place, *, exact_max: int = EXACT_MAX) -> None:
        super().__init__(place, tier="vector", tables={"": _TABLE}, more=vector_index.TABLES)
        self._folder = place.folder
        self._exact_max = exact_max
        self._builders: OrderedDict[int, Builder] = OrderedDict()
        self._matrices: OrderedDict[int, Matrix] = OrderedDict()
        self._mapped: OrderedDict[int, Mapped] = OrderedDict()
        self._cache_lock = threading.RLock()

    def apply(self, batch: Batch) -> None:
        """See `Engine.apply`. Then indexes that should grow do so, a part of the way each time."""
        for item in batch.items:
            vector = item.value.get("vector")
            if not isinstance(vector, bytes) or not vector or len(vector) % 4:
                raise ItemRefused("An item of the vector tier holds no vector.", keys=(item.key,))
        super().apply(batch)
        for scope in sorted({(item.tenant, item.owner) for item in batch.items}):
            self._grow(scope)

    def _erased(self) -> None:
        """Files that hold erased vectors go before the watermark says that they did."""
        with self.link.transaction() as connection:
            vector_index.remove_unpublished(self._folder, connection)
        super()._erased()

    def _forget_ids(self) -> None:
        """An index that grows is of the file that was open, and of nothing rolled back."""
        super()._forget_ids()
        self._builders.clear()

    def wipe(self) -> None:
        """See `Engine.wipe`."""
        super().wipe()
        vector_index.remove_files(self._folder, keep=set())
        with self._cache_lock:
            self._matrices.clear()
            self._mapped.clear()

    def read(self, session_id: str) -> Iterator[Item]:
        """See `Engine.read`: a vector comes from the index where one holds it."""
        statement = (
            f"SELECT i.id, i.scope, c.tenant, c.owner, {_TABLE.selected} FROM vector i"  # noqa: S608
            " LEFT JOIN scope c ON c.id = i.scope"
            " WHERE i.session = (SELECT id FROM session WHERE uuid = ?)"
            " AND (i.position, i.collection, i.part) > (?, ?, ?)"
            f" ORDER BY i.position, i.collection, i.part LIMIT {_READ_ROWS}"
        )
        after: tuple[Any, Any, Any] = (-1, "", "")
        while True:
            with self.link.reading() as connection:
                if connection is None:
                    return
                rows = connection.execute(statement, (session_id, *after)).fetchall()
                checked = self._indexed(connection, [(row[0], row[1]) for row in rows])
            for number, _, tenant, owner, *row in rows:
                item = _TABLE.item(row, session_id=session_id, tenant=tenant, owner=owner)
                if number in checked:
                    vector = checked[number]
                    if vector is None:
                        continue
                    item = _with_vector(item, vector)
                yield item
            if len(rows) < _READ_ROWS:
                return
            after = (rows[-1][4], rows[-1][5], rows[-1][6])

    def _indexed(
        self, connection: Connection, rows: Sequence[tuple[int, int]]
    ) -> dict[int, bytes | None]:
        """What the indexes hold for (row, scope); rows that none should hold are not in it."""
        found: dict[int, bytes | None] = {}
        for scope in {scope for _, scope in rows}:
            facts = vector_index.published(connection, scope)
            if facts is None:
                continue
            mine = [row for row, of in rows if of == scope and row <= facts.through]
            found.update(zip(mine, self._map(facts).vectors(mine), strict=True))
        return found

    def sessions(self) -> Iterator[str]:
        """See `Engine.sessions`. It also compares every index file with what was published."""
        with self.link.reading() as connection:
            scopes = [] if connection is None else connection.execute(_PUBLISHED).fetchall()
            found = [
                facts
                for (scope,) in scopes
                if connection and (facts := vector_index.published(connection, scope))
            ]
        for facts in found:
            vector_index.check(self._folder, facts)
        yield from super().sessions()

    def neighbours(
        self,
        scope: Scope,
        vector: bytes,
        *,
        limit: int,
        sessions: Sequence[str] | None = None,
        without: str | None = None,
    ) -> list[Neighbour]:
        """See `VectorReads.neighbours`. Exact for owners of up to `exact_max` vectors."""
        import numpy as np  # noqa: PLC0415 - heavy

        query = vector_matrix.unit(np.frombuffer(vector, dtype="<f4"))
        if limit <= 0 or not query.any():
            return []
        with self._cache_lock, self.link.reading() as connection:
            if connection is None:
                return []
            number = connection.execute(
                "SELECT id FROM scope WHERE tenant = ? AND owner = ?", (scope.tenant, scope.owner)
            ).get
            if number is None:
                return []
            only = None if sessions is None else self._numbers(connection, sessions)
            left_out = self._numbers(connection, [without]) if without is not None else []
            search = _Search(
                query=query, limit=limit, only=only, without=left_out[0] if left_out else None
            )
            return self._places(connection, self._search(connection, number, search))

    def _search(
        self, connection: Connection, scope: int, search: "_Search"
    ) -> list[tuple[float, int]]:
        facts = vector_index.published(connection, scope)
        mapped = None if facts is None else self._map(facts)
        if mapped is not None and mapped.dimensions != len(search.query):
            mapped = None
        found = [] if mapped is None else self._by_index(connection, mapped, search)
        matrix = self._matrix(
            connection, scope, search, after=mapped.facts.through if mapped else 0
        )
        found += matrix.search(
            search.query, search.limit, sessions=search.only, without=search.without
        )
        return sorted(found, key=lambda each: (-each[0], each[1]))[: search.limit]

    def _by_index(
        self, connection: Connection, mapped: Mapped, search: "_Search"
    ) -> list[tuple[float, int]]:
        """The nearest rows in an index; wider and wider where a filter leaves too few."""
        if search.only is not None and self._is_few(connection, search.only):
            return self._by_session(connection, mapped.facts, search)
        count = max(search.limit * 2, _NEAR_MIN)
        while True:
            rows, scores = mapped.search(search.query, count)
            held = self._sessions_of(connection, rows)
            found = vector_matrix.nearest(
                scores,
                rows,
                held,
                count=search.limit,
                sessions=search.only,
                without=search.without,
            )
            if len(found) >= search.limit or count >= mapped.facts.count:
                return found
            count *= _WIDER

    def _is_few(self, connection: Connection, sessions: Sequence[int]) -> bool:
        """Whether these sessions have few enough vectors to look at each."""
        left = min(_FEW, self._exact_max)
        for session in sessions:
            left -= connection.execute(
                "SELECT count(*) FROM vector WHERE session = ?", (session,)
            ).get
            if left < 0:
                return False
        return True

    def _by_session(
        self, connection: Connection, facts: Published, search: "_Search"
    ) -> list[tuple[float, int]]:
        """Every vector of the wanted sessions that the index holds, exactly."""
        size = len(search.query) * 4
        rows = [
            row
            for session in search.only or ()
            if session != search.without
            for row in connection.execute(
                "SELECT id, session, vector FROM vector"
                " WHERE session = ? AND +scope = ? AND +id <= ? AND length(vector) = ?",
                (session, facts.scope, facts.through, size),
            ).fetchall()
        ]
        if not rows:
            return []
        numbers, held, vectors = vector_matrix.decoded(rows, len(search.query))
        return vector_matrix.nearest(
            vectors @ search.query, numbers, held, count=search.limit, sessions=None, without=None
        )

    def _sessions_of(self, connection: Connection, rows: Any) -> Any:
        import numpy as np  # noqa: PLC0415 - heavy

        marks = ", ".join("?" * len(rows))
        found = dict(
            connection.execute(
                f"SELECT id, session FROM vector WHERE id IN ({marks})",  # noqa: S608 - marks
                tuple(int(row) for row in rows),
            ).fetchall()
        )
        return np.array([found.get(int(row), -1) for row in rows], dtype=np.int64)

    def _numbers(self, connection: Connection, sessions: Sequence[str]) -> list[int]:
        found = (
            connection.execute("SELECT id FROM session WHERE uuid = ?", (each,)).get
            for each in dict.fromkeys(sessions)
        )
        return [number for number in found if number is not None]

    def _places(
        self, connection: Connection, found: Sequence[tuple[float, int]]
    ) -> list[Neighbour]:
        neighbours: list[Neighbour] = []
        for score, row in found:
            place = connection.execute(
                "SELECT s.uuid, i.position, i.part FROM vector i"
                " JOIN session s ON s.id = i.session WHERE i.id = ?",
                (row,),
            ).fetchone()
            if place is not None:
                session_id, position, part = place
                neighbours.append(
                    Neighbour(
                        session_id=session_id,
                        position=position,
                        part=part,
                        score=min(1.0, max(-1.0, score)),
                    )
                )
        return neighbours

    def _matrix(
        self, connection: Connection, scope: int, search: "_Search", *, after: int
    ) -> Matrix:
        """The vectors of a scope that no index holds, up to date."""
        generation = connection.execute(
            "SELECT number FROM generation WHERE scope = ?", (scope,)
        ).get
        facts = (len(search.query), after, generation or 0)
        known = self._matrices.pop(scope, None)
        if known is None or (known.dimensions, known.after, known.generation) != facts:
            known = Matrix(scope, dimensions=facts[0], after=facts[1], generation=facts[2])
        known.catch_up(connection)
        self._matrices[scope] = known
        while len(self._matrices) > 1 and (
            len(self._matrices) > _OWNERS_MAX or self._matrix_bytes() > _MATRIX_BYTES_MAX
        ):
            self._matrices.popitem(last=False)
        return known

    def _matrix_bytes(self) -> int:
        return sum(len(each) * each.dimensions * 4 for each in self._matrices.values())

    def _map(self, facts: Published) -> Mapped:
        with self._cache_lock:
            known = self._mapped.pop(facts.scope, None)
            if known is None or known.facts != facts:
                known = Mapped(self._folder, facts)
            self._mapped[facts.scope] = known
            while len(self._mapped) > _OWNERS_MAX:
                self._mapped.popitem(last=False)
            return known

    def _grow(self, scope: tuple[str, str]) -> None:
        """Bring an owner's index nearer to its rows, and publish it when it has them all."""
        with self.link.writing() as connection:
            number = connection.execute(
                "SELECT id FROM scope WHERE tenant = ? AND owner = ?", scope
            ).get
            facts = vector_index.published(connection, number)
            after, held = (facts.through, facts.count) if facts else (0, 0)
            wanted = max(self._exact_max, held // _GROWTH)
            count = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM vector WHERE scope = ? AND id > ? LIMIT ?)",
                (number, after, wanted + 1),
            ).get
            if count <= wanted:
                return
            builder = self._builder(connection, number, facts)
            if not self._extend(connection, builder):
                return
            fresh = builder.save(self._folder)
        with self.link.transaction() as connection:
            vector_index.publish(connection, fresh)
            vector_index.remove_unpublished(self._folder, connection)

    def _builder(self, connection: Connection, scope: int, facts: Published | None) -> Builder:
        generation = connection.execute(
            "SELECT coalesce((SELECT number FROM generation WHERE scope = ?), 0)", (scope,)
        ).get
        known = self._builders.pop(scope, None)
        if known is None or known.generation != generation:
            known = None if facts is None else Builder.resumed(self._folder, facts)
        if known is None:
            size = connection.execute(
                "SELECT length(vector) FROM vector WHERE scope = ? ORDER BY id DESC LIMIT 1",
                (scope,),
            ).get
            known = Builder(scope=scope, dimensions=size // 4, generation=generation)
        self._builders[scope] = known
        while len(self._builders) > _BUILDERS_MAX:
            self._builders.popitem(last=False)
        return known

    def _extend(self, connection: Connection, builder: Builder) -> bool:
        """Add the next rows; True when all are in it."""
        for _ in range(_BUILT_PER_BATCH // _BUILT_AT_ONCE):
            rows = connection.execute(
                "SELECT id, vector FROM vector WHERE scope = ? AND id > ? AND length(vector) = ?"
                " ORDER BY id LIMIT ?",
                (builder.scope, builder.through, builder.dimensions * 4, _BUILT_AT_ONCE),
            ).fetchall()
            if rows:
                builder.add(rows)
            if len(rows) < _BUILT_AT_ONCE:
                return True
        return not self._lags(connection, builder)

    def _lags(self, connection: Connection, builder: Builder) -> bool:
        newest = connection.execute(
            "SELECT max(id) FROM vector WHERE scope = ? AND length(vector) = ?",
            (builder.scope, builder.dimensions * 4),
        ).get
        return (newest or 0) > builder.through


_PUBLISHED: Final = "SELECT scope FROM published"


class _Search:
    """What is sought.

    Args:
        query: a unit vector.
        limit: at most so many.
        only: only of these sessions, by number; None: of all.
        without: not of this session.
    """

    def __init__(
        self, *, query: Any, limit: int, only: Sequence[int] | None, without: int | None
    ) -> None:
        self.query = query
        self.limit = limit
        self.only = only
        self.without = without


def _with_vector(item: Item, vector: bytes) -> Item:
    """The item as the index holds it."""
    if item.value.get("vector") == vector:
        return item
    return Item(
        collection=item.collection,
        session_id=item.session_id,
        position=item.position,
        part=item.part,
        tenant=item.tenant,
        owner=item.owner,
        sequence=item.sequence,
        recorded_at_us=item.recorded_at_us,
        value={**item.value, "vector": vector},
    )
