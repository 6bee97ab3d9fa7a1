"""Trials end by themselves, letters go once, old rows go, and an account can be erased whole."""

import dataclasses
import json

import msgspec
import pytest
from tests.rooms.billing.conftest import START_US, call, plan, used

from novacore import billing
from novacore.billing.days import DAY_US

DAY_MS = 86_400_000


def letters(db) -> list[tuple[str, dict]]:
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT kind, payload FROM outbox ORDER BY created_at_us, id"
        ).fetchall()
    assert {row[0] for row in rows} <= {"mail"}
    return [(json.loads(row[1])["template"], json.loads(row[1])) for row in rows]


def test_a_trial_ends_by_itself_after_seven_days_without_any_job(open_billing, clock):
    room = open_billing()
    room.open_account("ada")
    assert room.plans_of(["ada"])["ada"].ends_at_us == START_US + 7 * DAY_US
    clock.advance_ms(7 * DAY_MS - 1)
    room.release(room.admit(call()).result().id).result()
    clock.advance_ms(1)
    with pytest.raises(billing.QuotaSpent) as refusal:
        room.admit(call()).result()
    assert (refusal.value.plan, refusal.value.limit) == ("free_restricted", 0)
    assert refusal.value.message == "The plan free_restricted has no messages."
    assert "read and exported" in refusal.value.hint
    assert refusal.value.retry_after_s is None
    now = room.plans_of(["ada"])["ada"]
    assert (now.plan.name, now.since_us, now.ends_at_us) == (
        "free_restricted", START_US + 7 * DAY_US, None,
    )  # fmt: skip


def test_the_end_of_a_trial_is_written_down_and_told_once(open_billing, clock, db):
    room = open_billing()
    for account in ("ada", "bob"):
        room.open_account(account)
    room.set_plan("bob", "pro")
    clock.advance_ms(9 * DAY_MS)
    assert (room.expire_trials(), room.expire_trials()) == (1, 0)
    [(template, payload)] = letters(db)
    assert (template, payload["account_id"]) == ("trial_ended", "ada")
    assert room.plan_of("bob").plan.name == "pro"


def test_an_owner_is_reminded_once_whenever_the_job_runs(open_billing, clock, db):
    """The window is two days wide, so that no run at an odd moment can miss it."""
    room = open_billing()
    room.open_account("ada")
    clock.advance_ms(5 * DAY_MS - 1)
    assert room.remind_trials() == 0
    clock.advance_ms(1)
    assert (room.remind_trials(), room.remind_trials()) == (1, 0)
    clock.advance_ms(DAY_MS)
    assert room.remind_trials() == 0
    [(template, payload)] = letters(db)
    assert template == "trial_reminder"
    assert payload["params"] == {"ends_at_us": START_US + 7 * DAY_US}


def test_where_nothing_is_limited_no_trial_ends_and_nobody_is_written_to(open_billing, clock, db):
    room = open_billing(limits="auto")
    room.open_account("ada")
    clock.advance_ms(30 * DAY_MS)
    assert (room.remind_trials(), room.expire_trials()) == (0, 0)
    assert room.plan_of("ada").plan.name == "free_trial"
    assert room.admit(call()).result()
    assert letters(db) == []


def test_a_plan_can_be_given_and_an_unknown_one_is_refused_with_the_known(open_billing):
    room = open_billing()
    room.open_account("ada", "basic")
    room.open_account("ada", "pro")
    assert room.plan_of("ada").plan.name == "basic"
    room.set_plan("ada", "pro")
    assert room.plan_of("ada").plan.name == "pro"
    assert not room.quota("ada").is_limited
    with pytest.raises(billing.PlanUnknown) as refusal:
        room.set_plan("ada", "gold")
    assert "free_trial" in refusal.value.hint


def test_a_plan_that_the_settings_no_longer_have_gets_the_default_s_limits(open_billing):
    open_billing(plans={"gold": {}}, plan_default="gold").open_account("ada")
    room = open_billing()
    found = room.plan_of("ada").plan
    assert (found.name, found.tokens_per_day) == ("gold", 40_000)


def test_eighty_and_a_hundred_percent_are_each_told_once_a_day(open_billing, clock, db):
    room = open_billing(**plan(tokens_per_day=500))
    for count in range(1, 5):
        room.settle([used(room.admit(call()).result())])
        told = [template for template, _ in letters(db)]
        assert told == (["limit_80"] if count == 4 else [])
    [(_, payload)] = letters(db)
    assert payload["params"]["used"] == 480
    clock.advance_ms(1)
    for _ in range(2):
        with pytest.raises(billing.QuotaSpent):
            room.admit(call()).result()
    assert [template for template, _ in letters(db)] == ["limit_80", "limit_100"]
    clock.advance_ms(DAY_MS)
    room.settle([used(room.admit(call()).result(), output_tokens=500)])
    assert [template for template, _ in letters(db)][2:] == ["limit_100"]


def test_two_processes_tell_of_a_limit_once(open_billing, db):
    one, other = (open_billing(**plan(messages_per_day=1)) for _ in range(2))
    one.settle([used(one.admit(call()).result())])
    for room in (one, other):
        with pytest.raises(billing.QuotaSpent):
            room.admit(call()).result()
    assert [template for template, _ in letters(db)] == ["limit_100"]


