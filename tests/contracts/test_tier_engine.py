"""What every engine of every tier promises: see `novacore.tiers.tier.Engine`."""

import dataclasses
import random

import pytest
from tests.contracts.tier_engines import ENGINES, Stage, digests, shuffled, stage_of
from tests.contracts.tier_records import ODD_BODIES, odd_records, record, said, session_id
from tests.contracts.tier_vandals import VANDALS

from novacore import tiers
from novacore.journal import Erased

TALK = session_id("talk")
OTHER = session_id("other")


@pytest.fixture(params=ENGINES, ids=str)
def stage(request, quick_path):
    """Each engine of each tier in turn."""
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def engine(stage: Stage):
    return stage.open()


def erased(session: str = TALK, positions: tuple[int, ...] | None = None) -> Erased:
    return Erased(number=1, session_id=session, positions=positions, at_us=0)


def test_an_engine_that_nothing_was_stored_in_is_empty_and_has_no_watermark(engine):
    assert engine.state() == tiers.TierState(watermark=None)
    assert list(engine.read(TALK)) == []
    assert list(engine.sessions()) == []


def test_what_was_stored_is_read_back_equal_whatever_it_holds(stage, engine):
    records = odd_records()
    wanted = stage.items(records)
    engine.apply(stage.batch(records))
    found = list(engine.read(TALK))
    assert len(found) == len({item.key for item in found})
    assert digests(found) == digests(wanted)
    by_key = {item.key: item for item in found}
    for item in wanted:
        assert dict(by_key[item.key].value) == dict(item.value)
        assert by_key[item.key] == dataclasses.replace(item, value=by_key[item.key].value)


def test_storing_twice_is_storing_once(stage, engine):
    batch = stage.batch(odd_records())
    engine.apply(batch)
    before = digests(engine.read(TALK))
    engine.apply(batch)
    found = list(engine.read(TALK))
    assert digests(found) == before
    assert len(found) == len(before)


def test_the_order_of_the_batches_changes_nothing(stage, engine):
    records = odd_records()
    for each in shuffled(records):
        engine.apply(stage.batch([each]))
    assert digests(engine.read(TALK)) == digests(stage.items(records))


def test_an_item_replaces_the_one_with_its_key(stage, engine):
    engine.apply(stage.batch([said("Look at first.py", position=3)]))
    changed = said("Look at first.py now", position=3, actor="ada")
    engine.apply(stage.batch([changed]))
    assert digests(engine.read(TALK)) == digests(stage.items([changed]))


def test_watermark_and_what_was_set_aside_are_there_after_a_restart(stage, engine):
    aside = tiers.SetAside(
        sequence=3, session_id=TALK, position=2, error="“no” \x00 \ud83d", tries=5, at_us=17
    )
    batch = stage.batch(odd_records(), set_aside=(aside,))
    engine.apply(batch)
    wanted = tiers.TierState(watermark=batch.watermark, set_aside=(aside,))
    assert engine.state() == wanted
    engine.close()
    again = stage.open()
    assert again.state() == wanted
    assert digests(again.read(TALK)) == digests(batch.items)


def test_a_batch_without_items_moves_the_watermark_also_back(stage, engine):
    for sequence in (9, 4):
        engine.apply(stage.batch_of(sequence=sequence))
        assert engine.state().watermark == stage.watermark(sequence)
    assert list(engine.sessions()) == []


def test_a_batch_that_fails_in_between_leaves_the_watermark_and_can_be_repeated(stage, engine):
    records = odd_records()
    engine.apply(stage.batch(records[:2]))
    good = stage.batch(records)
    broken = dataclasses.replace(good.items[-1], value={"body": object()})
    if stage.is_durable:
        with pytest.raises((tiers.TierError, TypeError)):
            engine.apply(dataclasses.replace(good, items=[*good.items[:-1], broken]))
        assert engine.state().watermark == stage.watermark(2)
    engine.apply(good)
    assert digests(engine.read(TALK)) == digests(good.items)


