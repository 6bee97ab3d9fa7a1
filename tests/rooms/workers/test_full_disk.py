"""A disk that fills up while work is noted or carried out loses none of it."""

import contextlib
import resource
import time

import pytest
from tests.rooms.workers.conftest import make_running, put, rows

from novacore import database, kit

SIZE = 8_000_000


@pytest.fixture
def clock():
    return kit.SystemClock()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "business.db"


@contextlib.contextmanager
def full_disk(size):
    """No file grows beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_can_not_be_noted_is_refused_whole_and_what_was_noted_stays(opened):
    put(opened, "before")
    with full_disk(4_096), pytest.raises(database.DatabaseUnavailable):
        put(opened, *(f"row-{number}" for number in range(200)), text="x" * 1_000)
    assert rows(opened).keys() == {"before"}
    put(opened, "after")
    assert rows(opened).keys() == {"before", "after"}


def test_work_that_met_a_full_disk_is_done_when_there_is_room_again(opened, place, tmp_path):
    seen = []

    def write(job):
        (tmp_path / job.id).write_bytes(b"x" * SIZE)
        seen.append(job.id)

    running = make_running(
        opened, place, {"work": [("write", write)]}, attempts_max=1_000, backoff_max_ms=100
    )
    running.start()
    # The databases stay far below it.
    with full_disk(SIZE - 1):
        put(opened, "a", "b")
        _until(lambda: any(row["problem"] for row in rows(opened).values()))
    _until(lambda: {row["state"] for row in rows(opened).values()} == {"done"})
    running.stop()
    assert sorted(set(seen)) == ["a", "b"]
    assert (tmp_path / "a").stat().st_size == SIZE


def _until(condition):
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.01)
