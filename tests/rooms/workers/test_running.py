"""Workers carry rows out step by step, at once where this process caused them, and end cleanly."""

import threading
import time

import pytest
from tests.rooms.workers.conftest import QUICK, make_running, put, rows

from novacore import database, kit, workers
from novacore.workers import status
from novacore.workers.beats import Beats
from novacore.workers.schedules import RunStore, Schedule

LIMIT_S = 30.0


@pytest.fixture
def clock():
    return kit.SystemClock()


@pytest.fixture
def working(opened, place):
    """Starts workers; they are stopped at the end."""
    started = []

    def start(kinds, **options):
        running = make_running(opened, place, kinds, **options)
        opened.listen(running.wake)
        running.start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


def until(condition):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.005)


def states(opened):
    return {key: row["state"] for key, row in rows(opened).items()}


def test_the_steps_of_a_row_are_done_in_order_with_what_it_says(opened, working):
    seen = []
    working(
        {"work": [
            ("one", lambda job: seen.append(("one", job.id, job.payload["n"]))),
            ("two", lambda job: seen.append(("two", job.id, job.payload["n"]))),
        ]},
        poll_ms=60_000,
    )  # fmt: skip
    put(opened, "a", n=5)
    until(lambda: states(opened) == {"a": "done"})
    assert seen == [("one", "a", 5), ("two", "a", 5)]


def test_rows_that_another_process_caused_are_found_by_looking(opened, place, working):
    working({"work": [("one", lambda job: None)]})
    other = database.Database(place)
    put(other, "a")
    other.close()
    until(lambda: states(opened) == {"a": "done"})


def test_no_more_rows_run_at_once_than_is_set(opened, working):
    lock, running, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def step(job):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 2:
                full.set()
        assert full.wait(LIMIT_S)
        with lock:
            running[0] -= 1

    put(opened, *(f"row-{number}" for number in range(8)))
    working({"work": [("one", step)]})
    until(lambda: set(states(opened).values()) == {"done"})
    assert most[0] == 2


def test_what_is_not_possible_now_is_tried_again_from_its_first_step(opened, working):
    seen = []

    def one(job):
        seen.append("one")

    def two(job):
        seen.append("two")
        if seen.count("two") == 1:
            raise workers.WorkFailed("The mail server is away.")

    working({"work": [("one", one), ("two", two)]})
    put(opened, "a")
    until(lambda: states(opened) == {"a": "done"})
    assert seen == ["one", "two", "one", "two"]
    assert rows(opened)["a"]["attempts"] == 1


def test_what_goes_on_failing_is_given_up_and_shown(opened, working):
    def fail(job):
        raise workers.WorkFailed("The mail server is away.")

    working({"work": [("one", fail)]})
    put(opened, "a")
    until(lambda: states(opened) == {"a": "dead"})
    row = rows(opened)["a"]
    assert row["attempts"] == QUICK.attempts_max
    told = _status(opened)
    assert (told.dead, told.waiting, told.state) == (1, 0, "degraded")
    assert told.problem == "WorkFailed: The mail server is away."


@pytest.mark.parametrize("error", [workers.WorkUnknown, workers.WorkUnsound])
def test_what_can_not_succeed_is_not_tried_again(opened, working, error):
    def fail(job):
        raise error

    working({"work": [("one", fail)]})
    put(opened, "a")
    until(lambda: states(opened) == {"a": "dead"})
    assert rows(opened)["a"]["attempts"] == 1


def test_an_error_of_the_program_is_recorded_and_does_not_end_the_worker(opened, working):
    def fail(job):
        raise KeyError("oops")

    working({"work": [("one", fail)], "fine": [("one", lambda job: None)]})
    put(opened, "a")
    until(lambda: states(opened) == {"a": "dead"})
    assert "KeyError" in rows(opened)["a"]["problem"]
    put(opened, "b", kind="fine")
    until(lambda: states(opened) == {"a": "dead", "b": "done"})


def test_stopping_waits_for_what_was_begun_and_begins_nothing_more(opened, working):
    begun, go = threading.Event(), threading.Event()

    def step(job):
        begun.set()
        assert go.wait(LIMIT_S)

    running = working({"work": [("one", step)]}, concurrency=1)
    put(opened, "a")
    assert begun.wait(LIMIT_S)
    put(opened, "b")
    ending = threading.Thread(target=running.stop)
    ending.start()
    go.set()
    ending.join(LIMIT_S)
    assert states(opened) == {"a": "done", "b": "waiting"}
    assert [each.is_alive for each in _status(opened).executors] == [False]


