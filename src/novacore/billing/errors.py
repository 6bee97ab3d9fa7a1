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
        whose = {"account": "", "key": " of this API key", "agent": " of this agent"}[scope]
        when = "a day" if resets_at_us is not None else "in all"
        busy = f" and {held:,} held by calls that are running" if held else ""
        super().__init__(
            f"The limit{whose} of {limit:,} {_NAMES[resource]} {when} leaves too little: "
            f"{used:,} used{busy}, {needed:,} needed.",
            hint=_what_to_do(held=held, resets_at_us=resets_at_us),
        )
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


def _what_to_do(*, held: int, resets_at_us: int | None) -> str:
    if resets_at_us is None:
        return "Delete what you no longer need, or choose a larger plan."
    if held:
        return "Wait for the running calls, or choose a larger plan."
    return "It starts anew at 00:00 UTC; a larger plan has more."
