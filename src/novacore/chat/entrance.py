"""The way into an answer: what merely follows one gives way to turns that wait for their words.

Where many begin at once, each title that is made meanwhile is time that somebody waits.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

_PATIENCE_S: Final = 1.0
"""So long it gives way; then it is done although others wait."""
_APART_S: Final = 0.25
"""What is not done by then no longer keeps the next from beginning: it waits for somebody else."""


class Entrance:
    """Counts turns that wait for their first words. For one event loop."""

    def __init__(self) -> None:
        self._waiting = 0
        self._is_free = asyncio.Event()
        self._is_free.set()
        self._line = asyncio.Lock()

    def enter(self) -> "Entering":
        """A turn begins to wait; call `.over` on the way out, whatever the way."""
        self._waiting += 1
        self._is_free.clear()
        return Entering(self._left)

    def _left(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._is_free.set()

    async def run_after(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` when no turn waits, or after a while; one after another.

        A cancellation ends the work, too.
        """
        async with self._line:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._is_free.wait()
            task = asyncio.create_task(work())
            try:
                await asyncio.wait({task}, timeout=_APART_S)
            except asyncio.CancelledError:
                task.cancel()
                raise
        await task


class Entering:
    """A turn that waits for its first words."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left: Callable[[], None] | None = left

    def over(self) -> None:
        """They are there, or never will be. Idempotent."""
        left, self._left = self._left, None
        if left is not None:
            left()
