"""A connection's transport that sends what was written in one turn of the loop at once.

An answer's head and its body are two writes, and each write is a call of the operating system: on
the hot path that is a tenth of what a request costs.
"""

import asyncio
from typing import Any


class JoinedWrites:
    """Stands in for an `asyncio.Transport`; everything but writing goes to the real one."""

    __slots__ = ("_inner", "_is_due", "_loop", "_pieces")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._pieces: list[bytes] = []
        self._is_due = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes) -> None:
        """Send soon: before the loop looks for what comes next."""
        self._pieces.append(data)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def is_closing(self) -> bool:
        """The connection is closed, or about to be."""
        return self._inner.is_closing()

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._inner.close()

    def _flush(self) -> None:
        self._is_due = False
        pieces, self._pieces = self._pieces, []
        if pieces and not self._inner.is_closing():
            self._inner.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
