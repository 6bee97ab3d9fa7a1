"""The HTTP protocol of the server, with a bound on the size and the time of a request's head."""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from novacore.gateway.facts import FULL_KEY, LEAVING_KEY
from novacore.gateway.joined_writes import JoinedWrites

HEAD_BYTES_MAX = 65_536
"""Request line and headers, all together."""
_TOO_LARGE = "The request's head is too large."


class BoundedHTTP(HttpToolsProtocol):
    """Uvicorn's protocol; a client that sends its head too slowly, or without end, is let go of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is too much is refused by the app: in its words, and with its headers.
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self._is_in_head = True
        self._is_new = False
        self._head_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        self._leaving: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came; its first request has to follow."""
        joined: Any = JoinedWrites(transport, self.loop)
        super().connection_made(joined)
        self._late = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._cancel()
        super().connection_lost(exc)
        for told in list(self._leaving):
            told()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self.scope[LEAVING_KEY] = self._leaving  # type: ignore[typeddict-unknown-key]
        self._is_in_head = self._is_new = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The head is here, whole."""
        self._is_in_head = False
        self._cancel()
        most = self._connections_max
        is_full = most is not None and len(self.connections) > most
        if is_full:
            self.scope[FULL_KEY] = True  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        if is_full:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head are counted, and where it isn't whole it has to be soon."""
        super().data_received(data)
        if not self._is_in_head:
            return
        # What came with the end of another request is not all of this one's head.
        self._head_bytes += 0 if self._is_new else len(data)
        self._is_new = False
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(_TOO_LARGE)
        elif self._late is None:
            self._late = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header is here."""
        if len(name) + len(value) > HEAD_BYTES_MAX:
            raise httptools.HttpParserError(_TOO_LARGE)
        super().on_header(name, value)

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()

    def _cancel(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