def test_erased_entries_are_gone_and_the_others_stay(stage, engine):
    records = [*odd_records(), *odd_records("other", first=100, owner="someone")]
    engine.apply(stage.batch(records))
    kept = [each for each in records if each.position != 1 and each.session_id == TALK]
    gone = (1, 7_000_000)
    engine.apply(stage.batch_of(sequence=200, erased=[erased(TALK, gone)]))
    assert digests(engine.read(TALK)) == digests(stage.items(kept))
    assert digests(engine.read(OTHER)) == digests(stage.items(records[len(ODD_BODIES) :]))
    assert engine.state().watermark == stage.watermark(200)


def test_an_erased_session_is_gone_and_the_others_stay(stage, engine):
    records = [*odd_records(), *odd_records("other", first=100)]
    engine.apply(stage.batch(records))
    engine.apply(stage.batch_of(sequence=200, erased=[erased(), erased(session_id("unknown"))]))
    assert list(engine.read(TALK)) == []
    assert list(engine.sessions()) == [OTHER]
    assert digests(engine.read(OTHER)) == digests(stage.items(records[len(ODD_BODIES) :]))


def test_what_one_batch_stores_and_erases_is_gone(stage, engine):
    engine.apply(stage.batch(odd_records(), erased=[erased()]))
    assert list(engine.read(TALK)) == []
    assert list(engine.sessions()) == []


def test_nothing_erased_is_left_in_the_files(stage, engine):
    if stage.under_test.server or not stage.is_durable:
        return  # What a server keeps in its files is the server's; its own tests look there.
    canaries = [f"canary{number:05}zqx" for number in range(300)]
    filler = [said(f"Filler {number}.py " * 40, position=number) for number in range(300)]
    marked = [
        said(f"See {name}.py, @{name}", position=300 + at, sequence=301 + at)
        for at, name in enumerate(canaries)
    ]
    records = [each for pair in zip(filler, marked, strict=True) for each in pair]
    for start in range(0, len(records), 50):
        engine.apply(stage.batch(records[start : start + 50]))
    before = stage.raw()
    assert stage.tier == "vector" or canaries[17].encode() in before
    vectors = [each.value["vector"] for each in stage.items(marked) if "vector" in each.value]
    assert not vectors or vectors[17] in before
    gone = erased(TALK, tuple(range(300, 600)))
    stage.projection.forget([gone])
    engine.apply(stage.batch_of(sequence=1_000, erased=[gone]))
    after = stage.raw()
    assert [name for name in canaries if name.encode() in after] == []
    assert [vector for vector in vectors if vector in after] == []
    assert digests(engine.read(TALK)) == digests(stage.items(filler))


def test_a_wiped_tier_is_empty_and_can_be_filled_again(stage, engine):
    batch = stage.batch(odd_records())
    engine.apply(batch)
    engine.wipe()
    assert engine.state() == tiers.TierState(watermark=None)
    assert list(engine.read(TALK)) == []
    assert list(engine.sessions()) == []
    engine.apply(batch)
    assert digests(engine.read(TALK)) == digests(batch.items)
    assert engine.state().watermark == batch.watermark


def test_what_was_recorded_before_the_window_is_dropped_also_from_the_same_batch(stage, engine):
    records = odd_records()
    engine.apply(stage.batch(records[:5]))
    limit_us = records[7].recorded_at_us
    engine.apply(stage.batch(records[5:], forget_before_us=limit_us))
    assert digests(engine.read(TALK)) == digests(stage.items(records[7:]))


def test_the_sessions_are_listed_once_each(stage, engine):
    names = [f"session {number}" for number in range(20)]
    records = [
        said(
            f"Look at file{at}.py", position=0, sequence=at + 1, session=name, owner=f"user{at % 3}"
        )
        for at, name in enumerate(names)
    ]
    engine.apply(stage.batch(records))
    assert sorted(engine.sessions()) == sorted(map(session_id, names))


