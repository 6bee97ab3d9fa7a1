"""Calls are admitted against every limit, or refused with the facts, on both databases."""

import concurrent.futures
import dataclasses
import datetime as dt

import pytest
from tests.rooms.billing.conftest import START_US, call, corrected, plan, used

from novacore import billing, database, kit
from novacore.billing import jobs
from novacore.billing.days import DAY_US

HELD = 150
"""What `call()` sets aside."""


def test_a_hold_is_the_input_and_the_cap_that_is_sent_upstream(open_billing):
    room = open_billing(**plan(tokens_per_day=1_000))
    hold = room.admit(call(output_tokens_wanted=50)).result()
    assert (hold.input_tokens, hold.output_tokens_max, hold.tokens) == (100, 50, 150)
    assert hold.day == "2026-11-22"
    assert hold.lease_until_us == START_US + 60_000_000
    tokens = room.quota("ada").of("tokens")
    assert (tokens.used, tokens.held, tokens.left) == (0, 150, 850)


def test_the_cap_is_cut_to_what_is_left_so_that_a_small_plan_can_talk(open_billing):
    room = open_billing(**plan(tokens_per_day=260))
    assert room.admit(call()).result().output_tokens_max == 50
    assert room.admit(call(input_tokens=90)).result().output_tokens_max == 20


def test_a_call_is_refused_where_its_smallest_useful_answer_does_not_fit(open_billing):
    room = open_billing(**plan(tokens_per_day=300))
    room.settle([used(room.admit(call()).result())])
    room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call(output_tokens_min=10)).result()
    told = refusal.value
    assert (told.resource, told.limit, told.used, told.held) == ("tokens", 300, 120, 150)
    assert told.needed == 110
    assert told.resets_at_us == (START_US // DAY_US + 1) * DAY_US
    assert told.retry_after_s == 5
    assert "120 used and 150 held" in told.message


@pytest.mark.parametrize(
    ("wanted", "model", "default", "cap"),
    [(None, 1_000, 70, 70), (None, 40, 70, 40), (500, 1_000, 70, 500), (500, 40, 70, 40)],
)
def test_the_cap_is_what_the_caller_wants_or_the_plan_says_within_the_model(
    open_billing, wanted, model, default, cap
):
    room = open_billing(**plan(output_tokens_default=default))
    hold = room.admit(call(output_tokens_wanted=wanted, output_tokens_max=model)).result()
    assert hold.output_tokens_max == cap


def test_without_any_maximum_a_call_does_not_hold_all_that_the_model_could_say(open_billing):
    room = open_billing(**plan())
    hold = room.admit(call(output_tokens_wanted=None, output_tokens_max=128_000)).result()
    assert hold.output_tokens_max == room.config.output_tokens_default == 4_096


def test_messages_are_limited_and_held_too(open_billing):
    room = open_billing(**plan(messages_per_day=2))
    room.settle([used(room.admit(call()).result())])
    room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call()).result()
    assert (refusal.value.resource, refusal.value.used, refusal.value.held) == ("messages", 1, 1)
    assert room.admit(call(messages=0, purpose="title")).result()


def test_a_full_storage_refuses_what_would_store_more(open_billing):
    room = open_billing(**plan(storage_bytes=1_000))
    room.record_storage("ada", 990)
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call(bytes_stored=11)).result()
    assert (refusal.value.resource, refusal.value.resets_at_us) == ("storage_bytes", None)
    assert refusal.value.retry_after_s is None
    assert room.admit(call(bytes_stored=10)).result()
    assert room.quota("ada").of("storage_bytes").used == 990


def test_an_agent_s_call_claims_its_lease_from_the_agent_minutes(open_billing):
    room = open_billing(**plan(agent_minutes_per_day=2))
    room.settle([used(room.admit(call(agent_id="bot")).result(), ms=60_000)])
    room.admit(call(agent_id="bot")).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call(agent_id="bot")).result()
    assert (refusal.value.resource, refusal.value.used, refusal.value.held) == (
        "agent_minutes",
        1,
        1,
    )
    assert room.admit(call()).result()


