"""Projectors run side by side, one per tier over all processes, and hand over."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.rooms.tiers.conftest import Bench

from novacore import journal, tiers
from novacore.kit import FixedClock
from novacore.tiers.runner import Runner, read_standing

PATIENCE_S = 30.0
PATIENCE_MS = 30_000


@contextmanager
def _running(bench: Bench) -> Iterator[Runner]:
    runner = bench.open().runner()
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def _until(runner: Runner, wanted: Callable[[], bool]) -> None:
    """Let the runner watch the journal until something is so."""
    end_s = time.monotonic() + PATIENCE_S
    while not wanted():
        assert time.monotonic() < end_s
        runner.watch(0.05)


def test_what_is_appended_arrives_by_itself(bench):
    with _running(bench) as runner:
        for text in "abc":
            bench.say(text)
            _until(runner, lambda: set(bench.texts("hot")) == set(bench.texts("graph")) != set())
        _until(runner, lambda: bench.texts("hot") == bench.texts("graph") == list("abc"))
        _until(runner, lambda: runner.is_at_rest)


def test_what_comes_soon_after_a_batch_is_stored_together_and_all_of_it_arrives(bench):
    bench.config = dataclasses.replace(bench.config, gather_ms=60_000)
    with _running(bench) as runner:
        bench.say("first")
        _until(runner, lambda: bench.texts("hot") == ["first"])
        before = len(bench.engines["hot"].batches)
        for text in "abcdef":
            bench.say(text)
            runner.watch(0.06)
        assert len(bench.engines["hot"].batches) == before
        runner.hurry()
        _until(runner, lambda: bench.texts("hot") == ["first", *"abcdef"])
        assert len(bench.engines["hot"].batches) == before + 1
        _until(runner, lambda: runner.is_at_rest)
        runner.hurry()
        assert runner.is_at_rest, "asked again, with nothing new, it has nothing more to do"


@pytest.mark.parametrize("what", ["an erasure", "the end"])
def test_neither_an_erasure_nor_the_end_waits_for_what_is_gathered(bench, what):
    bench.config = dataclasses.replace(bench.config, gather_ms=60_000)
    with _running(bench) as runner:
        bench.say("kept")
        _until(runner, lambda: bench.texts("hot") == bench.texts("graph") == ["kept"])
        bench.say("told")
        if what == "an erasure":
            bench.store.erase(bench.store.session("talk").id)
            _until(runner, lambda: bench.texts("hot") == bench.texts("graph") == [])
        else:
            runner.hurry()
            _until(runner, lambda: runner.is_at_rest)
            assert bench.texts("hot") == bench.texts("graph") == ["kept", "told"]


def test_a_tier_that_hangs_keeps_no_other_and_no_append_waiting(bench):
    hanging, go_on = threading.Event(), threading.Event()

    def hang(batch: tiers.Batch) -> None:
        hanging.set()
        assert go_on.wait(PATIENCE_S)

    bench.engines["hot"].before_apply = hang
    with _running(bench) as runner:
        bench.say("a")
        assert hanging.wait(PATIENCE_S)
        bench.say("b")
        _until(runner, lambda: bench.texts("graph") == ["a", "b"])
        assert bench.engines["hot"].state().watermark is None
        go_on.set()
        _until(runner, lambda: bench.texts("hot") == ["a", "b"])


def test_a_tier_that_was_down_comes_back_by_itself_and_the_error_is_told_meanwhile(bench):
    bench.engines["hot"].is_down = True
    bench.say("a")
    with _running(bench) as runner:
        _until(runner, lambda: bool(read_standing(bench.folder, "hot").get("error")))
        status = bench.open().status()[0]
        assert (status.is_up, status.is_held, status.note) == (False, True, "Nobody answers.")
        bench.engines["hot"].is_down = False
        _until(runner, lambda: bench.texts("hot") == ["a"])


def test_a_tier_wiped_or_restored_while_a_projector_runs_is_made_whole_by_it(bench):
    bench.say(*"abc")
    with _running(bench) as runner:
        _until(runner, lambda: bench.texts("hot") == list("abc"))
        bench.engines["hot"].wipe()
        _until(runner, lambda: bench.texts("hot") == list("abc"))


def test_of_two_runners_one_projects_and_the_other_takes_over_at_its_end(bench):
    first = bench.open().runner()
    first.start()
    bench.say("a")
    _until(first, lambda: bench.texts("hot") == ["a"] == bench.texts("graph"))
    with _running(bench) as second:
        second.watch(0.2)
        before = len(bench.engines["hot"].batches)
        bench.say("b")
        _until(first, lambda: bench.texts("hot") == ["a", "b"])
        assert len(bench.engines["hot"].batches) == before + 1
        first.stop()
        bench.say("c")
        _until(second, lambda: bench.texts("hot") == list("abc"))


def test_a_rebuild_and_a_retry_get_the_tier_from_a_running_projector_and_give_it_back(bench):
    bench.engines["hot"].refused |= {"bad"}
    bench.say("a", "bad")
    with _running(bench) as runner:
        _until(runner, lambda: len(bench.engines["hot"].state().set_aside) == 1)
        assert bench.open().rebuild("hot")
        assert bench.texts("hot") == ["a"]
        bench.engines["hot"].refused.clear()
        assert bench.open().retry("hot") == ()
        bench.say("b")
        _until(runner, lambda: bench.texts("hot") == ["a", "bad", "b"])


def test_catching_up_waits_for_the_projector_that_has_the_tier(bench):
    with _running(bench) as runner:
        bench.say("a")
        _until(runner, lambda: bench.texts("hot") == ["a"])
        bench.say("b")
        watching = threading.Thread(target=runner.watch, args=(5.0,))
        watching.start()
        assert bench.open().catch_up(timeout_ms=PATIENCE_MS)
        assert bench.texts("hot") == ["a", "b"]
        runner.stop()
        watching.join()


def test_status_names_who_projects_how_far_behind_it_is_and_what_is_off(bench):
    bench.say(*"abc")
    hot, *others = bench.open("hot").status()
    assert (hot.lag_entries, hot.state, hot.is_held) == (3, "behind", False)
    assert 0.0 < hot.lag_s < PATIENCE_S
    assert {each.engine for each in others} == {"off"}
    assert [each.tier for each in others] == list(tiers.TIERS[1:])
    with _running(bench) as runner:
        _until(runner, lambda: runner.is_at_rest)
        hot = bench.open("hot").status()[0]
        assert (hot.lag_entries, hot.state, hot.is_held) == (0, "up to date", True)
    assert not bench.open("hot").status()[0].is_held


def test_an_erasure_that_is_not_carried_out_yet_is_lag_too(bench):
    bench.say("a")
    opened = bench.open("hot")
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    bench.store.erase(bench.store.session("talk").id)
    assert opened.status()[0].lag_erasures == 1
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert opened.status()[0].lag_erasures == 0


def test_a_tier_that_is_off_or_unknown_is_named_in_the_error(bench):
    opened = bench.open("hot")
    assert opened.reads("graph") is None
    assert opened.reads("hot") is bench.engines["hot"]
    with pytest.raises(tiers.TierUnknown, match="is off"):
        opened.rebuild("graph")
    with pytest.raises(tiers.TierUnknown, match="does not exist"):
        opened.verify("warm")


def test_progress_is_told_while_a_tier_catches_up_and_while_it_is_verified(bench):
    bench.config = dataclasses.replace(bench.config, batch_entries_max=10)
    bench.say(*[str(number) for number in range(50)])
    told: list[tuple[str, int, int]] = []
    opened = bench.open("hot")
    opened.catch_up(timeout_ms=PATIENCE_MS, progress=lambda *facts: told.append(facts))
    assert told[-1] == ("hot", 50, 50)
    assert len(told) > 3
    told.clear()
    opened.verify(progress=lambda *facts: told.append(facts))
    assert told == [("hot", 1, 1)]


def test_a_rush_of_appends_is_noticed_and_its_end_too(tmp_path):
    clock = FixedClock()
    with journal.open_memory(clock=clock) as store:
        session = store.session("talk")
        runner = Runner([], feed=store.feed(), folder=tmp_path, clock=clock, rush_entries_s=10)
        for appended, is_rush in ((0, False), (9, False), (11, True), (0, False)):
            for number in range(appended):
                session.append({"role": "user", "content": str(number)})
            clock.advance_ms(1_000)
            runner._rate(clock.monotonic_s())
            assert runner._is_rush is is_rush
