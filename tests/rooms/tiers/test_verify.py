"""`verify` believes nothing that a tier says of its data: it reads all of it back and compares."""

import dataclasses
import random
import threading
from collections.abc import Iterator

import pytest
from tests.rooms.tiers.conftest import Bench

from novacore import tiers

PATIENCE_MS = 30_000


@pytest.fixture
def filled(bench: Bench) -> Bench:
    """Three sessions, one of them a fork, in tiers that are up to date."""
    for number in range(20):
        bench.say(f"text {number}", session=f"session {number % 2}")
    fork = bench.store.session("session 0").fork(at=3, name="branch")
    fork.append({"role": "user", "content": "own"})
    assert bench.open().catch_up(timeout_ms=PATIENCE_MS)
    return bench


def _held(bench: Bench) -> dict:
    return bench.engines["hot"]._items


def _some_item(bench: Bench, draw: random.Random) -> tuple[str, tuple, tiers.Item]:
    session = draw.choice(sorted(_held(bench)))
    key = draw.choice(sorted(_held(bench)[session]))
    return session, key, _held(bench)[session][key]


def _put(bench: Bench, session: str, item: tiers.Item) -> None:
    _held(bench).setdefault(session, {})[item.key] = item


def _cut(bench: Bench, draw: random.Random) -> str:
    session, key, _ = _some_item(bench, draw)
    del _held(bench)[session][key]
    return "missing"


def _edit(bench: Bench, draw: random.Random) -> str:
    session, key, item = _some_item(bench, draw)
    _held(bench)[session][key] = dataclasses.replace(item, value={**item.value, "text": "other"})
    return "value.text differs"


def _edit_owner(bench: Bench, draw: random.Random) -> str:
    session, key, item = _some_item(bench, draw)
    _held(bench)[session][key] = dataclasses.replace(item, owner="mallory")
    return "owner differs"


def _edit_sequence(bench: Bench, draw: random.Random) -> str:
    session, key, item = _some_item(bench, draw)
    _held(bench)[session][key] = dataclasses.replace(item, sequence=10_000)
    return "sequence differs"


def _add(bench: Bench, draw: random.Random) -> str:
    session, _, item = _some_item(bench, draw)
    _put(bench, session, dataclasses.replace(item, position=500))
    return "no such thing"


def _move(bench: Bench, draw: random.Random) -> str:
    session, key, item = _some_item(bench, draw)
    del _held(bench)[session][key]
    other = "00000000-0000-7000-8000-000000000000"
    _put(bench, other, dataclasses.replace(item, session_id=other))
    return "missing"


def _drop_session(bench: Bench, draw: random.Random) -> str:
    del _held(bench)[draw.choice(sorted(_held(bench)))]
    return "missing"


def _add_session(bench: Bench, draw: random.Random) -> str:
    _, _, item = _some_item(bench, draw)
    other = "00000000-0000-7000-8000-000000000000"
    _put(bench, other, dataclasses.replace(item, session_id=other))
    return "no such thing"


DAMAGES = (_cut, _edit, _edit_owner, _edit_sequence, _add, _move, _drop_session, _add_session)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("seed", range(5))
def test_any_cut_or_edit_is_found_and_named_and_a_rebuild_heals_it(filled, damage, seed):
    said = damage(filled, random.Random(seed))
    opened = filled.open()
    report, untouched = opened.verify()
    assert not report.is_equal
    assert untouched.is_equal
    assert said in report.difference.what
    assert report.difference.session_id
    assert report.difference.position is not None
    assert report.differing == (2 if damage is _move else 1)
    assert opened.rebuild("hot")
    assert all(report.is_equal for report in opened.verify())


def test_the_first_difference_by_position_is_named(filled):
    session = filled.store.session("session 0").id
    held = _held(filled)[session]
    for key in [key for key in held if key[2] in (3, 7)]:
        del held[key]
    difference = filled.open().verify("hot")[0].difference
    assert (difference.session_id, difference.position) == (session, 3)
    assert difference.collection == "size"


