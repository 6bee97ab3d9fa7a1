"""The breaker: when it opens, who may try, and whose word counts."""

import pytest

from novacore import llm
from novacore.kit import FixedClock
from novacore.llm.relay.breaker import Breaker
from novacore.llm.relay.budget import RetryBudget


def _breaker(clock: FixedClock) -> Breaker:
    return Breaker("them", config=llm.RelayConfig(), clock=clock, random=lambda: 0.0)


def _opened(clock: FixedClock) -> Breaker:
    breaker = _breaker(clock)
    for _ in range(5):
        breaker.enter().fail()
    assert breaker.state == "open"
    return breaker


def test_only_failures_in_a_row_open_it():
    breaker = _breaker(FixedClock())
    for _ in range(4):
        breaker.enter().fail()
    breaker.enter().done()
    for _ in range(4):
        breaker.enter().fail()
    assert breaker.state == "closed"
    breaker.enter().fail()
    assert breaker.state == "open"


def test_one_request_at_a_time_tries_and_its_first_byte_closes_it():
    clock = FixedClock()
    breaker = _opened(clock)
    clock.advance_ms(60_000)
    probe = breaker.enter()
    assert breaker.state == "probing"
    with pytest.raises(llm.ProviderDown):
        breaker.enter()
    probe.begun()
    assert breaker.state == "closed"
    breaker.enter().done()


def test_a_probe_that_fails_opens_it_for_another_while():
    clock = FixedClock()
    breaker = _opened(clock)
    clock.advance_ms(60_000)
    breaker.enter().fail()
    clock.advance_ms(59_000)
    with pytest.raises(llm.ProviderDown) as caught:
        breaker.enter()
    assert caught.value.retry_after_s == pytest.approx(1)


def test_a_probe_whose_caller_left_lets_the_next_one_try_at_once():
    clock = FixedClock()
    breaker = _opened(clock)
    clock.advance_ms(60_000)
    breaker.enter().leave()
    breaker.enter().begun()
    assert breaker.state == "closed"


def test_a_probe_that_never_reports_wedges_nothing():
    clock = FixedClock()
    breaker = _opened(clock)
    clock.advance_ms(60_000)
    lost = breaker.enter()
    clock.advance_ms(60_000)
    found = breaker.enter()
    found.begun()
    assert breaker.state == "closed"
    lost.fail()
    assert breaker.state == "closed"


def test_what_older_requests_report_is_ignored():
    clock = FixedClock()
    breaker = _breaker(clock)
    old = [breaker.enter() for _ in range(6)]
    for _ in range(5):
        breaker.enter().fail()
    old[0].done()
    assert breaker.state == "open"
    clock.advance_ms(60_000)
    breaker.enter().begun()
    for permit in old[1:]:
        permit.fail()
    assert breaker.state == "closed"


def test_a_probe_that_breaks_after_its_first_byte_counts_as_a_failure():
    clock = FixedClock()
    breaker = _opened(clock)
    clock.advance_ms(60_000)
    probe = breaker.enter()
    probe.begun()
    probe.fail()
    for _ in range(4):
        breaker.enter().fail()
    assert breaker.state == "open"


def test_retries_are_earned_by_requests_beyond_a_reserve():
    budget = RetryBudget(llm.RelayConfig(retry_percent=10, retry_reserve=2))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(20):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]
