"""Waiting for what must come to its end, even where the task that waits is cancelled."""

import asyncio
import contextlib
from collections.abc import Awaitable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


async def to_end(awaitable: Awaitable[_T]) -> _T:
    """The result, once it is there; a cancellation that came meanwhile is raised then, not before.

    However often the waiting task is cancelled, what it waits for is not.
    """
    task = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        # What went wrong meanwhile is not worth more than that the waiter is to end.
        task.exception()
    raise cancelled


async def outcome_of(future: Future[_T]) -> _T:
    """What a thread's future came to. Whoever stops waiting for it does not cancel it.

    The hot path's way: `asyncio.wrap_future` behind a shield costs three times as much.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def ended(_future: Future[_T]) -> None:
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(ended)
    await waiter
    return future.result()
