"""What is done by the clock: when each schedule is due, and what became of its last run.

A machine that was off at the moment makes up for it once it is on again, once, however many moments
it missed. A run has the id of its moment, so however many processes look, it happens once.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy import exc, select, update

from novacore import database
from novacore.database import RUNS
from novacore.workers.carrying import attempt
from novacore.workers.durable import run_step
from novacore.workers.model import DONE, FAILED, NONE, RUNNING, Run

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
_TOLD_MAX: Final = 500
RETRY_US: Final = _HOUR_US // 4
"""How long after a failure a run is tried again."""
ATTEMPTS_MAX: Final = 8
"""So often; then it waits for its next moment."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """Something that is done again and again."""

    name: str
    do: Callable[[], str]
    """Does it, again and again without harm, and says what was done."""
    at_us: int = 0
    """When, after midnight UTC; with a shorter period: after each multiple of it."""
    every_us: int = _DAY_US

    def latest_us(self, now_us: int) -> int:
        """The last moment that is not after now."""
        return (now_us - self.at_us) // self.every_us * self.every_us + self.at_us


def hours(hour: float) -> int:
    """So many hours, in microseconds."""
    return round(hour * _HOUR_US)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Due:
    """A run that is to begin."""

    name: str
    due_at_us: int
    attempts: int

    @property
    def workflow(self) -> str:
        """The id of its workflow."""
        return f"schedule/{self.name}/{self.due_at_us}/{self.attempts}"


class RunStore:
    """The last run of each schedule, in the database."""

    def __init__(self, opened: database.Database, schedules: Sequence[Schedule]) -> None:
        self._database = opened
        self._schedules = {each.name: each for each in schedules}

    def prepare(self) -> None:
        """Make a row for each schedule that has none: what was due before then is not made up."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            known = set(connection.execute(select(RUNS.c.name)).scalars())
            for name in sorted(self._schedules.keys() - known):
                row = {
                    "name": name,
                    "due_at_us": self._schedules[name].latest_us(now_us),
                    "state": NONE,
                    "attempts": 0,
                    "told": "",
                }
                try:
                    with connection.begin_nested():
                        connection.execute(RUNS.insert().values(**row))
                except exc.IntegrityError:
                    continue  # another process was first

    def list_due(self) -> list[Due]:
        """What is to begin now, or was begun and may have been left."""
        found: list[Due] = []
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            for row in connection.execute(select(RUNS)).all():
                schedule = self._schedules.get(row.name)
                if schedule is not None and (due := _due(schedule, row, now_us)):
                    found.append(due)
        return found

    def begin(self, due: Due) -> None:
        """A run begins."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            connection.execute(
                update(RUNS)
                .where(RUNS.c.name == due.name, RUNS.c.due_at_us <= due.due_at_us)
                .values(
                    due_at_us=due.due_at_us,
                    state=RUNNING,
                    attempts=due.attempts,
                    began_at_us=now_us,
                    ended_at_us=None,
                )
            )

    def end(self, due: Due, *, told: str, is_done: bool) -> None:
        """A run has ended."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            values: dict[str, Any] = {"state": DONE if is_done else FAILED, "ended_at_us": now_us}
            if is_done:
                values["done_at_us"] = now_us
            connection.execute(
                update(RUNS)
                .where(
                    RUNS.c.name == due.name,
                    RUNS.c.due_at_us == due.due_at_us,
                    RUNS.c.attempts == due.attempts,
                    RUNS.c.state == RUNNING,
                )
                .values(told=told[:_TOLD_MAX], **values)
            )

    def list_runs(self) -> list[Run]:
        """Every schedule with its last run."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            rows = {row.name: row for row in connection.execute(select(RUNS)).all()}
        return [_run(each, rows.get(each.name), now_us) for each in self._schedules.values()]


def _due(schedule: Schedule, row: "sqlalchemy.Row[Any]", now_us: int) -> Due | None:
    latest_us = schedule.latest_us(now_us)
    if row.due_at_us < latest_us:
        return Due(name=row.name, due_at_us=latest_us, attempts=0)
    if row.state == RUNNING:
        return Due(name=row.name, due_at_us=row.due_at_us, attempts=row.attempts)
    is_late = row.state == FAILED and (row.ended_at_us or 0) + RETRY_US <= now_us
    if is_late and row.attempts + 1 < ATTEMPTS_MAX:
        return Due(name=row.name, due_at_us=row.due_at_us, attempts=row.attempts + 1)
    return None


def _run(schedule: Schedule, row: "sqlalchemy.Row[Any] | None", now_us: int) -> Run:
    next_at_us = schedule.latest_us(now_us) + schedule.every_us
    if row is None:
        return Run(
            name=schedule.name, state=NONE, due_at_us=0, next_at_us=next_at_us, attempts=0,
            began_at_us=None, ended_at_us=None, done_at_us=None, told="",
        )  # fmt: skip
    return Run(
        name=row.name, state=row.state, due_at_us=row.due_at_us, next_at_us=next_at_us,
        attempts=row.attempts, began_at_us=row.began_at_us, ended_at_us=row.ended_at_us,
        done_at_us=row.done_at_us, told=row.told,
    )  # fmt: skip


class Clockwork:
    """Carries out runs of schedules.

    Args:
        runs: where runs are noted.
        schedules: what is done, and when.
    """

    def __init__(self, runs: RunStore, schedules: Sequence[Schedule]) -> None:
        self._runs = runs
        self._schedules = {each.name: each for each in schedules}

    def run(self, name: str, due_at_us: int, attempts: int) -> None:
        """The workflow of a run."""
        schedule = self._schedules.get(name)
        if schedule is None:
            return
        run_step("begin", self._begin, name, due_at_us, attempts)
        outcome = run_step("do", _do, schedule)
        run_step("end", self._end, name, due_at_us, attempts, outcome)

    def _begin(self, name: str, due_at_us: int, attempts: int) -> None:
        self._runs.begin(Due(name=name, due_at_us=due_at_us, attempts=attempts))

    def _end(self, name: str, due_at_us: int, attempts: int, outcome: dict[str, Any]) -> None:
        told = outcome.get("problem") or outcome.get("told", "")
        due = Due(name=name, due_at_us=due_at_us, attempts=attempts)
        self._runs.end(due, told=told, is_done="problem" not in outcome)


def _do(schedule: Schedule) -> dict[str, Any]:
    told: list[str] = []
    outcome = attempt(f"schedule {schedule.name}", lambda: told.append(schedule.do()))
    return outcome or {"told": told[0]}
