"""What routes work with: the platform, and threads for what waits."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from concurrent import futures
from typing import Any, ParamSpec, TypeVar

from novacore.gateway import errors

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Services:
    """The platform behind the routes, and a bounded pool of threads for its plain functions.

    Args:
        platform: what bootstrap opened.
        threads_max: so many calls run at once.
        waiting_max: so many more may wait; then `ServerBusy`.
    """

    def __init__(self, platform: Any, *, threads_max: int, waiting_max: int) -> None:
        self.platform = platform
        self._pool = futures.ThreadPoolExecutor(threads_max, thread_name_prefix="gateway")
        self._room = threads_max + waiting_max
        self._running = 0

    @property
    def waiting(self) -> int:
        """Calls that run or wait now."""
        return self._running

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that may wait for a disk or a database, in a thread.

        The caller's context goes along (the trace, for one). Where the caller is cancelled the
        function runs to its end: what it began in the database is whole.

        Raises:
            ServerBusy: too many calls wait already.
        """
        if self._running >= self._room:
            raise errors.ServerBusy
        context = contextvars.copy_context()
        self._running += 1
        try:
            future = self._pool.submit(context.run, function, *args, **kwargs)
        except BaseException:
            self._running -= 1
            raise
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: self._ended(loop))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let running calls end, and start none that wait."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ended(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # The loop was closed meanwhile.
            loop.call_soon_threadsafe(self._free)

    def _free(self) -> None:
        self._running -= 1
