"""The rows of holds: written, renewed, closed once, and found when nobody closed them."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy

from novacore.billing import statements
from novacore.billing.model import ExpiredHold, Hold
from novacore.billing.tables import HOLD

EXPIRED_MAX: Final = 100
"""How many expired holds are told at once."""

HELD: Final = """
SELECT account_id, day, key_id, agent_id, CAST(SUM(input_tokens + output_tokens_max) AS BIGINT),
       CAST(SUM(messages) AS BIGINT), CAST(SUM(agent_ms) AS BIGINT), MIN(lease_until_us)
FROM billing_hold WHERE state = 'open' AND account_id IN (??)
GROUP BY account_id, day, key_id, agent_id"""
_FIELDS: Final = """
SELECT id, account_id, day, plan, purpose, model, price_version, input_tokens, output_tokens_max,
       output_tokens_seen, messages, agent_id, key_id, admitted_at_us, lease_until_us
FROM billing_hold"""
_NAMES: Final = (
    "id", "account_id", "day", "plan", "purpose", "model", "price_version", "input_tokens",
    "output_tokens_max", "output_tokens_seen", "messages", "agent_id", "key_id", "admitted_at_us",
    "lease_until_us",
)  # fmt: skip
EXPIRED_OF: Final = f"""{_FIELDS}
WHERE state = 'open' AND account_id = ? AND lease_until_us < ? ORDER BY lease_until_us LIMIT ?"""
EXPIRED: Final = f"""{_FIELDS}
WHERE state = 'open' AND lease_until_us < ? ORDER BY lease_until_us LIMIT ?"""
_OPEN: Final = f"{_FIELDS} WHERE id = ? AND state = 'open'"
_TAKE_OVER: Final = """
UPDATE billing_hold SET lease_until_us = ?, output_tokens_seen = 0
WHERE id = ? AND state = 'open' AND lease_until_us = ?"""
_RENEW: Final = """
UPDATE billing_hold SET lease_until_us = ?, output_tokens_seen = ?,
       agent_ms = CASE WHEN agent_id = '' THEN 0 ELSE (? - admitted_at_us) / 1000 END
WHERE id = ? AND state = 'open'"""
_CLOSE: Final = (
    "UPDATE billing_hold SET state = ?, closed_at_us = ? WHERE id IN (??) AND state = 'open'"
)


class Holds:
    """Reads and writes holds within a transaction of the caller."""

    def __init__(self, sql: statements.SQL, *, lease_us: int) -> None:
        self._sql = sql
        self._lease_us = lease_us
        self._insert = statements.inserted(HOLD)

    def write(
        self, connection: sqlalchemy.Connection, holds: Sequence[Hold], *, agent_ms: int
    ) -> None:
        """Store fresh holds, open."""
        rows: list[tuple[Any, ...]] = [
            (
                hold.id, hold.account_id, hold.day, hold.plan, hold.purpose, hold.model,
                hold.price_version, hold.input_tokens, hold.output_tokens_max, 0, hold.messages,
                hold.agent_id, hold.key_id, agent_ms if hold.agent_id else 0, "open",
                hold.admitted_at_us, hold.lease_until_us, None,
            )
            for hold in holds
        ]  # fmt: skip
        self._sql.insert(connection, self._insert, rows)

    def held(
        self, connection: sqlalchemy.Connection, account_ids: list[str]
    ) -> Sequence[Sequence[Any]]:
        """What open holds set aside, summed by account, day, key and agent."""
        return [
            row
            for some in statements.chunks(account_ids)
            for row in self._sql.rows(connection, HELD, some)
        ]

    def held_query(self, account_ids: list[str]) -> statements.Query:
        """Asks for what `held` gives, of at most `LIST_MAX` accounts."""
        return statements.Query(text=HELD, columns=8, values=(account_ids,))

    def find_open(self, connection: sqlalchemy.Connection, hold_id: str) -> ExpiredHold | None:
        """A hold that is not closed yet; None: there is none, or it is closed."""
        row = self._sql.row(connection, _OPEN, hold_id)
        return None if row is None else ExpiredHold(**dict(zip(_NAMES, row, strict=True)))

    def expired(
        self, connection: sqlalchemy.Connection, account_id: str | None, *, now_us: int
    ) -> tuple[ExpiredHold, ...]:
        """Open holds whose lease is over, the longest first; None: of every account."""
        if account_id is None:
            rows = self._sql.rows(connection, EXPIRED, now_us, EXPIRED_MAX)
        else:
            rows = self._sql.rows(connection, EXPIRED_OF, account_id, now_us, EXPIRED_MAX)
        return tuple(ExpiredHold(**dict(zip(_NAMES, row, strict=True))) for row in rows)

    def take_over(
        self, connection: sqlalchemy.Connection, hold: ExpiredHold, *, now_us: int
    ) -> int | None:
        """A new lease for a hold whose owner died: until when; None: another one was first."""
        until_us = now_us + self._lease_us
        done = self._sql.run(connection, _TAKE_OVER, until_us, hold.id, hold.lease_until_us)
        return until_us if done else None

    def renew(
        self,
        connection: sqlalchemy.Connection,
        hold_id: str,
        *,
        output_tokens_seen: int,
        now_us: int,
    ) -> int | None:
        """A longer lease: until when; None: the hold is closed."""
        until_us = now_us + self._lease_us
        done = self._sql.run(connection, _RENEW, until_us, output_tokens_seen, until_us, hold_id)
        return until_us if done else None

    def close(
        self, connection: sqlalchemy.Connection, states: Sequence[tuple[str, str]], *, now_us: int
    ) -> None:
        """Close holds, each `(id, state)`; those that are closed stay as they are."""
        by_state: dict[str, list[str]] = {}
        for hold_id, state in sorted(states):
            by_state.setdefault(state, []).append(hold_id)
        for state, hold_ids in sorted(by_state.items()):
            for some in statements.chunks(hold_ids):
                self._sql.run(connection, _CLOSE, state, now_us, some)

    def release(self, connection: sqlalchemy.Connection, hold_id: str, *, now_us: int) -> bool:
        """Close a hold whose call was never made; False: it was closed already."""
        return self._sql.run(connection, _CLOSE, "released", now_us, [hold_id]) == 1
