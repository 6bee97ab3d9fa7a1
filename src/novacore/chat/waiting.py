"""Waiting for what another thread does."""

import asyncio
import contextlib
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


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
