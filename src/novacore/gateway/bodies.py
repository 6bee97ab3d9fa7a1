"""What may be sent: JSON, of a bounded size, within a bounded time."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive

from novacore.gateway import errors

FORM_PATHS = frozenset({"/api/v1/auth/verify-email", "/api/v1/auth/reset-password"})
"""Where a page of ours sends a plain HTML form."""
_TICK_S = 0.05
_JSON = b"application/json"
_FORM = b"application/x-www-form-urlencoded"


class Bodies:
    """Checks bodies by their headers, and bounds them as they come.

    Args:
        bytes_max: the largest body.
        timeout_s: a body has to be here in this time.
    """

    def __init__(self, *, bytes_max: int, timeout_s: float) -> None:
        self._bytes_max = bytes_max
        self._late = _Late(timeout_s)

    def admit(self, path: str, headers: Mapping[bytes, bytes], receive: Receive) -> Receive:
        """Where to read the body from.

        Raises:
            BodyTooLarge: the headers say so already.
            MediaTypeRefused: it is no JSON.
        """
        length = headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in headers:
            return receive
        if length is not None:
            size = int(length) if length.isdigit() else self._bytes_max + 1
            if size > self._bytes_max:
                raise errors.BodyTooLarge(self._bytes_max)
            if size == 0:
                return receive
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != _JSON and not (kind == _FORM and path in FORM_PATHS):
            raise errors.MediaTypeRefused
        return self._bounded(receive)

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0
        is_whole = False
        late = self._late
        until_s = time.monotonic() + late.timeout_s

        async def take() -> Message:
            nonlocal seen, is_whole
            if is_whole:
                return await receive()
            task = late.enter(until_s)
            try:
                message = await receive()
            except asyncio.CancelledError:
                if late.has_given_up(task):
                    raise errors.BodyTooSlow from None
                raise
            finally:
                late.leave(task)
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
                if seen > self._bytes_max:
                    raise errors.BodyTooLarge(self._bytes_max)
            else:
                is_whole = True
            return message

        return take


class _Late:
    """Who waits for a part of a body, and since when: one timer for all of them.

    A timer of its own for each request would cost each request what only a hostile one needs.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._given_up: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, until_s: float) -> asyncio.Task[Any]:
        """The current task waits, and is given up at that time of the monotonic clock."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = until_s
        if self._timer is None:
            self._timer = task.get_loop().call_later(self.timeout_s, self._look)
        return task

    def leave(self, task: asyncio.Task[Any]) -> None:
        """It waits no more."""
        self._waiting.pop(task, None)
        self._given_up.discard(task)

    def has_given_up(self, task: asyncio.Task[Any]) -> bool:
        """Whether its cancellation was ours, and nobody else's too."""
        return task in self._given_up and task.uncancel() == 0

    def _look(self) -> None:
        self._timer = None
        now_s = time.monotonic()
        for task, until_s in list(self._waiting.items()):
            if until_s <= now_s:
                self._given_up.add(task)
                task.cancel()
        if self._waiting:
            next_s = max(min(self._waiting.values()) - now_s, _TICK_S)
            self._timer = asyncio.get_running_loop().call_later(next_s, self._look)
