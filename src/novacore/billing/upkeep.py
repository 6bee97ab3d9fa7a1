"""What keeps accounts and tables in order: plans, limits, storage, trials, old rows, erasure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy

from novacore import database, kit
from novacore.billing import statements
from novacore.billing.accounts import OVERRIDES, Accounts
from novacore.billing.config import Config
from novacore.billing.days import DAY_US, day_of, earlier
from novacore.billing.plans import Plan
from novacore.billing.tables import METADATA, STORAGE
from novacore.billing.warnings import KIND

BATCH: Final = 1_000
"""Rows that one transaction changes, so that no other waits long."""

_SET_PLAN: Final = """
UPDATE billing_account
SET plan = ?, plan_since_us = ?, plan_ends_at_us = ?, reminded_at_us = NULL
WHERE account_id = ?"""
_SET_STORED: Final = "UPDATE billing_account SET stored_bytes = ? WHERE account_id = ?"
_STORING: Final = "SELECT account_id, stored_bytes FROM billing_account WHERE stored_bytes > 0"
_NOTE_STORED: Final = (
    statements.inserted(STORAGE)
    + " ON CONFLICT (account_id, day) DO UPDATE SET stored_bytes = excluded.stored_bytes"
)
ENDED: Final = """
SELECT account_id, plan, plan_ends_at_us FROM billing_account
WHERE plan_ends_at_us <= ? ORDER BY plan_ends_at_us, account_id LIMIT ?"""
ENDING: Final = """
SELECT account_id, plan_ends_at_us FROM billing_account
WHERE plan_ends_at_us > ? AND plan_ends_at_us <= ? AND reminded_at_us IS NULL
ORDER BY plan_ends_at_us, account_id LIMIT ?"""
_FOLLOW: Final = """
UPDATE billing_account SET plan = ?, plan_since_us = plan_ends_at_us, plan_ends_at_us = ?
WHERE account_id = ? AND plan = ? AND plan_ends_at_us = ?"""
_REMINDED: Final = """
UPDATE billing_account SET reminded_at_us = ?
WHERE account_id = ? AND plan_ends_at_us = ? AND reminded_at_us IS NULL"""

OLD_HOLDS: Final = """
DELETE FROM billing_hold WHERE id IN (
    SELECT id FROM billing_hold
    WHERE id < ? AND state <> 'open' AND closed_at_us < ? LIMIT 1000)"""
"""Found by the time in their ids, which no index of its own needs; what is asked decides."""
OLD_REPLIES: Final = """
DELETE FROM billing_reply WHERE hold_id IN (
    SELECT hold_id FROM billing_reply WHERE expires_at_us <= ? LIMIT 1000)
