"""An Idempotency-Key makes one call of many requests, whatever dies in between."""

import pytest
from tests.rooms.billing.conftest import call, plan, used

from novacore import billing

REPLY = billing.StoredReply(
    status=200, headers=(("content-type", "application/json"), ("x-a", "1")), body=b'{"a": 1}\0\xff'
)


def claim(key: str = "k1", *, digest: str = "d1", route: str = "/v1/chat") -> billing.Claim:
    return billing.Claim(route=route, key=key, digest=digest)


@pytest.fixture
def room(open_billing):
    return open_billing(**plan(tokens_per_day=1_000))


def keyed(**facts):
    return call(idempotency=claim(**facts))


def test_a_finished_request_is_answered_again_word_for_word_and_charged_once(room):
    hold = room.admit(keyed()).result()
    assert room.store_reply(hold.id, REPLY).result() is True
    room.settle([used(hold)])
    again = room.admit(keyed()).result()
    assert again.replay == REPLY
    assert (again.id, again.tokens) == (hold.id, 0)
    tokens = room.quota("ada").of("tokens")
    assert (tokens.used, tokens.held) == (120, 0)


def test_a_request_that_is_running_is_refused_and_says_how_long_at_most(room, clock):
    room.admit(keyed()).result()
    clock.advance_ms(20_500)
    with pytest.raises(billing.KeyInFlight) as refusal:
        room.admit(keyed()).result()
    assert refusal.value.retry_after_s == 40


def test_two_requests_in_one_group_are_one_call(room):
    first, second, other = (room.admit(keyed(digest=digest)) for digest in ("d1", "d1", "d2"))
    assert first.result().tokens == 150
    with pytest.raises(billing.KeyInFlight):
        second.result()
    with pytest.raises(billing.KeyReused):
        other.result()
    assert room.quota("ada").of("tokens").held == 150


@pytest.mark.parametrize("is_done", [True, False])
def test_another_body_under_the_same_key_is_refused(room, is_done):
    hold = room.admit(keyed()).result()
    if is_done:
        room.store_reply(hold.id, REPLY).result()
    with pytest.raises(billing.KeyReused):
        room.admit(keyed(digest="d2")).result()


@pytest.mark.parametrize(
    "other",
    [
        call("bob", idempotency=claim()),
        call(idempotency=claim(route="/v1/embeddings")),
        call(idempotency=claim("k2")),
    ],
)
def test_a_key_belongs_to_one_account_and_route(room, other):
    room.admit(keyed()).result()
    assert room.admit(other).result().replay is None


def test_after_a_crash_the_retry_runs_again_under_the_same_hold(room, clock):
    dead = room.admit(keyed()).result()
    clock.advance_ms(60_001)
    again = room.admit(keyed()).result()
    assert again.is_rerun
    assert (again.id, again.day, again.tokens) == (dead.id, dead.day, 150)
    assert again.lease_until_us == clock.now_us() + 60_000_000
    assert room.quota("ada").of("tokens").held == 150
    with pytest.raises(billing.KeyInFlight):
        room.admit(keyed()).result()
    room.store_reply(again.id, REPLY).result()
    room.settle([used(again)])
    assert room.admit(keyed()).result().replay == REPLY
    assert room.quota("ada").of("tokens").used == 120


def test_a_crashed_call_that_was_closed_by_estimate_is_called_anew(room, clock):
    dead = room.admit(keyed()).result()
    clock.advance_ms(60_001)
    room.settle([used(dead, output_tokens=0, source="estimate", outcome="expired")])
    again = room.admit(keyed()).result()
    assert again.id != dead.id
    assert not again.is_rerun
    assert room.store_reply(dead.id, REPLY).result() is False
    assert room.store_reply(again.id, REPLY).result() is True


def test_a_request_that_came_to_nothing_frees_its_key(room):
    hold = room.admit(keyed()).result()
    room.release(hold.id).result()
    assert room.admit(keyed(digest="d2")).result().id != hold.id


def test_a_refused_request_leaves_its_key_free(room):
    with pytest.raises(billing.QuotaSpent):
        room.admit(call(input_tokens=5_000, idempotency=claim())).result()
    assert room.admit(keyed(digest="d2")).result()


def test_a_key_can_be_used_anew_after_a_day(room, clock):
    hold = room.admit(keyed()).result()
    room.store_reply(hold.id, REPLY).result()
    clock.advance_ms(24 * 3_600_000 - 1)
    assert room.admit(keyed()).result().replay == REPLY
    clock.advance_ms(1)
    fresh = room.admit(keyed(digest="d2")).result()
    assert fresh.replay is None
    assert room.store_reply(fresh.id, REPLY).result() is True


def test_a_reply_that_is_too_large_to_keep_is_said_to_be_lost_and_not_called_again(open_billing):
    room = open_billing(reply_bytes_max=4, **plan())
    hold = room.admit(keyed()).result()
    room.store_reply(hold.id, REPLY).result()
    with pytest.raises(billing.KeyAnswered):
        room.admit(keyed()).result()


def test_the_key_is_written_with_the_hold_or_not_at_all(room, db):
    """What dies before the commit has neither; what dies after has both."""
    hold = room.admit(keyed()).result()
    with db.read() as connection:
        kept = connection.exec_driver_sql("SELECT hold_id, state FROM billing_reply").fetchall()
    assert [tuple(row) for row in kept] == [(hold.id, "running")]
