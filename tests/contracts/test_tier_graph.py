"""What the graph tier is read for: see `GraphReads`."""

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import odd_records, said, session_id

from novacore.journal import Erased, Scope

ME = Scope()
TALK = session_id("talk")


@pytest.fixture(params=of_tier("graph"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def graph(stage):
    return stage.open()


def talk(session, *texts, first=1, **facts):
    return [
        said(text, position=at, sequence=first + at, session=session, **facts)
        for at, text in enumerate(texts)
    ]


def test_the_entities_of_a_session_come_the_most_mentioned_first(stage, graph):
    texts = ("Open plan.md and src/wheel.py.", "Is plan.md right? Ask Ada Lovelace.", "See PLAN.md")
    graph.apply(stage.batch(talk("talk", *texts)))
    found = graph.entities(ME, TALK, limit=10)
    assert found == [("PLAN.md", 3), ("Ada Lovelace", 1), ("src/wheel.py", 1)]
    assert graph.entities(ME, TALK, limit=1) == [("PLAN.md", 3)]


def test_sessions_are_related_by_what_they_share_the_rarest_first(stage, graph):
    batch = [
        *talk("talk", "Look at plan.md, wheel.py and axle.py."),
        *talk("near", "wheel.py and plan.md again", first=10),
        *talk("far", "plan.md only", first=20),
        *talk("apart", "nothing of it, but gear.py", first=30),
    ]
    graph.apply(stage.batch(batch))
    near, far = graph.related(ME, TALK, limit=10)
    assert (near.session_id, near.entities) == (session_id("near"), ("wheel.py", "plan.md"))
    assert (far.session_id, far.entities) == (session_id("far"), ("plan.md",))
    assert len(graph.related(ME, TALK, limit=1)) == 1


def test_entities_are_linked_by_the_entries_that_name_both(stage, graph):
    texts = ("Zoë Müller wrote wheel.py", "Zoë Müller tests wheel.py and axle.py", "axle.py alone")
    graph.apply(stage.batch(talk("talk", *texts)))
    assert graph.links(ME, "Zoë Müller", limit=5) == [("wheel.py", 2), ("axle.py", 1)]
    assert graph.links(ME, "zoe muller", limit=1) == [("wheel.py", 2)]
    assert graph.links(ME, "nobody", limit=5) == []


def test_nothing_of_another_owner_is_linked_related_or_listed(stage, graph):
    batch = [
        *talk("talk", "wheel.py and axle.py", owner="user/1"),
        *talk("theirs", "wheel.py and axle.py", first=10, owner="user/10"),
    ]
    graph.apply(stage.batch(batch))
    mine = Scope(owner="user/1")
    assert graph.related(mine, TALK, limit=10) == []
    assert graph.links(mine, "wheel.py", limit=10) == [("axle.py", 1)]
    assert graph.entities(Scope(owner="user/10"), TALK, limit=10) == []
    assert graph.related(Scope(owner="user/10"), TALK, limit=10) == []
    assert graph.links(ME, "wheel.py", limit=10) == []


def test_what_was_erased_links_and_relates_nothing_any_more(stage, graph):
    batch = [
        *talk("talk", "wheel.py and axle.py", "axle.py"),
        *talk("near", "wheel.py", first=10),
    ]
    graph.apply(stage.batch(batch))
    erased = Erased(number=1, session_id=TALK, positions=(0,), at_us=0)
    graph.apply(stage.batch_of(erased=[erased]))
    assert graph.entities(ME, TALK, limit=10) == [("axle.py", 1)]
    assert graph.related(ME, TALK, limit=10) == []
    assert graph.links(ME, "axle.py", limit=10) == []


def test_storing_again_counts_nothing_twice(stage, graph):
    batch = stage.batch(talk("talk", "plan.md and wheel.py"))
    for _ in range(3):
        graph.apply(batch)
    assert sorted(graph.entities(ME, TALK, limit=10)) == [("plan.md", 1), ("wheel.py", 1)]
    assert graph.links(ME, "plan.md", limit=10) == [("wheel.py", 1)]


def test_results_are_linked_to_their_calls_and_entries_to_the_one_before(stage, graph):
    graph.apply(stage.batch(odd_records()))
    found = {item.key: dict(item.value) for item in graph.read(TALK)}
    assert found["call", TALK, 1, "call_1"] == {"name": "read_file"}
    assert found["answer", TALK, 2, "call_1"] == {"name": "read_file", "is_error": False}
    assert found["answer", TALK, 4, "toolu_2"]["is_error"] is False
    assert found["follows", TALK, 2, ""] == {"to_session": TALK, "to_position": 1}
    assert ("follows", TALK, 0, "") not in found
    assert found["session", TALK, 0, ""]["session_name"] == "talk"


def test_a_fork_hangs_on_its_parent(stage, graph):
    facts = {"session": "fork", "parent_id": TALK, "forked_at": 7}
    graph.apply(stage.batch([said("x", position=at, **facts) for at in (7, 8)]))
    fork = session_id("fork")
    found = {item.key: dict(item.value) for item in graph.read(fork)}
    assert found["forked_from", fork, 7, ""] == {"to_session": TALK, "at": 7}
    assert found["follows", fork, 7, ""] == {"to_session": TALK, "to_position": 6}
    assert found["follows", fork, 8, ""] == {"to_session": fork, "to_position": 7}
