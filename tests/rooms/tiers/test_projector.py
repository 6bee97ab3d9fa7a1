"""A tier follows the journal: at least once from there, effectively once here, whatever happens."""

import dataclasses
import threading

import pytest
from tests.rooms.tiers.conftest import Bench, Plain

from novacore import journal, tiers

PATIENCE_MS = 30_000


def _catch_up(bench, **options) -> tiers.TierSet:
    found = bench.open()
    assert found.catch_up(timeout_ms=PATIENCE_MS, **options)
    assert all(report.is_equal for report in found.verify()), found.verify()
    return found


def test_every_entry_arrives_once_and_in_every_tier(bench):
    bench.say(*"abc")
    _catch_up(bench)
    bench.say(*"def")
    _catch_up(bench)
    assert bench.texts("hot") == bench.texts("graph") == list("abcdef")


def test_an_empty_journal_is_equal_to_empty_tiers(bench):
    _catch_up(bench)
    assert bench.engines["hot"].state().watermark.sequence == 0


def test_a_tier_that_is_down_keeps_no_other_waiting_and_catches_up_later(bench):
    bench.say(*"abc")
    bench.engines["hot"].is_down = True
    opened = bench.open()
    assert not opened.catch_up(timeout_ms=PATIENCE_MS)
    assert bench.texts("graph") == list("abc")
    down, well = [each for each in opened.status() if each.engine != "off"]
    assert (down.tier, down.is_up, down.state, down.lag_entries) == ("hot", False, "down", 3)
    assert (well.tier, well.is_up, well.state, well.lag_entries) == ("graph", True, "up to date", 0)
    bench.engines["hot"].is_down = False
    _catch_up(bench)


def test_an_embedder_that_is_away_makes_a_tier_wait_and_sets_nothing_aside(bench):
    bench.say("a")
    bench.projections["hot"].is_down = True
    assert not bench.open().catch_up(timeout_ms=PATIENCE_MS)
    bench.projections["hot"].is_down = False
    _catch_up(bench)
    assert bench.engines["hot"].state().set_aside == ()


def test_an_entry_erased_between_reading_and_storing_is_destroyed_with_its_batch(bench):
    bench.say("keep", "secret")
    session = bench.store.session("talk")
    erased = threading.Event()

    def erase_once(batch: tiers.Batch) -> None:
        if batch.items and not erased.is_set():
            erased.set()
            bench.store.erase(session.id, positions=[1])

    bench.engines["hot"].before_apply = erase_once
    _catch_up(bench)
    _catch_up(bench)
    assert bench.texts("hot") == bench.texts("graph") == ["keep"]


def test_a_piece_read_before_an_erasure_brings_nothing_back_to_a_tier_that_has_applied_it(bench):
    """The tiers share what they read: one may store later, and from an older reading."""
    bench.say("keep", "secret")
    session = bench.store.session("talk")
    hot = bench.open("hot")
    assert hot.catch_up(timeout_ms=PATIENCE_MS)
    source = hot._source()
    source.read(0)
    bench.store.erase(session.id, positions=[1])
    old = source._pieces[0]
    mark = dataclasses.replace(
        bench.engines["hot"].state().watermark, sequence=0, erasures=bench.feed.state().erasures
    )
    bench.engines["hot"].apply(tiers.Batch(items=(), erased=(), watermark=mark))
    projector = hot._projector(hot._slots["hot"], source)
    projector._advance(mark, bench.engines["hot"].state(), old)
    assert bench.texts("hot") == ["keep"]


def test_what_was_erased_is_not_kept_in_memory_for_another_tier(bench):
    bench.say("secret")
    source = bench.open("hot")._source()
    source.read(0)
    assert "secret" in str(source._pieces)
    bench.store.erase(bench.store.session("talk").id)
    source.read(0)
    assert "secret" not in str(source._pieces)
    assert "talk" not in str(source._pieces)


def test_erasing_a_session_empties_it_in_every_tier(bench):
    bench.say("secret")
    bench.say("other", session="second")
    _catch_up(bench)
    session = bench.store.session("talk").id
    bench.store.erase(session)
    _catch_up(bench)
    for engine in bench.engines.values():
        assert list(engine.read(session)) == []
        assert len(list(engine.sessions())) == 1


@pytest.mark.parametrize("where", ["engine", "projection"])
def test_a_poison_entry_is_set_aside_after_bounded_tries_and_the_rest_goes_on(bench, where):
    refused = bench.engines["hot"].refused if where == "engine" else bench.projections["hot"].poison
    refused |= {"bad", "worse"}
    bench.say("a", "b", "bad", "c", "worse", "d")
    opened = bench.open()
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert bench.texts("hot") == list("abcd")
    aside = bench.engines["hot"].state().set_aside
    assert [(each.position, each.tries) for each in aside] == [(2, 3), (4, 3)]
    assert "'bad'" in aside[0].error
    report = opened.verify("hot")[0]
    assert (report.is_equal, report.difference, len(report.set_aside)) == (False, None, 2)
    assert opened.verify("graph")[0].is_equal

    refused -= {"bad"}
    (left,) = opened.retry("hot")
    assert (left.position, left.tries) == (4, 4)
    refused.clear()
    assert opened.retry("hot") == ()
    assert opened.verify("hot")[0].is_equal


