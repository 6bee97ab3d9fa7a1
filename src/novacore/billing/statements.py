"""Prepared SQL text for both databases: the hot path compiles nothing.

Statements are written with `?`; PostgreSQL's driver wants `%s`. A list of values becomes an `IN`
with 1, 4, 16 … marks, the last value repeated, so that there are few texts and each stays prepared.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy

from novacore.database import Database

_SIZES: Final = (1, 4, 16, 64, 256)
LIST_MAX: Final = _SIZES[-1]
"""The longest list of values."""
_ROWS: Final = 256
"""How many rows one INSERT has at most."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A query that is asked together with others."""

    text: str
    columns: int
    """How many it gives; none of them bytes or fractions."""
    values: tuple[Any, ...]
    """As `SQL.rows` takes them."""


_ROWS_OF: Final = msgspec.json.Decoder(list[list[Any]])


class SQL:
    """Runs statements on one kind of database.

    They go to the driver itself: SQLAlchemy's way costs five times what SQLite takes to run them.
    Its transactions, its pool and its errors stay.
    """

    def __init__(self, database: Database) -> None:
        self.is_sqlite = database.is_sqlite
        self._database = database
        self._spelled = functools.lru_cache(maxsize=512)(self._spell)
        self._packed = functools.lru_cache(maxsize=512)(self._pack)
        self._multiplied = functools.lru_cache(maxsize=512)(self._multiply)

    def rows(
        self, connection: sqlalchemy.Connection, text: str, *values: Any
    ) -> Sequence[Sequence[Any]]:
        """All rows of a query; a list among the values stands for a `(??)` in the text."""
        sizes, flat = _flattened(values)
        return self._ran(connection, self._spelled(text, sizes), flat, has_rows=True)

    def row(
        self, connection: sqlalchemy.Connection, text: str, *values: Any
    ) -> Sequence[Any] | None:
        """The first row, or None."""
        found = self.rows(connection, text, *values)
        return found[0] if found else None

    def rows_of(
        self, connection: sqlalchemy.Connection, *queries: "Query"
    ) -> list[Sequence[Sequence[Any]]]:
        """The rows of several queries, as `rows` gives those of one.

        SQLite answers them all in one row of JSON: the interpreter is given away for each row
        that is fetched, and where much else runs it takes longer to get back than to read.
        """
        if not self.is_sqlite:
            return [self.rows(connection, each.text, *each.values) for each in queries]
        flattened = [_flattened(each.values) for each in queries]
        shape = tuple(
            (each.text, each.columns, sizes)
            for each, (sizes, _) in zip(queries, flattened, strict=True)
        )
        flat = [value for _, values in flattened for value in values]
        [row] = self._ran(connection, self._packed(shape), flat, has_rows=True)
        return [_ROWS_OF.decode(each) for each in row]

    def _pack(self, shape: "tuple[tuple[str, int, tuple[int, ...]], ...]") -> str:
        tables: list[str] = []
        packed: list[str] = []
        for at, (text, columns, sizes) in enumerate(shape):
            names = ", ".join(f"c{number}" for number in range(columns))
            tables.append(f"q{at}({names}) AS ({self._spell(text, sizes)})")
            packed.append(f"(SELECT json_group_array(json_array({names})) FROM q{at})")  # noqa: S608 - our own names
        return f"WITH {', '.join(tables)} SELECT {', '.join(packed)}"

    def run(self, connection: sqlalchemy.Connection, text: str, *values: Any) -> int:
        """Change rows; how many."""
        sizes, flat = _flattened(values)
        return self._ran(connection, self._spelled(text, sizes), flat, has_rows=False)

    def insert(
        self, connection: sqlalchemy.Connection, text: str, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows by a text of `inserted` or `added`, many to a statement; none is fine.

        Each statement gives the interpreter away and has to get it back: few of them count for
        more than what they do.
        """
        for some in chunks(rows, _ROWS):
            flat = [value for row in some for value in row]
            self._ran(connection, self._multiplied(text, len(some)), flat, has_rows=False)

    def for_update(self) -> str:
        """What keeps a read row from others; SQLite's writers are alone anyway."""
        return "" if self.is_sqlite else " FOR UPDATE"

    def _ran(
        self, connection: sqlalchemy.Connection, text: str, values: list[Any], *, has_rows: bool
    ) -> Any:
        """The rows, or how many were changed."""
        return self._database.run_text(connection, text, values=values, has_rows=has_rows)

    def _multiply(self, text: str, size: int) -> str:
        head, _, rest = text.partition(" VALUES ")
        marks, _, tail = rest.partition(")")
        return self._spell(f"{head} VALUES {', '.join([marks + ')'] * size)}{tail}", ())

    def _spell(self, text: str, sizes: tuple[int, ...]) -> str:
        for size in sizes:
            text = text.replace("(??)", f"({', '.join('?' * size)})", 1)
        return text if self.is_sqlite else text.replace("?", "%s")


def inserted(table: sqlalchemy.Table, *, or_nothing: bool = False) -> str:
    """An INSERT with every column of the table, in its order."""
    names = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    tail = " ON CONFLICT DO NOTHING" if or_nothing else ""
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks}){tail}"  # noqa: S608 - our own names


def added(table: sqlalchemy.Table) -> str:
    """An INSERT that adds to the numbers of a row that is there already."""
    keys = [column.name for column in table.primary_key]
    sums = [column.name for column in table.columns if column.name not in keys]
    changes = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
    return f"{inserted(table)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"


def chunks(values: Iterable[Any], size: int = _SIZES[-1]) -> Iterable[list[Any]]:
    """Lists that fit into one `IN`."""
    every = list(values)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _flattened(values: tuple[Any, ...]) -> tuple[tuple[int, ...], list[Any]]:
    sizes: list[int] = []
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list):
            size = next(each for each in _SIZES if each >= len(value))
            sizes.append(size)
            flat += value + [value[-1]] * (size - len(value))
        else:
            flat.append(value)
    return tuple(sizes), flat
