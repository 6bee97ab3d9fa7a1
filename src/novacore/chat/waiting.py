"""Waiting for what must come to its end, even where the task that waits is cancelled."""

import asyncio
from collections.abc import Awaitable
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