def test_a_tier_that_would_set_aside_too_much_stops_says_so_and_goes_on_after_a_retry(bench):
    bench.config = dataclasses.replace(bench.config, set_aside_max=2)
    bench.engines["hot"].refused |= {"x", "y", "z"}
    bench.say("x", "a", "y", "z", "b")
    opened = bench.open("hot")
    assert not opened.catch_up(timeout_ms=PATIENCE_MS)
    status = opened.status()[0]
    assert (status.state, status.is_well, len(status.set_aside)) == ("stopped", False, 2)
    assert bench.texts("hot") == ["a"]
    bench.engines["hot"].refused -= {"x", "y"}
    assert opened.retry("hot") == ()
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert bench.texts("hot") == ["x", "a", "y", "b"]


def test_erasing_an_entry_that_is_set_aside_takes_its_error_away_too(bench):
    bench.engines["hot"].refused |= {"secret"}
    bench.say("a", "secret")
    assert bench.open().catch_up(timeout_ms=PATIENCE_MS)
    assert "secret" in bench.engines["hot"].state().set_aside[0].error
    bench.store.erase(bench.store.session("talk").id, positions=[1])
    _catch_up(bench)
    assert bench.engines["hot"].state().set_aside == ()


def test_a_tier_wiped_behind_the_projector_is_filled_again(bench):
    bench.say(*"abc")
    _catch_up(bench)
    bench.engines["hot"].wipe()
    _catch_up(bench)
    assert bench.texts("hot") == list("abc")


@pytest.mark.parametrize("change", ["journal", "epoch", "projection", "sequence", "erasures"])
def test_a_tier_of_another_life_or_ahead_of_the_journal_is_made_anew(bench, change):
    bench.say(*"abc")
    _catch_up(bench)
    engine = bench.engines["hot"]
    mark = engine.state().watermark
    value = getattr(mark, change)
    other = value + 5 if isinstance(value, int) else "other"
    stray = next(iter(engine.read(bench.store.session("talk").id)))
    stray = dataclasses.replace(stray, position=99)
    engine.apply(
        tiers.Batch(
            items=[stray], erased=(), watermark=dataclasses.replace(mark, **{change: other})
        )
    )
    assert not bench.open().verify("hot")[0].is_equal
    assert bench.open().status()[0].state == "to be rebuilt"
    _catch_up(bench)


def test_a_tier_restored_from_an_old_copy_goes_on_from_there_and_erases_again(bench):
    bench.say("a", "secret")
    _catch_up(bench)
    engine = bench.engines["hot"]
    old_items, old_state = dict(engine._items), engine.state()
    old_items = {session: dict(items) for session, items in old_items.items()}
    bench.say("b")
    bench.store.erase(bench.store.session("talk").id, positions=[1])
    _catch_up(bench)
    engine._items, engine._state = old_items, old_state
    _catch_up(bench)
    assert bench.texts("hot") == ["a", "b"]


def test_what_is_too_old_for_a_tier_is_left_out_and_forgotten(bench):
    bench.say("old")
    _catch_up(bench)
    bench.projections["hot"].window_us = 1
    bench.say("newer")
    opened = bench.open()
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert bench.texts("hot") == []
    assert bench.engines["hot"].batches[-1].items == []
    assert opened.verify("hot")[0].is_equal
    bench.projections["hot"].window_us = 3_600_000_000
    assert opened.rebuild("hot")
    assert bench.texts("hot") == ["old", "newer"]


def test_a_fork_keeps_its_own_entries_and_leaves_its_parents_to_the_parent(bench):
    bench.say("a", "b")
    fork = bench.store.session("talk").fork(at=1, name="branch")
    fork.append({"role": "user", "content": "c"})
    _catch_up(bench)
    assert bench.texts("hot", "branch") == ["c"]
    assert bench.texts("hot") == ["a", "b"]


def test_a_batch_is_bounded_in_entries_and_in_bytes(bench):
    bench.config = dataclasses.replace(bench.config, batch_entries_max=10)
    bench.say(*[str(number) for number in range(95)])
    _catch_up(bench)
    assert max(len(batch.items) for batch in bench.engines["hot"].batches) == 20
    large = "x" * 900_000
    for _ in range(30):
        bench.say(large)
    _catch_up(bench)
    sizes = [
        sum(len(item.value.get("text", "")) for item in batch.items)
        for batch in bench.engines["hot"].batches
    ]
    assert sorted(sizes)[-2] <= 6_000_000
    assert max(sizes) <= 10 * len(large)


def test_a_tier_that_was_stopped_for_long_catches_up_while_others_are_at_the_end(bench):
    bench.say(*[str(number) for number in range(300)])
    assert bench.open("graph").catch_up(timeout_ms=PATIENCE_MS)
    bench.say(*[str(number) for number in range(300)], session="more")
    _catch_up(bench)


def test_a_damaged_entry_of_the_journal_is_set_aside_and_the_entries_behind_it_go_on(tmp_path):
    with journal.open_store(tmp_path, config=journal.Config(seal_entries=4_000)) as store:
        for number in range(40):
            store.session("talk").append({"role": "user", "content": f"canary {number}"})
    path = tmp_path / "segments.dat"
    data = path.read_bytes()
    at = data.rindex(b"canary 27")
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    engine = tiers.MemoryEngine("hot")
    with journal.open_store(tmp_path, config=journal.Config(seal_entries=4_000)) as store:
        session = store.session("talk").id
        opened = _plain_tiers(store, tmp_path, engine)
        assert opened.catch_up(timeout_ms=PATIENCE_MS)
        assert {item.position for item in engine.read(session)} == {*range(40)} - {27}
        (aside,) = engine.state().set_aside
        assert (aside.session_id, aside.position) == (session, 27)
        assert not opened.verify("hot")[0].is_equal


def _plain_tiers(store, folder, engine) -> tiers.TierSet:
    bench = Bench(store, folder / "tiers", tiers.Config(), {"hot": engine}, {"hot": Plain("hot")})
    return bench.open()
