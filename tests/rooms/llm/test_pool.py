"""The relay's own HTTP client: answers in every framing, silence, floods, and what is no HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from novacore import llm
from novacore.llm.relay.pool import PooledTransport

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def _pool(**changes: int) -> PooledTransport:
    bounds = {
        "connect_timeout_ms": 2_000,
        "first_byte_timeout_ms": 2_000,
        "idle_timeout_ms": 2_000,
        "connections_max": 4,
        "keep_ms": 10_000,
    }
    return PooledTransport(**bounds | changes)


@contextlib.asynccontextmanager
async def served(handle: Handle) -> AsyncIterator[str]:
    ended: list[asyncio.Event] = []

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.Event()
        ended.append(end)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        end.set()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for each in ended:
        await each.wait()


def answering(*pieces: bytes) -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"body")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return handle


async def _post(pool: PooledTransport, url: str) -> bytes:
    async with pool.post(f"{url}/v1?x=1", headers={"a": "b"}, body=b"body") as response:
        return b"".join([piece async for piece in response.chunks()])


@pytest.mark.parametrize(
    "answer",
    [
        [OK],
        [OK[:9], OK[9:30], OK[30:]],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
        [
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n",
            b"1\r\nk\r\n0\r\n\r\n",
        ],
        [b"HTTP/1.0 200 OK\r\n\r\nok"],
    ],
)
async def test_an_answer_is_read_in_every_framing(answer):
    pool = _pool()
    async with served(answering(*answer)) as url:
        assert await _post(pool, url) == b"ok"
    await pool.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"SSH-2.0-OpenSSH\r\n", llm.ReplyInvalid),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, llm.ReplyInvalid),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", llm.ConnectFailed),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok", llm.ConnectFailed),
        (b"", llm.ConnectFailed),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(answer, error):
    pool = _pool()
    async with served(answering(answer)) as url:
        with pytest.raises(error):
            await _post(pool, url)
    await pool.close()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"body")
    await reader.read()


async def test_a_server_that_says_nothing_is_given_up():
    pool = _pool(first_byte_timeout_ms=50)
    async with served(_silent) as url:
        with pytest.raises(llm.TimedOut):
            await _post(pool, url)
    await pool.close()


async def test_a_server_that_falls_silent_within_its_answer_is_given_up():
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"body")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok")
        await reader.read()

    pool = _pool(idle_timeout_ms=50)
    async with served(handle) as url, pool.post(url, headers={}, body=b"body") as response:
        pieces = response.chunks()
        assert await anext(pieces) == b"ok"
        with pytest.raises(llm.TimedOut):
            await anext(pieces)
    await pool.close()


async def test_an_answer_that_is_left_closes_its_connection():
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"body")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        closed.set()

    pool = _pool()
    async with served(handle) as url:
        async with pool.post(url, headers={}, body=b"body") as response:
            assert response.status == 200
        await asyncio.wait_for(closed.wait(), 10)
    await pool.close()


async def test_a_reader_that_is_slow_holds_its_server_up():
    size = 40_000_000
    sent = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"body")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(bytes(100_000))
            sent += 100_000
            await writer.drain()

    pool = _pool()
    async with served(handle) as url:
        async with pool.post(url, headers={}, body=b"body") as response:
            pieces = response.chunks()
            got = len(await anext(pieces))
            for _ in range(200):
                await asyncio.sleep(0)
            assert sent < size
            async for piece in pieces:
                got += len(piece)
        assert got == size
        await pool.close()


async def test_more_requests_than_connections_wait_for_one():
    open_now = most = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        for _ in range(10):
            await reader.readuntil(b"body")
            await asyncio.sleep(0)
            writer.write(OK)
        open_now -= 1

    pool = _pool(connections_max=2)
    async with served(handle) as url:
        answers = await asyncio.gather(*(_post(pool, url) for _ in range(10)))
        await pool.close()
    assert answers == [b"ok"] * 10
    assert most <= 2


async def test_waiting_for_a_connection_is_bounded():
    pool = _pool(connections_max=1, connect_timeout_ms=50)
    async with served(_silent) as url:
        first = asyncio.create_task(_post(pool, url))
        await asyncio.sleep(0)
        with pytest.raises(llm.TimedOut, match=r"relay\.connections_max"):
            await _post(pool, url)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
    await pool.close()


def test_a_header_with_a_line_break_is_sent_nowhere():
    pool = _pool()
    with pytest.raises(llm.ConnectFailed):
        pool.post("http://127.0.0.1:9/", headers={"a": "b\r\nevil: 1"}, body=b"")


async def test_no_server_is_an_error_that_says_where_to_look():
    pool = _pool()
    with pytest.raises(llm.ConnectFailed, match=r"llm\.base_url"):
        await _post(pool, "http://127.0.0.1:9")
    await pool.close()