def test_a_watermark_that_claims_more_than_is_there_is_not_believed(filled):
    filled.say("late", session="session 0")
    engine = filled.engines["hot"]
    mark = dataclasses.replace(engine.state().watermark, sequence=filled.feed.state().sequence)
    engine.apply(tiers.Batch(items=(), erased=(), watermark=mark))
    difference = filled.open().verify("hot")[0].difference
    assert "missing" in difference.what
    assert difference.position == 10


def test_a_tier_that_lags_is_equal_as_far_as_it_has_come(filled):
    filled.say("late", session="session 0")
    report = filled.open().verify("hot")[0]
    assert report.is_equal
    assert report.sequence == filled.feed.state().sequence - 1


def test_an_item_that_comes_twice_is_a_difference(filled, monkeypatch):
    engine = filled.engines["hot"]
    once = engine.read

    def twice(session_id: str) -> Iterator[tiers.Item]:
        yield from once(session_id)
        yield from once(session_id)

    monkeypatch.setattr(engine, "read", twice)
    assert "twice" in filled.open().verify("hot")[0].difference.what


def test_a_tier_whose_data_can_not_be_read_is_not_equal(filled, monkeypatch):
    def broken(session_id: str) -> Iterator[tiers.Item]:
        raise KeyError("half a row")

    monkeypatch.setattr(filled.engines["hot"], "read", broken)
    report = filled.open().verify("hot")[0]
    assert "can't be read back" in report.difference.what
    assert report.differing == 3


def test_a_tier_that_is_down_is_not_called_equal(filled):
    filled.engines["hot"].is_down = True
    report = filled.open().verify("hot")[0]
    assert (report.is_equal, report.error) == (False, "Nobody answers.")


def test_what_was_erased_and_is_still_there_is_a_difference_once_the_tier_says_it_followed(filled):
    session = filled.store.session("session 0").id
    filled.store.erase(session, positions=[2])
    opened = filled.open()
    assert opened.verify("hot")[0].is_equal
    engine = filled.engines["hot"]
    mark = dataclasses.replace(engine.state().watermark, erasures=1)
    engine.apply(tiers.Batch(items=(), erased=(), watermark=mark))
    difference = opened.verify("hot")[0].difference
    assert (difference.session_id, difference.position) == (session, 2)
    assert opened.rebuild("hot")
    assert opened.verify("hot")[0].is_equal


def test_a_session_erased_whole_leaves_nothing_that_verify_would_pass(filled):
    session = filled.store.session("session 1").id
    filled.store.erase(session)
    opened = filled.open()
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert all(report.is_equal for report in opened.verify())
    _, key, item = _some_item(filled, random.Random(1))
    _put(filled, session, dataclasses.replace(item, session_id=session))
    assert opened.verify("hot")[0].difference.session_id == session
    assert key


def test_verify_is_right_while_appends_erasures_and_projectors_go_on(filled):
    runner = filled.open().runner()
    runner.start()
    end = threading.Event()

    def write() -> None:
        number = 0
        while not end.is_set():
            filled.say(f"more {number}", session=f"session {number % 3}")
            number += 1
            if number % 20 == 0:
                session = filled.store.session("session 0")
                filled.store.erase(session.id, positions=[session.info.entries - 1])
            end.wait(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        opened = filled.open()
        for _ in range(10):
            runner.watch(0.05)
            for report in opened.verify():
                assert report.is_equal, report
    finally:
        end.set()
        writer.join()
        runner.stop()
    assert opened.catch_up(timeout_ms=PATIENCE_MS)
    assert all(report.is_equal for report in opened.verify())


def test_an_entry_that_can_not_be_projected_and_is_not_set_aside_is_a_difference(filled):
    filled.projections["hot"].poison.add("text 6")
    report = filled.open().verify("hot")[0]
    assert "can't be told" in report.difference.what
    assert report.difference.position == 3


def test_a_list_of_sessions_that_can_not_be_read_is_a_difference(filled, monkeypatch):
    def broken() -> Iterator[str]:
        raise KeyError("half a row")

    monkeypatch.setattr(filled.engines["hot"], "sessions", broken)
    assert "can't be read" in filled.open().verify("hot")[0].difference.what
