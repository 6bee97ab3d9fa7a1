"""Tables that are made without their migrations are those that the migrations make."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from tests import migrated

from novacore import bootstrap, database

pytestmark = pytest.mark.heavy


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> list[str | Path]:
    """Where three empty databases may be."""
    if request.param == "sqlite":
        return [tmp_path / f"{name}.db" for name in "abc"]
    server = request.getfixturevalue("postgres_server")
    return [server.new_schema() for _ in range(3)]


def _facts(place: str | Path) -> dict[str, object]:
    """Every table with its columns, keys, checks and indexes, and the migrations it has had."""
    opened = database.Database(place)
    found = sqlalchemy.inspect(opened.engine)
    facts: dict[str, object] = {}
    for table in found.get_table_names():
        columns = [{**each, "type": repr(each["type"])} for each in found.get_columns(table)]
        facts[table] = [
            columns,
            found.get_pk_constraint(table),
            found.get_foreign_keys(table),
            found.get_unique_constraints(table),
            found.get_check_constraints(table),
            sorted(_index(each) for each in found.get_indexes(table)),
        ]
    with opened.read() as connection:
        facts["had"] = database.find_heads(connection, bootstrap.FOLDERS)
    opened.close()
    return facts


def _index(index: Mapping[str, Any]) -> tuple[str, ...]:
    """What an index says; where it is partial, in words."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str(index["name"]), str(index["column_names"]), str(index["unique"]), str(options)


def test_they_are_the_same_and_nothing_is_left_to_migrate(places):
    first, *others = places
    opened = database.Database(first)
    database.upgrade(opened, bootstrap.FOLDERS)
    opened.close()
    wanted = _facts(first)
    assert len(wanted) > 20
    for each in others:
        migrated.make_business(each)
        assert _facts(each) == wanted
        opened = database.Database(each)
        assert not database.upgrade(opened, bootstrap.FOLDERS).is_changed
        opened.close()


def test_rows_that_migrations_write_are_there_too(places):
    opened = database.Database(places[0])
    database.upgrade(opened, bootstrap.FOLDERS)
    migrated.make_business(places[1])
    migrated.make_business(places[2])
    wanted = _rows(opened)
    opened.close()
    assert wanted
    for place in places[1:]:
        opened = database.Database(place)
        assert _rows(opened) == wanted
        opened.close()


def _rows(opened: database.Database) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table that has some."""
    rows: dict[str, list[tuple[object, ...]]] = {}
    for table in sorted(sqlalchemy.inspect(opened.engine).get_table_names()):
        with opened.read() as connection:
            found = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
        if found:
            rows[table] = sorted(tuple(row) for row in found)
    return rows
