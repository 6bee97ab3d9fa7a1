"""What the broker tier is read for: see `BrokerReads`."""

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import odd_records, record, said, session_id

from novacore.journal import Scope
from novacore.tiers.projections.record_text import body_of

TALK = session_id("talk")
WAIT_MS = 2_000


@pytest.fixture(params=of_tier("broker"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def broker(stage):
    return stage.open()


def sequences(deliveries):
    return [each.item.sequence for each in deliveries]


def taken(broker, consumer, **options):
    """What a consumer is given, in order, acknowledging each."""
    found = []
    while some := broker.fetch(consumer, **options):
        for each in some:
            broker.ack(consumer, each.token)
        found += some
    return found


def test_a_consumer_is_given_every_event_once_in_order_when_it_acknowledges(stage, broker):
    broker.apply(stage.batch([said(str(at), position=at) for at in range(50)]))
    found = taken(broker, "indexer", limit=7)
    assert sequences(found) == list(range(1, 51))
    assert [body_of(each.item)["content"] for each in found] == [str(at) for at in range(50)]
    broker.apply(stage.batch([said("50", position=50)]))
    assert sequences(taken(broker, "indexer")) == [51]


def test_what_was_not_acknowledged_is_given_again(stage, broker):
    broker.apply(stage.batch([said("x", position=at) for at in range(5)]))
    first = broker.fetch("indexer", limit=3)
    assert sequences(first) == [1, 2, 3]
    broker.ack("indexer", first[0].token)
    assert sequences(broker.fetch("indexer", limit=10, wait_ms=WAIT_MS)) == [2, 3, 4, 5]


def test_consumers_of_different_names_do_not_take_from_each_other(stage, broker):
    broker.apply(stage.batch([said("x", position=at) for at in range(5)]))
    assert sequences(taken(broker, "one")) == [1, 2, 3, 4, 5]
    assert sequences(taken(broker, "two")) == [1, 2, 3, 4, 5]


def test_a_consumer_goes_on_where_it_acknowledged_after_a_restart(stage, broker):
    broker.apply(stage.batch([said("x", position=at) for at in range(6)]))
    for each in broker.fetch("indexer", limit=4):
        broker.ack("indexer", each.token)
    broker.close()
    again = stage.open()
    assert sequences(taken(again, "indexer")) == [5, 6]


def test_a_consumer_of_one_owner_is_given_no_other_owners_events(stage, broker):
    records = [
        said(
            "x", position=at, sequence=at + 1, session=f"s{at % 3}", owner=f"user.1{'0' * (at % 3)}"
        )
        for at in range(9)
    ]
    broker.apply(stage.batch(records))
    assert sequences(taken(broker, "mine", scope=Scope(owner="user.1"))) == [1, 4, 7]
    assert taken(broker, "nobody", scope=Scope(owner="user")) == []
    assert len(taken(broker, "all")) == 9


def test_an_event_has_a_subject_that_hides_no_separator(stage, broker):
    hostile = said("x", owner="a.b *>", tenant="t/1", kind="thing.of tomorrow")
    broker.apply(stage.batch([hostile]))
    (found,) = broker.fetch("indexer")
    prefix = found.item.value["subject"]
    assert prefix.split(".")[1:4] == ["t_2f1", "a_2eb_20_2a_3e", "thing_2eof_20tomorrow"]
    assert found.subject == prefix or found.subject.startswith(f"{prefix}.")


def test_events_carry_their_content_and_large_ones_a_reference(request, quick_path, stage):
    with stage_of(stage.under_test, request, quick_path / "b", event_bytes_max=1024) as small:
        broker = small.open()
        broker.apply(small.batch([said("short"), said("x" * 2_000, position=1)]))
        short, large = broker.fetch("indexer")
    assert body_of(short.item) == {"role": "user", "content": "short"}
    assert "body" not in large.item.value
    assert large.item.value["reference"] == f"{TALK}/1"
    assert len(large.item.value["sha256"]) == 64


def test_every_kind_of_entry_is_an_event(stage, broker):
    records = odd_records()
    broker.apply(stage.batch(records))
    found = taken(broker, "indexer")
    assert [repr(body_of(each.item)) for each in found] == [repr(dict(r.body)) for r in records]


def test_events_that_come_again_are_not_given_again(stage, broker):
    batch = stage.batch([said("x", position=at) for at in range(3)])
    broker.apply(batch)
    assert len(taken(broker, "indexer")) == 3
    broker.apply(batch)
    assert taken(broker, "indexer") == []


def test_an_event_that_comes_late_is_given(stage, broker):
    broker.apply(stage.batch([said("x", position=at) for at in (0, 2)]))
    assert len(taken(broker, "indexer")) == 2
    broker.apply(stage.batch([record({"role": "user", "content": "late"}, position=1)]))
    assert sequences(
        taken(broker, "indexer", wait_ms=WAIT_MS if stage.under_test.server else 0)
    ) == [2]


def test_an_empty_broker_gives_nothing(broker):
    assert broker.fetch("indexer") == []
    assert broker.fetch("indexer", wait_ms=30) == []
