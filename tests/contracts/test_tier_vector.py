"""What the vector tier is read for: see `VectorReads`."""

import dataclasses
import random
import struct

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import HashEmbedder, said, session_id

from novacore.journal import Erased, Scope

ME = Scope()


@pytest.fixture(params=of_tier("vector"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def vectors(stage):
    return stage.open()


def query(text):
    return HashEmbedder().embed([text])[0]


def places(found):
    return [(each.session_id, each.position) for each in found]


def test_what_says_the_same_is_nearest_and_its_score_is_one(stage, vectors):
    texts = ["wheels and axles", "tea at five", "the plan of the engine"]
    vectors.apply(stage.batch([said(text, position=at) for at, text in enumerate(texts)]))
    found = vectors.neighbours(ME, query("tea at five"), limit=3)
    assert places(found)[0] == (session_id("talk"), 1)
    assert found[0].score == pytest.approx(1.0, abs=1e-5)
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    assert all(-1 <= each.score <= 1 for each in found)


def random_items(stage, count, *, seed=3, **facts):
    """Items with random vectors, several sessions."""
    rng = random.Random(seed)
    records = [
        said(f"word{at}", position=at // 5, sequence=at + 1, session=f"s{at % 5}", **facts)
        for at in range(count)
    ]
    return [
        dataclasses.replace(
            item,
            value={
                **item.value,
                "vector": struct.pack("<16f", *(rng.gauss(0, 1) for _ in range(16))),
            },
        )
        for item in stage.items(records)
    ]


def cosine(one, other):
    a, b = struct.unpack("<16f", one), struct.unpack("<16f", other)
    length = (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / length


def test_the_nearest_are_those_of_an_exact_search(stage, vectors):
    items = random_items(stage, 300)
    vectors.apply(stage.batch_of(items))
    wanted = items[17].value["vector"]
    best = sorted(items, key=lambda item: -cosine(item.value["vector"], wanted))[:10]
    found = vectors.neighbours(ME, wanted, limit=10)
    assert places(found) == [(item.session_id, item.position) for item in best]
    scores = [cosine(item.value["vector"], wanted) for item in best]
    assert [each.score for each in found] == pytest.approx(scores, abs=1e-4)


def test_a_filter_by_session_starves_nobody(stage, vectors):
    items = random_items(stage, 300)
    vectors.apply(stage.batch_of(items))
    wanted = items[0].value["vector"]
    for chosen in (["s1"], ["s2", "s4"]):
        ids = [session_id(name) for name in chosen]
        found = vectors.neighbours(ME, wanted, limit=40, sessions=ids)
        assert len(found) == 40
        assert {each.session_id for each in found} == set(ids)
    assert vectors.neighbours(ME, wanted, limit=5, sessions=[]) == []
    assert vectors.neighbours(ME, wanted, limit=5, sessions=[session_id("unknown")]) == []


def test_a_session_can_be_left_out(stage, vectors):
    items = random_items(stage, 100)
    vectors.apply(stage.batch_of(items))
    found = vectors.neighbours(ME, items[0].value["vector"], limit=80, without=session_id("s0"))
    assert len(found) == 80
    assert session_id("s0") not in {each.session_id for each in found}


def test_vectors_of_another_owner_are_not_found(stage, vectors):
    mine = [said("tea", owner="user/1")]
    theirs = [said("tea", session="b", sequence=9, owner="user/10")]
    vectors.apply(stage.batch([*mine, *theirs]))
    found = vectors.neighbours(Scope(owner="user/1"), query("tea"), limit=10)
    assert places(found) == [(session_id("talk"), 0)]
    assert vectors.neighbours(Scope(owner="user"), query("tea"), limit=10) == []
    other = [session_id("b")]
    assert vectors.neighbours(Scope(owner="user/1"), query("tea"), limit=9, sessions=other) == []


def test_what_was_added_changed_or_erased_is_searched_at_once(stage, vectors):
    reader = stage.open()
    vectors.apply(stage.batch([said("tea", position=0)]))
    assert places(reader.neighbours(ME, query("tea"), limit=5)) == [(session_id("talk"), 0)]
    vectors.apply(stage.batch([said("tea", position=1)]))
    assert len(reader.neighbours(ME, query("tea"), limit=5)) == 2
    vectors.apply(stage.batch([said("coffee beans", position=1)]))
    first, second = reader.neighbours(ME, query("tea"), limit=5)
    assert second.score < first.score
    erased = Erased(number=1, session_id=session_id("talk"), positions=(0,), at_us=0)
    vectors.apply(stage.batch_of(erased=[erased]))
    assert places(reader.neighbours(ME, query("tea"), limit=5)) == [(session_id("talk"), 1)]


def test_nothing_is_near_to_nothing(stage, vectors):
    assert vectors.neighbours(ME, query("tea"), limit=5) == []
    vectors.apply(stage.batch([said("tea")]))
    assert vectors.neighbours(ME, query("tea"), limit=0) == []
    assert vectors.neighbours(ME, b"\0" * 64, limit=5) == []
