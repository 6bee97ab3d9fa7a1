"""What goes in and out of billing: plain data, no behaviour that needs a database.

What every call makes is a `msgspec.Struct`, in a thirtieth of the time of a frozen dataclass.
"""

import dataclasses

import msgspec

from novacore.billing.plans import Plan


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An Idempotency-Key: one request per account, route and key."""

    route: str
    """Which endpoint, as its path template."""
    key: str
    """What the client sent."""
    digest: str
    """Of the request's body; another one under the same key is refused."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StoredReply:
    """What a finished request was answered, word for word."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """One model call that wants to be made."""

    account_id: str
    """Who pays: for an agent, its owner."""
    purpose: str
    """chat, title, embedding …"""
    model: str
    input_tokens: int
    """What will be sent, counted from above."""
    output_tokens_max: int
    """The most that the model can answer."""
    output_tokens_wanted: int | None = None
    """The most that the caller asked for; None: the plan's default."""
    output_tokens_min: int = 1
    """Less than this would be of no use."""
    messages: int = 0
    """1 where a person said something, 0 for work behind it."""
    bytes_stored: int = 0
    """What the call will store, about; 0: nothing."""
    agent_id: str = ""
    agent_tokens_per_day: int | None = None
    key_id: str = ""
    key_tokens_per_day: int | None = None
    idempotency: Claim | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExpiredHold:
    """A hold whose owner has not been heard of: to be closed with an estimate."""

    id: str
    account_id: str
    day: str
    plan: str
    purpose: str
    model: str
    price_version: str
    input_tokens: int
    output_tokens_max: int
    output_tokens_seen: int
    """What was last heard of the answer's length."""
    messages: int
    agent_id: str
    key_id: str
    admitted_at_us: int
    lease_until_us: int


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A call that may be made: the tokens that are set aside for it until it is closed."""

    id: str
    account_id: str
    day: str
    """The UTC day that pays, YYYY-MM-DD: that of the admission."""
    plan: str
    purpose: str
    model: str
    price_version: str
    input_tokens: int
    output_tokens_max: int
    """The cap to send upstream."""
    messages: int
    agent_id: str
    key_id: str
    admitted_at_us: int
    lease_until_us: int
    """Renew before; afterwards others may close it with an estimate."""
    is_rerun: bool = False
    """The call of an earlier request with the same Idempotency-Key that died."""
    replay: StoredReply | None = None
    """The request was answered before: send this, call nothing."""
    expired: tuple[ExpiredHold, ...] = ()
    """Holds of the account to be closed with an estimate; they were not in the way."""

    @property
    def tokens(self) -> int:
        """What is set aside."""
        return self.input_tokens + self.output_tokens_max


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccountPlan:
    """The plan of one account as it holds now."""

    account_id: str
    plan: Plan
    """With the limits that the administrator set for this account, if any."""
    is_limited: bool
    """Whether any limit of the plan is enforced."""
    since_us: int
    ends_at_us: int | None
    """When the plan ends by itself; None: never."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResourceUse:
    """One bar of what an account used."""

    resource: str
    """tokens, messages, storage_bytes or agent_minutes."""
    used: int
    """Counted for good; more than the limit where a provider reported more than was held."""
    held: int
    """Set aside by calls that are running."""
    limit: int | None
    resets_at_us: int | None
    """When `used` starts anew; None: never."""

    @property
    def percent(self) -> float | None:
        """How much of the limit is used, in percent; None: there is none."""
        if self.limit is None:
            return None
        return round(100 * self.used / self.limit, 1) if self.limit else 100.0

    @property
    def left(self) -> int | None:
        """What a call can still have; None: any amount."""
        return None if self.limit is None else max(0, self.limit - self.used - self.held)

    @property
    def over(self) -> int:
        """What was used beyond the limit."""
        return 0 if self.limit is None else max(0, self.used - self.limit)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quota:
    """What an account used today and may use."""

    day: str
    resets_at_us: int
    plan: str
    is_limited: bool
    resources: tuple[ResourceUse, ...]
    warning_percent: int

    def of(self, resource: str) -> ResourceUse:
        """One of its bars."""
        return next(each for each in self.resources if each.resource == resource)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DayUse:
    """What one model was used for on one day."""

    day: str
    model: str
    """Empty: not of a model, as storage."""
    agent_id: str
    """Empty: a person's own."""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    messages: int = 0
    agent_ms: int = 0
    stored_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drift:
    """A place where journal, ledger and counters say different things."""

    what: str
    account_id: str
    day: str
    journal_tokens: int | None = None
    ledger_tokens: int | None = None
    counted_tokens: int | None = None
    hold_id: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What comparing journal, ledger and counters found."""

    at_us: int
    entries: int
    """Usage entries that were compared."""
    pending: int
    """Entries beyond the ledger's watermark: not read yet, and no drift."""
    rows: int
    """Rows of the ledger in the compared days."""
    drift_tokens: int
    """How many tokens the three are apart, added up without sign."""
    drifts: tuple[Drift, ...]
    """The first hundred differences."""
    drift_count: int

    @property
    def is_sound(self) -> bool:
        """Whether journal, ledger and counters agree."""
        return self.drift_count == 0
