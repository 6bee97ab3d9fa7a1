"""When a failed request is sent again, and after how long."""

import dataclasses
from collections.abc import Callable

from novacore.kit import ErrorKind
from novacore.llm.config import Config
from novacore.llm.errors import (
    AuthRefused,
    BuiltinFailed,
    InstallFailed,
    LLMError,
    ModelUnknown,
    ProviderDown,
    QuotaSpent,
    ReplyInvalid,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The rules, without any state: the caller counts attempts and time."""

    is_enabled: bool
    """False: never."""
    attempts_max: int
    """How often one request is sent at most."""
    delay_ms: int
    """The longest wait before the second attempt; it doubles with each further one."""
    delay_max_ms: int
    """Where doubling ends."""
    after_max_ms: int
    """The longest wait that a provider may ask for."""
    total_ms: int
    """No attempt begins later than this after the first one."""
    random: Callable[[], float]
    """Gives numbers from 0 to 1."""

    def delay(self, error: LLMError, *, attempt: int, elapsed_ms: float) -> int | None:
        """Milliseconds to wait before the next attempt; None: the error is final.

        The provider's own wish (Retry-After) is followed where it is within the limit; else the
        wait is drawn between 0 and a bound that doubles.

        Args:
            error: what the last attempt failed with.
            attempt: how many attempts were made, from 1.
            elapsed_ms: since the first one began.

        Source: Marc Brooker, "Exponential backoff and jitter" (full jitter).
        """
        if not self.is_enabled or attempt >= self.attempts_max or not is_transient(error):
            return None
        if error.retry_after_s is not None:
            delay_ms = round(error.retry_after_s * 1_000)
            if delay_ms > self.after_max_ms:
                return None
        else:
            bound_ms = min(self.delay_max_ms, self.delay_ms * 2 ** (attempt - 1))
            delay_ms = round(self.random() * bound_ms)
        return delay_ms if elapsed_ms + delay_ms <= self.total_ms else None


def is_transient(error: LLMError) -> bool:
    """Whether sending the same request again can help."""
    # A provider that is left alone is tried again by its breaker, not by us.
    is_final = isinstance(error, BuiltinFailed | InstallFailed | ProviderDown)
    return error.kind is ErrorKind.UNAVAILABLE and not is_final


def may_fall_back(error: LLMError) -> bool:
    """Whether another provider may do better: everything but a fault of the request itself."""
    is_theirs = isinstance(error, AuthRefused | QuotaSpent | ModelUnknown | ReplyInvalid)
    return is_theirs or error.kind is ErrorKind.UNAVAILABLE


def policy_of(config: Config, *, random: Callable[[], float]) -> RetryPolicy:
    """The policy that the settings ask for."""
    return RetryPolicy(
        is_enabled=config.retry_enabled,
        attempts_max=config.retry_attempts_max,
        delay_ms=config.retry_delay_ms,
        delay_max_ms=config.retry_delay_max_ms,
        after_max_ms=config.retry_after_max_ms,
        total_ms=config.retry_total_ms,
        random=random,
    )
