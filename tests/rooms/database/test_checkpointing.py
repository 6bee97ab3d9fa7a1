"""The write-ahead log is carried into the file beside the commits."""

import time

import pytest
import sqlalchemy

from novacore import database
from novacore.database.checkpointing import COMMITS

SIZE = 3_000


@pytest.fixture
def opened(tmp_path):
    made = database.Database(tmp_path / "b.db")
    with made.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE said (text BLOB)"))
    yield made
    made.close()


def _say(opened, times):
    for _ in range(times):
        with opened.begin() as connection:
            connection.execute(
                sqlalchemy.text("INSERT INTO said VALUES (zeroblob(:n))"), {"n": SIZE}
            )


def test_what_many_commits_wrote_is_carried_while_the_database_stays_open(opened):
    _say(opened, COMMITS)
    until_s = time.monotonic() + 30
    while opened.place.stat().st_size < SIZE * COMMITS // 2:
        assert time.monotonic() < until_s, "the log was not carried"
        time.sleep(0.01)


def test_a_few_commits_start_no_thread(opened):
    _say(opened, 3)
    assert opened._checkpointing._thread is None


def test_closing_ends_the_thread_and_may_be_done_twice(opened):
    _say(opened, COMMITS)
    opened.close()
    opened.close()
    assert opened._checkpointing._thread is None
