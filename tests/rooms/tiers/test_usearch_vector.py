"""Vectors in files of our own: an index beside the rows, that is never stale and never trusted."""

import dataclasses
import random
import struct

import pytest
from tests.contracts.tier_engines import EngineUnderTest, digests, stage_of
from tests.contracts.tier_records import said, session_id

from novacore import tiers
from novacore.journal import Erased, Scope
from novacore.tiers.embedded.usearch_vector import UsearchVector
from novacore.tiers.embedded.vector_index import digest_of

ME = Scope()
EXACT_MAX = 200


@pytest.fixture
def stage(request, tmp_path):
    under_test = EngineUnderTest(tier="vector", name="usearch")
    with stage_of(under_test, request, tmp_path) as found:
        yield found


@pytest.fixture
def open_engine(stage):
    opened = []

    def open_engine():
        opened.append(UsearchVector(stage.place, exact_max=EXACT_MAX))
        return opened[-1]

    yield open_engine
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(open_engine):
    return open_engine()


def items_of(stage, count, *, first=0, **facts):
    """Items with random vectors, in ten sessions."""
    records = [
        said("x", position=at // 10, sequence=at + 1, session=f"s{at % 10}", **facts)
        for at in range(first, first + count)
    ]
    rng = random.Random(first)
    return [
        dataclasses.replace(item, value={**item.value, "vector": struct.pack("<16f", *numbers)})
        for item in stage.items(records)
        for numbers in [[rng.gauss(0, 1) for _ in range(16)]]
    ]


def fill(stage, engine, items, at_once=100):
    for start in range(0, len(items), at_once):
        engine.apply(stage.batch_of(items[start : start + at_once], sequence=start))


def files(stage):
    return sorted(path.name for path in stage.place.folder.glob("*.usearch*"))


def exact(items, wanted, count):
    query = struct.unpack("<16f", wanted)

    def score(item):
        numbers = struct.unpack("<16f", item.value["vector"])
        length = sum(number * number for number in numbers) ** 0.5
        return sum(a * b for a, b in zip(query, numbers, strict=True)) / length

    best = sorted(items, key=score, reverse=True)[:count]
    return {(item.session_id, item.position) for item in best}


def found_of(neighbours):
    return {(each.session_id, each.position) for each in neighbours}


def test_a_small_owner_has_no_index_and_a_large_one_has(stage, engine):
    fill(stage, engine, items_of(stage, EXACT_MAX))
    assert files(stage) == []
    fill(stage, engine, items_of(stage, 100, first=EXACT_MAX))
    assert len(files(stage)) == 1


def test_an_index_finds_what_an_exact_search_finds(stage, engine):
    items = items_of(stage, 2_000)
    fill(stage, engine, items)
    assert len(files(stage)) == 1
    hits = sum(
        len(found_of(engine.neighbours(ME, item.value["vector"], limit=10)) & wanted)
        for item in items[:50]
        for wanted in [exact(items, item.value["vector"], 10)]
    )
    assert hits >= 490


def test_what_came_after_the_index_is_found_beside_it(stage, engine):
    items = items_of(stage, 450)
    fill(stage, engine, items)
    (before,) = files(stage)
    late = items_of(stage, 20, first=450)
    fill(stage, engine, late)
    assert files(stage) == [before]
    for item in (late[3], items[3]):
        nearest = engine.neighbours(ME, item.value["vector"], limit=1)
        assert found_of(nearest) == {(item.session_id, item.position)}


def test_a_filter_on_an_index_starves_nobody(stage, engine):
    items = items_of(stage, 1_000)
    fill(stage, engine, items)
    wanted = items[0].value["vector"]
    chosen = [session_id("s3"), session_id("s7")]
    mine = [item for item in items if item.session_id in chosen]
    found = engine.neighbours(ME, wanted, limit=30, sessions=chosen)
    assert found_of(found) == exact(mine, wanted, 30)
    many = [session_id(f"s{at}") for at in range(9)]
    found = engine.neighbours(ME, wanted, limit=900, sessions=many)
    assert len(found) == 900
    found = engine.neighbours(ME, wanted, limit=900, without=session_id("s3"))
    assert len(found) == 900
    assert session_id("s3") not in {each.session_id for each in found}


def test_an_index_is_of_one_owner(stage, engine):
    fill(stage, engine, items_of(stage, 500, owner="user/1"))
    theirs = items_of(stage, 500, first=500, owner="user/10")
    fill(stage, engine, theirs)
    assert len(files(stage)) == 2
    wanted = theirs[0].value["vector"]
    scopes = [Scope(owner="user/1"), Scope(owner="user/10"), Scope(owner="user")]
    scores = [engine.neighbours(scope, wanted, limit=1) for scope in scopes]
    assert [bool(each) and each[0].score > 0.999 for each in scores] == [False, True, False]


def test_an_erasure_takes_the_index_with_it_and_the_rest_is_found_exactly(
    stage, engine, open_engine
):
    items = items_of(stage, 500)
    fill(stage, engine, items)
    reader = open_engine()
    gone = items[17]
    assert found_of(reader.neighbours(ME, gone.value["vector"], limit=1))
    erased = Erased(number=1, session_id=gone.session_id, positions=(gone.position,), at_us=0)
    stage.projection.forget([erased])
    engine.apply(stage.batch_of(erased=[erased], sequence=501))
    assert files(stage) == []
    assert gone.value["vector"] not in stage.raw()
    kept = [item for item in items if item is not gone]
    for each in (engine, reader):
        found = each.neighbours(ME, gone.value["vector"], limit=10)
        assert found_of(found) == exact(kept, gone.value["vector"], 10)
    fill(stage, engine, items_of(stage, 1, first=500))
    assert len(files(stage)) == 1


def test_a_changed_vector_makes_the_index_useless_at_once(stage, engine):
    items = items_of(stage, 500)
    fill(stage, engine, items)
    fresh = items_of(stage, 1, first=9_000)[0].value["vector"]
    changed = dataclasses.replace(items[9], value={**items[9].value, "vector": fresh})
    engine.apply(stage.batch_of([changed], sequence=501))
    (found,) = engine.neighbours(ME, fresh, limit=1)
    assert (found.session_id, found.position) == (changed.session_id, changed.position)
    assert digests(engine.read(changed.session_id)) >= {(changed.key, changed.digest())}


def test_reading_back_compares_the_rows_with_the_index(stage, engine):
    items = items_of(stage, 500)
    fill(stage, engine, items)
    mine = [item for item in items if item.session_id == session_id("s4")]
    assert digests(engine.read(session_id("s4"))) == digests(mine)
    with engine.link.transaction() as connection:
        connection.execute("DROP TRIGGER vector_changed")
        connection.execute("UPDATE vector SET vector = zeroblob(64) WHERE id = 5")
    found = {item.key: item for item in engine.read(items[4].session_id)}
    assert found[items[4].key].value["vector"] == items[4].value["vector"]


@pytest.mark.parametrize("seed", range(8))
def test_a_changed_or_missing_index_file_is_never_searched(stage, engine, open_engine, seed):
    items = items_of(stage, 500)
    fill(stage, engine, items)
    engine.close()
    (name,) = files(stage)
    path = stage.place.folder / name
    data = bytearray(path.read_bytes())
    rng = random.Random(seed)
    if seed == 0:
        path.unlink()
    elif seed == 1:
        path.write_bytes(data[: len(data) // 2])
    else:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
    again = open_engine()
    for use in (
        lambda: again.neighbours(ME, items[0].value["vector"], limit=5),
        lambda: list(again.sessions()),
        lambda: list(again.read(session_id("s1"))),
    ):
        with pytest.raises(tiers.TierCorrupt):
            use()
    again.wipe()
    fill(stage, again, items)
    assert digests(again.read(session_id("s1"))) == digests(
        item for item in items if item.session_id == session_id("s1")
    )


def test_files_that_nobody_names_are_removed_with_the_next_index(stage, engine):
    stage.place.folder.mkdir(parents=True)
    (stage.place.folder / "9-left.usearch.part").write_bytes(b"half")
    fill(stage, engine, items_of(stage, 500))
    (name,) = files(stage)
    assert digest_of(stage.place.folder / name)[0] > 500 * 64


def test_a_reader_keeps_up_with_indexes_that_are_replaced(stage, engine, open_engine):
    reader = open_engine()
    for first in range(0, 1_500, 250):
        items = items_of(stage, 250, first=first)
        fill(stage, engine, items)
        nearest = reader.neighbours(ME, items[-1].value["vector"], limit=1)
        assert found_of(nearest) == {(items[-1].session_id, items[-1].position)}
    assert len(files(stage)) == 1


def test_an_item_without_a_vector_is_refused_by_name(stage, engine):
    (item,) = items_of(stage, 1)
    for wrong in ({}, {"vector": "text"}, {"vector": b"odd"}):
        with pytest.raises(tiers.ItemRefused) as refused:
            engine.apply(stage.batch_of([dataclasses.replace(item, value=wrong)]))
        assert refused.value.keys == (item.key,)


def test_vectors_of_another_length_are_passed_over(stage, engine):
    items = items_of(stage, 3)
    longer = dataclasses.replace(items[1], value={**items[1].value, "vector": b"\0\0\x80?" * 32})
    fill(stage, engine, [items[0], longer, items[2]])
    found = engine.neighbours(ME, items[0].value["vector"], limit=10)
    assert found_of(found) == found_of_items([items[0], items[2]])
    assert found_of(engine.neighbours(ME, b"\0\0\x80?" * 32, limit=9)) == found_of_items([longer])


def found_of_items(items):
    return {(item.session_id, item.position) for item in items}
