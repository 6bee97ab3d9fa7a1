"""What is done by the clock is done once for each moment, and made up for once after a pause."""

import datetime as dt

import pytest

from novacore.workers.model import DONE, FAILED, NONE, RUNNING
from novacore.workers.schedules import ATTEMPTS_MAX, RETRY_US, Due, RunStore, Schedule, hours

HOUR_MS = 3_600_000


def _us(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        ("2026-11-22T01:59:59Z", "2026-11-21T02:00:00Z"),
        ("2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z"),
        ("2026-11-22T23:59:59Z", "2026-11-22T02:00:00Z"),
        ("2026-03-29T03:30:00Z", "2026-03-29T02:00:00Z"),
    ],
)
def test_a_daily_moment_is_of_utc_whatever_the_season(now, latest):
    schedule = Schedule(name="trial-expiry", do=str, at_us=hours(2))
    assert schedule.latest_us(_us(now)) == _us(latest)


@pytest.fixture
def schedule():
    return Schedule(name="nightly", do=str, at_us=hours(2))


@pytest.fixture
def runs(opened, schedule, clock):
    clock.advance_ms(round(24 * HOUR_MS - clock.now_us() / 1_000 % (24 * HOUR_MS)) + HOUR_MS)
    found = RunStore(opened, [schedule])
    found.prepare()
    return found


def test_a_new_installation_makes_up_for_nothing_and_has_no_data_yet(runs):
    runs.prepare()
    (run,) = runs.list_runs()
    assert (run.state, run.done_at_us, run.told) == (NONE, None, "")
    assert runs.list_due() == []


def test_a_run_is_due_at_its_moment_and_noted(runs, clock, schedule):
    clock.advance_ms(HOUR_MS - 1)
    assert runs.list_due() == []
    clock.advance_ms(1)
    (due,) = runs.list_due()
    assert due == Due(name="nightly", due_at_us=clock.now_us(), attempts=0)
    runs.begin(due)
    (run,) = runs.list_runs()
    assert (run.state, run.began_at_us) == (RUNNING, clock.now_us())
    # It was begun: whoever looks now asks for the same workflow.
    assert runs.list_due() == [due]
    runs.end(due, told="3 plans ended", is_done=True)
    (run,) = runs.list_runs()
    assert (run.state, run.done_at_us, run.told) == (DONE, clock.now_us(), "3 plans ended")
    assert run.next_at_us == due.due_at_us + hours(24)
    assert runs.list_due() == []


def test_a_pause_of_many_days_is_made_up_for_once(runs, clock):
    clock.advance_ms(10 * 24 * HOUR_MS)
    (due,) = runs.list_due()
    runs.begin(due)
    runs.end(due, told="", is_done=True)
    assert runs.list_due() == []


def test_a_run_that_failed_is_tried_again_a_few_times_and_keeps_its_last_good_end(runs, clock):
    clock.advance_ms(2 * HOUR_MS)
    attempts = []
    while due := runs.list_due():
        attempts.append(due[0].attempts)
        runs.begin(due[0])
        runs.end(due[0], told="the disk is full", is_done=False)
        assert runs.list_due() == []
        clock.advance_ms(RETRY_US // 1_000)
    assert attempts == list(range(ATTEMPTS_MAX))
    (run,) = runs.list_runs()
    assert (run.state, run.told, run.done_at_us) == (FAILED, "the disk is full", None)


def test_the_end_of_an_older_run_does_not_end_a_newer_one(runs, clock):
    clock.advance_ms(2 * HOUR_MS)
    (older,) = runs.list_due()
    runs.begin(older)
    clock.advance_ms(24 * HOUR_MS)
    (newer,) = runs.list_due()
    runs.begin(newer)
    runs.end(older, told="late", is_done=True)
    runs.begin(older)
    (run,) = runs.list_runs()
    assert (run.state, run.due_at_us, run.told) == (RUNNING, newer.due_at_us, "")


def test_each_run_and_each_retry_has_a_workflow_of_its_own():
    ids = {
        Due(name=name, due_at_us=due_us, attempts=attempts).workflow
        for name in ("a", "b")
        for due_us in (1, 2)
        for attempts in (0, 1)
    }
    assert len(ids) == 8
