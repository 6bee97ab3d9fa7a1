"""The transport of the hot path: HTTP/1.1 over kept connections, with a parser in C.

It does what the relay needs and nothing else: POST with a body, one answer, no redirects, no
compression, no cookies. On this path it costs a third of what a general client does; see
docs/decisions/own-http-client-on-the-hot-path.md. A proxy needs the general one.
"""

import asyncio
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, cast

import httptools

from novacore.llm.errors import ConnectFailed, ReplyInvalid, TimedOut
from novacore.llm.transport import Response

_HEAD_BYTES_MAX = 65_536
_QUEUE_BYTES_HIGH = 262_144
_CONTINUES_UNTIL = 200


class _Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_closed = False
        self.idle_since_s = 0.0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_whole = False
        """The answer has come to its end."""
        self.is_dirty = False
        """Something of an answer has come since the request went out."""
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._queued_bytes = 0
        self._is_paused = False
        self._has_head = False
        self._keeps_alive = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._parser: Any = None

    def begin(self) -> None:
        """Make ready for the next answer."""
        self.status, self.headers = 0, {}
        self.is_whole = self.is_dirty = self._has_head = self._keeps_alive = False
        self._head_bytes = self._queued_bytes = 0
        self._pieces.clear()
        self._error = None
        self._parser = cast(Any, httptools).HttpResponseParser(self)

    def can_stay(self) -> bool:
        """Whether the next request may use it."""
        return self.is_whole and self._keeps_alive and not self.is_closed

    def abort(self) -> None:
        """Close it at once."""
        self.is_closed = True
        if self.transport is not None:
            self.transport.abort()

    async def head(self, *, wait_s: float) -> None:
        """Wait for the head of the answer."""
        while not self._has_head:
            await self._more(wait_s)

    async def piece(self, *, wait_s: float) -> bytes:
        """The next piece of the body; empty at its end."""
        while not self._pieces:
            if self.is_whole:
                return b""
            await self._more(wait_s)
        # Whoever is late gets all that waits at once.
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._queued_bytes = 0
        if self._is_paused and self.transport:
            self._is_paused = False
            self.transport.resume_reading()
        return piece

    async def _more(self, wait_s: float) -> None:
        """Wait until something comes. A bare timer costs a fifth of `asyncio.timeout` here."""
        if self._error is not None:
            raise self._error
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(wait_s, self._was_silent, wait_s)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if self._error is not None and not self._pieces:
            raise self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, error: Exception) -> None:
        self._error = self._error or error
        self.abort()
        self._wake()

    def _was_silent(self, waited_s: float) -> None:
        hint = "The settings are llm.first_byte_timeout_ms and llm.idle_timeout_ms."
        self._break(TimedOut(f"The provider was silent for {waited_s:g} s.", hint=hint))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self.is_whole:
            # Nobody asked for anything: not a connection to go on with.
            self.abort()
            return
        self.is_dirty = True
        if not self._has_head:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES_MAX + len(data):
                self._break(ReplyInvalid("The head of the provider's answer is too long."))
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            words = "The server does not answer in HTTP."
            self._break(ReplyInvalid(f"{words} {error}".strip()))
            return
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._parser is not None and not self.is_whole:
            if self._has_head and not self._is_framed():
                self.is_whole = True
            elif self._error is None:
                words = str(exc) if exc else "the server closed it"
                self._error = ConnectFailed(f"The connection broke: {words.rstrip('.')}.")
        self._wake()

    def _is_framed(self) -> bool:
        """Whether the answer says where it ends, by other means than closing."""
        return "content-length" in self.headers or "chunked" in self.headers.get(
            "transfer-encoding", ""
        )

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _CONTINUES_UNTIL:
            self.headers = {}
            return
        self.status = status
        self._has_head = True
        self._keeps_alive = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._queued_bytes += len(body)
        if self._queued_bytes > _QUEUE_BYTES_HIGH and not self._is_paused and self.transport:
            self._is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._has_head:
            self.is_whole = True


