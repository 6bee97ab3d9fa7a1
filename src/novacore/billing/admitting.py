"""A group of calls that want to be made: each is granted a hold, or refused, in one transaction."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy

from novacore import kit
from novacore.billing import statements
from novacore.billing.accounts import AccountRow, Accounts
from novacore.billing.config import Config
from novacore.billing.days import day_of, ends_at_us
from novacore.billing.errors import BillingError, HoldsExpired, KeyInFlight, KeyReused, QuotaSpent
from novacore.billing.holds import Holds
from novacore.billing.model import Admission, ExpiredHold, Hold, StoredReply
from novacore.billing.replies import Replies
from novacore.billing.standing import Standing, grant, subjects_of
from novacore.billing.warnings import Warnings

COUNTED: Final = """
SELECT account_id, subject, tokens, messages, agent_ms FROM billing_counter
WHERE account_id IN (??) AND day = ? AND subject IN (??)"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What admissions are decided on, as it was read in one go."""

    accounts: dict[str, AccountRow]
    counted: Sequence[Sequence[Any]]
    held: Sequence[Sequence[Any]]


@dataclasses.dataclass(kw_only=True, slots=True)
class _Group:
    """What is known while a group is decided."""

    connection: sqlalchemy.Connection
    now_us: int
    day: str
    standings: dict[str, Standing]
    expiring: set[str]
    """Accounts that have expired holds; told once."""
    granted: list[Hold] = dataclasses.field(default_factory=list)
    claims: dict[tuple[str, str, str], tuple[Admission, str]] = dataclasses.field(
        default_factory=dict
    )
    """Keys taken in this group: by account, route and key."""


