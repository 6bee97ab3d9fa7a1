"""The rule of the limiters, on a clock that stands still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore import kit
from novacore.gateway.limiter import Rate
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.limiter_redis import RedisLimiter


@pytest.fixture
def clock() -> kit.FixedClock:
    return kit.FixedClock()


@pytest.fixture
def limiter(clock) -> MemoryLimiter:
    return MemoryLimiter(clock, entries_max=100)


def test_one_request_comes_back_after_one_period(limiter, clock):
    rate = Rate("account", per_minute=60, burst=2)
    assert [limiter.decide([(rate, "a")]).is_allowed for _ in range(3)] == [True, True, False]
    clock.advance_ms(999)
    refused = limiter.decide([(rate, "a")])
    assert (refused.is_allowed, refused.retry_us) == (False, 1_000)
    clock.advance_ms(1)
    assert limiter.decide([(rate, "a")]).is_allowed


def test_a_rest_gives_the_whole_burst_back_and_no_more(limiter, clock):
    rate = Rate("account", per_minute=60, burst=5)
    for _ in range(5):
        limiter.decide([(rate, "a")])
    clock.advance_ms(3_600_000)
    verdicts = [limiter.decide([(rate, "a")]) for _ in range(6)]
    assert [each.remaining for each in verdicts] == [4, 3, 2, 1, 0, 0]
    assert not verdicts[5].is_allowed


@given(
    per_minute=st.integers(1, 6_000),
    burst=st.integers(1, 50),
    steps=st.lists(st.integers(0, 5_000), max_size=80),
)
def test_no_window_ever_holds_more_than_the_burst_and_what_came_back(per_minute, burst, steps):
    clock = kit.FixedClock()
    limiter = MemoryLimiter(clock, entries_max=10)
    rate = Rate("account", per_minute=per_minute, burst=burst)
    passed_us = []
    for step_ms in steps:
        clock.advance_ms(step_ms)
        if limiter.decide([(rate, "a")]).is_allowed:
            passed_us.append(round(clock.monotonic_s() * 1_000_000))
    for first, begin_us in enumerate(passed_us):
        for last in range(first, len(passed_us)):
            allowed = burst + (passed_us[last] - begin_us) / rate.period_us
            assert last - first + 1 <= allowed + 0.001


def test_subjects_are_bounded_and_those_who_are_whole_go_first(clock):
    limiter = MemoryLimiter(clock, entries_max=10)
    rate = Rate("ip", per_minute=60, burst=5)
    for _ in range(5):
        limiter.decide([(rate, "busy")])
    for number in range(500):
        limiter.decide([(rate, f"passer-{number}")])
    assert len(limiter) <= 10
    assert not limiter.decide([(rate, "busy")]).is_allowed


def test_a_policy_says_how_many_in_which_time():
    assert Rate("account", per_minute=1_200, burst=200).policy == '"account";q=200;w=10'


async def test_a_shared_server_that_is_down_is_replaced_by_this_process(clock, limiter, caplog):
    shared = RedisLimiter("redis://127.0.0.1:1/0", clock=clock, spare=limiter, timeout_s=1)
    rate = Rate("account", per_minute=60, burst=1)
    assert (await shared.take([(rate, "a")])).is_allowed
    assert shared.is_down
    assert not (await shared.take([(rate, "a")])).is_allowed
    assert len(caplog.records) == 1
    clock.advance_ms(1_100)
    assert not shared.is_down
    await shared.close()
