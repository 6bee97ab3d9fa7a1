"""The connection to one client: its body in, its answer out, in its vendor's format."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from starlette.types import Receive, Scope, Send

from novacore import kit
from novacore.gateway import problems
from novacore.gateway.facts import LEAVING_KEY


class ClientSink:
    """Sends one answer; a `chat.Sink`.

    Args:
        send: the server's.
        shape: whose client reads it.
        correlation_id: told with errors.
    """

    __slots__ = ("_correlation_id", "_send", "_shape", "is_begun")

    def __init__(self, send: Send, *, shape: problems.Shape, correlation_id: str) -> None:
        self.is_begun = False
        """Something was sent: an error can't take its place any more."""
        self._send = send
        self._shape = shape
        self._correlation_id = correlation_id

    async def whole(self, status: int, *, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Send an answer at once."""
        self.is_begun = True
        head = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        head.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, headers: Sequence[tuple[str, str]]) -> None:
        """Send the head of a stream."""
        self.is_begun = True
        head = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        # nginx holds streams back unless it is told not to.
        head.append((b"x-accel-buffering", b"no"))
        await self._send({"type": "http.response.start", "status": 200, "headers": head})

    async def piece(self, data: bytes) -> None:
        """Send a piece of a stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of a stream."""
        await self._send({"type": "http.response.body", "body": data})

    def broken(self, error: kit.NovaError) -> bytes:
        """The frames that tell a client that the stream broke off here."""
        told = problems.body_of(
            problems.problem_of(error), correlation_id=self._correlation_id, shape=self._shape
        )
        if self._shape is problems.Shape.ANTHROPIC:
            return b"event: error\ndata: " + told + b"\n\n"
        return b"data: " + told + b"\n\ndata: [DONE]\n\n"


async def read_all(receive: Receive) -> bytes | None:
    """The whole body; None: the client left before its end."""
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    pieces = [body]
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


class Departure:
    """Cancels the task that answers when its client leaves.

    Our own server calls a function then; another one is asked by a task, which costs more.

    Args:
        scope: the request's.
        receive: the server's, after the body was read.
    """

    __slots__ = ("_leaving", "_task", "_watch", "has_left")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.has_left = False
        """The client has left, and the task was cancelled for it."""
        self._task = asyncio.current_task()
        self._leaving: list[Callable[[], None]] | None = scope.get(LEAVING_KEY)
        self._watch: asyncio.Task[None] | None = None
        if self._leaving is None:
            self._watch = asyncio.ensure_future(self._ask(receive))
        else:
            self._leaving.append(self._gone)

    def stop(self) -> None:
        """The answer is sent: nobody needs to know any more."""
        if self._leaving is not None:
            self._leaving.remove(self._gone)
        self._task = None
        if self._watch is not None:
            self._watch.cancel()

    async def _ask(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone()

    def _gone(self) -> None:
        if self._task is not None:
            self.has_left = True
            self._task.cancel()


def encoded(value: object) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)
