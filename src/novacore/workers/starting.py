"""The workers over a platform, put together, and how their work stands."""

import datetime as dt
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import sqlalchemy

from novacore import bootstrap, database
from novacore.workers import deleting, exporting, mailing, status, tending
from novacore.workers.beats import Beats
from novacore.workers.carrying import Kinds, Step
from novacore.workers.durable import VERSION, Durable, Workflow
from novacore.workers.model import Job, WorkStatus
from novacore.workers.running import Running
from novacore.workers.schedules import RunStore
from novacore.workers.store import OutboxStore

WORKFLOWS_FILE: Final = "workflows.db"
"""The file of DBOS in the data directory."""
_CONNECTIONS: Final = 8


class Workers:
    """The workers of one process over a platform."""

    def __init__(self, platform: "bootstrap.Platform") -> None:
        self._platform = platform
        config = platform.chosen.workers
        executor = f"{socket.gethostname()[:60]}-{os.getpid()}-{os.urandom(4).hex()}"
        self._store = OutboxStore(platform.database, holder=executor, config=config)
        schedules = tending.list_schedules(platform, self._store, forget=self._forget)

        def make_durable(workflows: Mapping[str, Workflow]) -> Durable:
            engine = _open_engine(platform)
            return Durable(
                engine,
                schema=_schema(platform.database),
                executor=executor,
                workflows=dict(workflows),
                concurrency=config.concurrency,
            )

        self._running = Running(
            store=self._store,
            beats=Beats(
                platform.database,
                executor=executor,
                version=VERSION,
                dead_after_ms=config.dead_after_ms,
            ),
            kinds=list_kinds(platform),
            schedules=schedules,
            runs=RunStore(platform.database, schedules),
            config=config,
            make_durable=make_durable,
        )

    def _forget(self, before: dt.datetime) -> int:
        return self._running.forget(before)

    def start(self) -> None:
        """Begin to carry out work."""
        self._platform.database.listen(self._running.wake)
        self._running.start()

    def stop(self) -> bool:
        """Finish what was begun as far as `workers.drain_ms` goes, and end. Idempotent.

        Returns:
            Whether everything that was begun came to its end; the rest goes on elsewhere, or here
            after the next start.
        """
        return self._running.stop()


def start(platform: "bootstrap.Platform") -> Workers:
    """Carry out work in this process, in threads of its own, until `.stop()`.

    It takes some 100 ms, so an event loop calls it, and `.stop()`, in a thread.

    Raises:
        WorkRunning: this process does so already.
        DatabaseError: the databases can't be used.
    """
    workers = Workers(platform)
    workers.start()
    return workers


def get_status(platform: "bootstrap.Platform") -> WorkStatus:
    """How work behind the request stands, whoever carries it out. A few small queries."""
    config = platform.chosen.workers
    store = OutboxStore(platform.database, holder="", config=config)
    schedules = tending.list_schedules(platform, store, forget=lambda _: 0)
    return status.read(
        platform.database,
        beats=Beats(
            platform.database, executor="", version=VERSION, dead_after_ms=config.dead_after_ms
        ),
        runs=RunStore(platform.database, schedules),
    )


def retry_dead(platform: "bootstrap.Platform") -> int:
    """Let everything that was given up be tried again; how much."""
    return OutboxStore(platform.database, holder="", config=platform.chosen.workers).retry_dead()


def list_kinds(platform: "bootstrap.Platform") -> Kinds:
    """The steps of each kind of work that the outbox may hold.

    Names of steps are stored: a change here needs a new `durable.VERSION`.
    """

    def write_letter(job: Job) -> None:
        platform.identity.write_letter(job.id, job.payload)

    return {
        "mail": [Step("deliver", lambda job: mailing.deliver(platform, job))],
        "identity.letter": [Step("write", write_letter)],
        "account.export": [Step("build", lambda job: exporting.build(platform, job))],
        "account.delete": [
            Step("list", lambda job: deleting.list_account(platform, job)),
            Step("sessions", lambda job: deleting.erase_sessions(platform, job)),
            Step("chats", lambda job: deleting.erase_chats(platform, job)),
            Step("exports", lambda job: deleting.erase_exports(platform, job)),
            Step("billing", lambda job: deleting.erase_billing(platform, job)),
            Step("identity", lambda job: deleting.erase_identity(platform, job)),
        ],
    }


def _open_engine(platform: "bootstrap.Platform") -> sqlalchemy.Engine:
    chosen = platform.chosen
    place: str | Path = chosen.database_url or chosen.data_dir / WORKFLOWS_FILE
    wait_ms = max(chosen.database.wait_ms, 30_000)
    config = database.Config(connections_max=_CONNECTIONS, wait_ms=wait_ms)
    return database.open_own_engine(place, config=config)


def _schema(opened: database.Database) -> str:
    """The schema of DBOS on PostgreSQL: beside the one that our tables are in."""
    if opened.is_sqlite:
        return "dbos"
    with opened.read() as connection:
        current = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    return "novacore_workflows" if current == "public" else f"{current}_workflows"
