"""How work behind the request stands, read from the database alone."""

from typing import Any, Final

import sqlalchemy
from sqlalchemy import case, func, select

from novacore import database
from novacore.database import OUTBOX
from novacore.workers.beats import Beats
from novacore.workers.model import CLAIMED, DEAD, FAILED, WAITING, Executor, Run, WorkStatus
from novacore.workers.schedules import RunStore

_LATE_US: Final = 300_000_000
"""Work that has been due for so long is late."""


def read(opened: database.Database, *, beats: Beats, runs: RunStore) -> WorkStatus:
    """How work stands: rows by state, the oldest, who beats, and each schedule's last run.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    with opened.read() as connection:
        counts = _count(connection)
        now_us = opened.now_us(connection)
        oldest_us = connection.execute(
            select(func.min(OUTBOX.c.due_at_us)).where(OUTBOX.c.state.in_((WAITING, CLAIMED)))
        ).scalar()
        problem = connection.execute(
            select(OUTBOX.c.problem)
            .where(OUTBOX.c.state.in_((WAITING, CLAIMED, DEAD)), OUTBOX.c.attempts > 0)
            .order_by(OUTBOX.c.due_at_us.desc())
            .limit(1)
        ).scalar()
    age_us = None if oldest_us is None else max(0, now_us - oldest_us)
    executors, told = beats.list_executors(), runs.list_runs()
    waiting = counts["waiting"]
    return WorkStatus(
        state=_state(executors, told, waiting=waiting, age_us=age_us, dead=counts["dead"]),
        waiting=waiting,
        oldest_age_us=age_us,
        retrying=counts["retrying"],
        dead=counts["dead"],
        problem=problem or "",
        executors=tuple(executors),
        runs=tuple(told),
    )


def _count(connection: sqlalchemy.Connection) -> dict[str, Any]:
    again = func.sum(case((OUTBOX.c.attempts > 0, 1), else_=0))
    rows = connection.execute(
        select(OUTBOX.c.state, func.count(), again)
        .where(OUTBOX.c.state.in_((WAITING, CLAIMED, DEAD)))
        .group_by(OUTBOX.c.state)
    ).all()
    return {
        "waiting": sum(count for state, count, _ in rows if state != DEAD),
        "retrying": sum(int(retried) for state, _, retried in rows if state != DEAD),
        "dead": sum(count for state, count, _ in rows if state == DEAD),
    }


def _state(
    executors: list[Executor], runs: list[Run], *, waiting: int, age_us: int | None, dead: int
) -> str:
    if not executors:
        return "no data"
    if not any(each.is_alive for each in executors):
        return "down"
    is_late = bool(waiting) and (age_us or 0) > _LATE_US
    has_failed = any(each.state == FAILED for each in runs)
    return "degraded" if is_late or has_failed or dead else "ok"