def test_a_refusal_that_a_running_call_may_undo_is_told_nobody(open_billing, db):
    room = open_billing(**plan(tokens_per_day=200))
    room.admit(call()).result()
    with pytest.raises(billing.QuotaSpent):
        room.admit(call()).result()
    assert letters(db) == []


def test_a_full_storage_is_no_limit_of_a_day_and_makes_no_letter(open_billing, db):
    room = open_billing(**plan(storage_bytes=1_000))
    room.record_storage("ada", 1_000)
    with pytest.raises(billing.QuotaSpent):
        room.admit(call(bytes_stored=1)).result()
    assert letters(db) == []


def test_a_letter_names_its_limit(open_billing, db):
    room = open_billing(**plan(agent_minutes_per_day=10))
    room.settle([used(room.admit(call(agent_id="bot")).result(), ms=8 * 60_000)])
    [(template, payload)] = letters(db)
    assert template == "limit_80"
    assert payload["params"]["resource"] == "agent_minutes"
    assert (payload["params"]["used"], payload["params"]["limit"]) == (8, 10)


def test_old_rows_go_and_what_counts_stays(open_billing, clock):
    room = open_billing(hold_days=7, ledger_days=31, **plan(tokens_per_day=10_000))
    claimed = billing.Claim(route="r", key="k", digest="d")
    old = room.admit(call(idempotency=claimed)).result()
    room.settle([used(old)])
    still_open = room.admit(call()).result()
    clock.advance_ms(7 * DAY_MS + 1)
    room.settle([used(room.admit(call()).result())])
    assert room.clean_up() == {"holds": 1, "replies": 1, "lines": 0}
    assert [hold.id for hold in room.expired_holds()] == [still_open.id]
    clock.advance_ms(30 * DAY_MS)
    assert room.clean_up()["lines"] == 1
    assert [day.calls for day in room.history("ada", days=90)] == [1, 1]
    assert room.clean_up() == {"holds": 0, "replies": 0, "lines": 0}


def test_an_erased_account_leaves_no_row_and_no_other_account_feels_it(open_billing, db):
    room = open_billing(**plan(tokens_per_day=1_000))
    for account in ("ada", "bob"):
        claimed = billing.Claim(route="r", key="k", digest="d")
        hold = room.admit(call(account, idempotency=claimed, key_id="x")).result()
        room.store_reply(hold.id, billing.StoredReply(status=200, headers=(), body=b"words"))
        room.settle([used(hold)])
        room.record_storage(account, 5)
    assert room.export_account("ada")["ledger"][0]["output_tokens"] == 20
    assert room.erase_account("ada") > 6
    assert all(rows == [] for rows in room.export_account("ada").values())
    assert all(rows != [] for rows in room.export_account("bob").values())
    assert room.erase_account("ada") == 0


def test_history_has_each_day_s_model_and_agent_and_what_was_stored(open_billing, clock):
    room = open_billing()
    facts = [("m1", ""), ("m1", ""), ("m1", "bot"), ("m2", "")]
    room.settle([used(room.admit(call(model=m, agent_id=a)).result()) for m, a in facts])
    clock.advance_ms(DAY_MS)
    room.settle([used(room.admit(call()).result())])
    room.record_storage("ada", 77)
    days = room.history("ada", days=2)
    assert [
        (day.day[-2:], day.model, day.agent_id, day.calls, day.stored_bytes) for day in days
    ] == [
        ("22", "m1", "", 2, 0),
        ("22", "m1", "bot", 1, 0),
        ("22", "m2", "", 1, 0),
        ("23", "", "", 0, 77),
        ("23", "m1", "", 1, 0),
    ]
    assert days[1].agent_ms == 1_000
    assert len(room.history("ada", days=1)) == 2
    assert room.history("bob") == []


def test_what_an_account_may_use_is_the_same_before_its_first_call_and_after(open_billing):
    room = open_billing()
    before = room.quota("ada")
    room.release(room.admit(call()).result().id).result()
    assert room.quota("ada") == before


def test_entries_that_are_not_read_yet_are_no_drift_and_lost_ones_are(open_billing):
    room = open_billing()
    usages = [
        msgspec.structs.replace(used(room.admit(call()).result()), sequence=number)
        for number in (1, 2, 3)
    ]
    found = room.reconcile(usages)
    assert (found.is_sound, found.entries, found.pending) == (True, 0, 3)
    room.settle(usages[:1], watermark=billing.Watermark(journal="j", epoch="e", sequence=2))
    found = room.reconcile(usages)
    assert (found.entries, found.pending, found.rows) == (2, 1, 1)
    assert {drift.what for drift in found.drifts} == {
        "a usage entry has no row in the ledger", "a counter differs", "a day's sum (m1) differs",
    }  # fmt: skip
    assert found.drift_tokens == 3 * 120
    assert room.last_reconciliation() == dataclasses.replace(found, drifts=())


def test_all_storage_is_set_at_once_and_what_is_not_named_is_nothing(open_billing):
    room = open_billing()
    assert room.record_all_storage({"ada": 10, "bob": 20}) == 2
    assert room.record_all_storage({"bob": 20, "eve": 5}) == 2
    stored = {name: room.quota(name).of("storage_bytes").used for name in ("ada", "bob", "eve")}
    assert stored == {"ada": 0, "bob": 20, "eve": 5}
