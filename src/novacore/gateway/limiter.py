"""Rate limits: how often somebody may ask, with bursts, decided for all dimensions in one step.

The algorithm is GCRA: for each subject one number, the time at which its allowance would be whole
again. There is no window to reset and nothing that leaks: a refused request consumes nothing.

Source: ITU-T I.371, annex A; https://brandur.org/rate-limiting
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

_MINUTE_US = 60_000_000


class Rate:
    """So many requests a minute, and so many of them at once.

    Args:
        name: what is limited, as `account`; told to clients.
        per_minute: requests a minute in the long run.
        burst: requests that may come at once.
    """

    __slots__ = ("burst", "name", "per_minute", "period_us", "policy", "window_s", "window_us")

    def __init__(self, name: str, *, per_minute: int, burst: int) -> None:
        self.name = name
        self.per_minute = per_minute
        self.burst = burst
        self.period_us = max(1, _MINUTE_US // per_minute)
        self.window_us = self.period_us * burst
        self.window_s = max(1, -(-self.window_us // 1_000_000))
        self.policy = f'"{name}";q={burst};w={self.window_s}'

    def scaled(self, factor: float) -> "Rate":
        """The same, so many times as much; at least one request."""
        return Rate(
            self.name,
            per_minute=max(1, round(self.per_minute * factor)),
            burst=max(1, round(self.burst * factor)),
        )


Wanted = tuple[Rate, str]
"""A rate, and whose: an account's id, a key's, an address."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a request may pass, and how the dimension stands that has least left."""

    is_allowed: bool
    rate: Rate
    remaining: int
    """Requests that may still come at once."""
    full_us: int
    """µs until all of `rate.burst` are there again."""
    retry_us: int = 0
    """µs until one is there; 0 where the request may pass."""


class Limiter(Protocol):
    """Counts requests.

    `take` looks at all dimensions and then consumes one request of each, or none of any: as one
    step towards everybody else who asks. Where the counts can't be reached it lets requests pass by
    what this process alone has seen (rate limits are soft; quotas are not, and stand elsewhere).
    """

    async def take(self, wanted: Sequence[Wanted]) -> Verdict:
        """Consume one request of each dimension, or say which has none left.

        Args:
            wanted: at least one; no subject twice.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def verdict_of(
    wanted: Sequence[Wanted], arrivals_us: Sequence[int], *, now_us: int
) -> tuple[Verdict, list[int]]:
    """The decision over the state of each dimension: the rule that every limiter follows.

    Args:
        wanted: the dimensions.
        arrivals_us: for each the time at which its allowance is whole; in the past: it is whole.
        now_us: the time now, by the clock of the state.

    Returns:
        The verdict, and the new state of each dimension; the old one where it refuses.
    """
    worst: Verdict | None = None
    tightest: Verdict | None = None
    after: list[int] = []
    for (rate, _), arrival_us in zip(wanted, arrivals_us, strict=True):
        used_us = max(arrival_us - now_us, 0) + rate.period_us
        over_us = used_us - rate.window_us
        after.append(now_us + used_us)
        if over_us > 0:
            if worst is None or over_us > worst.retry_us:
                worst = Verdict(
                    is_allowed=False, rate=rate, remaining=0,
                    full_us=used_us - rate.period_us, retry_us=over_us,
                )  # fmt: skip
            continue
        remaining = -over_us // rate.period_us
        if tightest is None or remaining * tightest.rate.burst < tightest.remaining * rate.burst:
            tightest = Verdict(is_allowed=True, rate=rate, remaining=remaining, full_us=used_us)
    if worst is not None:
        return worst, list(arrivals_us)
    assert tightest is not None
    return tightest, after
