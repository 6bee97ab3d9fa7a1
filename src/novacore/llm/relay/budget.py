"""How many requests may be sent again: a share of all, so that retries never become a flood."""

from novacore.llm.relay.config import RelayConfig


class RetryBudget:
    """Every request earns a share of a retry, every retry costs one. For one event loop.

    With a share of 10 percent and a reserve of 10, n requests get at most n / 10 + 10 retries.
    """

    def __init__(self, config: RelayConfig) -> None:
        self._reserve = config.retry_reserve
        self._percent = config.retry_percent
        self._hundredths = 100 * config.retry_reserve

    def earn(self) -> None:
        """A request goes out for the first time."""
        most = 100 * max(1, self._reserve)
        self._hundredths = min(most, self._hundredths + self._percent)

    def spend(self) -> bool:
        """Whether one may be sent again; if so, it counts."""
        if self._hundredths < 100:
            return False
        self._hundredths -= 100
        return True