def test_a_key_and_an_agent_have_limits_of_their_own_within_the_account_s(open_billing):
    room = open_billing(**plan(tokens_per_day=10_000, agent_minutes_per_day=100))
    by_key = {"key_id": "k1", "key_tokens_per_day": 200}
    by_agent = {"agent_id": "bot", "agent_tokens_per_day": 160}
    room.settle([used(room.admit(call(**by_key)).result())])
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call(**by_key)).result()
    assert (refusal.value.scope, refusal.value.limit, refusal.value.used) == ("key", 200, 120)
    assert refusal.value.retry_after_s == 12 * 3_600
    room.admit(call(**by_agent)).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call(**by_agent)).result()
    assert (refusal.value.scope, refusal.value.held) == ("agent", HELD)
    assert "of this agent" in refusal.value.message
    with pytest.raises(billing.QuotaSpent, match="This API key may use no tokens"):
        room.admit(call(key_id="k3", key_tokens_per_day=0)).result()
    assert room.admit(call(key_id="k2", key_tokens_per_day=200)).result()


@pytest.mark.parametrize(
    ("limits", "facts", "fit"),
    [
        ({"tokens_per_day": 310}, {}, 2),
        ({"messages_per_day": 3}, {}, 3),
        ({"agent_minutes_per_day": 1}, {"agent_id": "bot"}, 1),
        ({}, {"key_id": "k", "key_tokens_per_day": 160}, 1),
    ],
)
def test_calls_that_share_a_transaction_count_for_one_another(open_billing, db, limits, facts, fit):
    room = open_billing(**plan(**limits))
    group = [jobs.Admit(admission=call(**facts)) for _ in range(5)]
    with db.begin() as connection:
        outcomes = [outcome for _, outcome in room._writer._write(connection, group)]
    assert [isinstance(each, billing.Hold) for each in outcomes] == [True] * fit + [False] * (
        5 - fit
    )


def test_a_refusal_takes_nothing_from_any_limit(open_billing):
    room = open_billing(**plan(tokens_per_day=10_000, messages_per_day=10))
    for _ in range(3):
        with pytest.raises(billing.QuotaSpent):
            room.admit(call(key_id="k", key_tokens_per_day=10)).result()
    quota = room.quota("ada")
    assert (quota.of("tokens").held, quota.of("messages").held) == (0, 0)


def test_a_model_outside_the_plan_is_refused_by_name(open_billing):
    room = open_billing(**plan(models=["m*", "gpt-mini"]))
    assert room.admit(call(model="m7")).result()
    with pytest.raises(billing.ModelNotInPlan) as refusal:
        room.admit(call(model="gpt-huge")).result()
    assert (refusal.value.model, refusal.value.plan) == ("gpt-huge", "test")


def test_where_no_payment_is_set_up_everything_is_counted_and_nothing_limited(open_billing):
    room = open_billing(limits="auto", **plan(tokens_per_day=10, models=["none"]))
    room.settle([used(room.admit(call(input_tokens=5_000)).result(), output_tokens=100)])
    quota = room.quota("ada")
    assert not quota.is_limited
    assert (quota.of("tokens").used, quota.of("tokens").limit) == (5_100, None)
    assert room.plan_of("ada").plan.turn_input_tokens_max is None


def test_a_limit_that_the_administrator_sets_holds_without_any_payment(open_billing):
    room = open_billing(limits="auto")
    room.set_limits("ada", tokens_per_day=160)
    room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent):
        room.admit(call()).result()
    assert room.admit(call("bob", input_tokens=90_000)).result()
    assert room.quota("ada").is_limited


def test_the_administrator_can_lift_one_limit_of_one_account(open_billing):
    room = open_billing(**plan(tokens_per_day=10, messages_per_day=1))
    room.set_limits("ada", tokens_per_day=billing.NO_LIMIT)
    room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call()).result()
    assert refusal.value.resource == "messages"
    room.set_limits("ada", tokens_per_day=None)
    assert room.quota("ada").of("tokens").limit == 10


def test_open_holds_are_rows_of_their_own_and_never_in_the_counted_sum(open_billing):
    room = open_billing(**plan(tokens_per_day=1_000))
    holds = [room.admit(call()).result() for _ in range(3)]
    assert room.quota("ada").of("tokens").used == 0
    room.release(holds[0].id).result()
    room.settle([used(holds[1])])
    tokens = room.quota("ada").of("tokens")
    assert (tokens.used, tokens.held) == (120, HELD)


def test_a_hold_is_released_once_and_never_after_it_was_charged(open_billing):
    room = open_billing(**plan(tokens_per_day=1_000))
    first, second = (room.admit(call()).result() for _ in range(2))
    assert room.release(first.id).result() is True
    assert room.release(first.id).result() is False
    room.settle([used(second)])
    assert room.release(second.id).result() is False
    assert room.quota("ada").of("tokens").used == 120


