"""A database with an outbox on SQLite and PostgreSQL, and workers with steps of our own."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from tests import migrated

from novacore import database
from novacore.kit import FixedClock
from novacore.settings import WorkersConfig
from novacore.workers import durable
from novacore.workers.beats import Beats
from novacore.workers.carrying import Step
from novacore.workers.durable import Durable
from novacore.workers.model import Job
from novacore.workers.running import Running
from novacore.workers.schedules import RunStore, Schedule
from novacore.workers.store import OutboxStore

QUICK = WorkersConfig(
    concurrency=2, poll_ms=20, lease_ms=1_000, beat_ms=50, dead_after_ms=600, attempts_max=3,
    backoff_ms=10, backoff_max_ms=40, drain_ms=10_000,
)  # fmt: skip


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "sqlite":
        return tmp_path / "business.db"
    return request.getfixturevalue("postgres_server").new_schema()


@pytest.fixture
def opened(place: str | Path, clock: FixedClock) -> Iterator[database.Database]:
    """An empty database on the clock of the test."""
    found = database.Database(place, clock=clock)
    migrated.make_tables(found, [])
    yield found
    found.close()


def put(opened: database.Database, *ids: str, kind: str = "work", **payload: Any) -> None:
    """Rows of the outbox."""
    with opened.begin() as connection:
        for each in ids:
            now_us = opened.now_us(connection)
            database.put(connection, kind, payload=payload, now_us=now_us, id=each)


def rows(opened: database.Database) -> Mapping[str, Mapping[str, Any]]:
    """The rows of the outbox by id."""
    with opened.read() as connection:
        found = connection.execute(sqlalchemy.select(database.OUTBOX)).mappings().all()
    return {row["id"]: dict(row) | {"payload": json.loads(row["payload"])} for row in found}


def store_of(opened: database.Database, holder: str = "me", **changes: Any) -> OutboxStore:
    return OutboxStore(opened, holder=holder, config=dataclasses.replace(QUICK, **changes))


def make_running(
    opened: database.Database,
    place: str | Path,
    kinds: Mapping[str, Sequence[tuple[str, Callable[[Job], None]]]],
    *,
    executor: str = "me",
    schedules: Sequence[Schedule] = (),
    **changes: Any,
) -> Running:
    """Workers with these steps, not started."""
    config = dataclasses.replace(QUICK, **changes)
    own = place.with_name("workflows.db") if isinstance(place, Path) else place
    return Running(
        store=OutboxStore(opened, holder=executor, config=config),
        beats=Beats(
            opened, executor=executor, version=durable.VERSION, dead_after_ms=config.dead_after_ms
        ),
        kinds={
            kind: [Step(name, do) for name, do in steps] for kind, steps in kinds.items()
        },
        schedules=schedules,
        runs=RunStore(opened, schedules),
        config=config,
        make_durable=lambda workflows: Durable(
            database.open_own_engine(own, config=database.Config()),
            schema=schema_of(opened),
            executor=executor,
            workflows=workflows,
            concurrency=config.concurrency,
        ),
    )  # fmt: skip


def schema_of(opened: database.Database) -> str:
    if opened.is_sqlite:
        return "dbos"
    with opened.read() as connection:
        current = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    return f"{current}_workflows"
