"""Carrying usage entries into ledger and counters, each once, with the watermark they came with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy

from novacore.billing import ledger, statements
from novacore.billing.accounts import AccountRow, Accounts
from novacore.billing.days import day_of, ends_at_us
from novacore.billing.holds import Holds
from novacore.billing.ledger import Line, Tallies
from novacore.billing.model import ResourceUse
from novacore.billing.plans import Plan
from novacore.billing.standing import minutes
from novacore.billing.tables import COUNTER, DAILY, LEDGER, WATERMARK
from novacore.billing.usage import Usage, Watermark
from novacore.billing.warnings import Warnings

_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7308895154)"
"""Two processes may read the same entries; whoever comes second finds them written."""
KNOWN: Final = f"SELECT {', '.join(ledger.NAMES)} FROM billing_ledger WHERE hold_id IN (??)"  # noqa: S608 - our own names
_SUMS: Final = """
SELECT account_id, day, tokens, messages, agent_ms FROM billing_counter
WHERE account_id IN (??) AND day = ? AND subject = ''"""
_MARK: Final = (
    statements.inserted(WATERMARK)
    + """ ON CONFLICT (journal) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence,
    read_at_us = excluded.read_at_us
    WHERE billing_watermark.epoch <> excluded.epoch
       OR billing_watermark.sequence < excluded.sequence"""
)


class Settling:
    """Writes the ledger. The only one that does."""

    def __init__(
        self, sql: statements.SQL, *, accounts: Accounts, holds: Holds, warnings: Warnings
    ) -> None:
        self._sql = sql
        self._accounts = accounts
        self._holds = holds
        self._warnings = warnings
        self._insert = statements.inserted(LEDGER)
        self._count = statements.added(COUNTER)
        self._count_daily = statements.added(DAILY)

    def lock(self, connection: sqlalchemy.Connection) -> None:
        """Be the only one that settles, until the transaction ends."""
        if not self._sql.is_sqlite:
            connection.exec_driver_sql(_ONE_AT_A_TIME)

    def settle(
        self,
        connection: sqlalchemy.Connection,
        usages: Sequence[Usage],
        *,
        accounts: Mapping[str, AccountRow],
        now_us: int,
    ) -> None:
        """Write the entries that are not written yet, close their holds, count, and warn.

        The caller holds the lock, and the accounts' locks.
        """
        lines = self.write(connection, usages, now_us=now_us)
        tallies = Tallies()
        tallies.add(lines)
        self.count(connection, tallies)
        self._warn(connection, tallies, accounts=accounts, now_us=now_us)

    def write(
        self, connection: sqlalchemy.Connection, usages: Sequence[Usage], *, now_us: int
    ) -> list[Line]:
        """Add to the ledger what it does not have; returns what was added.

        The entries' holds are closed, also those of lines that were there: an older copy of the
        holds may have been restored beside the ledger.
        """
        known = self.known(connection, [usage.hold_id for usage in usages])
        lines = ledger.lines_of(usages, known=known)
        self._sql.insert(connection, self._insert, [ledger.row_of(each) for each in lines])
        closed = [(each.hold_id, _state(each)) for each in usages if not each.is_correction]
        self._holds.close(connection, closed, now_us=now_us)
        return lines

    def known(
        self, connection: sqlalchemy.Connection, hold_ids: Iterable[str]
    ) -> dict[tuple[str, int], Line]:
        """The ledger's lines of these holds, by hold and number."""
        found: dict[tuple[str, int], Line] = {}
        for some in statements.chunks(sorted(set(hold_ids))):
            for row in self._sql.rows(connection, KNOWN, some):
                line = Line(**dict(zip(ledger.NAMES, row, strict=True)))
                found[line.hold_id, line.line] = line
        return found

    def count(self, connection: sqlalchemy.Connection, tallies: Tallies) -> None:
        """Add sums to the counters, in one order for all processes."""
        rows = [(*key, *tallies.counters[key]) for key in sorted(tallies.counters)]
        self._sql.insert(connection, self._count, rows)
        daily = [(*key, *tallies.daily[key]) for key in sorted(tallies.daily)]
        self._sql.insert(connection, self._count_daily, daily)

    def mark(self, connection: sqlalchemy.Connection, watermark: Watermark, *, now_us: int) -> None:
        """Note how far the journal was read; within an epoch it never goes back."""
        values = (watermark.journal, watermark.epoch, watermark.sequence, now_us)
        self._sql.run(connection, _MARK, *values)

    def _warn(
        self,
        connection: sqlalchemy.Connection,
        tallies: Tallies,
        *,
        accounts: Mapping[str, AccountRow],
        now_us: int,
    ) -> None:
        """Mails for those whose limits of today were crossed by what was just counted."""
        today = day_of(now_us)
        plans = {
            account_id: self._accounts.limits_of(accounts[account_id], now_us=now_us)
            for account_id, day, subject in tallies.counters
            if day == today and not subject and account_id in accounts
        }
        limited = [each for each, plan in plans.items() if _is_limited(plan)]
        for some in statements.chunks(limited):
            for account_id, day, *sums in self._sql.rows(connection, _SUMS, some, today):
                added = tallies.counters[account_id, day, ""]
                self._warnings.counted(
                    connection,
                    account_id,
                    _changes(plans[account_id], sums, added=added, resets=ends_at_us(now_us)),
                    day=day,
                    now_us=now_us,
                )


def _state(usage: Usage) -> str:
    return "settled" if usage.source == "provider" else "estimated"


def _is_limited(plan: Plan) -> bool:
    limits = (plan.tokens_per_day, plan.messages_per_day, plan.agent_minutes_per_day)
    return any(limit is not None for limit in limits)


def _changes(
    plan: Plan, sums: Sequence[Any], *, added: Sequence[int], resets: int
) -> list[tuple[int, ResourceUse]]:
    """Each daily limit: what was used before, and what is used now."""
    tokens, messages, agent_ms = sums
    facts = (
        ("tokens", tokens - added[0], tokens, plan.tokens_per_day),
        ("messages", messages - added[1], messages, plan.messages_per_day),
        (
            "agent_minutes",
            minutes(agent_ms - added[2]),
            minutes(agent_ms),
            plan.agent_minutes_per_day,
        ),
    )
    return [
        (
            before,
            ResourceUse(resource=name, used=used, held=0, limit=limit, resets_at_us=resets),
        )
        for name, before, used, limit in facts
    ]
