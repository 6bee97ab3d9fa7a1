"""Rate limits that this process keeps by itself."""

import heapq
from collections.abc import Sequence

from novacore import kit
from novacore.gateway.limiter import Verdict, Wanted, verdict_of

_KEPT_PERCENT = 90


class MemoryLimiter:
    """Counts in this process; see `limiter.Limiter`. For one event loop.

    Args:
        clock: the monotonic time that counts.
        entries_max: subjects that are remembered; beyond it those nearest to whole are forgotten.
    """

    def __init__(self, clock: kit.Clock, *, entries_max: int) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._arrivals_us: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._arrivals_us)

    def decide(self, wanted: Sequence[Wanted]) -> Verdict:
        """`take`, at once."""
        now_us = int(self._clock.monotonic_s() * 1_000_000)
        kept = self._arrivals_us
        keys = [(rate.name, subject) for rate, subject in wanted]
        verdict, after = verdict_of(wanted, [kept.get(key, 0) for key in keys], now_us=now_us)
        if verdict.is_allowed:
            kept.update(zip(keys, after, strict=True))
            if len(kept) > self._entries_max:
                self._sweep(now_us)
        return verdict

    def give_back(self, wanted: Sequence[Wanted]) -> None:
        """One request of each is as if it had never come."""
        for rate, subject in wanted:
            key = rate.name, subject
            if key in self._arrivals_us:
                self._arrivals_us[key] -= rate.period_us

    async def take(self, wanted: Sequence[Wanted]) -> Verdict:
        """See `limiter.Limiter`."""
        return self.decide(wanted)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _sweep(self, now_us: int) -> None:
        """Forget whose allowance is whole, and where that is not enough who is nearest to it."""
        live = {key: at for key, at in self._arrivals_us.items() if at > now_us}
        room = self._entries_max * _KEPT_PERCENT // 100
        if len(live) > room:
            live = dict(heapq.nlargest(room, live.items(), key=lambda item: item[1]))
        self._arrivals_us = live