def test_what_a_provider_reports_above_the_hold_is_charged_and_shown_as_over(open_billing):
    room = open_billing(**plan(tokens_per_day=200))
    room.settle([used(room.admit(call()).result(), output_tokens=400)])
    tokens = room.quota("ada").of("tokens")
    assert (tokens.used, tokens.over, tokens.percent, tokens.left) == (500, 300, 250.0, 0)


def test_a_hold_is_renewed_by_its_owner_and_expires_without(open_billing, clock):
    room = open_billing(**plan())
    hold = room.admit(call()).result()
    clock.advance_ms(50_000)
    assert room.renew(hold.id, 30).result() == clock.now_us() + 60_000_000
    clock.advance_ms(50_000)
    assert room.expired_holds("ada") == ()
    clock.advance_ms(20_000)
    [expired] = room.expired_holds("ada")
    assert (expired.id, expired.output_tokens_seen) == (hold.id, 30)
    assert room.expired_holds() == (expired,)
    assert room.expired_holds("bob") == ()


def test_a_hold_that_a_restored_copy_has_open_again_is_closed_by_its_entry(open_billing, db):
    room = open_billing(**plan(tokens_per_day=1_000))
    usage = used(room.admit(call()).result())
    for act in (
        lambda: room.settle([usage]),
        lambda: room.settle([usage]),
        lambda: room.rebuild([usage]),
    ):
        with db.begin() as connection:
            connection.exec_driver_sql("UPDATE billing_hold SET state = 'open'")
        act()
        tokens = room.quota("ada").of("tokens")
        assert (tokens.used, tokens.held) == (120, 0)


def test_a_closed_hold_is_not_renewed(open_billing):
    room = open_billing(**plan())
    hold = room.admit(call()).result()
    room.release(hold.id).result()
    assert room.renew(hold.id).result() is None


def test_a_dead_call_that_is_in_the_way_is_closed_before_anybody_is_refused(open_billing, clock):
    room = open_billing(**plan(tokens_per_day=240))
    dead = room.admit(call()).result()
    clock.advance_ms(60_001)
    with pytest.raises(billing.HoldsExpired) as told:
        room.admit(call()).result()
    assert [hold.id for hold in told.value.holds] == [dead.id]
    room.settle([used(dead, output_tokens=0, source="estimate", outcome="expired")])
    assert room.admit(call()).result().output_tokens_max == 40
    assert room.quota("ada").of("tokens").used == 100


def test_a_dead_call_that_is_in_nobody_s_way_is_told_beside_the_hold(open_billing, clock):
    room = open_billing(**plan(tokens_per_day=10_000))
    dead = room.admit(call()).result()
    clock.advance_ms(60_001)
    assert [each.id for each in room.admit(call()).result().expired] == [dead.id]
    assert room.admit(call("bob")).result().expired == ()


def test_a_late_count_of_an_estimated_call_adds_one_correcting_row_to_its_day(open_billing, clock):
    room = open_billing(**plan(tokens_per_day=10_000))
    hold = room.admit(call()).result()
    estimate = used(hold, output_tokens=0, source="estimate", outcome="expired")
    room.settle([estimate])
    clock.advance_ms(24 * 3_600_000)
    true = corrected(estimate, output_tokens=45, outcome="done", model="the-fallback")
    room.settle([true])
    room.settle([true, estimate])
    assert room.quota("ada").of("tokens").used == 0
    [day] = room.history("ada")
    assert (day.day, day.input_tokens, day.output_tokens, day.calls, day.messages) == (
        "2026-11-22", 100, 45, 1, 1,
    )  # fmt: skip


def test_the_same_entry_counts_once_however_often_and_from_however_many_it_comes(
    open_billing,
):
    one, other = open_billing(**plan()), open_billing(**plan())
    usages = [used(one.admit(call()).result()) for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda room: room.settle(usages), [one, other] * 4))
    assert one.quota("ada").of("tokens").used == 20 * 120
    assert sum(day.calls for day in one.history("ada")) == 20


def test_usage_of_an_account_that_is_gone_counts_once_too(open_billing):
    """There is no row of it that two processes could wait for each other at."""
    one, other = open_billing(), open_billing()
    hold = one.admit(call()).result()
    for round_number in range(5):
        usages = [
            used(hold, account_id="gone", hold_id=f"{round_number}-{number}")
            for number in range(40)
        ]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda room: room.settle(usages), [one, other]))  # noqa: B023
        assert one.quota("gone").of("tokens").used == (round_number + 1) * 40 * 120


