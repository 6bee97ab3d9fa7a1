"""A scripted model for load: OpenAI's wire, a fixed wait, a fixed answer; each call is noted.

`python -m benchmarks.load.upstream --port 0` prints its port and serves until it is ended.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path

from aiohttp import web

_NONCE = re.compile(rb"nonce-[0-9a-z-]+")
_WORDS = ("The answer to that is short and plain, and it comes in many pieces. " * 4).split(" ")


class Upstream:
    """Answers chat completions, whole or streamed."""

    def __init__(self, *, wait_ms: int, piece_ms: int, pieces: int, log: Path | None) -> None:
        self._wait_s = wait_ms / 1_000
        self._piece_s = piece_ms / 1_000
        self._pieces = [f"{_WORDS[index % len(_WORDS)]} " for index in range(pieces)]
        self._log = None if log is None else log.open("ab", buffering=0)
        self.calls = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """One call; what is noted of it is its nonce, before anything is answered."""
        raw = await request.read()
        self.calls += 1
        if self._log is not None:
            found = _NONCE.findall(raw)
            self._log.write((found[-1] if found else b"-") + b"\n")
        body = json.loads(raw)
        await asyncio.sleep(self._wait_s)
        usage = {
            "prompt_tokens": max(1, len(raw) // 4),
            "completion_tokens": len(self._pieces),
            "total_tokens": max(1, len(raw) // 4) + len(self._pieces),
        }
        if not body.get("stream"):
            message = {"role": "assistant", "content": "".join(self._pieces)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response({**_head(body), "choices": [choice], "usage": usage})
        return await self._stream(request, body, usage)

    async def _stream(self, request: web.Request, body: dict, usage: dict) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        with contextlib.suppress(ConnectionResetError):  # the caller was killed, or has gone
            await self._write(reply, request, body, usage)
        return reply

    async def _write(
        self, reply: web.StreamResponse, request: web.Request, body: dict, usage: dict
    ) -> None:
        await reply.prepare(request)
        head = _head(body) | {"object": "chat.completion.chunk"}
        for piece in self._pieces:
            delta = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            await reply.write(_event({**head, "choices": [delta]}))
            if self._piece_s:
                await asyncio.sleep(self._piece_s)
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        await reply.write(_event({**head, "choices": [end]}))
        if (body.get("stream_options") or {}).get("include_usage"):
            await reply.write(_event({**head, "choices": [], "usage": usage}))
        await reply.write(b"data: [DONE]\n\n")


def _head(body: dict) -> dict:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", "scripted"),
    }


def _event(value: dict) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


async def _serve(options: argparse.Namespace) -> None:
    upstream = Upstream(
        wait_ms=options.wait_ms,
        piece_ms=options.piece_ms,
        pieces=options.pieces,
        log=options.log,
    )
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", upstream.chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1_024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A scripted model for load.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--wait-ms", type=int, default=20, help="before the first byte")
    parser.add_argument("--piece-ms", type=int, default=10, help="between two pieces")
    parser.add_argument("--pieces", type=int, default=40, help="pieces of a streamed answer")
    parser.add_argument("--log", type=Path, default=None, help="each call's nonce, a line each")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