def test_a_second_engine_sees_what_the_first_one_stores_and_wipes(stage, engine):
    reader = stage.open()
    assert list(reader.read(TALK)) == []
    first = stage.batch(odd_records())
    engine.apply(first)
    assert reader.state().watermark == first.watermark
    assert digests(reader.read(TALK)) == digests(first.items)
    engine.wipe()
    assert reader.state().watermark is None
    second = stage.batch(odd_records("other"))
    engine.apply(second)
    assert list(reader.read(TALK)) == []
    assert digests(reader.read(OTHER)) == digests(second.items)


def test_the_writing_passes_from_one_engine_to_another(stage, engine):
    other = stage.open()
    records = odd_records()
    for at, each in enumerate(records):
        (engine, other)[at % 2].apply(stage.batch([each]))
    engine.wipe()
    for at, each in enumerate(records):
        (other, engine)[at % 2].apply(stage.batch([each]))
    assert digests(other.read(TALK)) == digests(stage.items(records))


def test_the_largest_bodies_are_kept_whole(stage, engine):
    text = "wheel Ünï 🙂 " * 60_000
    body = {"role": "tool", "tool_call_id": "c", "name": "t", "content": text[: 1_000_000 // 2]}
    records = [record(body, position=at) for at in range(3)]
    engine.apply(stage.batch(records))
    assert digests(engine.read(TALK)) == digests(stage.items(records))


def test_a_long_session_is_read_back_whole(stage, engine):
    records = [said(f"Number {at} of file{at % 9}.py", position=at) for at in range(1_300)]
    for start in range(0, len(records), 500):
        engine.apply(stage.batch(records[start : start + 500]))
    assert digests(engine.read(TALK)) == digests(stage.items(records))


def test_owners_with_like_names_and_the_same_tenant_stay_apart(stage, engine):
    scopes = [("local", "user/1"), ("local", "user/10"), ("local/user", "1"), ("", "user.1")]
    records = [
        said("Look at plan.md", sequence=at + 1, session=f"s{at}", tenant=tenant, owner=owner)
        for at, (tenant, owner) in enumerate(scopes)
    ]
    engine.apply(stage.batch(records))
    for at, (tenant, owner) in enumerate(scopes):
        found = list(engine.read(session_id(f"s{at}")))
        assert {(item.tenant, item.owner) for item in found} == {(tenant, owner)}


def test_an_engine_that_works_says_so(stage, engine):
    engine.apply(stage.batch(odd_records()))
    health = engine.health()
    assert health.is_up
    assert health.latency_ms is not None
    assert stage.tier == engine.tier
    assert engine.name == stage.under_test.name


def test_an_engine_whose_storage_is_not_there_says_so_and_raises_unavailable(stage, tmp_path):
    if not stage.is_durable:
        return  # Memory is always there.
    engine = stage.dead(tmp_path)
    assert not engine.health().is_up
    assert engine.health().what
    with pytest.raises(tiers.TierUnavailable):
        engine.apply(stage.batch(odd_records()))
    with pytest.raises(tiers.TierUnavailable):
        engine.state()


def test_closing_twice_is_closing_once(stage, engine):
    batch = stage.batch(odd_records())
    engine.apply(batch)
    engine.close()
    engine.close()
    assert digests(stage.open().read(TALK)) == digests(batch.items)


def _read(engine):
    """What verify sees of an engine: digests, or that it says it is corrupt."""
    try:
        listed = sorted(engine.sessions())
        return listed, [digests(engine.read(name)) for name in (TALK, OTHER)]
    except tiers.TierCorrupt:
        return "corrupt"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_changed_in_its_storage_is_seen_and_filling_it_again_heals(
    request, quick_path, seed
):
    for under_test in ENGINES:
        vandal = VANDALS.get((under_test.tier, under_test.name))
        if vandal is None:
            continue
        with stage_of(under_test, request, quick_path / str(under_test)) as stage:
            batch = stage.batch([*odd_records(), *odd_records("other", first=100)])
            engine = stage.open()
            engine.apply(batch)
            sound = _read(engine)
            engine.close()
            what = vandal(stage.place, random.Random(seed))
            again = stage.open()
            assert _read(again) != sound, (str(under_test), what)
            again.wipe()
            again.apply(batch)
            assert _read(again) == sound