def test_the_next_start_goes_on_with_what_was_left(opened, place):
    begun, go = threading.Event(), threading.Event()

    def held(job):
        begun.set()
        go.wait(LIMIT_S)

    first = make_running(opened, place, {"work": [("one", held)]}, executor="old", drain_ms=0)
    first.start()
    put(opened, "a", "b", "c")
    first.wake()
    assert begun.wait(LIMIT_S)
    assert not first.stop()
    done = []
    second = make_running(
        opened, place, {"work": [("one", lambda job: done.append(job.id))]}, executor="new"
    )
    second.start()
    until(lambda: set(states(opened).values()) == {"done"})
    go.set()
    second.stop()
    assert sorted(set(done)) == ["a", "b", "c"]


def test_what_an_older_release_left_begins_anew_once_none_of_it_lives(opened, place, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def held(job):
        begun.set()
        go.wait(LIMIT_S)

    older = make_running(opened, place, {"work": [("one", held)]}, executor="old", drain_ms=0)
    older.start()
    put(opened, "a")
    older.wake()
    assert begun.wait(LIMIT_S)
    older.stop()
    monkeypatch.setattr("novacore.workers.durable.VERSION", "2")
    monkeypatch.setattr("novacore.workers.running.VERSION", "2")
    living = Beats(opened, executor="lives", version="1", dead_after_ms=60_000)
    living.beat()
    done = []
    newer = make_running(
        opened, place, {"work": [("one", lambda job: done.append(job.id))]}, executor="new",
        # Nobody else looks: what follows is asked for here.
        beat_ms=30_000, dead_after_ms=60_000, lease_ms=600_000,
    )  # fmt: skip
    newer.start()
    # One of the older release lives, and may be at it: nothing is taken from it.
    newer._take_care()
    assert rows(opened)["a"]["state"] == "claimed"
    living.end()
    newer._take_care()
    newer.wake()
    until(lambda: states(opened) == {"a": "done"})
    go.set()
    newer.stop()
    assert done == ["a"]
    assert rows(opened)["a"]["attempts"] == 1


def test_one_process_has_one_set_of_workers(opened, place, working):
    working({})
    with pytest.raises(workers.WorkRunning):
        make_running(opened, place, {}, executor="other").start()


def test_a_schedule_runs_at_its_moment_and_says_what_it_did(opened, place, working):
    schedule = Schedule(name="often", do=lambda: "5 things moved", every_us=200_000)
    working({}, schedules=[schedule])
    runs = RunStore(opened, [schedule])
    until(lambda: runs.list_runs()[0].done_at_us is not None)
    assert runs.list_runs()[0].told == "5 things moved"


def test_a_schedule_that_fails_says_why(opened, working):
    def fail():
        raise workers.WorkFailed("No backup: the disk is full.")

    schedule = Schedule(name="often", do=fail, every_us=500_000)
    working({}, schedules=[schedule])
    runs = RunStore(opened, [schedule])
    until(lambda: runs.list_runs()[0].state == "failed")
    assert "the disk is full" in runs.list_runs()[0].told
    # The next run may be under way just then.
    until(lambda: _status(opened, [schedule]).state == "degraded")


def test_status_tells_no_data_from_down(opened, place):
    # On a busy machine a beat is late, and nobody is dead for that.
    patient = 30_000
    assert _status(opened).state == "no data"
    running = make_running(opened, place, {}, dead_after_ms=patient)
    running.start()
    assert _status(opened, dead_after_ms=patient).state == "ok"
    running.stop()
    put(opened, "a")
    told = _status(opened, dead_after_ms=patient)
    assert (told.state, told.waiting) == ("down", 1)
    assert told.oldest_age_us is not None


def _status(opened, schedules=(), *, dead_after_ms=QUICK.dead_after_ms):
    beats = Beats(opened, executor="", version="1", dead_after_ms=dead_after_ms)
    return status.read(opened, beats=beats, runs=RunStore(opened, schedules))
