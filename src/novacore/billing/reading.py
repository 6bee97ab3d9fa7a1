"""What people see of their usage: plan, bars, history. A constant number of queries each."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy

from novacore.billing import statements
from novacore.billing.accounts import Accounts
from novacore.billing.days import day_of, earlier, ends_at_us
from novacore.billing.holds import Holds
from novacore.billing.model import AccountPlan, DayUse, Quota, ResourceUse
from novacore.billing.standing import minutes
from novacore.billing.usage import Watermark

_COUNTED: Final = """
SELECT tokens, messages, agent_ms FROM billing_counter
WHERE account_id = ? AND day = ? AND subject = ''"""
HISTORY: Final = """
SELECT day, model, agent_id, calls, input_tokens, output_tokens, cache_read_tokens,
       cache_write_tokens, messages, agent_ms
FROM billing_daily WHERE account_id = ? AND day >= ? ORDER BY day, model, agent_id"""
STORED: Final = """
SELECT day, stored_bytes FROM billing_storage WHERE account_id = ? AND day >= ? ORDER BY day"""
_MARK: Final = """
SELECT journal, epoch, sequence FROM billing_watermark ORDER BY read_at_us DESC, journal LIMIT 1"""


class Reading:
    """Reads for one account at a time."""

    def __init__(
        self, sql: statements.SQL, *, accounts: Accounts, holds: Holds, warning_percent: int
    ) -> None:
        self._sql = sql
        self._accounts = accounts
        self._holds = holds
        self._warning_percent = warning_percent

    def plans_of(
        self, connection: sqlalchemy.Connection, account_ids: Iterable[str], *, now_us: int
    ) -> dict[str, AccountPlan]:
        """The plans of accounts; one that was never seen has what it will get when it is."""
        wanted = sorted(set(account_ids))
        rows = self._accounts.find(connection, wanted)
        return {
            each: self._accounts.plan_of(
                rows.get(each) or self._accounts.fresh(each, now_us=now_us), now_us=now_us
            )
            for each in wanted
        }

    def quota(self, connection: sqlalchemy.Connection, account_id: str, *, now_us: int) -> Quota:
        """Today's bars."""
        row = self._accounts.find(connection, [account_id]).get(account_id)
        row = row or self._accounts.fresh(account_id, now_us=now_us)
        plan = self._accounts.plan_of(row, now_us=now_us)
        day, resets = day_of(now_us), ends_at_us(now_us)
        counted = self._sql.row(connection, _COUNTED, account_id, day) or (0, 0, 0)
        held = [0, 0, 0]
        for _, held_day, _, _, *sums, _ in self._holds.held(connection, [account_id]):
            if held_day == day:
                held = [total + more for total, more in zip(held, sums, strict=True)]
        limits = plan.plan
        bars: tuple[tuple[str, Any, Any, int | None, int | None], ...] = (
            ("tokens", counted[0], held[0], limits.tokens_per_day, resets),
            ("messages", counted[1], held[1], limits.messages_per_day, resets),
            ("storage_bytes", row.stored_bytes, 0, limits.storage_bytes, None),
            (
                "agent_minutes",
                minutes(counted[2]),
                minutes(held[2]),
                limits.agent_minutes_per_day,
                resets,
            ),
        )
        return Quota(
            day=day,
            resets_at_us=resets,
            plan=limits.name,
            is_limited=plan.is_limited,
            resources=tuple(
                ResourceUse(resource=name, used=used, held=held, limit=limit, resets_at_us=until)
                for name, used, held, limit, until in bars
            ),
            warning_percent=self._warning_percent,
        )

    def history(
        self, connection: sqlalchemy.Connection, account_id: str, *, days: int, now_us: int
    ) -> list[DayUse]:
        """What was used on each of the last days, today among them, the oldest first."""
        since = earlier(day_of(now_us), days - 1)
        found = [
            DayUse(
                day=row[0], model=row[1], agent_id=row[2], calls=row[3], input_tokens=row[4],
                output_tokens=row[5], cache_read_tokens=row[6], cache_write_tokens=row[7],
                messages=row[8], agent_ms=row[9],
            )
            for row in self._sql.rows(connection, HISTORY, account_id, since)
        ]  # fmt: skip
        found += [
            DayUse(day=day, model="", agent_id="", stored_bytes=stored_bytes)
            for day, stored_bytes in self._sql.rows(connection, STORED, account_id, since)
        ]
        return sorted(found, key=lambda use: (use.day, use.model, use.agent_id))

    def watermark(self, connection: sqlalchemy.Connection) -> Watermark | None:
        """How far the ledger has read the journal, of several the one read last; None: none."""
        row = self._sql.row(connection, _MARK)
        return None if row is None else Watermark(journal=row[0], epoch=row[1], sequence=row[2])
