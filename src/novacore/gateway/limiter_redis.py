"""Rate limits that several servers share, on a server of the Redis protocol.

One script looks at all dimensions and consumes, in one step and by that server's clock, so that
servers with different clocks and requests at the same instant can't disagree.
"""

import logging
from collections.abc import Sequence
from typing import Any, cast

from novacore import kit
from novacore.gateway import errors
from novacore.gateway.limiter import Limiter, Verdict, Wanted, verdict_of

_LOG = logging.getLogger("novacore.gateway")
_CONNECTIONS_MAX = 32
"""How many requests ask at once; others wait for one of them, within the same time."""
_REST_S = 1.0
_PREFIX = "{nova:rate}"
"""One hash slot, so that a clustered server can run the script."""

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state, after, passes = {string.format('%.0f', now)}, {}, true
for i, key in ipairs(KEYS) do
  local arrival = tonumber(redis.call('GET', key) or 0)
  local period, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local used = math.max(arrival - now, 0) + period
  state[i + 1] = string.format('%.0f', arrival)
  after[i] = now + used
  if used > window then passes = false end
end
if passes then
  for i, key in ipairs(KEYS) do
    local left = math.ceil((after[i] - now) / 1000) + 1
    redis.call('SET', key, string.format('%.0f', after[i]), 'PX', left)
  end
end
return state
"""


class RedisLimiter:
    """Counts on a shared server; see `limiter.Limiter`.

    Where the server does not answer, `spare` counts for a moment, and the server is asked again.

    Args:
        url: `redis://…`; with a password where it needs one.
        clock: for the moment in which the server is not asked.
        spare: counts meanwhile.
        timeout_s: the server answers within it, or counts as down.

    Raises:
        ServerRefused: the library that speaks the protocol is not installed, or the URL is none.
    """

    def __init__(self, url: str, *, clock: kit.Clock, spare: Limiter, timeout_s: float) -> None:
        try:
            from redis import asyncio as client  # noqa: PLC0415 - only for who shares limits
            from redis import exceptions  # noqa: PLC0415 - the same
        except ImportError as error:
            raise errors.ServerRefused(
                "server.shared_url needs the library redis.",
                hint="pip install 'novacore[redis]'",
            ) from error
        try:
            pool = client.BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS_MAX,
                timeout=timeout_s,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                # Each connection would look up the library's version in its files to tell it.
                driver_info=None,
            )
            self._client: Any = client.Redis.from_pool(pool)
        except ValueError as error:
            raise errors.ServerRefused(
                "server.shared_url is no URL of the Redis protocol.",
                hint="Write redis://HOST:PORT/0.",
            ) from error
        self._failures = (exceptions.RedisError, OSError, TimeoutError)
        self._take: Any = self._client.register_script(_TAKE)
        self._clock = clock
        self._spare = spare
        self._rests_until_s = 0.0

    @property
    def is_down(self) -> bool:
        """The server did not answer lately."""
        return self._clock.monotonic_s() < self._rests_until_s

    async def take(self, wanted: Sequence[Wanted]) -> Verdict:
        """See `limiter.Limiter`."""
        if self.is_down:
            return await self._spare.take(wanted)
        keys = [f"{_PREFIX}:{rate.name}:{subject}" for rate, subject in wanted]
        sizes = [size for rate, _ in wanted for size in (rate.period_us, rate.window_us)]
        try:
            state = cast(list[bytes], await self._take(keys=keys, args=sizes))
        except self._failures as error:
            _LOG.warning("The server of shared rate limits does not answer: %s", error)
            self._rests_until_s = self._clock.monotonic_s() + _REST_S
            return await self._spare.take(wanted)
        now_us, *arrivals_us = (int(each) for each in state)
        return verdict_of(wanted, arrivals_us, now_us=now_us)[0]

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
