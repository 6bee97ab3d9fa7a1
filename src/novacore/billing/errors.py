"""What can go wrong with plans, holds and the ledger.

NovaError
└── BillingError
    ├── PlanUnknown       REFUSED      no plan of that name is configured
    ├── ModelNotInPlan    REFUSED      the account's plan does not include the model
    ├── QuotaSpent        REFUSED      a limit is reached; says which, and when it starts anew
    ├── HoldsExpired      UNAVAILABLE  calls that nobody closed are in the way
    ├── KeyInFlight       REFUSED      the first request with an idempotency key is running
    ├── KeyReused         REFUSED      an idempotency key was used with another body
    ├── KeyAnswered       REFUSED      the request was answered, its reply could not be kept
    ├── UsageMalformed    CORRUPT      a usage entry that can't be read
    ├── BillingBusy       UNAVAILABLE  too many admissions wait
    └── BillingClosed     UNAVAILABLE  the room was closed
"""

from novacore.billing.model import ExpiredHold
from novacore.kit import ErrorKind, NovaError

_NAMES = {
    "tokens": "tokens",
    "messages": "messages",
    "storage_bytes": "bytes of storage",
    "agent_minutes": "agent minutes",
}
_SCOPES = {"key": "API key", "agent": "agent"}


class BillingError(NovaError):
    """Billing could not do what was asked."""


class PlanUnknown(BillingError):
    """There is no such plan."""

    def __init__(self, name: str, *, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no plan {name!r}.", hint=f"Plans: {', '.join(known)}.")
        self.name = name
        self.known = known


class ModelNotInPlan(BillingError):
    """The account's plan does not include this model."""

    def __init__(self, model: str, *, plan: str) -> None:
        super().__init__(
            f"The plan {plan} does not include the model {model}.",
            hint="Choose another model, or a plan that has it.",
        )
        self.model = model
        self.plan = plan


class QuotaSpent(BillingError):
    """A limit is reached."""

    def __init__(
        self,
        *,
        resource: str,
        scope: str,
        limit: int,
        used: int,
        held: int,
        needed: int,
        plan: str,
        resets_at_us: int | None,
        retry_after_s: int | None = None,
    ) -> None:
        words = _words(resource, scope, limit=limit, used=used, held=held, needed=needed)
        message, hint = words if limit else _nothing(resource, scope, plan=plan)
        super().__init__(message, hint=hint)
        self.resource = resource
        self.scope = scope
        self.limit = limit
        self.used = used
        self.held = held
        self.needed = needed
        self.plan = plan
        self.resets_at_us = resets_at_us
        self.retry_after_s = retry_after_s
        """When it may fit: soon where only running calls are in the way; None: not by waiting."""


class HoldsExpired(BillingError):
    """Calls that were never closed are in the way."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(self, holds: tuple[ExpiredHold, ...]) -> None:
        super().__init__(hint="They are closed with an estimate; try again.")
        self.holds = holds


class KeyInFlight(BillingError):
    """The first request with this Idempotency-Key is still running."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(hint=f"Ask again in {retry_after_s} seconds at the latest.")
        self.retry_after_s = retry_after_s


class KeyReused(BillingError):
    """This Idempotency-Key was used with another body."""

    def __init__(self) -> None:
        super().__init__(hint="Use a new key for a new request.")


class KeyAnswered(BillingError):
    """The request with this Idempotency-Key was answered, but its reply could not be kept."""

    def __init__(self) -> None:
        super().__init__(hint="Use a new key to ask again; that is a new call.")


class UsageMalformed(BillingError):
    """A usage entry can't be read."""

    kind = ErrorKind.CORRUPT


class BillingBusy(BillingError):
    """Too many requests wait to be admitted."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(self, *, waiting_max: int) -> None:
        super().__init__(hint="Try again in a moment.")
        self.waiting_max = waiting_max


class BillingClosed(BillingError):
    """Billing was closed."""

    kind = ErrorKind.UNAVAILABLE


def _words(
    resource: str, scope: str, *, limit: int, used: int, held: int, needed: int
) -> tuple[str, str]:
    """What is spent, and what to do about it."""
    is_daily = resource != "storage_bytes"
    whose = {"account": "", "key": " of this API key", "agent": " of this agent"}[scope]
    busy = f" and {held:,} held by calls that are running" if held else ""
    message = (
        f"The limit{whose} of {limit:,} {_NAMES[resource]} {'a day' if is_daily else 'in all'} "
        f"leaves too little: {used:,} used{busy}, {needed:,} needed."
    )
    if not is_daily:
        return message, "Delete what you no longer need, or choose a larger plan."
    if held:
        return message, "Wait for the running calls, or choose a larger plan."
    return message, "It starts anew at 00:00 UTC; a larger plan has more."


def _nothing(resource: str, scope: str, *, plan: str) -> tuple[str, str]:
    """The same where there is nothing to spend in the first place."""
    if scope != "account":
        return f"This {_SCOPES[scope]} may use no {_NAMES[resource]}.", "Its owner can change that."
    return (
        f"The plan {plan} has no {_NAMES[resource]}.",
        "Choose a plan that has some; what is stored can be read and exported as always.",
    )
