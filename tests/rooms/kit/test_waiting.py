"""Some things come to their end whoever is cancelled meanwhile."""

import asyncio

import pytest

from novacore.kit import result_of, to_end


async def slow(log, release):
    await release.wait()
    log.append("done")
    return 7


async def cancelled_while(wait, *, times=1):
    """Cancels a task that waits for something slow; gives the task and what happened by then."""
    log, release = [], asyncio.Event()
    task = asyncio.create_task(wait(slow(log, release)))
    for _turn in range(3):
        await asyncio.sleep(0)
    for _time in range(times):
        task.cancel()
        for _turn in range(3):
            await asyncio.sleep(0)
    assert log == []
    assert not task.done()
    release.set()
    await asyncio.wait({task})
    return task, log


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_is_raised_when_the_work_is_done_and_not_before(times):
    task, log = await cancelled_while(to_end, times=times)
    assert task.cancelled()
    assert log == ["done"]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_result_is_given_in_spite_of_a_cancellation(times):
    task, log = await cancelled_while(result_of, times=times)
    assert task.result() == 7
    assert log == ["done"]


@pytest.mark.parametrize("wait", [to_end, result_of])
async def test_without_a_cancellation_there_is_just_the_result(wait):
    release = asyncio.Event()
    release.set()
    assert await wait(slow([], release)) == 7
