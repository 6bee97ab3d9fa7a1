"""The transport over aiohttp: a connection pool with three timeouts.

Source: docs/decisions/own-wire-layer.md, which gives the figures.
"""

import asyncio
import contextlib
import io
import types
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import aiohttp

from novacore.llm.errors import ConnectFailed, TimedOut
from novacore.llm.transport import Response

_READ_BYTES = 65_536


class _AiohttpResponse:
    def __init__(
        self,
        response: aiohttp.ClientResponse,
        *,
        first_byte_timeout_s: float,
        idle_timeout_s: float,
    ) -> None:
        self._response = response
        self._wait_s = first_byte_timeout_s
        self._idle_timeout_s = idle_timeout_s

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self, *, bytes_max: int) -> bytes:
        data = b""
        async for chunk in self.chunks():
            data += chunk
            if len(data) >= bytes_max:
                break
        return data[:bytes_max]

    async def chunks(self) -> AsyncIterator[bytes]:
        content = self._response.content
        while True:
            try:
                async with asyncio.timeout(self._wait_s):
                    chunk = await content.readany()
            except TimeoutError as error:
                raise _silent(self._wait_s) from error
            except (aiohttp.ClientError, OSError) as error:
                raise ConnectFailed(f"The connection broke: {_words(error)}.") from error
            if not chunk:
                return
            self._wait_s = self._idle_timeout_s
            yield chunk


class AiohttpTransport:
    """A connection pool, opened when first used and bound to the event loop that used it first.

    Args:
        connect_timeout_ms: for a connection, TLS included.
        first_byte_timeout_ms: from the sent request to the first piece of the body.
        idle_timeout_ms: between two pieces of the body.
        proxy_url: an HTTP proxy to go through; empty: none.
    """

    def __init__(
        self,
        *,
        connect_timeout_ms: int,
        first_byte_timeout_ms: int,
        idle_timeout_ms: int,
        proxy_url: str = "",
    ) -> None:
        self._proxy_url = proxy_url or None
        self._connect_timeout_s = connect_timeout_ms / 1_000
        self._first_byte_timeout_s = first_byte_timeout_ms / 1_000
        self._idle_timeout_s = idle_timeout_ms / 1_000
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[Response]:
        """Send a request; see `Transport.post`."""
        response = await self._open(url, headers=headers, body=body)
        try:
            yield _AiohttpResponse(
                response,
                first_byte_timeout_s=self._first_byte_timeout_s,
                idle_timeout_s=self._idle_timeout_s,
            )
        finally:
            # An answer read to its end has given its connection back by now; any other one must
            # not be read on unseen.
            response.close()

    async def get(self, url: str, *, timeout_ms: int) -> bytes:
        """A small answer; see `Transport.get`."""
        try:
            async with (
                asyncio.timeout(timeout_ms / 1_000),
                self._pool().get(url) as response,
            ):
                if response.status == 200:
                    return await response.read()
                raise ConnectFailed(f"The server answered {response.status}.")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectFailed(f"No answer: {_words(error)}.") from error

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(
                total=None, connect=self._connect_timeout_s, sock_connect=self._connect_timeout_s
            )
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                connector=aiohttp.TCPConnector(limit=0),
                trace_configs=[trace],
                read_bufsize=_READ_BYTES,
                max_line_size=_READ_BYTES,
                max_field_size=_READ_BYTES,
            )
        return self._session

    async def _open(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._first_byte_timeout_s):
                return await self._send(url, headers=headers, body=body)
        except aiohttp.ServerTimeoutError as error:
            words = f"No connection within {self._connect_timeout_s:g} s."
            raise TimedOut(words, hint="The setting is llm.connect_timeout_ms.") from error
        except TimeoutError as error:
            raise _silent(self._first_byte_timeout_s) from error
        except (aiohttp.ClientError, OSError) as error:
            hint = "Check the network and the setting llm.base_url."
            raise ConnectFailed(f"No connection: {_words(error)}.", hint=hint) from error

    async def _send(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> aiohttp.ClientResponse:
        """Post, and post again where a kept connection turns out to have been closed meanwhile.

        Each such failure takes one kept connection out of the pool, so this ends.
        """
        while True:
            connection: dict[str, bool] = {}
            try:
                # No redirects: they would carry the key to another host.
                return await self._pool().post(
                    url,
                    headers=headers,
                    # A file is sent in pieces, so that a large body does not hold up the loop.
                    data=io.BytesIO(body),
                    allow_redirects=False,
                    proxy=self._proxy_url,
                    trace_request_ctx=connection,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError) or not connection:
                    raise


async def _note_reuse(
    _session: aiohttp.ClientSession,
    context: types.SimpleNamespace,
    _params: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx["is_reused"] = True


def _silent(waited_s: float) -> TimedOut:
    hint = "The settings are llm.first_byte_timeout_ms and llm.idle_timeout_ms."
    return TimedOut(f"The provider was silent for {waited_s:g} s.", hint=hint)


def _words(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__
