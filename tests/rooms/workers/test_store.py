"""A row of the outbox has one holder at a time, is tried again later, and is given up visibly."""

import threading

import pytest
from tests.rooms.workers.conftest import QUICK, put, rows, store_of

from novacore import database
from novacore.workers.model import Claim
from novacore.workers.store import backoff_us

KINDS = ["work"]
SECOND_MS = 1_000
DAY_MS = 86_400_000


def test_rows_are_claimed_in_the_order_they_came_due_and_once(opened, clock):
    for each in ("a", "b", "c"):
        put(opened, each)
        clock.advance_ms(1)
    first, second = store_of(opened, "first"), store_of(opened, "second")
    assert [each.id for each in first.claim(2, kinds=KINDS)] == ["a", "b"]
    assert [each.id for each in second.claim(2, kinds=KINDS)] == ["c"]
    assert first.claim(2, kinds=KINDS) == []
    assert rows(opened)["a"]["holder"] == "first"


def test_many_who_claim_at_once_never_share_a_row(opened):
    put(opened, *(f"row-{number}" for number in range(40)))
    found: list[str] = []

    def claim(name: str) -> None:
        store = store_of(opened, name)
        while claims := store.claim(3, kinds=KINDS):
            found.extend(each.id for each in claims)

    threads = [threading.Thread(target=claim, args=(f"holder-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"row-{number}" for number in range(40))


def test_a_row_whose_holder_said_nothing_more_is_free_after_its_lease(opened, clock):
    put(opened, "a")
    assert store_of(opened, "first").claim(1, kinds=KINDS)
    clock.advance_ms(QUICK.lease_ms - 1)
    assert store_of(opened, "second").claim(1, kinds=KINDS) == []
    clock.advance_ms(2)
    assert [each.id for each in store_of(opened, "second").claim(1, kinds=KINDS)] == ["a"]


def test_a_row_that_is_not_due_yet_and_one_of_a_newer_release_wait(opened, clock):
    with opened.begin() as connection:
        now_us = clock.now_us()
        due_us = now_us + 5_000_000
        database.put(connection, "work", payload={}, now_us=now_us, id="l", due_at_us=due_us)
        database.put(connection, "novel", payload={}, now_us=now_us, id="n")
    store = store_of(opened)
    assert store.claim(5, kinds=KINDS) == []
    assert store.next_due_us(kinds=KINDS) == 5_000_000
    clock.advance_ms(5 * SECOND_MS)
    assert [each.id for each in store.claim(5, kinds=KINDS)] == ["l"]
    assert store.next_due_us(kinds=KINDS) is None


def test_what_a_row_said_is_forgotten_when_it_is_done(opened):
    put(opened, "a", secret="xyzzy")
    store = store_of(opened)
    (claim,) = store.claim(1, kinds=KINDS)
    job = store.find("a")
    assert job is not None
    assert job.payload == {"secret": "xyzzy"}
    assert store.finish(claim)
    assert not store.finish(claim)
    assert store.find("a") is None
    assert (rows(opened)["a"]["state"], rows(opened)["a"]["payload"]) == ("done", {})


def test_a_row_that_failed_waits_longer_each_time_and_is_then_given_up(opened, clock):
    put(opened, "a")
    store = store_of(opened, attempts_max=3, backoff_ms=100, backoff_max_ms=150)
    waits = []
    for _ in range(3):
        (claim,) = store.claim(1, kinds=KINDS)
        assert store.fail(claim, "the server is away", is_final=False)
        waits.append(rows(opened)["a"]["due_at_us"] - clock.now_us())
        clock.advance_ms(200)
    assert 80_000 <= waits[0] <= 100_000 < waits[1] <= 150_000
    row = rows(opened)["a"]
    assert (row["state"], row["attempts"], row["problem"]) == ("dead", 3, "the server is away")
    assert [each.id for each in store.list_dead()] == ["a"]


def test_each_retry_has_a_workflow_of_its_own_and_the_first_the_id_of_the_row():
    ids = [Claim(id="a", kind="work", attempts=attempts).workflow for attempts in range(3)]
    assert ids == ["a", "a.1", "a.2"]


def test_what_an_older_try_says_changes_nothing_for_a_newer_one(opened, clock):
    put(opened, "a")
    store = store_of(opened)
    (older,) = store.claim(1, kinds=KINDS)
    store.fail(older, "lost", is_final=False)
    clock.advance_ms(100)
    (newer,) = store.claim(1, kinds=KINDS)
    assert not store.finish(older)
    assert not store.fail(older, "lost", is_final=True)
    assert store.finish(newer)


def test_what_can_never_succeed_is_given_up_at_once_and_can_be_tried_again(opened):
    put(opened, "a", to="nobody")
    store = store_of(opened)
    (claim,) = store.claim(1, kinds=KINDS)
    store.fail(claim, "no such user", is_final=True)
    assert store.claim(1, kinds=KINDS) == []
    assert store.retry_dead() == 1
    (again,) = store.claim(1, kinds=KINDS)
    assert again.workflow == "a.1"
    job = store.find("a")
    assert job is not None
    assert job.payload == {"to": "nobody"}


def test_rows_are_removed_some_days_after_they_were_done_or_given_up(opened, clock):
    put(opened, "done", "dead", "waits")
    store = store_of(opened, done_keep_days=3, dead_keep_days=30)
    claims = {each.id: each for each in store.claim(3, kinds=KINDS)}
    store.finish(claims["done"])
    store.fail(claims["dead"], "no", is_final=True)
    clock.advance_ms(3 * DAY_MS)
    assert store.clean_up() == {"done": 0, "dead": 0}
    clock.advance_ms(1)
    assert store.clean_up() == {"done": 1, "dead": 0}
    clock.advance_ms(27 * DAY_MS)
    assert store.clean_up() == {"done": 0, "dead": 1}
    assert rows(opened).keys() == {"waits"}


@pytest.mark.parametrize("attempts", [1, 2, 50, 1_000])
def test_no_wait_is_longer_than_the_longest(attempts):
    assert 0 < backoff_us(attempts, QUICK) <= QUICK.backoff_max_ms * 1_000