class Admitting:
    """Decides on admissions and writes what was granted."""

    def __init__(
        self,
        sql: statements.SQL,
        *,
        accounts: Accounts,
        holds: Holds,
        replies: Replies,
        warnings: Warnings,
        config: Config,
        price_version: str,
        clock: kit.Clock,
    ) -> None:
        self._sql = sql
        self._accounts = accounts
        self._holds = holds
        self._replies = replies
        self._warnings = warnings
        self._lease_us = config.hold_lease_s * 1_000_000
        self._output_tokens_default = config.output_tokens_default
        self._price_version = price_version
        self._clock = clock

    def look(
        self, connection: sqlalchemy.Connection, admissions: Sequence[Admission], *, now_us: int
    ) -> Seen | None:
        """All that they are decided on, where the transaction changes nothing of it before.

        None: they are of too many accounts for one statement.
        """
        account_ids = sorted({each.account_id for each in admissions})
        subjects = sorted({subject for each in admissions for subject in subjects_of(each)})
        if max(len(account_ids), len(subjects)) > statements.LIST_MAX:
            return None
        counted = statements.Query(
            text=COUNTED, columns=5, values=(account_ids, day_of(now_us), subjects)
        )
        found = self._sql.rows_of(
            connection,
            self._accounts.query(account_ids),
            counted,
            self._holds.held_query(account_ids),
        )
        return Seen(accounts=self._accounts.found(found[0]), counted=found[1], held=found[2])

    def admit(
        self,
        connection: sqlalchemy.Connection,
        admissions: Sequence[Admission],
        *,
        accounts: Mapping[str, AccountRow],
        now_us: int,
        seen: Seen | None = None,
    ) -> list[Hold | BillingError]:
        """Decide on each in order; what is granted counts for those after it.

        Args:
            connection: in a transaction that writes.
            admissions: what is asked for.
            accounts: of whom, by id.
            now_us: when.
            seen: what `look` saw; None: it is read now.
        """
        group = self._group(connection, admissions, accounts=accounts, now_us=now_us, seen=seen)
        outcomes: list[Hold | BillingError] = []
        for admission in admissions:
            try:
                outcomes.append(self._decided(group, admission))
            except BillingError as error:
                outcomes.append(error)
        self._holds.write(connection, group.granted, agent_ms=self._lease_us // 1_000)
        self._replies.take(connection, list(group.claims.values()), now_us=now_us)
        return outcomes

    def _group(
        self,
        connection: sqlalchemy.Connection,
        admissions: Sequence[Admission],
        *,
        accounts: Mapping[str, AccountRow],
        now_us: int,
        seen: Seen | None,
    ) -> _Group:
        day = day_of(now_us)
        standings = {
            account_id: Standing(
                plan=self._accounts.limits_of(row, now_us=now_us),
                now_us=now_us,
                resets_at_us=ends_at_us(now_us),
                stored_bytes=row.stored_bytes,
            )
            for account_id, row in accounts.items()
        }
        group = _Group(
            connection=connection, now_us=now_us, day=day, standings=standings, expiring=set()
        )
        if seen is None:
            self._add_counted(group, admissions)
        else:
            _add_used(group, seen.counted)
        for row in self._holds.held(connection, list(standings)) if seen is None else seen.held:
            _add_held(group, row)
        return group

    def _add_counted(self, group: _Group, admissions: Sequence[Admission]) -> None:
        """What is counted already; asked only for those whom some limit holds for."""
        limited = [each for each in admissions if _is_limited(group, each)]
        if not limited:
            return
        account_ids = sorted({each.account_id for each in limited})
        subjects = sorted({subject for each in limited for subject in subjects_of(each)})
        for some in statements.chunks(account_ids):
            for those in statements.chunks(subjects):
                _add_used(group, self._sql.rows(group.connection, COUNTED, some, group.day, those))

    def _decided(self, group: _Group, admission: Admission) -> Hold:
        if admission.idempotency is not None:
            earlier = self._earlier(group, admission)
            if earlier is not None:
                return earlier
        standing = group.standings[admission.account_id]
        try:
            cap = grant(
                standing,
                admission,
                lease_ms=self._lease_us // 1_000,
                output_tokens_default=self._output_tokens_default,
            )
        except QuotaSpent as refusal:
            raise self._explained(group, admission, refusal) from None
        hold = self._hold(group, admission, cap=cap, expired=self._expired(group, admission))
        group.granted.append(hold)
        if admission.idempotency is not None:
            group.claims[_key(admission)] = admission, hold.id
        return hold

    def _hold(
        self,
        group: _Group,
        admission: Admission,
        *,
        cap: int,
        expired: tuple[ExpiredHold, ...] = (),
    ) -> Hold:
        return Hold(
            id=str(kit.new_id(self._clock)),
            account_id=admission.account_id,
            day=group.day,
            plan=group.standings[admission.account_id].plan.name,
            purpose=admission.purpose,
            model=admission.model,
            price_version=self._price_version,
            input_tokens=admission.input_tokens,
            output_tokens_max=cap,
            messages=admission.messages,
            agent_id=admission.agent_id,
            key_id=admission.key_id,
            admitted_at_us=group.now_us,
            lease_until_us=group.now_us + self._lease_us,
            expired=expired,
        )

    def _expired(self, group: _Group, admission: Admission) -> tuple[ExpiredHold, ...]:
        """The account's expired holds, handed to the first who asks in this group."""
        if admission.account_id not in group.expiring:
            return ()
        group.expiring.discard(admission.account_id)
        return self._holds.expired(group.connection, admission.account_id, now_us=group.now_us)

    def _explained(
        self, group: _Group, admission: Admission, refusal: QuotaSpent
    ) -> HoldsExpired | QuotaSpent:
        """The refusal, or what must be closed before it can be called one."""
        if refusal.held and admission.account_id in group.expiring:
            holds = self._holds.expired(group.connection, admission.account_id, now_us=group.now_us)
            return HoldsExpired(holds)
        self._warnings.refused(
            group.connection,
            admission.account_id,
            refusal,
            day=group.day,
            now_us=group.now_us,
        )
        return refusal

    def _earlier(self, group: _Group, admission: Admission) -> Hold | None:
        """What became of an earlier request with the same key; None: it is free."""
        assert admission.idempotency is not None
        taken = group.claims.get(_key(admission))
        if taken is not None:
            first = taken[0].idempotency
            if first is not None and first.digest != admission.idempotency.digest:
                raise KeyReused
            raise KeyInFlight(retry_after_s=self._seconds_left(self._lease_us))
        found = self._replies.find(group.connection, admission, now_us=group.now_us)
        if found is None:
            return None
        hold_id, reply = found
        if reply is not None:
            return self._replayed(group, admission, hold_id=hold_id, reply=reply)
        return self._rerun(group, hold_id)

    def _replayed(
        self, group: _Group, admission: Admission, *, hold_id: str, reply: StoredReply
    ) -> Hold:
        nothing = self._hold(group, admission, cap=0)
        return msgspec.structs.replace(
            nothing, id=hold_id, input_tokens=0, messages=0, replay=reply
        )

    def _rerun(self, group: _Group, hold_id: str) -> Hold | None:
        """The dead request's own hold, taken over; None: it is closed, so the call is a new one."""
        hold = self._holds.find_open(group.connection, hold_id)
        if hold is None:
            return None
        left_us = hold.lease_until_us - group.now_us
        if left_us > 0:
            raise KeyInFlight(retry_after_s=self._seconds_left(left_us))
        until_us = self._holds.take_over(group.connection, hold, now_us=group.now_us)
        if until_us is None:
            raise KeyInFlight(retry_after_s=self._seconds_left(self._lease_us))
        facts = {field.name: getattr(hold, field.name) for field in dataclasses.fields(hold)}
        del facts["output_tokens_seen"]
        return Hold(**{**facts, "lease_until_us": until_us}, is_rerun=True)

    def _seconds_left(self, left_us: int) -> int:
        return max(1, math.ceil(left_us / 1_000_000))


def _is_limited(group: _Group, admission: Admission) -> bool:
    plan = group.standings[admission.account_id].plan
    limits = (
        plan.tokens_per_day,
        plan.messages_per_day,
        plan.agent_minutes_per_day,
        admission.key_tokens_per_day,
        admission.agent_tokens_per_day,
    )
    return any(limit is not None for limit in limits)


def _add_used(group: _Group, rows: Sequence[Sequence[Any]]) -> None:
    for account_id, subject, tokens, messages, agent_ms in rows:
        sums = group.standings[account_id].of(subject)
        sums.tokens, sums.messages, sums.agent_ms = tokens, messages, agent_ms


def _add_held(group: _Group, row: Sequence[object]) -> None:
    account_id, day, key_id, agent_id, tokens, messages, agent_ms, lease_until_us = row
    assert isinstance(tokens, int)
    assert isinstance(messages, int)
    assert isinstance(agent_ms, int)
    assert isinstance(lease_until_us, int)
    if lease_until_us < group.now_us:
        group.expiring.add(str(account_id))
    if day != group.day:
        return
    subjects = [
        "",
        *([f"key:{key_id}"] if key_id else []),
        *([f"agent:{agent_id}"] if agent_id else []),
    ]
    for subject in subjects:
        sums = group.standings[str(account_id)].of(subject)
        sums.held_tokens += tokens
        sums.held_messages += messages
        sums.held_agent_ms += agent_ms


def _key(admission: Admission) -> tuple[str, str, str]:
    assert admission.idempotency is not None
    claim = admission.idempotency
    return admission.account_id, claim.route, claim.key
