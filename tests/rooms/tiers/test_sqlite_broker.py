"""A broker in a file: several processes under one name share the work, each session in order."""

import subprocess
import sys
import time

import pytest
from tests.contracts.tier_engines import EngineUnderTest, stage_of
from tests.contracts.tier_records import said, session_id

from novacore.journal import Erased, Scope
from novacore.tiers.embedded.sqlite_broker import SQLiteBroker

WORKER = """
import sys
from pathlib import Path
from novacore import tiers
from novacore.kit import FixedClock
from novacore.tiers.engines import make_engine
from novacore.tiers.place import Place

place = Place(config=tiers.Config(), folder=Path(sys.argv[1]), clock=FixedClock())
broker = make_engine("broker", "sqlite", place=place)
while found := broker.fetch("work", limit=5, wait_ms=2_500):
    for each in found:
        print(each.item.session_id, each.item.position, flush=True)
        broker.ack("work", each.token)
broker.close()
"""


@pytest.fixture
def stage(request, tmp_path):
    with stage_of(EngineUnderTest(tier="broker", name="sqlite"), request, tmp_path) as found:
        yield found


@pytest.fixture
def broker(stage):
    return stage.open()


def batched(words):
    return zip(words[::2], words[1::2], strict=True)


def sequences(found):
    return [each.item.sequence for each in found]


def test_two_processes_share_a_consumer_and_each_session_comes_in_order(stage, broker):
    records = [
        said("x", position=at // 4, sequence=at + 1, session=f"s{at % 4}") for at in range(200)
    ]
    broker.apply(stage.batch(records[:100]))
    command = [sys.executable, "-c", WORKER, str(stage.place.folder)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    broker.apply(stage.batch(records[100:]))
    outputs = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    seen = [[(session, int(at)) for session, at in batched(out)] for out in outputs]
    assert sorted([*seen[0], *seen[1]]) == sorted(
        (each.session_id, each.position) for each in records
    )
    for mine in seen:
        assert sorted(mine, key=lambda place: place[0]) == sorted(mine)


def test_what_a_reader_that_died_did_not_acknowledge_is_given_to_the_next_after_a_while(stage):
    dead = SQLiteBroker(stage.place, redeliver_ms=150)
    dead.apply(stage.batch([said("x", position=at) for at in range(4)]))
    first = dead.fetch("work", limit=2)
    dead.ack("work", first[0].token)
    other = SQLiteBroker(stage.place)
    try:
        assert other.fetch("work") == []
        time.sleep(0.2)
        assert sequences(other.fetch("work")) == [2, 3, 4]
    finally:
        other.close()
        dead.close()


def test_what_a_reader_that_closed_did_not_acknowledge_is_given_to_the_next_at_once(stage, broker):
    broker.apply(stage.batch([said("x", position=at) for at in range(3)]))
    assert sequences(broker.fetch("work")) == [1, 2, 3]
    broker.close()
    assert sequences(stage.open().fetch("work")) == [1, 2, 3]


def test_a_session_that_waits_for_one_reader_does_not_hold_up_the_others(stage, broker):
    records = [
        said("x", position=at // 2, sequence=at + 1, session=f"s{at % 2}") for at in range(8)
    ]
    broker.apply(stage.batch(records))
    (first,) = broker.fetch("work", limit=1)
    other = stage.open()
    assert sequences(other.fetch("work", limit=10)) == [2, 4, 6, 8]
    broker.ack("work", first.token)
    assert sequences(other.fetch("work", limit=10)) == [2, 3, 4, 5, 6, 7, 8]


def test_an_erased_event_is_not_given_again(stage, broker):
    broker.apply(stage.batch([said("secret", position=0), said("x", position=1)]))
    assert sequences(broker.fetch("work", limit=1)) == [1]
    erased = Erased(number=1, session_id=session_id("talk"), positions=(0,), at_us=0)
    broker.apply(stage.batch_of(erased=[erased]))
    assert sequences(broker.fetch("work")) == [2]


def test_a_new_event_after_the_newest_was_erased_is_given(stage, broker):
    broker.apply(stage.batch([said("x", position=0), said("secret", position=1)]))
    for each in broker.fetch("work"):
        broker.ack("work", each.token)
    erased = Erased(number=1, session_id=session_id("talk"), positions=(1,), at_us=0)
    broker.apply(stage.batch_of(erased=[erased]))
    broker.apply(stage.batch([said("new", position=2)]))
    assert sequences(broker.fetch("work")) == [3]


def test_names_that_look_like_another_ones_name_and_scope_are_consumers_of_their_own(stage, broker):
    broker.apply(stage.batch([said("x", tenant="a", owner="b")]))
    scope = Scope(tenant="a", owner="b")
    for name, whose in (("c", scope), ("c", None), ("c\na\nb", None), ('["c","a","b"]', None)):
        found = broker.fetch(name, scope=whose)
        assert sequences(found) == [1]
        broker.ack(name, found[0].token)


def test_waiting_ends_with_the_event(stage, broker):
    writer = stage.open()
    assert broker.fetch("work", wait_ms=30) == []
    writer.apply(stage.batch([said("x")]))
    assert sequences(broker.fetch("work", wait_ms=5_000)) == [1]
