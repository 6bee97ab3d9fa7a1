"""What the stream tier is read for: see `StreamReads`."""

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import odd_records, record, said, session_id

from novacore.journal import Scope

ME = Scope()
TALK = session_id("talk")


@pytest.fixture(params=of_tier("stream"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def stream(stage):
    return stage.open()


def sequences(items):
    return [item.sequence for item in items]


def test_a_timeline_goes_on_after_a_sequence(stage, stream):
    stream.apply(stage.batch([said("x", position=at) for at in range(30)]))
    assert sequences(stream.timeline(ME, TALK, after=0, limit=3)) == [1, 2, 3]
    assert sequences(stream.timeline(ME, TALK, after=12, limit=4)) == [13, 14, 15, 16]
    assert stream.timeline(ME, TALK, after=30) == []


def test_without_a_sequence_a_timeline_is_the_newest_events(stage, stream):
    stream.apply(stage.batch([said("x", position=at) for at in range(30)]))
    assert sequences(stream.timeline(ME, TALK, limit=4)) == [27, 28, 29, 30]


def test_an_event_says_in_a_line_what_happened_and_when(stage, stream):
    stream.apply(stage.batch(odd_records()))
    first, call, result, *_ = stream.timeline(ME, TALK, after=0)
    assert first.value["type"] == "user"
    assert first.value["summary"] == "Please look at src/engine.py, and ask Zoë."
    assert call.value["type"] == "assistant"
    assert (result.value["type"], result.value["summary"]) == ("tool", "wheels: 12")
    assert first.value["said_at_us"] == first.recorded_at_us - 5


def test_the_points_to_come_back_to_are_starts_decisions_views_errors_and_achievements(
    stage, stream
):
    failed = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": "no"}],
    }
    failed["content"][0]["is_error"] = True
    kinds = [
        ("message", {"role": "user", "content": "go"}),
        ("message", {"role": "assistant", "content": "gone"}),
        ("decision", {"type": "permission"}),
        ("usage", {}),
        ("view", {"mode": "cut"}),
        ("message", failed),
        ("memory", {"memory_id": "m", "type": "achievement", "text": "It works."}),
        ("memory", {"memory_id": "n", "type": "fact", "text": "Tea."}),
    ]
    records = [record(body, kind=kind, position=at) for at, (kind, body) in enumerate(kinds)]
    stream.apply(stage.batch(records))
    found = stream.anchors(ME, TALK)
    assert [(item.position, item.value["anchor"]) for item in found] == [
        (0, "start"),
        (2, "decision"),
        (4, "view"),
        (5, "error"),
        (6, "achievement"),
    ]
    assert [item.position for item in stream.anchors(ME, TALK, limit=2)] == [5, 6]


def test_a_fork_begins_with_a_point_to_come_back_to(stage, stream):
    facts = {"parent_id": TALK, "forked_at": 7, "session": "fork"}
    stream.apply(stage.batch([said("x", position=at, **facts) for at in (7, 8)]))
    (anchor,) = stream.anchors(ME, session_id("fork"))
    assert (anchor.position, anchor.value["anchor"]) == (7, "fork")


def test_the_tail_is_of_all_sessions_of_one_owner(stage, stream):
    records = [
        said("x", position=at // 2, sequence=at + 1, session=f"s{at % 2}", owner=f"user/1{at % 3}")
        for at in range(12)
    ]
    stream.apply(stage.batch(records))
    assert sequences(stream.tail(Scope(owner="user/10"), after=1, limit=2)) == [4, 7]
    assert stream.tail(Scope(owner="user/1"), after=0, limit=9) == []


def test_events_of_another_owner_are_not_given(stage, stream):
    stream.apply(stage.batch([said("x", owner="user/1")]))
    for other in (Scope(owner="user/10"), ME):
        assert stream.timeline(other, TALK, after=0) == []
        assert stream.timeline(other, TALK) == []
        assert stream.anchors(other, TALK) == []


def test_an_event_that_comes_late_stands_in_its_place(stage, stream):
    records = [said("x", position=at) for at in range(10)]
    stream.apply(stage.batch([*records[:4], *records[5:]]))
    stream.apply(stage.batch([records[4]]))
    assert sequences(stream.timeline(ME, TALK, after=0)) == list(range(1, 11))
    assert sequences(stream.tail(ME, after=0, limit=20)) == list(range(1, 11))
