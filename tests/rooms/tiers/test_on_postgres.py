"""Tiers over a journal on PostgreSQL: several machines, and one projector for each tier."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.rooms.tiers.conftest import Bench, Failing, Plain

from novacore import journal, tiers

PATIENCE_S = 60.0
NAMES = ("hot", "graph")


@pytest.fixture
def benches(postgres_server, tmp_path: Path) -> Iterator[tuple[Bench, Bench]]:
    """Two machines: each has a store of its own on one database, and both reach the engines."""
    url = postgres_server.new_database()
    engines = {name: Failing(name) for name in NAMES}
    opened = [journal.open_postgres(url, folder=tmp_path / str(at)) for at in range(2)]
    yield tuple(
        Bench(
            store,
            tmp_path / "tiers" / str(at),
            tiers.Config(),
            engines,
            {name: Plain(name) for name in NAMES},
        )
        for at, store in enumerate(opened)
    )
    for store in opened:
        store.close()


def _until(wanted: Callable[[], bool], *runners: tiers.Runner) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not wanted():
        assert time.monotonic() < end_s
        for runner in runners:
            runner.watch(0.05)


@pytest.mark.heavy
def test_one_machine_projects_the_other_stands_by_and_takes_over(benches):
    one, two = benches
    first, second = one.open().runner(), two.open().runner()
    first.start()
    try:
        one.say("a")
        _until(lambda: one.texts("hot") == ["a"] == one.texts("graph"), first)
        second.start()
        two.say("b")
        _until(lambda: one.texts("hot") == ["a", "b"], first, second)
        assert two.open().status()[0].is_held
        first.stop()
        one.say("c")
        _until(lambda: one.texts("hot") == one.texts("graph") == list("abc"), second)
        assert all(report.is_equal for report in two.open().verify())
    finally:
        first.stop()
        second.stop()


@pytest.mark.heavy
def test_a_rebuild_gets_the_tier_from_the_other_machine_and_gives_it_back(benches):
    one, two = benches
    runner = one.open().runner()
    runner.start()
    try:
        one.say("a")
        _until(lambda: one.texts("hot") == ["a"], runner)
        assert two.open().rebuild("hot")
        one.say("b")
        _until(lambda: one.texts("hot") == ["a", "b"], runner)
    finally:
        runner.stop()
