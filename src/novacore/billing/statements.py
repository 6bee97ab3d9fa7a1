"""Prepared SQL text for both databases: the hot path compiles nothing.

Statements are written with `?`; PostgreSQL's driver wants `%s`. A list of values becomes an `IN`
with 1, 4, 16 … marks, the last value repeated, so that there are few texts and each stays prepared.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy

from novacore.database import Database

_SIZES: Final = (1, 4, 16, 64, 256)
_ROWS: Final = 256
"""How many rows one INSERT has at most."""


class SQL:
    """Runs statements on one kind of database.

    They go to the driver itself: SQLAlchemy's way costs five times what SQLite takes to run them.
    Its transactions, its pool and its errors stay.
    """

    def __init__(self, database: Database) -> None:
        self.is_sqlite = database.is_sqlite
        self._database = database
        self._spelled = functools.lru_cache(maxsize=512)(self._spell)
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
