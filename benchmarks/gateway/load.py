"""Callers that ask again as soon as they are answered, over kept connections, at little cost."""

import asyncio
import dataclasses
import json
import time
from typing import Any

import httptools

PROMPT = "Tell me something about the history of the printing press, and be brief. " * 8


@dataclasses.dataclass(kw_only=True)
class Heard:
    """What a window of load gave."""

    seconds: float
    took_ms: list[float]
    failures: int
    first_failure: str

    @property
    def per_second(self) -> float:
        return len(self.took_ms) / self.seconds


class _Caller(asyncio.Protocol):
    def __init__(self) -> None:
        self.done: asyncio.Future[int] | None = None
        self.body = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def begin(self) -> "asyncio.Future[int]":
        self.parser = httptools.HttpResponseParser(self)
        self.body = b""
        self.done = asyncio.get_running_loop().create_future()
        return self.done

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body = body

    def on_message_complete(self) -> None:
        assert self.done is not None
        if not self.done.done():
            self.done.set_result(self.parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed"))


def request(port: int, *, key: str, model: str, is_stream: bool) -> bytes:
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": 200,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": PROMPT},
        ],
    }
    if is_stream:
        body["stream"] = True
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def run(data: bytes, *, port: int, callers: int, seconds: float) -> Heard:
    """Ask for so long; the answers that began within the window are counted."""
    took_ms: list[float] = []
    failures: list[str] = []
    loop = asyncio.get_running_loop()
    begun_s = time.perf_counter()
    until_s = begun_s + seconds

    async def call() -> None:
        _, caller = await loop.create_connection(_Caller, "127.0.0.1", port)
        try:
            while time.perf_counter() < until_s:
                start_ns = time.perf_counter_ns()
                done = caller.begin()
                caller.transport.write(data)
                status = await asyncio.wait_for(done, 60)
                if status != 200:
                    failures.append(f"{status} {caller.body[:200]!r}")
                    await asyncio.sleep(0.05)
                else:
                    took_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
        finally:
            caller.transport.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return Heard(
        seconds=time.perf_counter() - begun_s,
        took_ms=took_ms,
        failures=len(failures),
        first_failure=failures[0] if failures else "",
    )
