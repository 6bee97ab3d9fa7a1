"""A provider that fails is left alone for a while, then tried by one request at a time.

closed: requests go through; so many failures in a row open it. open: requests are refused at once.
After a while one request gets a lease to try; its first byte closes the breaker, its failure opens
it anew. A lease that nobody gives back (its owner was cancelled) runs out, so a lost probe never
wedges the breaker. What a request of an older generation reports is ignored.

Only the provider's faults count: no 4xx, no caller who went away.
"""

import random as random_numbers
from collections.abc import Callable
from typing import Literal

from novacore.kit import Clock
from novacore.llm.errors import ProviderDown
from novacore.llm.relay.config import RelayConfig

State = Literal["closed", "open", "probing"]
_JITTER = 0.1


class Permit:
    """The leave to send one request. Report how it went; reports after the first failure are void.

    `begun` at the first byte, then one of `done`, `fail` and `leave`.
    """

    __slots__ = ("_breaker", "_generation", "_is_probe", "_is_spent")

    def __init__(self, breaker: "Breaker", *, generation: int, is_probe: bool) -> None:
        self._breaker = breaker
        self._generation = generation
        self._is_probe = is_probe
        self._is_spent = False

    def begun(self) -> None:
        """The first byte came: a provider that was tried is back."""
        if self._is_probe and not self._is_spent:
            self._generation = self._breaker.probe_succeeded(self._generation)
            self._is_probe = False

    def done(self) -> None:
        """The answer came whole, or was refused for the request's own sake."""
        if not self._is_spent:
            self.begun()
            self._is_spent = True
            self._breaker.succeeded(self._generation)

    def fail(self) -> None:
        """The provider failed, before or within its answer."""
        if not self._is_spent:
            self._is_spent = True
            self._breaker.failed(self._generation)

    def leave(self) -> None:
        """The caller went away: nothing was learned. The next one may try in its place."""
        if not self._is_spent:
            self._is_spent = True
            if self._is_probe:
                self._breaker.probe_left(self._generation)


class Breaker:
    """The breaker of one provider. For one event loop: no call waits, so none needs a lock.

    Args:
        name: the provider, for messages and metrics.
        config: when it opens and for how long.
        clock: its monotonic time decides.
        random: gives numbers from 0 to 1; breakers that opened together don't probe together.
    """

    def __init__(
        self,
        name: str,
        *,
        config: RelayConfig,
        clock: Clock,
        random: Callable[[], float] = random_numbers.random,
    ) -> None:
        self.name = name
        """The provider."""
        self.transitions = 0
        """How often it changed its state."""
        self.has_answered = False
        """It answered since this process began; False: nothing is known of it."""
        self._failures_max = config.breaker_failures_max
        self._probe_s = config.breaker_probe_ms / 1_000
        self._clock = clock
        self._random = random
        self._failures = 0
        self._generation = 0
        self._is_open = False
        self._is_probing = False
        self._next_probe_s = 0.0

    @property
    def state(self) -> State:
        """closed, open, or probing while one request tries."""
        if not self._is_open:
            return "closed"
        return "probing" if self._is_probing else "open"

    def enter(self) -> Permit:
        """The leave to send one request.

        Raises:
            ProviderDown: the breaker is open; says when it is tried again.
        """
        if not self._is_open:
            return Permit(self, generation=self._generation, is_probe=False)
        now_s = self._clock.monotonic_s()
        if now_s < self._next_probe_s:
            raise ProviderDown(
                f"The provider {self.name} failed {self._failures_max} times in a row and is left "
                "alone for a while.",
                hint="It is tried again by itself; other models are not affected.",
                retry_after_s=max(1.0, self._next_probe_s - now_s),
            )
        # The lease: should this probe never report, the next caller after it may try.
        self._next_probe_s = now_s + self._probe_s
        self._move(is_probing=True)
        return Permit(self, generation=self._generation, is_probe=True)

    def succeeded(self, generation: int) -> None:
        """A request of this generation ended well."""
        self.has_answered = True
        if generation == self._generation and not self._is_open:
            self._failures = 0

    def failed(self, generation: int) -> None:
        """A request of this generation failed."""
        if generation != self._generation:
            return
        self._failures += 1
        if self._is_open or self._failures >= self._failures_max:
            self._is_open = True
            wait_s = self._probe_s * (1 + _JITTER * self._random())
            self._next_probe_s = self._clock.monotonic_s() + wait_s
            self._move(is_probing=False)

    def probe_succeeded(self, generation: int) -> int:
        """The probe of this generation got a first byte. Gives the generation it now belongs to."""
        if generation == self._generation and self._is_open:
            self._is_open = False
            self._failures = 0
            self._move(is_probing=False)
            return self._generation
        return generation

    def probe_left(self, generation: int) -> None:
        """The probe of this generation was given up by its caller."""
        if generation == self._generation and self._is_open:
            self._next_probe_s = self._clock.monotonic_s()
            self._move(is_probing=False)

    def _move(self, *, is_probing: bool) -> None:
        self._is_probing = is_probing
        self._generation += 1
        self.transitions += 1
