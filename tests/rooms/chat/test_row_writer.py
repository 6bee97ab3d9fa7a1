"""Writes that share a commit: all that came are done, and one that fails fails alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import exc
from tests import migrated

from novacore import chat, database, kit
from novacore.chat.row_writer import RowWriter

ROW = (
    "INSERT INTO chat_feedback (session_id, position, account_id, rating, comment, at_us) "
    "VALUES ('s', :at, 'ada', 'up', '', 0)"
)


@pytest.fixture
def db(tmp_path: Path, clock: kit.FixedClock) -> Iterator[database.Database]:
    opened = database.Database(tmp_path / "business.db", clock=clock)
    migrated.make_tables(opened, [chat.FOLDER])
    yield opened
    opened.close()


def put(writer: RowWriter, at: int) -> int:
    return writer.run(
        lambda connection: connection.execute(sqlalchemy.text(ROW), {"at": at}).rowcount
    )


def count(db: database.Database) -> int:
    with db.read() as connection:
        return connection.execute(
            sqlalchemy.text("SELECT count(*) FROM chat_feedback")
        ).scalar_one()


def test_every_writer_finds_its_write_committed(db: database.Database) -> None:
    writer = RowWriter(db)

    def write(at: int) -> bool:
        put(writer, at)
        return count(db) > 0

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(write, range(200)))
    assert count(db) == 200


def test_a_write_that_fails_fails_alone(db: database.Database) -> None:
    writer = RowWriter(db)
    put(writer, 7)

    def write(at: int) -> str:
        try:
            put(writer, at)
        except exc.IntegrityError:
            return "refused"
        return "written"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(write, [7, *range(100, 140), 7]))
    assert found == ["refused", *["written"] * 40, "refused"]
    assert count(db) == 41
