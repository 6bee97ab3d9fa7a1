"""An account's plan as it holds at a moment, and the lock that admissions and the ledger share."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy

from novacore.billing import statements
from novacore.billing.config import Config
from novacore.billing.days import DAY_US
from novacore.billing.model import AccountPlan
from novacore.billing.plans import Plan
from novacore.billing.tables import ACCOUNT

NO_LIMIT: Final = -1
"""How the table says that the administrator lifted a limit."""
OVERRIDES: Final = (
    "tokens_per_day",
    "messages_per_day",
    "storage_bytes",
    "agent_minutes_per_day",
)

_FIND: Final = """
SELECT account_id, plan, plan_since_us, plan_ends_at_us, tokens_per_day, messages_per_day,
       storage_bytes, agent_minutes_per_day, stored_bytes
FROM billing_account WHERE account_id IN (??) ORDER BY account_id"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AccountRow:
    """One account as stored."""

    account_id: str
    plan: str
    since_us: int
    ends_at_us: int | None
    overrides: tuple[int | None, ...]
    """In the order of OVERRIDES."""
    stored_bytes: int


class Accounts:
    """Reads accounts and says which limits hold for them."""

    def __init__(
        self, sql: statements.SQL, *, config: Config, plans: Mapping[str, Plan], is_limited: bool
    ) -> None:
        self._sql = sql
        self._plans = plans
        self._plan_default = config.plan_default
        self._is_limited = is_limited
        self._insert = statements.inserted(ACCOUNT, or_nothing=True)
        self._limits = functools.lru_cache(maxsize=10_000)(self._limits_of)

    def find(
        self, connection: sqlalchemy.Connection, account_ids: list[str], *, is_locked: bool = False
    ) -> dict[str, AccountRow]:
        """Those of the accounts that are known."""
        text = _FIND + (self._sql.for_update() if is_locked else "")
        found: dict[str, AccountRow] = {}
        for some in statements.chunks(account_ids):
            found |= self.found(self._sql.rows(connection, text, some))
        return found

    def query(self, account_ids: list[str]) -> statements.Query:
        """Asks for what `found` reads: those of at most `LIST_MAX` accounts that are known."""
        return statements.Query(text=_FIND, columns=9, values=(account_ids,))

    def found(self, rows: Sequence[Sequence[Any]]) -> dict[str, AccountRow]:
        """The accounts in the rows of `query`."""
        return {row[0]: _row(row) for row in rows}

    def make(
        self,
        connection: sqlalchemy.Connection,
        account_ids: Iterable[str],
        *,
        now_us: int,
        plan: str | None = None,
    ) -> None:
        """Rows of a plan for accounts that have none; those that have one keep it."""
        name = plan or self._plan_default
        ends = self.end_of(name, since_us=now_us)
        self._sql.insert(
            connection,
            self._insert,
            [
                (each, name, now_us, ends, None, None, None, None, None, 0, now_us)
                for each in account_ids
            ],
        )

    def fresh(self, account_id: str, *, now_us: int) -> AccountRow:
        """An account as it will be when it is first used."""
        return AccountRow(
            account_id=account_id,
            plan=self._plan_default,
            since_us=now_us,
            ends_at_us=self.end_of(self._plan_default, since_us=now_us),
            overrides=(None, None, None, None),
            stored_bytes=0,
        )

    def end_of(self, plan: str, *, since_us: int) -> int | None:
        """When a plan that starts now ends by itself."""
        days = self._plans[plan].days
        return None if days is None else since_us + days * DAY_US

    def plan_of(self, row: AccountRow, *, now_us: int) -> AccountPlan:
        """The plan that holds now: a lapsed one has given way to the next by itself."""
        plan = self.limits_of(row, now_us=now_us)
        limits = (
            plan.tokens_per_day,
            plan.messages_per_day,
            plan.storage_bytes,
            plan.agent_minutes_per_day,
        )
        has_lapsed = plan.name != row.plan
        return AccountPlan(
            account_id=row.account_id,
            plan=plan,
            is_limited=any(each is not None for each in limits),
            since_us=row.ends_at_us if has_lapsed and row.ends_at_us else row.since_us,
            ends_at_us=None if has_lapsed else row.ends_at_us,
        )

    def limits_of(self, row: AccountRow, *, now_us: int) -> Plan:
        """The plan with the limits that hold for this account now."""
        has_ended = row.ends_at_us is not None and now_us >= row.ends_at_us
        return self._limits(row.plan, has_ended, row.overrides)

    def _limits_of(self, name: str, has_ended: bool, overrides: tuple[int | None, ...]) -> Plan:
        # A plan that the settings no longer have keeps its name and gets the default's limits.
        plan = self._plans.get(name) or dataclasses.replace(
            self._plans[self._plan_default], name=name, title=name
        )
        if self._is_limited and has_ended and plan.then:
            plan = self._plans[plan.then]
        if not self._is_limited:
            plan = _unlimited(plan)
        changes = {
            field: None if value == NO_LIMIT else value
            for field, value in zip(OVERRIDES, overrides, strict=True)
            if value is not None
        }
        return dataclasses.replace(plan, **changes) if changes else plan


def _unlimited(plan: Plan) -> Plan:
    nothing: dict[str, Any] = dict.fromkeys(OVERRIDES)
    return dataclasses.replace(
        plan, **nothing, turn_input_tokens_max=None, output_tokens_default=None, models=()
    )


def _row(row: Any) -> AccountRow:
    return AccountRow(
        account_id=row[0],
        plan=row[1],
        since_us=row[2],
        ends_at_us=row[3],
        overrides=(row[4], row[5], row[6], row[7]),
        stored_bytes=row[8],
    )
