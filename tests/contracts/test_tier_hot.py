"""What the hot tier is read for: see `HotReads`."""

import time

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import odd_records, said, session_id

from novacore.journal import Scope
from novacore.tiers.projections.record_text import body_of

ME = Scope()


@pytest.fixture(params=of_tier("hot"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def hot(stage):
    return stage.open()


def test_the_newest_messages_come_oldest_first_and_the_tenth_after_the_ninth(stage, hot):
    hot.apply(stage.batch([said(str(at), position=at) for at in range(120)]))
    found = hot.last_messages(ME, session_id("talk"), limit=20)
    assert [item.position for item in found] == list(range(100, 120))
    assert [body_of(item)["content"] for item in found] == [str(at) for at in range(100, 120)]


def test_messages_come_whole_and_nothing_else_does(stage, hot):
    records = odd_records()
    hot.apply(stage.batch(records))
    found = hot.last_messages(ME, session_id("talk"), limit=1_000)
    said_bodies = [repr(dict(each.body)) for each in records if each.kind == "message"]
    assert [repr(body_of(item)) for item in found] == said_bodies


def test_fewer_messages_than_asked_for_are_all_of_them(stage, hot):
    assert hot.last_messages(ME, session_id("talk"), limit=20) == []
    hot.apply(stage.batch([said("one")]))
    assert len(hot.last_messages(ME, session_id("talk"), limit=20)) == 1
    assert hot.last_messages(ME, session_id("talk"), limit=0) == []


def test_messages_of_another_owner_are_not_given(stage, hot):
    hot.apply(stage.batch([said("mine", owner="user/1")]))
    for other in (Scope(owner="user/10"), Scope(owner="user"), Scope(tenant="local/user")):
        assert hot.last_messages(other, session_id("talk"), limit=20) == []
    assert len(hot.last_messages(Scope(owner="user/1"), session_id("talk"), limit=20)) == 1


def test_a_lease_is_there_until_its_time_is_over(hot):
    hot.put_lease(ME, "presence/ada", value={"at": "desk"}, ttl_ms=60_000)
    hot.put_lease(ME, "presence/bob", value={"at": "door"}, ttl_ms=1)
    time.sleep(0.02)
    assert hot.leases(ME) == {"presence/ada": {"at": "desk"}}


def test_a_lease_that_is_put_again_has_its_new_value(hot):
    hot.put_lease(ME, "state", value={"n": 1}, ttl_ms=60_000)
    hot.put_lease(ME, "state", value={"n": 2, "odd": ["\x00", "🙂", None]}, ttl_ms=60_000)
    assert hot.leases(ME) == {"state": {"n": 2, "odd": ["\x00", "🙂", None]}}


def test_leases_are_found_by_their_beginning_and_by_their_owner_only(hot):
    hot.put_lease(ME, "presence/ada", value={}, ttl_ms=60_000)
    hot.put_lease(ME, "load", value={"cpu": 0.5}, ttl_ms=60_000)
    hot.put_lease(Scope(owner="local2"), "presence/eve", value={}, ttl_ms=60_000)
    assert hot.leases(ME, prefix="presence/") == {"presence/ada": {}}
    assert sorted(hot.leases(ME)) == ["load", "presence/ada"]
    assert hot.leases(ME, prefix="%") == {}


def test_another_reader_sees_leases_at_once(stage, hot):
    reader = stage.open()
    assert reader.leases(ME) == {}
    hot.put_lease(ME, "k", value={"v": 1}, ttl_ms=60_000)
    assert reader.leases(ME) == {"k": {"v": 1}}
