"""One suite over every limiter: in this process, and on a server of the Redis protocol."""

import asyncio
import uuid

import pytest

from novacore import kit
from novacore.gateway.limiter import Limiter, Rate
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.limiter_redis import RedisLimiter

HOUR = 60


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.heavy)])
async def limiter(request):
    clock = kit.SystemClock()
    own = MemoryLimiter(clock, entries_max=1_000)
    if request.param == "memory":
        yield own
        return
    server = request.getfixturevalue("valkey_server")
    # Nothing may fall back to the process: an entry there would be seen.
    shared = RedisLimiter(server.url_of(17), clock=clock, spare=own, timeout_s=30)
    try:
        yield shared
        assert len(own) == 0
    finally:
        await shared.close()


@pytest.fixture
def subject() -> str:
    """Somebody nobody has seen."""
    return uuid.uuid4().hex


def slow(name: str = "account", *, burst: int) -> Rate:
    """A rate that gives nothing back while a test runs: one request an hour."""
    rate = Rate(name, per_minute=1, burst=burst)
    rate.period_us *= HOUR
    rate.window_us *= HOUR
    return rate


async def test_a_burst_passes_and_the_next_request_is_refused(limiter: Limiter, subject: str):
    rate = slow(burst=3)
    verdicts = [await limiter.take([(rate, subject)]) for _ in range(4)]
    assert [each.is_allowed for each in verdicts] == [True, True, True, False]
    assert [each.remaining for each in verdicts] == [2, 1, 0, 0]
    assert 0 < verdicts[3].retry_us <= rate.period_us


async def test_a_refused_request_consumes_nothing_of_any_dimension(limiter: Limiter, subject: str):
    wide, narrow = slow("ip", burst=5), slow("account", burst=1)
    both = [(wide, subject), (narrow, subject)]
    assert (await limiter.take(both)).is_allowed
    for _ in range(10):
        refused = await limiter.take(both)
        assert not refused.is_allowed
        assert refused.rate is narrow
    assert (await limiter.take([(wide, subject)])).remaining == 3


async def test_the_verdict_names_the_dimension_with_least_left(limiter: Limiter, subject: str):
    wide, narrow = slow("ip", burst=100), slow("account", burst=4)
    verdict = await limiter.take([(wide, subject), (narrow, subject)])
    assert (verdict.rate, verdict.remaining) == (narrow, 3)


async def test_subjects_and_rates_do_not_share_their_allowance(limiter: Limiter, subject: str):
    rate = slow(burst=1)
    assert (await limiter.take([(rate, subject)])).is_allowed
    assert (await limiter.take([(rate, f"{subject}-other")])).is_allowed
    assert (await limiter.take([(slow("key", burst=1), subject)])).is_allowed
    assert not (await limiter.take([(rate, subject)])).is_allowed


async def test_what_is_given_back_can_be_used_again(limiter: Limiter, subject: str):
    rate = Rate("account", per_minute=60_000, burst=1)
    assert (await limiter.take([(rate, subject)])).is_allowed
    for _ in range(200):
        if (await limiter.take([(rate, subject)])).is_allowed:
            return
        await asyncio.sleep(0.001)
    pytest.fail("nothing was given back")


async def test_many_at_once_never_get_more_than_the_burst(limiter: Limiter, subject: str):
    rate, other = slow("account", burst=20), slow("ip", burst=50)
    wanted = [(rate, subject), (other, subject)]
    verdicts = await asyncio.gather(*(limiter.take(wanted) for _ in range(60)))
    assert sum(each.is_allowed for each in verdicts) == 20
    assert (await limiter.take([(other, subject)])).remaining == 29