class _Host:
    """The kept connections to one place."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.is_tls else 80)
        self.netloc = parts.netloc.rpartition("@")[2].encode("ascii")
        self.idle: list[_Connection] = []
        self.slots: asyncio.Semaphore | None = None


class PooledTransport:
    """A `transport.Transport` over kept connections, bound to the loop that used it first.

    Args:
        connect_timeout_ms: for a connection, TLS included.
        first_byte_timeout_ms: from the sent request to the first piece of the body.
        idle_timeout_ms: between two pieces of the body.
        connections_max: to one host at once; further requests wait for one.
        keep_ms: how long an unused connection is kept.
    """

    def __init__(
        self,
        *,
        connect_timeout_ms: int,
        first_byte_timeout_ms: int,
        idle_timeout_ms: int,
        connections_max: int,
        keep_ms: int,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self.connect_timeout_s = connect_timeout_ms / 1_000
        self.first_byte_timeout_s = first_byte_timeout_ms / 1_000
        self.idle_timeout_s = idle_timeout_ms / 1_000
        self._connections_max = connections_max
        self._keep_s = keep_ms / 1_000
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._hosts: dict[str, _Host] = {}
        self._open: set[_Connection] = set()

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> "_Request":
        """Send a request; see `Transport.post`."""
        scheme, _, rest = url.partition("://")
        netloc, _, path = rest.partition("/")
        root = f"{scheme}://{netloc}"
        host = self._hosts.get(root)
        if host is None:
            host = self._hosts[root] = _Host(root)
        head = _head(host, path=path, headers=headers, size=len(body))
        return _Request(self, host=host, data=head + body)

    async def get(self, url: str, *, timeout_ms: int) -> bytes:
        """A small answer; see `Transport.get`. The hot path never asks for one."""
        raise ConnectFailed(f"Nothing is fetched from {url} on this path.")

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self._open):
            connection.abort()
        self._open.clear()
        self._hosts.clear()

    async def take(self, host: _Host, *, is_fresh: bool) -> tuple[_Connection, bool]:
        """A connection, and whether it was used before. The caller holds a slot."""
        now_s = asyncio.get_running_loop().time()
        while host.idle and not is_fresh:
            connection = host.idle.pop()
            if not connection.is_closed and now_s - connection.idle_since_s < self._keep_s:
                return connection, True
            self.drop(connection)
        return await self._connect(host), False

    def give_back(self, host: _Host, connection: _Connection) -> None:
        """The answer is done with; the connection stays where it can."""
        if connection.can_stay() and self._keep_s > 0 and connection in self._open:
            connection.idle_since_s = asyncio.get_running_loop().time()
            host.idle.append(connection)
            if len(host.idle) > 1 and self._is_old(host.idle[0], connection.idle_since_s):
                self.drop(host.idle.pop(0))
        else:
            self.drop(connection)

    def drop(self, connection: _Connection) -> None:
        """Close a connection."""
        self._open.discard(connection)
        connection.abort()

    def slots(self, host: _Host) -> asyncio.Semaphore:
        """The places for connections to a host."""
        if host.slots is None:
            host.slots = asyncio.Semaphore(self._connections_max)
        return host.slots

    def _is_old(self, connection: _Connection, now_s: float) -> bool:
        return connection.is_closed or now_s - connection.idle_since_s > self._keep_s

    async def _connect(self, host: _Host) -> _Connection:
        if host.is_tls and self._tls is None:
            self._tls = self._make_tls()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                _, connection = await loop.create_connection(
                    _Connection,
                    host.host,
                    host.port,
                    ssl=self._tls if host.is_tls else None,
                    server_hostname=host.host if host.is_tls else None,
                )
        except TimeoutError as error:
            words = f"No connection within {self.connect_timeout_s:g} s."
            raise TimedOut(words, hint="The setting is llm.connect_timeout_ms.") from error
        except OSError as error:
            hint = "Check the network and the setting llm.base_url."
            raise ConnectFailed(f"No connection: {_words(error)}.", hint=hint) from error
        self._open.add(connection)
        return connection


class _Request:
    """One request and its answer: a context, and the `transport.Response` within it."""

    __slots__ = ("_connection", "_data", "_host", "_pool", "_slots", "_wait_s")

    def __init__(self, pool: PooledTransport, *, host: _Host, data: bytes) -> None:
        self._pool = pool
        self._host = host
        self._data = data
        self._connection: _Connection | None = None
        self._slots: asyncio.Semaphore | None = None
        self._wait_s = pool.first_byte_timeout_s

    async def __aenter__(self) -> Response:
        slots = self._pool.slots(self._host)
        await self._acquire(slots)
        self._slots = slots
        try:
            await self._send()
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    @property
    def status(self) -> int:
        return self._connected().status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._connected().headers

    async def read(self, *, bytes_max: int) -> bytes:
        connection = self._connected()
        pieces: list[bytes] = []
        size = 0
        while size < bytes_max:
            piece = await connection.piece(wait_s=self._wait_s)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)[:bytes_max]

    async def chunks(self) -> AsyncIterator[bytes]:
        connection = self._connected()
        while True:
            piece = await connection.piece(wait_s=self._wait_s)
            if not piece:
                return
            self._wait_s = self._pool.idle_timeout_s
            yield piece

    async def _acquire(self, slots: asyncio.Semaphore) -> None:
        if not slots.locked():
            await slots.acquire()
            return
        try:
            async with asyncio.timeout(self._pool.connect_timeout_s):
                await slots.acquire()
        except TimeoutError as error:
            words = "Every connection to the provider is in use."
            hint = "The setting relay.connections_max allows more."
            raise TimedOut(words, hint=hint) from error

    async def _send(self) -> None:
        """Send, and send once more where a kept connection was closed before it answered."""
        is_fresh = False
        while True:
            connection, was_kept = await self._pool.take(self._host, is_fresh=is_fresh)
            self._connection = connection
            connection.begin()
            assert connection.transport is not None
            connection.transport.write(self._data)
            try:
                await connection.head(wait_s=self._wait_s)
                return
            except ConnectFailed:
                if not was_kept or connection.is_dirty:
                    raise
                self._pool.drop(connection)
                is_fresh = True

    def _connected(self) -> _Connection:
        assert self._connection is not None
        return self._connection

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        slots, self._slots = self._slots, None
        if connection is not None:
            self._pool.give_back(self._host, connection)
        if slots is not None:
            slots.release()


def _head(host: _Host, *, path: str, headers: Mapping[str, str], size: int) -> bytes:
    lines = [f"POST /{path} HTTP/1.1".encode("ascii"), b"host: " + host.netloc]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in headers.items()]
    lines.append(b"content-length: %d" % size)
    for line in lines:
        if b"\r" in line or b"\n" in line:
            raise ConnectFailed("A header of the request holds a line break.")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _words(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__
