"""Which plan an account is on, as far as rate limits care: remembered for a moment."""

from novacore import kit
from novacore.gateway.services import Services

_KEPT_S = 30.0
_ENTRIES_MAX = 20_000


class PlanCache:
    """The plans of those who asked lately.

    A changed plan changes the rates at most 30 s later; quotas follow at once, elsewhere.
    """

    def __init__(self, services: Services, *, clock: kit.Clock) -> None:
        self._services = services
        self._clock = clock
        self._known: dict[str, tuple[int | None, float]] = {}

    async def rate_of(self, account_id: str) -> int | None:
        """The requests a minute that the account's plan allows; None: it says nothing."""
        now_s = self._clock.monotonic_s()
        known = self._known.get(account_id)
        if known is not None and now_s < known[1]:
            return known[0]
        found = await self._services.run(self._services.platform.billing.plan_of, account_id)
        if len(self._known) >= _ENTRIES_MAX:
            self._known.clear()
        per_minute = found.plan.requests_per_minute
        self._known[account_id] = (per_minute, now_s + _KEPT_S)
        return per_minute
