"""How a request leaves the machine: two small protocols. `transport_aiohttp` implements them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Response(Protocol):
    """The answer to one request, its body not read yet."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are found in any case."""
        ...

    async def read(self, *, bytes_max: int) -> bytes:
        """The body, cut at `bytes_max`."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, in pieces of any size.

        Raises:
            TimedOut: no piece came in time.
            ConnectFailed: the connection broke.
        """
        ...


class Transport(Protocol):
    """Sends requests. Leaving the context of one closes its connection at once if it isn't done."""

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request and wait for the head of the answer, whatever its status.

        Raises:
            ConnectFailed: no connection, or it closed before the head.
            TimedOut: connecting or the head took too long.
        """
        ...

    async def get(self, url: str, *, timeout_ms: int) -> bytes:
        """The body of a small answer with status 200.

        Raises:
            ConnectFailed: anything else.
        """
        ...

    async def close(self) -> None:
        """Close every connection. May be called more than once."""
        ...
