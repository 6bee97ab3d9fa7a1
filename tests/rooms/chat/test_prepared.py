"""Statements that go to the driver as text: the same transactions, errors and slow log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import bindparam
from tests import migrated

from novacore import chat, database
from novacore.chat.prepared import Prepared
from novacore.chat.tables import SESSION

COUNT = sqlalchemy.select(sqlalchemy.func.count()).select_from(SESSION)
RENAME = (
    sqlalchemy.update(SESSION)
    .where(SESSION.c.id == bindparam("session"))
    .values(title=bindparam("new_title"))
)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[database.Database]:
    made = database.Database(tmp_path / "business.db", config=database.Config(slow_ms=1))
    migrated.make_tables(made, (chat.FOLDER,))
    yield made
    made.close()


def row_of(name: str, *, account: str | None = "ada") -> dict[str, object]:
    return {
        "id": name,
        "account_id": account,
        "title": "",
        "title_folded": "",
        "title_by": "",
        "is_pinned": False,
        "is_archived": False,
        "is_deleted": False,
        "model": "",
        "messages": 0,
        "state_sequence": 0,
        "active_stream": None,
        "created_at_us": 1,
        "updated_at_us": 1,
    }


INSERT = sqlalchemy.insert(SESSION).values({name: bindparam(name) for name in row_of("x")})


def test_what_runs_in_a_transaction_that_fails_is_undone_with_it(opened):
    prepared = Prepared(opened)

    def added_and_failed(connection: sqlalchemy.Connection) -> None:
        assert prepared.run_many(connection, INSERT, [row_of("one"), row_of("two")]) == 2
        raise RuntimeError

    with pytest.raises(RuntimeError), opened.begin() as connection:
        added_and_failed(connection)
    with opened.read() as connection:
        assert prepared.rows(connection, COUNT) == [(0,)]


def test_a_statement_takes_its_values_by_name_and_tells_how_many_rows_it_changed(opened):
    prepared = Prepared(opened)
    with opened.begin() as connection:
        prepared.run(connection, INSERT, **row_of("one"))
        assert prepared.run(connection, RENAME, session="one", new_title="Garden") == 1
        assert prepared.run(connection, RENAME, session="none", new_title="Garden") == 0
        found = connection.execute(sqlalchemy.select(SESSION.c.title)).scalars().all()
    assert found == ["Garden"]


def test_what_the_driver_refuses_is_the_same_error_as_by_sqlalchemy(opened):
    prepared = Prepared(opened)
    with pytest.raises(sqlalchemy.exc.IntegrityError), opened.begin() as connection:
        prepared.run(connection, INSERT, **row_of("one", account=None))
    gone = sqlalchemy.select(sqlalchemy.text("1")).select_from(sqlalchemy.table("nowhere"))
    with pytest.raises(database.DatabaseUnavailable), opened.read() as connection:
        prepared.rows(connection, gone)


def test_a_slow_statement_is_counted(opened):
    numbers = sqlalchemy.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
        " SELECT max(i) FROM n"
    )
    before = opened.slow_queries
    with opened.read() as connection:
        assert Prepared(opened).rows(connection, numbers) == [(300_000,)]
    assert opened.slow_queries == before + 1