AND expires_at_us <= ?"""
OLD_LINES: Final = """
DELETE FROM billing_ledger WHERE hold_id IN (
    SELECT hold_id FROM billing_ledger WHERE hold_id < ? AND day < ? LIMIT 1000) AND day < ?"""


class Upkeep:
    """Changes to accounts, and the work of cleaning. Each call is one transaction or a few."""

    def __init__(
        self,
        db: database.Database,
        sql: statements.SQL,
        *,
        accounts: Accounts,
        config: Config,
        plans: Mapping[str, Plan],
        is_limited: bool,
    ) -> None:
        self._database = db
        self._sql = sql
        self._accounts = accounts
        self._config = config
        self._plans = plans
        self._is_limited = is_limited

    def open_account(self, account_id: str, plan: str | None) -> None:
        """Give an account its first plan; one that has a plan keeps it."""
        with self._database.begin() as connection:
            now_us = self._database.now_us(connection)
            self._accounts.make(connection, [account_id], now_us=now_us, plan=plan)

    def set_plan(self, account_id: str, plan: str) -> None:
        """Put an account on a plan, from now."""
        with self._database.begin() as connection:
            now_us = self._locked(connection, account_id)
            ends_at = self._accounts.end_of(plan, since_us=now_us)
            self._sql.run(connection, _SET_PLAN, plan, now_us, ends_at, account_id)

    def set_limits(self, account_id: str, limits: Mapping[str, int | None]) -> None:
        """Set limits of one account; None: its plan's again."""
        names = [name for name in OVERRIDES if name in limits]
        changes = ", ".join(f"{name} = ?" for name in names)
        with self._database.begin() as connection:
            self._locked(connection, account_id)
            if names:
                self._sql.run(
                    connection,
                    f"UPDATE billing_account SET {changes} WHERE account_id = ?",  # noqa: S608 - names of OVERRIDES
                    *(limits[name] for name in names),
                    account_id,
                )

    def record_storage(self, account_id: str, stored_bytes: int) -> None:
        """Note how much an account stores now."""
        with self._database.begin() as connection:
            now_us = self._locked(connection, account_id)
            self._sql.run(connection, _SET_STORED, stored_bytes, account_id)
            self._sql.run(connection, _NOTE_STORED, account_id, day_of(now_us), stored_bytes)

    def record_all_storage(self, sizes: Mapping[str, int]) -> int:
        """Note how much every account stores now; those that are not named store nothing."""
        with self._database.read() as connection:
            found = self._sql.rows(connection, _STORING)
        before: dict[str, int] = {row[0]: row[1] for row in found}
        changed = [
            (account_id, sizes.get(account_id, 0))
            for account_id in sorted(before.keys() | sizes.keys())
            if sizes.get(account_id, 0) != before.get(account_id, 0)
        ]
        for account_id, stored_bytes in changed:
            self.record_storage(account_id, stored_bytes)
        return len(changed)

    def expire_trials(self) -> int:
        """Write down that plans have ended, and tell their owners. Limits act without it.

        Where nothing is limited, no plan ends.
        """
        return self._repeat(self._expire_some) if self._is_limited else 0

    def remind_trials(self) -> int:
        """Tell owners that their plan ends soon; each once."""
        return self._repeat(self._remind_some) if self._is_limited else 0

    def _expire_some(self, connection: sqlalchemy.Connection, now_us: int) -> int:
        done = 0
        for account_id, plan, ended_us in self._sql.rows(connection, ENDED, now_us, BATCH):
            known = self._plans.get(plan)
            follows = known.then if known and known.then else self._config.plan_default
            ends_us = self._accounts.end_of(follows, since_us=ended_us)
            moved = self._sql.run(connection, _FOLLOW, follows, ends_us, account_id, plan, ended_us)
            if moved:
                _put_letter(connection, "trial_ended", account_id, ended_us, {}, now_us=now_us)
                done += 1
        return done

    def _remind_some(self, connection: sqlalchemy.Connection, now_us: int) -> int:
        until_us = now_us + self._config.reminder_hours * 3_600_000_000
        done = 0
        for account_id, ends_us in self._sql.rows(connection, ENDING, now_us, until_us, BATCH):
            if self._sql.run(connection, _REMINDED, now_us, account_id, ends_us):
                facts = {"ends_at_us": ends_us}
                _put_letter(connection, "trial_reminder", account_id, ends_us, facts, now_us=now_us)
                done += 1
        return done

    def _repeat(self, step: Any) -> int:
        """A step in transactions of its own, until it finds nothing more."""
        done = 0
        while True:
            with self._database.begin() as connection:
                found = step(connection, self._database.now_us(connection))
            done += found
            if found < BATCH:
                return done

    def clean_up(self) -> dict[str, int]:
        """Remove what is kept for a time only; how much of each kind."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
        closed_before = now_us - self._config.hold_days * DAY_US
        since = self.ledger_since(now_us)
        # A day more than what is asked, for clocks that differ.
        before_since = now_us - (self._config.ledger_days - 1) * DAY_US
        return {
            "holds": self._remove(OLD_HOLDS, _id_of(closed_before), closed_before),
            "replies": self._remove(OLD_REPLIES, now_us, now_us),
            "lines": self._remove(OLD_LINES, _id_of(before_since), since, since),
        }

    def ledger_since(self, now_us: int) -> str:
        """The first day that the ledger keeps each call of."""
        return earlier(day_of(now_us), self._config.ledger_days)

    def _remove(self, text: str, *values: Any) -> int:
        removed = 0
        while True:
            with self._database.begin() as connection:
                found = self._sql.run(connection, text, *values)
            removed += found
            if not found:
                return removed

    def erase(self, account_id: str) -> int:
        """Remove every row of an account; how many."""
        with self._database.begin() as connection:
            return sum(
                self._sql.run(
                    connection,
                    f"DELETE FROM {table.name} WHERE account_id = ?",  # noqa: S608 - our own tables
                    account_id,
                )
                for table in _tables_of_accounts()
            )

    def export(self, account_id: str) -> dict[str, Any]:
        """Every row of an account, by table, as plain data; replies' bodies are left out."""
        with self._database.read() as connection:
            return {
                table.name.removeprefix("billing_"): [
                    dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
                    for row in connection.execute(
                        sqlalchemy.select(
                            *(column for column in table.columns if column.name != "body")
                        ).where(table.c.account_id == account_id)
                    )
                ]
                for table in _tables_of_accounts()
            }

    def _locked(self, connection: sqlalchemy.Connection, account_id: str) -> int:
        """Keep an account from others, made where it was missing; the time since it is."""
        now_us = self._database.now_us(connection)
        self._accounts.make(connection, [account_id], now_us=now_us)
        self._accounts.find(connection, [account_id], is_locked=True)
        return self._database.now_us(connection)


def _id_of(at_us: int) -> str:
    """What every id that was made before a moment is below."""
    time_ms = f"{max(0, at_us) // 1_000:012x}"
    return f"{time_ms[:8]}-{time_ms[8:]}"


def _tables_of_accounts() -> Sequence[sqlalchemy.Table]:
    return [table for table in METADATA.sorted_tables if "account_id" in table.columns]


def _put_letter(
    connection: sqlalchemy.Connection,
    template: str,
    account_id: str,
    ends_us: int,
    facts: Mapping[str, Any],
    *,
    now_us: int,
) -> None:
    """A letter about the end of a plan; who it goes to, the one who delivers it looks up."""
    payload = {"template": template, "account_id": account_id, "params": dict(facts)}
    key = str(kit.derived_id("trial-mail", template, account_id, str(ends_us)))
    database.put(connection, KIND, payload=payload, now_us=now_us, id=key)