def test_the_watermark_moves_with_what_was_settled_and_never_back(open_billing):
    room = open_billing()
    assert room.watermark() is None
    mark = billing.Watermark(journal="j", epoch="e1", sequence=7)
    room.settle([used(room.admit(call()).result())], watermark=mark)
    room.settle([], watermark=dataclasses.replace(mark, sequence=3))
    assert room.watermark() == mark
    later = billing.Watermark(journal="j", epoch="e2", sequence=1)
    room.settle([], watermark=later)
    assert room.watermark() == later


def test_of_several_journals_the_one_read_last_is_told(open_billing, clock):
    room = open_billing()
    for journal in ("a", "c", "b"):
        room.settle([], watermark=billing.Watermark(journal=journal, epoch="e", sequence=1))
        clock.advance_ms(1)
    found = room.watermark()
    assert found is not None
    assert found.journal == "b"


def test_one_bad_job_spoils_no_other_of_its_group(open_billing):
    room = open_billing(limits="off")
    bad = call("zed", input_tokens=2**70)
    futures = [room.admit(each) for each in (call("a"), bad, call("b"))]
    assert futures[0].result().account_id == "a"
    assert futures[2].result().account_id == "b"
    with pytest.raises((OverflowError, database.DatabaseError)):
        futures[1].result()


def test_a_database_that_is_away_admits_nothing(open_billing, db):
    room = open_billing()
    room.admit(call()).result()
    with db.begin() as connection:
        connection.exec_driver_sql("DROP TABLE billing_counter")
        connection.exec_driver_sql("DROP TABLE billing_hold")
    with pytest.raises(database.DatabaseError):
        room.admit(call()).result()


def test_a_closed_room_admits_nothing_and_first_writes_what_waits(open_billing):
    room = open_billing()
    waiting = [room.admit(call()) for _ in range(20)]
    room.close()
    room.close()
    assert all(each.result().id for each in waiting)
    with pytest.raises(billing.BillingClosed):
        room.admit(call())


def test_more_than_may_wait_are_turned_away(open_billing, db):
    room = open_billing(waiting_max=3, group_max=1)
    with db.begin() as connection:
        connection.exec_driver_sql("UPDATE billing_account SET plan = plan")
        if not db.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE billing_account IN ACCESS EXCLUSIVE MODE")
        futures = [room.admit(call()) for _ in range(3)]
        with pytest.raises(billing.BillingBusy):
            futures += [room.admit(call()) for _ in range(10)]
    assert all(each.result().id for each in futures)


@pytest.mark.parametrize(
    ("admitted_at", "day"),
    [
        ("2026-12-31T23:59:59.999999", "2026-12-31"),
        ("2027-01-01T00:00:00", "2027-01-01"),
        ("2028-02-28T23:59:59.999", "2028-02-28"),
        ("2028-02-29T00:00:00", "2028-02-29"),
        ("2028-02-29T23:59:59.999", "2028-02-29"),
        ("2028-03-01T00:00:00", "2028-03-01"),
        ("2027-03-28T00:59:59.999", "2027-03-28"),
    ],
)
def test_a_call_belongs_to_the_utc_day_of_its_admission(open_billing, clock, admitted_at, day):
    at_us = _us(admitted_at)
    clock.advance_ms((at_us - clock.now_us()) // 1_000)
    room = open_billing(**plan(tokens_per_day=200))
    hold = room.admit(call()).result()
    assert hold.day == day
    clock.advance_ms(2_000)
    room.settle([used(hold)])
    assert [each.day for each in room.history("ada")] == [day]


def _us(text: str) -> int:
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return round(moment.timestamp() * 1_000_000)


def test_at_midnight_a_new_day_begins_by_itself_and_running_calls_stay_with_the_old(
    open_billing, clock
):
    clock.advance_ms(12 * 3_600_000 - 1)
    room = open_billing(**plan(tokens_per_day=200))
    running = room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call()).result()
    assert refusal.value.resets_at_us == clock.now_us() + 1_000
    clock.advance_ms(1)
    assert room.quota("ada").day == "2026-11-23"
    assert room.quota("ada").of("tokens").held == 0
    fresh = room.admit(call()).result()
    assert (running.day, fresh.day) == ("2026-11-22", "2026-11-23")
    room.settle([used(running), used(fresh)])
    assert room.quota("ada").of("tokens").used == 120


def test_the_day_is_that_of_the_database_not_of_the_process(open_billing, db):
    skewed = billing.Billing(
        db, config=billing.Config(), clock=kit.FixedClock(START_US + 5 * DAY_US)
    )
    assert skewed.admit(call()).result().day == "2026-11-22"
    skewed.close()
