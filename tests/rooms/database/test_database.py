"""The business database: transactions, migrations, outbox, on SQLite and PostgreSQL."""

import contextlib
import json
import logging
import threading

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from novacore import database, kit


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request, tmp_path):
    place = tmp_path / "business.db"
    if request.param == "postgresql":
        place = request.getfixturevalue("postgres_server").new_schema()
    found = database.Database(place)
    yield found
    found.close()


def _rows(opened, table=database.OUTBOX):
    with opened.read() as connection:
        return connection.execute(sqlalchemy.select(table)).mappings().all()


def test_what_a_transaction_wrote_is_there_after_it_and_not_after_an_error(opened):
    database.upgrade(opened, [])
    with opened.begin() as connection:
        database.put(connection, "mail", payload={"to": "a@example.org"}, now_us=5, id="one")
    with contextlib.suppress(ZeroDivisionError), opened.begin() as connection:
        database.put(connection, "mail", payload={"to": "b@example.org"}, now_us=6, id="two")
        raise ZeroDivisionError
    rows = _rows(opened)
    assert [(row["id"], row["state"], row["due_at_us"]) for row in rows] == [("one", "waiting", 5)]
    assert json.loads(rows[0]["payload"]) == {"to": "a@example.org"}


def test_a_consequence_of_the_same_id_is_noted_once(opened):
    database.upgrade(opened, [])
    for _ in range(2):
        with opened.begin() as connection:
            database.put(connection, "mail", payload={}, now_us=5, id="warned/2026-11-22")
    assert len(_rows(opened)) == 1


def test_listeners_hear_of_a_put_after_its_commit_and_of_no_other(opened):
    database.upgrade(opened, [])
    seen = []
    opened.listen(lambda: seen.append(len(_rows(opened))))
    with opened.begin() as connection:
        database.put(connection, "mail", payload={}, now_us=1)
        assert seen == []
    with opened.begin() as connection:
        connection.execute(database.OUTBOX.update().values(state="done"))
    assert seen == [1]


def test_writers_take_turns_instead_of_failing(opened):
    database.upgrade(opened, [])
    with opened.begin() as connection:
        database.put(connection, "count", payload={}, now_us=1, id="it")

    def raise_it():
        for _ in range(20):
            with opened.begin() as connection:
                connection.execute(
                    database.OUTBOX.update().values(attempts=database.OUTBOX.c.attempts + 1)
                )

    threads = [threading.Thread(target=raise_it) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _rows(opened)[0]["attempts"] == 80


def test_many_processes_that_migrate_at_once_migrate_once(opened):
    results, problems = [], []

    def migrate():
        mine = database.Database(opened.place)
        try:
            results.append(database.upgrade(mine, []))
        except Exception as error:  # noqa: BLE001 - the test tells of every one
            problems.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert problems == []
    assert {each.after for each in results} == {("database_0001",)}
    assert _rows(opened) == []


def test_an_existing_database_is_backed_up_before_it_is_changed(opened, tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_more.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = 'more_0001'\ndown_revision = None\n"
        "branch_labels = ('more',)\ndepends_on = None\n"
        "def upgrade():\n    op.create_table('more', sa.Column('id', sa.Text, primary_key=True))\n"
    )
    calls = []
    database.upgrade(opened, [], before_change=lambda: calls.append("new"))
    done = database.upgrade(opened, [folder], before_change=lambda: calls.append("older"))
    again = database.upgrade(opened, [folder], before_change=lambda: calls.append("again"))
    assert calls == ["older"]
    assert (done.before, done.after) == (("database_0001",), ("database_0001", "more_0001"))
    assert (done.is_changed, again.is_changed) == (True, False)


def test_a_database_of_a_newer_release_is_refused_and_left_alone(opened):
    database.upgrade(opened, [])
    with opened.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {database.VERSION_TABLE} SET version_num = 'far_0009'")
    with pytest.raises(database.DatabaseTooNew, match="far_0009"):
        database.upgrade(opened, [])


def test_the_tables_are_those_that_the_migrations_make(opened):
    database.upgrade(opened, [])
    with opened.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": database.VERSION_TABLE}
        )
        assert compare_metadata(context, database.METADATA) == []


def test_the_clock_is_the_given_one_or_the_databases(opened):
    with opened.read() as connection:
        assert abs(opened.now_us(connection) - kit.SystemClock().now_us()) < 60_000_000
    fixed = database.Database(opened.place, clock=kit.FixedClock(77))
    with fixed.read() as connection:
        assert fixed.now_us(connection) == 77
    fixed.close()


def test_a_slow_query_is_counted_and_logged_without_its_values(tmp_path, caplog):
    slow = database.Database(tmp_path / "b.db", config=database.Config(slow_ms=1))
    busy = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
        "SELECT count(*), :secret FROM n"
    )
    with caplog.at_level(logging.WARNING), slow.read() as connection:
        connection.execute(sqlalchemy.text(busy), {"secret": "hunter2"})
    slow.close()
    assert slow.slow_queries == 1
    assert "RECURSIVE" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_long_wait_for_the_turn_to_write_counts_as_slow(tmp_path):
    opened = database.Database(tmp_path / "b.db", config=database.Config(slow_ms=50))

    def write() -> None:
        with opened.begin():
            pass

    waits = threading.Thread(target=write)
    with opened.begin():
        waits.start()
        waits.join(0.2)
    waits.join()
    assert opened.slow_queries == 1
    opened.close()


def test_the_file_can_be_read_by_its_owner_alone(tmp_path):
    opened = database.Database(tmp_path / "data" / "business.db")
    database.upgrade(opened, [])
    with opened.begin() as connection:
        database.put(connection, "mail", payload={}, now_us=1)
        modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "data").iterdir()}
    opened.close()
    assert modes
    assert set(modes.values()) == {0o600}


def test_a_database_that_is_away_is_said_so(tmp_path):
    gone = database.Database(
        f"postgresql://nobody@/none?host={tmp_path}", config=database.Config(wait_ms=100)
    )
    with pytest.raises(database.DatabaseUnavailable, match="can't be used now"), gone.read():
        pass
    gone.close()


def test_a_place_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(database.DatabaseUnusable, match="can't be made"):
        database.Database(tmp_path / "file" / "business.db")


def test_after_a_write_that_failed_the_next_one_writes(opened):
    database.upgrade(opened, [])
    for number in range(3):
        with contextlib.suppress(ZeroDivisionError), opened.begin() as connection:
            database.put(connection, "mail", payload={}, now_us=1, id=f"lost {number}")
            raise ZeroDivisionError
        with opened.begin() as connection:
            database.put(connection, "mail", payload={}, now_us=1, id=f"kept {number}")
    assert {row["id"] for row in _rows(opened)} == {"kept 0", "kept 1", "kept 2"}


def test_with_one_connection_there_is_one_to_write_and_then_one_to_read(tmp_path):
    config = database.Config(connections_max=1, wait_ms=1_000)
    opened = database.Database(tmp_path / "business.db", config=config)
    try:
        database.upgrade(opened, [])
        for number in range(2):
            with opened.begin() as connection:
                database.put(connection, "mail", payload={}, now_us=1, id=f"{number}")
            assert len(_rows(opened)) == number + 1
    finally:
        opened.close()
