"""The HTTP side: takes requests, checks them, plays the next reply."""

import asyncio
import dataclasses
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from tests.scripted_provider import anthropic_format, openai_format, rules

Reply = Mapping[str, Any]
START_TIMEOUT_S = 10.0


@dataclasses.dataclass(kw_only=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]
    problem: str = ""
    """Why it was refused; empty where it was fine."""
    was_dropped: threading.Event = dataclasses.field(default_factory=threading.Event)
    """Set when the client closed the connection before the reply's end."""


class ScriptedProvider:
    """Serves in a thread of its own on a free port of the loopback interface.

    Args:
        script: the replies, in order.
        port: 0: a free one.
        api_key: requests with another key are refused; None: any key, or none.
        models: names that exist; a request for another one is refused; None: all.
        ollama: names that the Ollama address lists; None: there is no such address.
        log: gets each request as a line of JSON.
    """

    def __init__(
        self,
        script: Sequence[Reply] = (),
        *,
        port: int = 0,
        api_key: str | None = None,
        models: Sequence[str] | None = None,
        ollama: Sequence[str] | None = None,
        log: Path | None = None,
    ) -> None:
        self._script = [dict(reply) for reply in script]
        self._port = port
        self._api_key = api_key
        self._models = models
        self._ollama = ollama
        self._log = log
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._may_go_on = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._signatures = rules.Signatures()
        self.requests: list[Received] = []
        """Every request, in the order in which they came."""
        self.has_request = threading.Event()
        """Set when the first request has come."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The decoded bodies of all requests."""
        return [request.body for request in self.requests]

    def play(self, *replies: Reply) -> None:
        """Add replies at the script's end."""
        self._script += [dict(reply) for reply in replies]

    def go_on(self) -> None:
        """Let every reply go on that waits because of its `hold_after`, and those to come."""
        self._loop.call_soon_threadsafe(self._may_go_on.set)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_S)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/{prefix:.*}", self._handle)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/v1/models", self._list_models)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _tags(self, _: web.Request) -> web.Response:
        if self._ollama is None:
            return web.Response(status=404)
        return web.json_response({"models": [{"name": name} for name in self._ollama]})

    async def _list_models(self, _: web.Request) -> web.Response:
        names = self._models or ["scripted"]
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in names]
        return web.json_response({"object": "list", "data": listed})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        received = Received(
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            raw=raw,
            body=body,
        )
        self.requests.append(received)
        self.has_request.set()
        if self._log:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"path": request.path, "body": body}) + "\n")
        try:
            return await self._answer(request, received)
        except (asyncio.CancelledError, ConnectionError):
            received.was_dropped.set()
            raise

    async def _answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        is_anthropic = request.path.endswith("/v1/messages")
        kind = anthropic_format if is_anthropic else openai_format
        if not is_anthropic and not request.path.endswith("/chat/completions"):
            return _refusal(kind, 404, "not_found_error", f"no such path: {request.path}")
        refused = self._check(received, is_anthropic=is_anthropic)
        if refused is not None:
            received.problem = refused[2]
            return _refusal(kind, *refused)
        reply = self._next(received.raw.decode("utf-8", "replace"))
        await asyncio.sleep(reply.get("delay_ms", 0) / 1_000)
        if "raw" in reply:
            return web.Response(
                body=reply["raw"].encode(),
                status=reply.get("status", 200),
                content_type=reply.get("content_type", "application/json"),
            )
        if "status" in reply:
            return _failure(kind, reply)
        self._signatures.remember(reply)
        if not received.body.get("stream"):
            return web.json_response(kind.whole(reply, model=received.body["model"]))
        return await self._stream(request, reply, kind.frames(reply, request=received.body))

    def _check(self, received: Received, *, is_anthropic: bool) -> tuple[int, str, str] | None:
        """Status, type and words of a refusal; None where the request is fine."""
        key = received.headers.get("x-api-key") if is_anthropic else None
        key = key or received.headers.get("authorization", "").removeprefix("Bearer ")
        if self._api_key is not None and key != self._api_key:
            return 401, "authentication_error", f"invalid x-api-key: {key}"
        model = received.body.get("model")
        if self._models is not None and model not in self._models:
            return 404, "not_found_error", f"model: {model}"
        check = rules.anthropic_problem if is_anthropic else rules.openai_problem
        problem = check(received.body, headers=received.headers, signatures=self._signatures)
        return (400, "invalid_request_error", problem) if problem else None

    def _next(self, raw: str) -> Reply:
        for index, reply in enumerate(self._script):
            if reply.get("when", "") in raw:
                return reply if reply.get("repeat") else self._script.pop(index)
        return {
            "status": 400,
            "error": {
                "type": "invalid_request_error",
                "message": "the script has no further reply",
            },
        }

    async def _stream(
        self, request: web.Request, reply: Reply, frames: list[bytes]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for count, frame in enumerate(frames):
            if reply.get("break_after") == count:
                assert request.transport is not None
                request.transport.abort()
                return response
            if reply.get("hang_after") == count:
                await asyncio.Event().wait()
            if reply.get("hold_after") == count:
                await self._may_go_on.wait()
            size = reply.get("bytes_per_write", len(frame))
            for start in range(0, len(frame), size):
                await response.write(frame[start : start + size])
            await asyncio.sleep(reply.get("chunk_delay_ms", 0) / 1_000)
        await response.write_eof()
        return response


def _refusal(kind: Any, status: int, word: str, message: str) -> web.Response:
    return web.json_response(kind.error_body(word, message, code=None), status=status)


def _failure(kind: Any, reply: Reply) -> web.Response:
    error = reply.get("error", {})
    word = error.get("type", "api_error")
    body = kind.error_body(word, error.get("message", "scripted"), code=error.get("code"))
    return web.json_response(body, status=reply["status"], headers=reply.get("headers"))
