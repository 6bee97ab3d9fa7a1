"""Waiting for what must come to its end, even where the task that waits is cancelled."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def to_end(awaitable: Awaitable[_T]) -> _T:
    """The result, once it is there; a cancellation that came meanwhile is raised then, not before.

    However often the waiting task is cancelled, what it waits for is not. For steps that take
    milliseconds and must not be left half known, as an append.
    """
    task = asyncio.ensure_future(awaitable)
    cancelled = await _ended(task)
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        # What went wrong meanwhile is not worth more than that the waiter is to end.
        task.exception()
    raise cancelled


async def result_of(awaitable: Awaitable[_T]) -> _T:
    """The result, also where the waiting task is cancelled; the cancellation is spent on it."""
    task = asyncio.ensure_future(awaitable)
    await _ended(task)
    return task.result()


async def _ended(task: "asyncio.Future[_T]") -> asyncio.CancelledError | None:
    """Wait for its end; the last cancellation of the waiting task, where there was one."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
