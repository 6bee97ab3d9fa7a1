"""How the server stands, and how it finds out."""

import asyncio
import types

import pytest

from novacore import kit
from novacore.gateway import components
from novacore.gateway import probes as probes_of_parts
from novacore.gateway.components import Look, Watch, overall


class Broken(kit.NovaError):
    """The disk is gone, says sk-canary-0123456789."""

    kind = kit.ErrorKind.UNAVAILABLE


class Probes:
    """Parts that stand as a test says."""

    def __init__(self) -> None:
        self.looks = 0
        self.fails = False
        self.hangs = False

    async def part(self) -> Look:
        self.looks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise Broken
        return Look(state="operational")

    async def other(self) -> Look:
        return Look(state="no data")


@pytest.fixture
def clock() -> kit.FixedClock:
    return kit.FixedClock()


@pytest.fixture
def probes() -> Probes:
    return Probes()


@pytest.fixture
def watch(probes, clock) -> Watch:
    parts = {"part": probes.part, "other": probes.other}
    return Watch(parts, vital=frozenset({"part"}), clock=clock)


async def test_many_who_ask_share_one_look_for_a_moment(watch, probes, clock):
    await asyncio.gather(*(watch.components() for _ in range(20)))
    assert probes.looks == 1
    clock.advance_ms(6_000)
    await watch.components()
    assert probes.looks == 2


async def test_a_part_that_fails_is_down_and_its_secret_is_not_told(watch, probes):
    probes.fails = True
    part, other = await watch.components()
    assert part.state == "down"
    assert "canary" not in part.text
    assert other.state == "no data"
    assert await watch.failing() == ["part"]
    assert overall([part, other]) == "down"


async def test_a_part_that_does_not_answer_in_time_is_down(watch, probes, monkeypatch):
    monkeypatch.setattr(components, "_LOOK_S", 0.01)
    probes.hangs = True
    part, _ = await watch.components()
    assert part.state == "down"


async def test_a_part_that_comes_back_is_seen(watch, probes, clock):
    probes.fails = True
    assert await watch.failing() == ["part"]
    probes.fails = False
    clock.advance_ms(6_000)
    assert await watch.failing() == []


async def test_who_asks_and_goes_away_takes_nobody_elses_look_along(watch, probes):
    first = asyncio.create_task(watch.components())
    await asyncio.sleep(0)
    first.cancel()
    assert (await watch.components())[0].state == "operational"
    assert probes.looks == 1


async def test_nothing_known_is_no_failure(watch):
    assert overall(await watch.components()) == "operational"


@pytest.mark.parametrize(
    ("process", "state"),
    [
        (None, "operational"),
        (types.SimpleNamespace(is_running=True), "operational"),
        (types.SimpleNamespace(is_running=False), "degraded"),
    ],
)
async def test_memory_is_degraded_while_its_process_is_away(process, state):
    platform = types.SimpleNamespace(memory_process=process)
    services = types.SimpleNamespace(platform=platform)
    look = await probes_of_parts.Probes(services, limiter=None, standing=None).all()["memory"]()
    assert look.state == state
    assert look.text
