"""The transport: connections that are kept, closed behind our back, or never made."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Self

import pytest

from novacore import llm
from novacore.llm.relay.pool import PooledTransport
from novacore.llm.transport import Transport
from novacore.llm.transport_aiohttp import AiohttpTransport

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


def _open(kind: str, **timeouts_ms: int) -> Transport:
    if kind == "aiohttp":
        return AiohttpTransport(**timeouts_ms)
    return PooledTransport(**timeouts_ms, connections_max=10, keep_ms=10_000)


KINDS = ("aiohttp", "pooled")


@pytest.fixture(params=KINDS)
async def transport(request) -> AsyncIterator[Transport]:
    made = _open(
        request.param,
        connect_timeout_ms=2_000,
        first_byte_timeout_ms=2_000,
        idle_timeout_ms=2_000,
    )
    yield made
    await made.close()


class Server:
    """Answers each connection's requests as its plan says; then hangs up without a word."""

    def __init__(self, *answers_per_connection: int) -> None:
        self._plan = list(answers_per_connection)
        self.requests = 0
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = self._plan.pop(0)
        with contextlib.suppress(asyncio.IncompleteReadError):
            for _ in range(answers):
                await reader.readuntil(b"\r\n\r\nbody")
                self.requests += 1
                writer.write(ANSWER)
                await writer.drain()
            if answers == 0:
                await reader.readuntil(b"\r\n\r\nbody")
        writer.close()
        await writer.wait_closed()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def _post(transport: Transport, url: str) -> bytes:
    async with transport.post(url, headers={}, body=b"body") as response:
        return await response.read(bytes_max=100)


async def test_a_connection_is_kept_for_the_next_request(transport):
    async with Server(2) as server:
        assert [await _post(transport, server.url) for _ in range(2)] == [b"ok", b"ok"]


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_in_silence(transport):
    async with Server(1, 1) as server:
        assert [await _post(transport, server.url) for _ in range(2)] == [b"ok", b"ok"]
        assert server.requests == 2


async def test_a_fresh_connection_that_is_closed_without_an_answer_is_a_failure(transport):
    async with Server(0) as server:
        with pytest.raises(llm.ConnectFailed):
            await _post(transport, server.url)


async def test_a_body_is_read_up_to_its_limit(transport):
    async with (
        Server(1) as server,
        transport.post(server.url, headers={}, body=b"body") as response,
    ):
        assert await response.read(bytes_max=1) == b"o"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_that_is_never_accepted_is_given_up(kind):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(address)
        transport = _open(
            kind, connect_timeout_ms=50, first_byte_timeout_ms=20_000, idle_timeout_ms=20_000
        )
        with pytest.raises(llm.TimedOut, match=r"llm\.connect_timeout_ms"):
            await _post(transport, f"http://127.0.0.1:{address[1]}")
        await transport.close()
        for one in waiting:
            one.close()


async def test_a_redirect_is_not_followed_and_takes_the_key_nowhere(transport):
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\nbody")
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\n")
        writer.write(b"content-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with transport.post(f"http://127.0.0.1:{port}", headers={}, body=b"body") as response:
        assert response.status == 302
    server.close()
    await server.wait_closed()
