"""The whole way on every engine: from the journal into the tier, compared, cut and mended."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.tier_engines import ENGINES, Stage, stage_of
from tests.contracts.tier_records import ODD_BODIES

from novacore import journal, tiers
from novacore.kit import SystemClock
from novacore.tiers.slot import Slot

PATIENCE_MS = 60_000


@dataclasses.dataclass
class Bench:
    """A journal, and one engine that follows it."""

    store: journal.JournalStore
    stage: Stage
    engine: Any
    opened: tiers.TierSet

    def fill(self, session: str = "talk") -> str:
        """A session that holds everything a journal may; its id."""
        made = self.store.session(session)
        made.append(*[journal.NewEntry(kind=kind, body=body) for kind, body in ODD_BODIES])
        return made.id

    def catch_up(self) -> None:
        assert self.opened.catch_up(timeout_ms=PATIENCE_MS)

    def report(self) -> tiers.TierReport:
        (report,) = self.opened.verify()
        return report

    def assert_equal(self) -> None:
        report = self.report()
        assert report.is_equal, report

    def held(self, session: str) -> list[tiers.Item]:
        return sorted(self.engine.read(session), key=lambda item: item.key)

    def apply(self, items: Any = (), erased: Any = (), **changes: Any) -> None:
        """Change what the tier holds behind the projector's back."""
        mark = dataclasses.replace(self.engine.state().watermark, **changes)
        self.engine.apply(tiers.Batch(items=items, erased=erased, watermark=mark))


@pytest.fixture(params=ENGINES, ids=str)
def bench(request, quick_path: Path, tmp_path: Path) -> Iterator[Bench]:
    """Each engine of each tier in turn, behind a journal in memory."""
    with stage_of(request.param, request, quick_path) as stage, journal.open_memory() as store:
        engine = stage.open()
        slot = Slot(
            stage.tier,
            engine_name=engine.name,
            make_projection=lambda: stage.projection,
            make_engine=lambda: engine,
        )
        opened = tiers.TierSet(
            [slot],
            feed=store.feed(),
            config=stage.place.config,
            folder=tmp_path,
            clock=SystemClock(),
        )
        yield Bench(store, stage, engine, opened)


def test_a_tier_follows_the_journal_and_equals_it(bench):
    talk = bench.fill()
    bench.catch_up()
    bench.assert_equal()
    assert bench.held(talk)
    bench.fill("other")
    fork = bench.store.session("talk").fork(at=4, name="branch")
    fork.append({"role": "user", "content": "Look at branch.py once more"})
    bench.catch_up()
    bench.assert_equal()
    assert bench.report().sessions == 3


def test_what_is_erased_leaves_the_tier_and_the_rest_stays_equal(bench):
    talk, other = bench.fill(), bench.fill("other")
    bench.catch_up()
    places = {item.position for item in bench.held(talk)}
    gone = sorted(places)[:2]
    bench.store.erase(talk, positions=gone)
    bench.catch_up()
    bench.assert_equal()
    assert not {item.position for item in bench.held(talk)} & set(gone)
    bench.store.erase(other)
    bench.catch_up()
    bench.assert_equal()
    assert bench.held(other) == []
    assert other not in list(bench.engine.sessions())


@pytest.mark.parametrize("seed", range(2))
def test_a_cut_or_an_edit_is_found_and_a_rebuild_heals_it(bench, seed):
    draw = random.Random(seed)
    sessions = [bench.fill(), bench.fill("other")]
    bench.catch_up()
    session = draw.choice(sessions)
    item = draw.choice(bench.held(session))
    if seed % 2:
        bench.apply([_edited(item, draw)])
        # Where an event can't be changed once it is there, an edit is refused by nature.
        if item in bench.held(session):
            bench.apply([dataclasses.replace(item, position=item.position + 1_000)])
    else:
        cut = journal.Erased(
            number=1, session_id=session, positions=(item.position,), at_us=item.recorded_at_us
        )
        bench.apply(erased=[cut])
    report = bench.report()
    assert not report.is_equal
    assert report.difference.session_id == session
    assert report.difference.position % 1_000 == item.position
    assert bench.opened.rebuild(bench.stage.tier)
    bench.assert_equal()


def _edited(item: tiers.Item, draw: random.Random) -> tiers.Item:
    """The same item with one text, number or vector changed."""
    names = [name for name, value in item.value.items() if isinstance(value, str | bytes)]
    if not names:
        return dataclasses.replace(item, recorded_at_us=item.recorded_at_us + 1)
    name = draw.choice(sorted(names))
    value = item.value[name]
    changed = value + "x" if isinstance(value, str) else value[:-4] + b"\x00\x00\x80\x3f"
    if changed == value:
        changed = value[:-4] + b"\x00\x00\x00\x00"
    return dataclasses.replace(item, value={**item.value, name: changed})


def test_a_tier_restored_from_an_old_copy_catches_up_by_itself(bench):
    talk = bench.fill()
    bench.catch_up()
    old, mark = bench.held(talk), bench.engine.state().watermark
    bench.fill("other")
    bench.store.erase(talk, positions=[0])
    bench.catch_up()
    bench.engine.wipe()
    bench.engine.apply(tiers.Batch(items=old, erased=(), watermark=mark))
    bench.catch_up()
    bench.assert_equal()


def test_a_tier_ahead_of_the_journal_or_of_another_epoch_is_made_anew(bench):
    bench.fill()
    bench.catch_up()
    for change in ({"sequence": 10_000}, {"epoch": "another"}):
        bench.apply(**change)
        assert not bench.report().is_equal
        bench.catch_up()
        bench.assert_equal()
