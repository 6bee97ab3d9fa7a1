"""Settings of plans and metering; section `[billing]` of nova.toml."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from novacore import kit
from novacore.billing.plans import Plan, read_plans


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What accounts may use, and how usage is kept. Checked when made."""

    limits: str = kit.setting(
        "auto",
        choices=("auto", "on", "off"),
        doc="Whether the plans' limits are enforced: auto does so where payments are set up. Usage "
        "is counted in any case, and limits set for one account or key always hold.",
    )
    plan_default: str = kit.setting("free_trial", doc="The plan of a new account.")
    plans: Mapping[str, Any] | None = kit.setting(
        None,
        doc="Changes to the plans, or plans of your own, each a table [billing.plans.NAME].",
    )
    hold_lease_s: int = kit.setting(
        60,
        unit="s",
        minimum=1,
        maximum=3_600,
        doc="A call that has not been heard of for so long is given up and counted by estimate.",
    )
    output_tokens_default: int = kit.setting(
        4_096,
        unit="tokens",
        minimum=1,
        doc="How long an answer may get where neither the caller nor the plan says.",
    )
    settle_wait_ms: int = kit.setting(
        20,
        unit="ms",
        minimum=0,
        maximum=1_000,
        doc="How long what was used may wait to share a commit with the next admission.",
    )
    waiting_max: int = kit.setting(
        10_000,
        unit="requests",
        minimum=1,
        doc="Most requests that wait to be admitted; more are turned away.",
    )
    group_max: int = kit.setting(
        256, unit="requests", minimum=1, maximum=10_000, doc="Most requests admitted in one commit."
    )
    idempotency_hours: int = kit.setting(
        24,
        unit="hours",
        minimum=1,
        maximum=720,
        doc="How long the reply to a request with an Idempotency-Key can be had again.",
    )
    reply_bytes_max: int = kit.setting(
        1_048_576,
        unit="bytes",
        minimum=0,
        doc="Largest reply that is kept for an Idempotency-Key.",
    )
    warning_percent: int = kit.setting(
        80,
        unit="percent",
        minimum=1,
        maximum=99,
        doc="A mail is sent when so much of a limit is used; another when all of it is.",
    )
    reminder_hours: int = kit.setting(
        48, unit="hours", minimum=1, doc="How long before its end a trial is reminded of."
    )
    hold_days: int = kit.setting(
        7, unit="days", minimum=1, doc="How long closed holds are kept for questions."
    )
    ledger_days: int = kit.setting(
        400,
        unit="days",
        minimum=31,
        doc="How long the ledger keeps each call; sums by day are kept for good.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
        known = self.list_plans()
        if self.plan_default not in known:
            raise kit.SettingInvalid(
                f"plan_default is {self.plan_default!r}; expected one of {', '.join(known)}.",
                name="plan_default",
            )

    def list_plans(self) -> dict[str, Plan]:
        """All plans by name: the built-in ones as changed, then your own."""
        return read_plans(self.plans or {})
