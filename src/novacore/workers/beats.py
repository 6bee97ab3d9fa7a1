"""Who carries out work: heartbeats, and leases for what one process at a time does."""

import os
import socket
from typing import Final

import sqlalchemy
from sqlalchemy import exc, select, update

from novacore import database
from novacore.database import EXECUTORS, LEASES
from novacore.workers.model import Executor

_FORGET_US: Final = 3_600_000_000
"""How long a process that ended, or stopped beating, stays in the list."""


class Beats:
    """The heartbeats of one database, and this process's own.

    Args:
        opened: the database.
        executor: this process's id.
        version: which version of the workflows it runs.
        dead_after_ms: who said nothing for so long counts as dead.
    """

    def __init__(
        self, opened: database.Database, *, executor: str, version: str, dead_after_ms: int
    ) -> None:
        self._database = opened
        self._executor = executor
        self._version = version
        self._dead_after_us = dead_after_ms * 1_000

    def beat(self) -> None:
        """Say that this process lives."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            changed = connection.execute(
                update(EXECUTORS).where(EXECUTORS.c.id == self._executor).values(beat_at_us=now_us)
            )
            if changed.rowcount == 0:
                connection.execute(
                    EXECUTORS.insert().values(
                        id=self._executor,
                        version=self._version,
                        host=socket.gethostname()[:200],
                        pid=os.getpid(),
                        started_at_us=now_us,
                        beat_at_us=now_us,
                    )
                )

    def end(self) -> None:
        """Say that this process ends, so that nobody waits for its next beat."""
        with self._database.begin() as connection:
            connection.execute(
                update(EXECUTORS).where(EXECUTORS.c.id == self._executor).values(beat_at_us=0)
            )
            connection.execute(LEASES.delete().where(LEASES.c.holder == self._executor))

    def list_executors(self) -> list[Executor]:
        """Every process that carried out work lately, the living first."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            rows = connection.execute(select(EXECUTORS)).mappings().all()
        found = [
            Executor(**row, is_alive=row["beat_at_us"] > now_us - self._dead_after_us)
            for row in rows
        ]
        return sorted(found, key=lambda each: (not each.is_alive, -each.beat_at_us, each.id))

    def forget(self, executor_ids: list[str]) -> None:
        """Drop processes that left nothing behind, once they have been silent for an hour."""
        with self._database.begin() as connection:
            before_us = self._database.now_us(connection) - _FORGET_US
            connection.execute(
                EXECUTORS.delete().where(
                    EXECUTORS.c.id.in_(executor_ids),
                    EXECUTORS.c.beat_at_us < before_us,
                    EXECUTORS.c.started_at_us < before_us,
                )
            )

    def take_lease(self, name: str, *, for_ms: int) -> bool:
        """Whether this process holds a lease now: it was free, ran out, or was its own."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            values = {"holder": self._executor, "until_us": now_us + for_ms * 1_000}
            changed = connection.execute(
                update(LEASES)
                .where(
                    LEASES.c.name == name,
                    (LEASES.c.holder == self._executor) | (LEASES.c.until_us < now_us),
                )
                .values(**values)
            )
            if changed.rowcount:
                return True
            return self._take_new(connection, name, values)

    def _take_new(
        self, connection: sqlalchemy.Connection, name: str, values: dict[str, object]
    ) -> bool:
        if connection.execute(select(LEASES.c.name).where(LEASES.c.name == name)).first():
            return False
        try:
            with connection.begin_nested():
                connection.execute(LEASES.insert().values(name=name, **values))
        except exc.IntegrityError:
            return False  # somebody else was first
        return True
