"""What merely follows an answer gives way to turns that wait for their words, for a moment."""

import asyncio

import pytest

from novacore.chat import entrance
from novacore.chat.entrance import Entrance


@pytest.fixture
def done() -> list[str]:
    return []


def noting(done: list[str], name: str, *, takes: asyncio.Event | None = None):
    async def work() -> None:
        if takes is not None:
            await takes.wait()
        done.append(name)

    return work


async def test_where_nobody_waits_it_is_done_at_once(done):
    await Entrance().run_after(noting(done, "title"))
    assert done == ["title"]


async def test_it_waits_until_the_last_turn_has_its_first_words(done):
    way = Entrance()
    first, second = way.enter(), way.enter()
    running = asyncio.create_task(way.run_after(noting(done, "title")))
    await asyncio.sleep(0.02)
    first.over()
    first.over()  # told twice, it counts once
    await asyncio.sleep(0.02)
    assert not done
    second.over()
    await running
    assert done == ["title"]


async def test_it_does_not_wait_for_ever(done, monkeypatch):
    monkeypatch.setattr(entrance, "_PATIENCE_S", 0.02)
    way = Entrance()
    way.enter()
    await way.run_after(noting(done, "title"))
    assert done == ["title"]


async def test_one_begins_after_another_but_none_waits_for_a_slow_one(done, monkeypatch):
    monkeypatch.setattr(entrance, "_APART_S", 0.02)
    way, answer = Entrance(), asyncio.Event()
    slow = asyncio.create_task(way.run_after(noting(done, "slow", takes=answer)))
    await asyncio.sleep(0)
    await way.run_after(noting(done, "quick"))
    assert done == ["quick"]
    answer.set()
    await slow
    assert done == ["quick", "slow"]


async def test_cancelled_it_leaves_nothing_running(done):
    way, never = Entrance(), asyncio.Event()
    running = asyncio.create_task(way.run_after(noting(done, "title", takes=never)))
    await asyncio.sleep(0.02)
    before = asyncio.all_tasks()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == len(before) - 2
    await way.run_after(noting(done, "next"))
    assert done == ["next"]


async def test_what_goes_wrong_in_it_is_raised(done):
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Entrance().run_after(fails)
