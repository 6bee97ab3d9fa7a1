"""Many callers at once against a nearly used limit: never too much, and nobody refused falsely."""

import concurrent.futures
import threading

import pytest
from tests.rooms.billing.conftest import call, plan, used

from novacore import billing

CALLERS = 200
LIMIT = 10_000
ROOM_FOR = 40
"""Calls of 150 tokens that still fit, and a little more."""


def _try(room: billing.Billing, **facts) -> billing.Hold | billing.QuotaSpent:
    try:
        return room.admit(call(**facts)).result()
    except billing.QuotaSpent as refusal:
        return refusal


def _crowd(rooms: list[billing.Billing], act) -> list:
    barrier = threading.Barrier(CALLERS)

    def one(number: int):
        barrier.wait()
        return act(rooms[number % len(rooms)])

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(one, range(CALLERS)))


@pytest.fixture
def rooms(open_billing):
    """Two processes' worth of billing, and an account that has used nearly all."""
    two = [open_billing(**plan(tokens_per_day=LIMIT)) for _ in range(2)]
    spent = LIMIT - ROOM_FOR * 150 - 30
    first = two[0].admit(call(input_tokens=spent, output_tokens_wanted=0)).result()
    two[0].settle([used(first, output_tokens=0)])
    return two


def _held_and_used(room: billing.Billing) -> int:
    tokens = room.quota("ada").of("tokens")
    return tokens.used + tokens.held


def test_two_hundred_callers_never_overshoot_and_are_refused_only_when_it_does_not_fit(rooms):
    outcomes = _crowd(rooms, _try)
    granted = [each for each in outcomes if isinstance(each, billing.Hold)]
    refused = [each for each in outcomes if isinstance(each, billing.QuotaSpent)]
    assert len(granted) + len(refused) == CALLERS
    assert len(granted) == ROOM_FOR
    assert _held_and_used(rooms[0]) <= LIMIT
    for refusal in refused:
        assert refusal.used + refusal.held + refusal.needed > LIMIT


def test_callers_that_use_less_than_they_held_make_room_for_others(rooms):
    """Each settles at once: what it did not use is for the next."""

    def act(room):
        outcome = _try(room)
        if isinstance(outcome, billing.Hold):
            room.settle([used(outcome, output_tokens=1)], is_urgent=True)
        return outcome

    outcomes = _crowd(rooms, act)
    granted = [each for each in outcomes if isinstance(each, billing.Hold)]
    assert len(granted) >= ROOM_FOR
    tokens = rooms[0].quota("ada").of("tokens")
    assert tokens.held == 0
    assert tokens.used == LIMIT - ROOM_FOR * 150 - 30 + 101 * len(granted) <= LIMIT
    for refusal in outcomes:
        if isinstance(refusal, billing.QuotaSpent):
            assert refusal.used + refusal.held + refusal.needed > LIMIT


def test_calls_that_never_happened_give_everything_back(rooms):
    def act(room):
        outcome = _try(room)
        if isinstance(outcome, billing.Hold):
            assert room.release(outcome.id).result() is True
        return outcome

    before = _held_and_used(rooms[0])
    _crowd(rooms, act)
    assert _held_and_used(rooms[0]) == before


def test_one_request_sent_by_a_hundred_retries_is_one_call(open_billing):
    rooms = [open_billing(**plan()) for _ in range(2)]
    claim = billing.Claim(route="/v1/chat", key="k", digest="d")

    def act(room):
        try:
            return room.admit(call(idempotency=claim)).result()
        except billing.KeyInFlight as refusal:
            return refusal

    outcomes = _crowd(rooms, act)
    assert sum(isinstance(each, billing.Hold) for each in outcomes) == 1
    assert rooms[0].quota("ada").of("messages").held == 1
