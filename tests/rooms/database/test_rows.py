"""Rows go out as a stream and come into any database the same, or not at all."""

import itertools

import pytest
import sqlalchemy

from novacore import billing, database, identity
from novacore.kit import FixedClock

pytestmark = pytest.mark.heavy

FOLDERS = (identity.MIGRATIONS, billing.FOLDER)


@pytest.fixture
def make(request, tmp_path):
    """Makes databases of either kind."""
    numbers = itertools.count()
    made = []

    def of(kind):
        place = tmp_path / f"{next(numbers)}.db"
        if kind == "postgresql":
            place = request.getfixturevalue("postgres_server").new_schema()
        made.append(database.Database(place, clock=FixedClock()))
        return made[-1]

    yield of
    for each in made:
        each.close()


def fill(opened):
    """Rows of every kind of value in every table."""
    database.upgrade(opened, FOLDERS)
    metadata = sqlalchemy.MetaData()
    with opened.begin() as connection:
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if table.name == database.VERSION_TABLE:
                continue
            connection.execute(table.delete())
            for key in ("ann", "ben"):
                connection.execute(table.insert().values(**_row(table, key)))
        connection.execute(metadata.tables["outbox"].update().values(payload="{}"))


def _row(table, key):
    told = {}
    for number, column in enumerate(table.columns):
        kind = column.type.python_type
        unique = len(key) + ord(key[0]) * 100 + number
        if column.name in ("id", "account_id") and kind is str:
            told[column.name] = key
        elif kind is bool:
            told[column.name] = key == "ann"
        elif kind is int:
            told[column.name] = 2**40 + unique if "_us" in column.name else unique
        elif kind is bytes:
            told[column.name] = bytes(range(256))
        else:
            told[column.name] = f"{key} ü \U0001f600 {number}"
    return told


def contents(opened):
    with opened.read() as connection:
        metadata = sqlalchemy.MetaData()
        metadata.reflect(connection)
        return {
            table.name: sorted(map(repr, connection.execute(sqlalchemy.select(table)).all()))
            for table in metadata.sorted_tables
            if not table.name.startswith(("work_executors", "work_leases"))
        }


@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_what_goes_in_is_what_came_out_whatever_the_databases(make, source, target):
    here, there = make(source), make(target)
    fill(here)
    pieces = list(database.dump(here, FOLDERS))
    loaded = database.load(there, pieces, folders=FOLDERS)
    assert contents(there) == contents(here)
    assert loaded == database.sums_of(pieces) == database.sums_of(database.dump(there, FOLDERS))
    assert loaded["identity_account"][0] == 2
    assert "work_executors" not in loaded


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_dump_is_of_one_moment_and_waits_for_no_writer(make, kind):
    here = make(kind)
    fill(here)
    pieces = database.dump(here, FOLDERS)
    first = [next(pieces), next(pieces)]
    with here.begin() as connection:
        connection.exec_driver_sql("DELETE FROM identity_account")
    sums = database.sums_of([*first, *pieces])
    assert sums["identity_account"][0] == 2


def test_rows_of_erased_accounts_are_left_out(make):
    here, there = make("sqlite"), make("sqlite")
    fill(here)
    with here.begin() as connection:
        payload = '{"account_id": "ann"}'
        connection.exec_driver_sql(f"UPDATE outbox SET payload = '{payload}' WHERE id = 'ann'")
    database.load(there, database.dump(here, FOLDERS), folders=FOLDERS, erased=["ann"])
    kept = contents(there)
    for name in ("identity_account", "identity_session", "billing_ledger", "outbox"):
        assert not any("'ann'" in row for row in kept[name]), name
        assert any("'ben'" in row for row in kept[name]), name


def test_bringing_in_again_changes_nothing_and_other_accounts_are_not_overwritten(make):
    here, there = make("sqlite"), make("sqlite")
    fill(here)
    pieces = list(database.dump(here, FOLDERS))
    for _ in range(2):
        database.load(there, pieces, folders=FOLDERS)
    assert contents(there) == contents(here)
    with there.begin() as connection:
        connection.exec_driver_sql("UPDATE identity_account SET id = 'eve' WHERE id = 'ann'")
    before = contents(there)
    with pytest.raises(database.DatabaseUnusable, match="other accounts"):
        database.load(there, pieces, folders=FOLDERS)
    assert contents(there) == before


@pytest.mark.parametrize("damage", ["cut", "changed", "mixed", "empty"])
def test_a_dump_that_is_not_what_was_written_brings_in_nothing(make, damage):
    here, there = make("sqlite"), make("sqlite")
    fill(here)
    pieces = list(database.dump(here, FOLDERS))
    pieces = {
        "cut": pieces[:-1],
        "changed": [piece.replace(b"ann", b"ana") for piece in pieces],
        "mixed": [*pieces[:3], *pieces[4:]],
        "empty": [],
    }[damage]
    with pytest.raises(database.DatabaseError):
        database.load(there, pieces, folders=FOLDERS)
    if damage != "empty":
        assert contents(there)["identity_account"] == []


def test_older_rows_come_into_a_newer_release_and_newer_ones_are_refused(make, tmp_path):
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "0001_thing.py").write_text(_THING)
    here, there = make("sqlite"), make("sqlite")
    database.upgrade(here, [newer])
    with here.begin() as connection:
        connection.exec_driver_sql("INSERT INTO thing_one VALUES ('a')")
    pieces = list(database.dump(here, [newer]))
    (newer / "0002_thing.py").write_text(_CHANGED)
    database.load(there, pieces, folders=[newer])
    with there.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM thing_one").all() == [("a",)]
    database.upgrade(there, [newer])
    with there.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM thing_one").all() == [("a", "new")]
    with pytest.raises(database.DatabaseTooNew):
        database.load(make("sqlite"), pieces, folders=[])


_THING = """
import sqlalchemy as sa
from alembic import op

revision = "thing_0001"
down_revision = None
branch_labels = ("thing",)
depends_on = None


def upgrade():
    op.create_table("thing_one", sa.Column("id", sa.Text, primary_key=True))
"""
_CHANGED = """
import sqlalchemy as sa
from alembic import op

revision = "thing_0002"
down_revision = "thing_0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column(
        "thing_one", sa.Column("kind", sa.Text, nullable=False, server_default="new")
    )
"""
