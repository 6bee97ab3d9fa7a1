"""Statements that are compiled once: what each turn and each list asks the database for.

SQLAlchemy takes five times as long to put a statement together as SQLite takes to run it. Its
transactions, its pool and its errors stay; only the text goes to the driver as it is.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy

from novacore import database


class Prepared:
    """Runs statements on one database, each compiled when it is first used.

    Values are given by the names of the statement's `bindparam`s. Rows come as the driver has them:
    SQLite knows no truth values, only 0 and 1.

    Args:
        db: whose transactions they run in.
    """

    def __init__(self, db: database.Database) -> None:
        self._db = db
        self._compiled = functools.lru_cache(maxsize=64)(self._compile)

    def rows(
        self, connection: sqlalchemy.Connection, statement: Any, **values: Any
    ) -> Sequence[Sequence[Any]]:
        """All rows of a query."""
        return self._ran(connection, statement, values, has_rows=True)

    def run(self, connection: sqlalchemy.Connection, statement: Any, **values: Any) -> int:
        """Change rows; how many."""
        return self._ran(connection, statement, values, has_rows=False)

    def run_many(
        self,
        connection: sqlalchemy.Connection,
        statement: Any,
        values: Sequence[Mapping[str, Any]],
    ) -> int:
        """Change rows with each of these values; how many."""
        return sum(self.run(connection, statement, **each) for each in values)

    def _compile(self, statement: Any) -> Any:
        return statement.compile(dialect=self._db.engine.dialect)

    def _ran(
        self,
        connection: sqlalchemy.Connection,
        statement: Any,
        values: dict[str, Any],
        *,
        has_rows: bool,
    ) -> Any:
        compiled = self._compiled(statement)
        given: Any = compiled.params | values
        if compiled.positional:
            given = [given[name] for name in compiled.positiontup]
        text = str(compiled.string)
        return self._db.run_text(connection, text, values=given, has_rows=has_rows)
