"""The tables of accounts, usage and chat in a fresh database, without working them out again.

What the migrations say to a database is the same each time: it is heard once in a process, and said
again to the next one. `database.upgrade` then finds nothing to do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy

from novacore import bootstrap, database

_HEARD: dict[tuple[str, tuple[Path, ...]], list[tuple[str, Any]]] = {}


def make_tables(opened: database.Database, folders: Sequence[Path]) -> None:
    """Bring an empty database to the newest migrations of these rooms."""
    key = opened.engine.dialect.name, tuple(folders)
    if key not in _HEARD:
        _HEARD[key] = _upgrade(opened, folders)
        return
    with opened.begin() as connection:
        for statement, parameters in _HEARD[key]:
            connection.exec_driver_sql(statement, parameters or None)


def make_business(place: str | Path) -> None:
    """An empty business database with the tables of every room, at this file or URL."""
    if isinstance(place, Path):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = database.Database(place)
    try:
        make_tables(opened, bootstrap.FOLDERS)
    finally:
        opened.close()


def _upgrade(opened: database.Database, folders: Sequence[Path]) -> list[tuple[str, Any]]:
    """Run the migrations; what they wrote, as the driver was told."""
    heard: list[tuple[str, Any]] = []

    def listen(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            heard.append((statement, parameters))

    sqlalchemy.event.listen(opened.engine, "before_cursor_execute", listen)
    try:
        database.upgrade(opened, folders)
    finally:
        sqlalchemy.event.remove(opened.engine, "before_cursor_execute", listen)
    return heard
