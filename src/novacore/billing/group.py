"""A group of jobs in one transaction: what frees first, then what takes."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from novacore.billing import jobs as kinds
from novacore.billing.accounts import AccountRow, Accounts
from novacore.billing.admitting import Admitting
from novacore.billing.holds import Holds
from novacore.billing.replies import Replies
from novacore.billing.settling import Settling
from novacore.database import Database


class Group:
    """Writes groups for the writer's thread."""

    def __init__(
        self,
        database: Database,
        *,
        accounts: Accounts,
        holds: Holds,
        replies: Replies,
        admitting: Admitting,
        settling: Settling,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._holds = holds
        self._replies = replies
        self._admitting = admitting
        self._settling = settling

    def write(
        self, connection: sqlalchemy.Connection, jobs: Sequence[Any]
    ) -> list[tuple[Any, Any]]:
        """Do each job, lowest rank first; returns each with what came of it."""
        if self._database.is_sqlite and all(isinstance(job, kinds.Admit) for job in jobs):
            outcomes = self._admit_alone(connection, jobs)
            if outcomes is not None:
                return outcomes
        accounts, now_us = self._locked(connection, jobs)
        outcomes = []
        admissions: list[kinds.Admit] = []
        for job in jobs:
            match job:
                case kinds.Admit():
                    admissions.append(job)
                case kinds.Settle():
                    self._settle(connection, job, accounts=accounts, now_us=now_us)
                    outcomes.append((job, None))
                case _:
                    outcomes.append((job, self._small(connection, job, now_us=now_us)))
        if admissions:
            decided = self._admitting.admit(
                connection,
                [job.admission for job in admissions],
                accounts=accounts,
                now_us=now_us,
            )
            outcomes += zip(admissions, decided, strict=True)
        return outcomes

    def _admit_alone(
        self, connection: sqlalchemy.Connection, jobs: Sequence[Any]
    ) -> list[tuple[Any, Any]] | None:
        """Admissions with nothing before them: what they need is read by one statement.

        None: some account is new, or there are too many.
        """
        admissions = [job.admission for job in jobs]
        now_us = self._database.now_us(connection)
        seen = self._admitting.look(connection, admissions, now_us=now_us)
        if seen is None or not all(each.account_id in seen.accounts for each in admissions):
            return None
        decided = self._admitting.admit(
            connection, admissions, accounts=seen.accounts, now_us=now_us, seen=seen
        )
        return list(zip(jobs, decided, strict=True))

    def _locked(
        self, connection: sqlalchemy.Connection, jobs: Sequence[Any]
    ) -> tuple[dict[str, AccountRow], int]:
        """Every account of the group, locked in one order, and the time once they are."""
        admitted, settled = kinds.account_ids(jobs)
        if settled:
            self._settling.lock(connection)
        now_us = self._database.now_us(connection)
        accounts = self._accounts.find(connection, sorted(admitted | settled), is_locked=True)
        missing = sorted(admitted - accounts.keys())
        if missing:
            self._accounts.make(connection, missing, now_us=now_us)
            accounts |= self._accounts.find(connection, missing, is_locked=True)
        if not self._database.is_sqlite:
            # Waiting for a lock may have taken us into the next day.
            now_us = self._database.now_us(connection)
        return accounts, now_us

    def _settle(
        self,
        connection: sqlalchemy.Connection,
        job: kinds.Settle,
        *,
        accounts: dict[str, AccountRow],
        now_us: int,
    ) -> None:
        if job.usages:
            self._settling.settle(connection, job.usages, accounts=accounts, now_us=now_us)
        if job.watermark is not None:
            self._settling.mark(connection, job.watermark, now_us=now_us)

    def _small(self, connection: sqlalchemy.Connection, job: Any, *, now_us: int) -> Any:
        match job:
            case kinds.Release():
                is_released = self._holds.release(connection, job.hold_id, now_us=now_us)
                if is_released:
                    self._replies.drop(connection, job.hold_id)
                return is_released
            case kinds.Renew():
                return self._holds.renew(
                    connection,
                    job.hold_id,
                    output_tokens_seen=job.output_tokens_seen,
                    now_us=now_us,
                )
            case kinds.Keep():
                return self._replies.keep(connection, job.hold_id, job.reply)
            case _:
                raise AssertionError(f"an unknown job: {job!r}")
