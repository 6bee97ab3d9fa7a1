"""The outbox as its carriers see it: claimed under a lease, done, tried again later, given up.

A claim is one statement in a transaction that took its turn (SQLite) or skips rows that others
hold (PostgreSQL): no row has two holders while a lease lasts. What comes after is told by
compare-and-set on the row's attempts, so an older try can't speak for a newer one.
"""

import json
import random
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy import and_, func, or_, select, update

from novacore import database
from novacore.database import OUTBOX
from novacore.settings import WorkersConfig
from novacore.workers.model import CLAIMED, DEAD, DONE, WAITING, Claim, DeadLetter, Job

_DAY_US: Final = 86_400_000_000
_PROBLEM_MAX: Final = 500


class OutboxStore:
    """The outbox of one database, for one carrier.

    Args:
        opened: the database.
        holder: the carrier's executor id.
        config: leases, retries, how long rows are kept.
    """

    def __init__(self, opened: database.Database, *, holder: str, config: WorkersConfig) -> None:
        self._database = opened
        self._holder = holder
        self._config = config

    def claim(self, limit: int, *, kinds: Sequence[str]) -> list[Claim]:
        """At most `limit` rows that are due and that nobody holds, those due longest first.

        Args:
            limit: how many.
            kinds: what this process can do; other kinds are a newer release's.
        """
        with self._database.read() as connection:
            if connection.execute(self._due(connection, kinds, limit=1)).first() is None:
                return []
        with self._database.begin() as connection:
            wanted = self._due(connection, kinds, limit=limit).with_for_update(skip_locked=True)
            ids = list(connection.execute(wanted).scalars())
            until_us = self._database.now_us(connection) + self._config.lease_ms * 1_000
            rows = connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.id.in_(ids))
                .values(state=CLAIMED, holder=self._holder, lease_until_us=until_us)
                .returning(OUTBOX.c.id, OUTBOX.c.kind, OUTBOX.c.attempts)
            ).all()
        found = {row.id: Claim(id=row.id, kind=row.kind, attempts=row.attempts) for row in rows}
        return [found[each] for each in ids]

    def _due(
        self, connection: sqlalchemy.Connection, kinds: Sequence[str], *, limit: int
    ) -> "sqlalchemy.Select[Any]":
        now_us = self._database.now_us(connection)
        waits = and_(OUTBOX.c.state == WAITING, OUTBOX.c.due_at_us <= now_us)
        left = and_(OUTBOX.c.state == CLAIMED, OUTBOX.c.lease_until_us < now_us)
        return (
            select(OUTBOX.c.id)
            .where(or_(waits, left), OUTBOX.c.kind.in_(kinds))
            .order_by(OUTBOX.c.due_at_us)
            .limit(limit)
        )

    def find(self, row_id: str) -> Job | None:
        """What a row says; None: it is not there, or nothing is left to be done."""
        with self._database.read() as connection:
            row = connection.execute(
                select(OUTBOX.c.kind, OUTBOX.c.payload).where(
                    OUTBOX.c.id == row_id, OUTBOX.c.state.in_((WAITING, CLAIMED))
                )
            ).first()
        if row is None:
            return None
        payload = json.loads(row.payload)
        correlation_id = payload.pop(database.CORRELATION, "")
        return Job(id=row_id, kind=row.kind, payload=payload, correlation_id=correlation_id)

    def finish(self, claim: Claim) -> bool:
        """The row is done: what it said is forgotten."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            return self._set(
                connection, claim, state=DONE, payload="{}", problem=None, done_at_us=now_us
            )

    def fail(self, claim: Claim, problem: str, *, is_final: bool) -> bool:
        """The try was in vain: the row waits for the next one, or is given up."""
        attempts = claim.attempts + 1
        is_dead = is_final or attempts >= self._config.attempts_max
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            return self._set(
                connection,
                claim,
                state=DEAD if is_dead else WAITING,
                attempts=attempts,
                problem=problem[:_PROBLEM_MAX],
                due_at_us=now_us + backoff_us(attempts, self._config),
                done_at_us=now_us if is_dead else None,
            )

    def _set(self, connection: sqlalchemy.Connection, claim: Claim, **values: Any) -> bool:
        changed = connection.execute(
            update(OUTBOX)
            .where(
                OUTBOX.c.id == claim.id,
                OUTBOX.c.attempts == claim.attempts,
                OUTBOX.c.state.in_((WAITING, CLAIMED)),
            )
            .values(holder=None, lease_until_us=None, **values)
        )
        return changed.rowcount == 1

    def next_due_us(self, *, kinds: Sequence[str]) -> int | None:
        """In how many microseconds the next row of these kinds is due; None: none waits."""
        with self._database.read() as connection:
            due_us = connection.execute(
                select(func.min(OUTBOX.c.due_at_us)).where(
                    OUTBOX.c.state == WAITING, OUTBOX.c.kind.in_(kinds)
                )
            ).scalar()
            return None if due_us is None else max(0, due_us - self._database.now_us(connection))

    def retry_dead(self) -> int:
        """Let everything that was given up be tried again; how much."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            # The attempts go on rising: each names a workflow, and a new try needs a new one.
            changed = connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.state == DEAD)
                .values(state=WAITING, due_at_us=now_us, done_at_us=None)
            )
        return changed.rowcount

    def list_dead(self, limit: int = 100) -> list[DeadLetter]:
        """What was given up, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(OUTBOX)
                .where(OUTBOX.c.state == DEAD)
                .order_by(OUTBOX.c.due_at_us.desc())
                .limit(limit)
            ).all()
        return [
            DeadLetter(
                id=row.id,
                kind=row.kind,
                attempts=row.attempts,
                created_at_us=row.created_at_us,
                problem=row.problem or "",
            )
            for row in rows
        ]

    def clean_up(self) -> dict[str, int]:
        """Remove rows that were done or given up long ago; how many of each."""
        gone: dict[str, int] = {}
        kept = {DONE: self._config.done_keep_days, DEAD: self._config.dead_keep_days}
        for state, days in kept.items():
            with self._database.begin() as connection:
                before_us = self._database.now_us(connection) - days * _DAY_US
                gone[state] = connection.execute(
                    OUTBOX.delete().where(OUTBOX.c.state == state, OUTBOX.c.done_at_us < before_us)
                ).rowcount
        return gone


def backoff_us(attempts: int, config: WorkersConfig) -> int:
    """How long to wait after so many tries in vain: doubling, bounded, a little scattered."""
    steps = min(attempts - 1, 30)
    wait_ms = min(config.backoff_max_ms, config.backoff_ms * 2**steps)
    return round(wait_ms * 1_000 * random.uniform(0.8, 1.0))
