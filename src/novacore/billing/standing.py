"""What an account used and has set aside today, and whether one more call fits: pure arithmetic."""

import dataclasses
from collections.abc import Iterator
from typing import Final

from novacore.billing.errors import ModelNotInPlan, QuotaSpent
from novacore.billing.model import Admission
from novacore.billing.plans import Plan

MINUTE_MS: Final = 60_000
RUNNING_S: Final = 5
"""When to ask again where only running calls are in the way."""


@dataclasses.dataclass(kw_only=True, slots=True)
class Sums:
    """Counted and set aside today by one account, key or agent."""

    tokens: int = 0
    messages: int = 0
    agent_ms: int = 0
    held_tokens: int = 0
    held_messages: int = 0
    held_agent_ms: int = 0


@dataclasses.dataclass(kw_only=True, slots=True)
class Standing:
    """Where an account stands; changes with each call that is granted."""

    plan: Plan
    now_us: int
    resets_at_us: int
    stored_bytes: int
    sums: dict[str, Sums] = dataclasses.field(default_factory=dict)
    """By subject: empty is the account, `key:<id>` and `agent:<id>` what limits of their own."""

    def of(self, subject: str) -> Sums:
        """The sums of a subject, zero where nothing was used."""
        found = self.sums.get(subject)
        if found is None:
            found = self.sums[subject] = Sums()
        return found


def subjects_of(admission: Admission) -> list[str]:
    """Whose limits the call counts against; the account's is the empty one."""
    subjects = [""]
    if admission.key_id:
        subjects.append(f"key:{admission.key_id}")
    if admission.agent_id:
        subjects.append(f"agent:{admission.agent_id}")
    return subjects


def grant(
    standing: Standing, admission: Admission, *, lease_ms: int, output_tokens_default: int
) -> int:
    """Set aside what the call needs, and return its output cap: what is left, at most.

    Every limit is checked before anything is taken, so that a refusal takes nothing.

    Raises:
        ModelNotInPlan, QuotaSpent: it does not fit.
    """
    plan = standing.plan
    if not plan.allows_model(admission.model):
        raise ModelNotInPlan(admission.model, plan=plan.name)
    agent_ms = lease_ms if admission.agent_id else 0
    _check_counts(standing, admission, agent_ms=agent_ms)
    cap = _fitting_cap(
        standing, admission, default=plan.output_tokens_default or output_tokens_default
    )
    for subject in subjects_of(admission):
        sums = standing.of(subject)
        sums.held_tokens += admission.input_tokens + cap
        sums.held_messages += admission.messages
        sums.held_agent_ms += agent_ms
    return cap


def _fitting_cap(standing: Standing, admission: Admission, *, default: int) -> int:
    wanted = admission.output_tokens_wanted
    cap = min(default if wanted is None else wanted, admission.output_tokens_max)
    needed = admission.input_tokens + min(admission.output_tokens_min, cap)
    for scope, subject, limit in _token_limits(standing.plan, admission):
        sums = standing.of(subject)
        left = limit - sums.tokens - sums.held_tokens
        if left < needed:
            raise _spent(
                standing, "tokens", scope=scope, limit=limit, used=sums.tokens,
                held=sums.held_tokens, needed=needed,
            )  # fmt: skip
        cap = min(cap, left - admission.input_tokens)
    return cap


def _token_limits(plan: Plan, admission: Admission) -> Iterator[tuple[str, str, int]]:
    if plan.tokens_per_day is not None:
        yield "account", "", plan.tokens_per_day
    if admission.key_tokens_per_day is not None:
        yield "key", f"key:{admission.key_id}", admission.key_tokens_per_day
    if admission.agent_tokens_per_day is not None:
        yield "agent", f"agent:{admission.agent_id}", admission.agent_tokens_per_day


def _check_counts(standing: Standing, admission: Admission, *, agent_ms: int) -> None:
    """Messages, agent minutes and storage."""
    plan, sums = standing.plan, standing.of("")
    limit = plan.messages_per_day
    if limit is not None and admission.messages:
        needed = admission.messages
        if sums.messages + sums.held_messages + needed > limit:
            raise _spent(
                standing, "messages", limit=limit, used=sums.messages, held=sums.held_messages,
                needed=needed,
            )  # fmt: skip
    limit = plan.agent_minutes_per_day
    if limit is not None and agent_ms:
        held = sums.held_agent_ms
        if sums.agent_ms + held + agent_ms > limit * MINUTE_MS:
            raise _spent(
                standing, "agent_minutes", limit=limit, used=minutes(sums.agent_ms),
                held=minutes(held), needed=minutes(agent_ms),
            )  # fmt: skip
    limit = plan.storage_bytes
    needed = admission.bytes_stored
    if limit is not None and needed and standing.stored_bytes + needed > limit:
        raise _spent(
            standing, "storage_bytes", limit=limit, used=standing.stored_bytes, held=0,
            needed=needed,
        )  # fmt: skip


def minutes(ms: int) -> int:
    """Whole minutes, rounded up."""
    return -(-ms // MINUTE_MS)


def _spent(
    standing: Standing,
    resource: str,
    *,
    limit: int,
    used: int,
    held: int,
    needed: int,
    scope: str = "account",
) -> QuotaSpent:
    is_daily = resource != "storage_bytes"
    left_s = -(-(standing.resets_at_us - standing.now_us) // 1_000_000)
    if used + needed <= limit:
        left_s = min(left_s, RUNNING_S)
    return QuotaSpent(
        resource=resource,
        scope=scope,
        limit=limit,
        used=used,
        held=held,
        needed=needed,
        plan=standing.plan.name,
        resets_at_us=standing.resets_at_us if is_daily else None,
        retry_after_s=left_s if is_daily and limit else None,
    )
