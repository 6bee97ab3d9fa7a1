"""`python -m benchmarks.gateway.upstream PORT`: a provider that answers after 20 ms at little cost.

It speaks OpenAI's chat completions, whole and streamed, and reads no more of a request than
whether a stream is wanted.
"""

import asyncio
import json
import sys
from typing import Any

import httptools
import uvloop

LATENCY_S = 0.020
PIECES = 40
PIECE_S = 0.001
_TEXT = "The quick brown fox jumps over the lazy dog. "
_ENVELOPE = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "gpt-4o-mini"}
_USAGE = {"prompt_tokens": 120, "completion_tokens": PIECES, "total_tokens": 120 + PIECES}


def _whole() -> bytes:
    message = {"role": "assistant", "content": _TEXT * 5}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    body = {**_ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    data = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(data) + data


def _frame(chunk: dict[str, Any]) -> bytes:
    data = (
        b"data: " + json.dumps({**_ENVELOPE, "object": "chat.completion.chunk", **chunk}).encode()
    )
    data += b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _frames() -> list[bytes]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"word{number} "} for number in range(PIECES)]
    frames = [
        _frame({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        for delta in deltas
    ]
    frames.append(_frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    frames.append(_frame({"choices": [], "usage": _USAGE}))
    done = b"data: [DONE]\n\n"
    frames.append(b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
    return frames


_WHOLE = _whole()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_FRAMES = _frames()


class Upstream(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        wants_stream = b'"stream":true' in self.body or b'"stream": true' in self.body
        self.body = b""
        loop = asyncio.get_running_loop()
        if wants_stream:
            loop.call_later(LATENCY_S, self._begin)
        else:
            loop.call_later(LATENCY_S, self._write, _WHOLE)

    def _begin(self) -> None:
        self._write(_HEAD)
        self._piece(0)

    def _piece(self, index: int) -> None:
        self._write(_FRAMES[index])
        if index + 1 < len(_FRAMES):
            asyncio.get_running_loop().call_later(PIECE_S, self._piece, index + 1)

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
