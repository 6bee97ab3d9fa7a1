"""The way to NATS: its library is asynchronous, so one private thread runs its loop."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from novacore.tiers.errors import TierError, TierUnavailable
from novacore.tiers.model import Health
from novacore.tiers.servers.server_link import address, check_url, library, reason
from novacore.tiers.servers.server_loop import PrivateLoop

Given = TypeVar("Given")


class NatsLink:
    """A connection to one server. Nothing is connected before the first call.

    Args:
        url: nats://[user:password@]host:port, or tls://.
        timeout_ms: the longest wait for one answer.
        prepare: run on each new connection; creates what is missing.
    """

    def __init__(
        self, url: str, *, timeout_ms: int, prepare: Callable[[Any, Any], Awaitable[None]]
    ) -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1000
        self._prepare = prepare
        self._turn = threading.RLock()
        self._loop = PrivateLoop("nova-nats")
        self._connection: Any = None
        self._stream: Any = None

    def call(
        self,
        work: Callable[[Any, Any], Awaitable[Given]],
        *,
        steps: int = 1,
        wait_ms: int = 0,
    ) -> Given:
        """Run `work(connection, jetstream)` on the loop's thread and wait for what it gives.

        Args:
            work: what to do.
            steps: how many answers it waits for one after another, at most.
            wait_ms: how much longer it may wait on purpose.
        """
        nats = library("nats", extra="nats")
        limit_s = self._timeout_s * (steps + 2) + wait_ms / 1000
        with self._turn, self._told(nats):
            return self._loop.run(self._run(nats, work), limit_s=limit_s)

    async def _run(self, nats: Any, work: Callable[[Any, Any], Awaitable[Given]]) -> Given:
        if self._connection is None or not self._connection.is_connected:
            await self._disconnect()
            connection = await self._connect(nats)
            stream = connection.jetstream(timeout=self._timeout_s)
            try:
                await self._prepare(connection, stream)
            except BaseException:
                await connection.close()
                raise
            self._connection, self._stream = connection, stream
        return await work(self._connection, self._stream)

    async def _connect(self, nats: Any) -> Any:
        check_url(self._url, what="NATS")
        connection = nats.NATS()
        try:
            await asyncio.wait_for(
                connection.connect(
                    self._url,
                    connect_timeout=self._timeout_s,
                    # A call that fails says so; the next one connects again.
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0.05,
                    error_cb=_pass_over,
                ),
                self._timeout_s,
            )
        except BaseException:
            await connection.close()
            # The library leaves the socket open where the server refuses the password.
            transport = getattr(connection, "_transport", None)
            if transport is not None:
                transport.close()
            raise
        return connection

    @contextmanager
    def _told(self, nats: Any) -> Generator[None]:
        try:
            yield
        except (nats.errors.Error, OSError, TimeoutError, asyncio.CancelledError) as error:
            self._forget()
            raise TierUnavailable(
                f"NATS at {address(self._url)} does not serve us: {reason(error, url=self._url)}"
            ) from None

    async def _disconnect(self) -> None:
        connection, self._connection, self._stream = self._connection, None, None
        if connection is not None:
            await connection.close()

    def _forget(self) -> None:
        """Give up a connection on which something failed."""
        if self._connection is not None:
            with suppress(TimeoutError, OSError):
                self._loop.run(self._disconnect(), limit_s=self._timeout_s)

    def health(self) -> Health:
        """A round trip, timed, and the server's version."""

        async def ask(connection: Any, _: Any) -> tuple[float, str]:
            began = time.perf_counter()
            await connection.flush(timeout=max(1, round(self._timeout_s)))
            latency_ms = (time.perf_counter() - began) * 1000
            version = connection.connected_server_version
            return latency_ms, f"NATS {version.major}.{version.minor}.{version.patch}"

        try:
            latency_ms, version = self.call(ask)
        except TierError as error:
            return Health(is_up=False, what=str(error))
        return Health(is_up=True, what=version, latency_ms=latency_ms)

    def close(self) -> None:
        """Close the connection and end the thread; the next call begins anew."""
        with self._turn:
            self._forget()
            self._loop.close()


async def _pass_over(error: Exception) -> None:
    """What fails outside a call is met again by the next one."""
