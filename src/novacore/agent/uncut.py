"""Waiting for what must come to its end, even where the task that waits is cancelled."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def to_end(awaitable: Awaitable[_T]) -> _T:
    """The result, once it is there; a cancellation that came meanwhile is raised then, not before.

    For steps that take milliseconds and must not be left half known, as an append.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def result_of(awaitable: Awaitable[_T]) -> _T:
    """The result, also where the waiting task is cancelled; the cancellation is spent on it."""
    task = asyncio.ensure_future(awaitable)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task
