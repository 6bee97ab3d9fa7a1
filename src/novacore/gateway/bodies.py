"""What may be sent: JSON, of a bounded size, within a bounded time."""

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive

from novacore.gateway import errors

FORM_PATHS = frozenset({"/api/v1/auth/verify-email", "/api/v1/auth/reset-password"})
"""Where a page of ours sends a plain HTML form."""
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
        self._timeout_s = timeout_s

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

        async def take() -> Message:
            nonlocal seen, is_whole
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout(self._timeout_s):
                    message = await receive()
            except TimeoutError:
                raise errors.BodyTooSlow from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
                if seen > self._bytes_max:
                    raise errors.BodyTooLarge(self._bytes_max)
            else:
                is_whole = True
            return message

        return take
