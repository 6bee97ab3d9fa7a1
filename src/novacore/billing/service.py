"""Plans, holds and the ledger, in front of the database."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import EllipsisType
from typing import Any

from novacore import kit
from novacore.billing import jobs, statements
from novacore.billing.accounts import Accounts
from novacore.billing.admitting import Admitting
from novacore.billing.config import Config
from novacore.billing.errors import PlanUnknown
from novacore.billing.group import Group
from novacore.billing.holds import Holds
from novacore.billing.model import (
    AccountPlan,
    Admission,
    DayUse,
    ExpiredHold,
    Hold,
    Quota,
    Reconciliation,
    StoredReply,
)
from novacore.billing.plans import Plan, version_of
from novacore.billing.proving import Proving
from novacore.billing.reading import Reading
from novacore.billing.replies import Replies
from novacore.billing.settling import Settling
from novacore.billing.upkeep import Upkeep
from novacore.billing.usage import Usage, Watermark
from novacore.billing.warnings import Warnings
from novacore.billing.writer import Writer
from novacore.database import Database

_PLAN_KEPT_S = 5.0
_PLANS_KEPT_MAX = 10_000
HISTORY_DAYS_MAX = 366


class Billing:
    """Admits calls, closes their holds, and keeps the ledger. Safe between threads and processes.

    Quotas fail closed: where the database is away, nothing is admitted.

    Args:
        database: with billing's tables in it.
        config: limits and plans.
        clock: gives the ids' time; days and leases go by the database's clock.
        has_payments: whether a payment provider is set up; decides `billing.limits = auto`.
    """

    def __init__(
        self,
        database: Database,
        *,
        config: Config | None = None,
        clock: kit.Clock | None = None,
        has_payments: bool = False,
    ) -> None:
        self.config = config or Config()
        self.plans: Mapping[str, Plan] = self.config.list_plans()
        self.price_version = version_of(self.plans)
        self.is_limited = {"on": True, "off": False}.get(self.config.limits, has_payments)
        self._database = database
        self._sql = statements.SQL(database)
        self._accounts = Accounts(
            self._sql, config=self.config, plans=self.plans, is_limited=self.is_limited
        )
        self._holds = Holds(self._sql, lease_us=self.config.hold_lease_s * 1_000_000)
        self._warnings = Warnings(percent=self.config.warning_percent)
        self._settling = Settling(
            self._sql, accounts=self._accounts, holds=self._holds, warnings=self._warnings
        )
        self._reading = Reading(
            self._sql,
            accounts=self._accounts,
            holds=self._holds,
            warning_percent=self.config.warning_percent,
        )
        self._upkeep = Upkeep(
            database,
            self._sql,
            accounts=self._accounts,
            config=self.config,
            plans=self.plans,
            is_limited=self.is_limited,
        )
        self._proving = Proving(database, self._sql, reading=self._reading, settling=self._settling)
        self._plans_kept: dict[str, tuple[float, AccountPlan]] = {}
        self._writer = self._open_writer(clock or kit.SystemClock())

    def _open_writer(self, clock: kit.Clock) -> Writer:
        config = self.config
        replies = Replies(
            self._sql,
            bytes_max=config.reply_bytes_max,
            kept_us=config.idempotency_hours * 3_600_000_000,
        )
        admitting = Admitting(
            self._sql,
            accounts=self._accounts,
            holds=self._holds,
            replies=replies,
            warnings=self._warnings,
            config=config,
            price_version=self.price_version,
            clock=clock,
        )
        group = Group(
            self._database,
            accounts=self._accounts,
            holds=self._holds,
            replies=replies,
            admitting=admitting,
            settling=self._settling,
        )
        return Writer(
            self._database,
            write=group.write,
            waiting_max=config.waiting_max,
            group_max=config.group_max,
            patience_s=config.settle_wait_ms / 1_000,
        )

    def admit(self, admission: Admission) -> Future[Hold]:
        """Set aside what a call needs, against every limit that holds for it, in one step.

        The hold is durable when the future has it. It counts until it is closed: by `settle`, by
        `release`, or with an estimate once its lease is over. Waiters that give up must release
        the hold when it comes: the future can't be cancelled.

        Returns:
            A future of the hold, with the output cap that is to be sent upstream. It raises:
            QuotaSpent, ModelNotInPlan (refused; nothing was taken), HoldsExpired (close the holds
            it names, then try again), KeyInFlight, KeyReused, KeyAnswered (the Idempotency-Key),
            DatabaseUnavailable.

        Raises:
            BillingBusy: too many admissions wait.
            BillingClosed: the room was closed.
        """
        return self._writer.submit(jobs.Admit(admission=admission))

    def renew(self, hold_id: str, output_tokens_seen: int = 0) -> Future[int | None]:
        """Keep a hold for another lease; a future of its end, µs, or None: it is closed."""
        return self._writer.submit(
            jobs.Renew(hold_id=hold_id, output_tokens_seen=output_tokens_seen)
        )

    def release(self, hold_id: str) -> Future[bool]:
        """Give back a hold whose call was never made, and free its Idempotency-Key.

        Only for calls that can't have cost anything. False: the hold is closed already.
        """
        return self._writer.submit(jobs.Release(hold_id=hold_id))

    def store_reply(self, hold_id: str, reply: StoredReply) -> Future[bool]:
        """Keep what a request with an Idempotency-Key was answered; False: its key is gone."""
        return self._writer.submit(jobs.Keep(hold_id=hold_id, reply=reply))

    def settle(
        self,
        usages: Sequence[Usage],
        *,
        watermark: Watermark | None = None,
        is_urgent: bool = False,
    ) -> None:
        """Carry usage entries into the ledger, in the journal's order; durable on return.

        Each entry counts once, however often it is given, from however many processes. Ledger,
        counters, holds, mails at 80 and 100 percent and the watermark change together.

        Args:
            usages: from the journal's feed.
            watermark: how far the feed was read to get them.
            is_urgent: do not wait for an admission to share the commit with.
        """
        job = jobs.Settle(usages=list(usages), watermark=watermark, is_patient=not is_urgent)
        self._writer.submit(job).result()

    def expired_holds(self, account_id: str | None = None) -> tuple[ExpiredHold, ...]:
        """Open holds whose owner was not heard of in time, at most 100; None: of every account."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            return self._holds.expired(connection, account_id, now_us=now_us)

    def watermark(self) -> Watermark | None:
        """How far the ledger has read the journal; None: nothing yet."""
        with self._database.read() as connection:
            return self._reading.watermark(connection)

    def plan_of(self, account_id: str) -> AccountPlan:
        """The account's plan, as it was at most five seconds ago."""
        kept = self._plans_kept.get(account_id)
        now_s = time.monotonic()
        if kept is not None and now_s - kept[0] < _PLAN_KEPT_S:
            return kept[1]
        plan = self.plans_of([account_id])[account_id]
        if len(self._plans_kept) >= _PLANS_KEPT_MAX:
            self._plans_kept.clear()
        self._plans_kept[account_id] = now_s, plan
        return plan

    def plans_of(self, account_ids: Iterable[str]) -> dict[str, AccountPlan]:
        """The plans of many accounts, in one query for each 256 of them."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            return self._reading.plans_of(connection, account_ids, now_us=now_us)

    def quota(self, account_id: str) -> Quota:
        """What the account used today, has set aside, and may use."""
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            return self._reading.quota(connection, account_id, now_us=now_us)

    def history(self, account_id: str, days: int = 30) -> list[DayUse]:
        """What was used by day, model and agent, the oldest first; from sums, two queries.

        Args:
            account_id: whose.
            days: how many, today among them; 1 to 366.
        """
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            bounded = min(max(1, days), HISTORY_DAYS_MAX)
            return self._reading.history(connection, account_id, days=bounded, now_us=now_us)

    def find_plan(self, name: str) -> Plan:
        """A plan by its name.

        Raises:
            PlanUnknown: none is configured under it.
        """
        try:
            return self.plans[name]
        except KeyError:
            raise PlanUnknown(name, known=tuple(self.plans)) from None

    def open_account(self, account_id: str, plan: str | None = None) -> None:
        """Give a new account its plan; one that was seen before keeps what it has.

        Raises:
            PlanUnknown: no such plan is configured.
        """
        self._upkeep.open_account(account_id, self.find_plan(plan).name if plan else None)
        self._plans_kept.pop(account_id, None)

    def set_plan(self, account_id: str, plan: str) -> None:
        """Put an account on a plan, from now; a plan that ends does so that long from now.

        Raises:
            PlanUnknown: no such plan is configured.
        """
        self._upkeep.set_plan(account_id, self.find_plan(plan).name)
        self._plans_kept.pop(account_id, None)

    def set_limits(
        self,
        account_id: str,
        *,
        tokens_per_day: int | EllipsisType | None = ...,
        messages_per_day: int | EllipsisType | None = ...,
        storage_bytes: int | EllipsisType | None = ...,
        agent_minutes_per_day: int | EllipsisType | None = ...,
    ) -> None:
        """Set limits of one account, which hold whether plans are enforced or not.

        A limit that is not named stays; None is the plan's again, NO_LIMIT is none.
        """
        limits = {
            "tokens_per_day": tokens_per_day,
            "messages_per_day": messages_per_day,
            "storage_bytes": storage_bytes,
            "agent_minutes_per_day": agent_minutes_per_day,
        }
        given = {
            name: value for name, value in limits.items() if not isinstance(value, EllipsisType)
        }
        self._upkeep.set_limits(account_id, given)
        self._plans_kept.pop(account_id, None)

    def record_storage(self, account_id: str, stored_bytes: int) -> None:
        """Note how many bytes an account stores now, in all."""
        self._upkeep.record_storage(account_id, stored_bytes)

    def record_all_storage(self, sizes: Mapping[str, int]) -> int:
        """Note how many bytes every account stores now, by account; the others store nothing.

        Returns:
            For how many accounts that is new.
        """
        return self._upkeep.record_all_storage(sizes)

    def expire_trials(self) -> int:
        """Write down that plans have ended and tell their owners; how many. Idempotent.

        A plan that has ended stops by itself: this only makes it visible.
        """
        return self._upkeep.expire_trials()

    def remind_trials(self) -> int:
        """Tell owners whose plan ends soon, each once; how many. Idempotent."""
        return self._upkeep.remind_trials()

    def clean_up(self) -> dict[str, int]:
        """Remove closed holds, expired replies and old lines; how many of each."""
        return self._upkeep.clean_up()

    def erase_account(self, account_id: str) -> int:
        """Remove everything about an account; how many rows. Its journal is not ours."""
        self._plans_kept.pop(account_id, None)
        return self._upkeep.erase(account_id)

    def export_account(self, account_id: str) -> dict[str, Any]:
        """Everything about an account as plain data, by table."""
        return self._upkeep.export(account_id)

    def reconcile(self, usages: Iterable[Usage]) -> Reconciliation:
        """Compare journal, ledger and counters, entry by entry and sum by sum.

        Args:
            usages: every usage entry of the journal in its order, with their sequences. Those of
                days that the ledger no longer keeps are passed over; those beyond the watermark
                are told as pending.
        """
        with self._database.read() as connection:
            since = self._upkeep.ledger_since(self._database.now_us(connection))
        return self._proving.reconcile(usages, since=since)

    def last_reconciliation(self) -> Reconciliation | None:
        """What the last `reconcile` found, for metrics; None: there was none."""
        return self._proving.last()

    def rebuild(self, usages: Iterable[Usage], *, watermark: Watermark | None = None) -> int:
        """Make ledger and counters anew from the journal alone; how many lines.

        Args:
            usages: every usage entry of the journal, in its order.
            watermark: how far they reach. None: the ledger reads on from where it was.
        """
        return self._proving.rebuild(usages, watermark=watermark)

    def close(self) -> None:
        """Write what waits, then end. Idempotent; the database stays open."""
        self._writer.close()
