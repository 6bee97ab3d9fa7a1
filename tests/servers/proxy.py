"""A proxy in front of PostgreSQL that can stop, or cut, a connection between any two packets.

It reads what clients send message by message, so that a test can say: let two messages of the next
call through and then nothing, as if the client's process had been stopped right there.
"""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

_STARTUP_SKIPPED = {80877103, 80877104}
"""Requests for encryption, which are answered by one byte, and after which another start comes."""


@dataclasses.dataclass
class _Pair:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket

    def wait_for_cut(self, seconds: float) -> bool:
        """Wait so long for a call to cut; False: none came."""
        with self._state:
            return self._state.wait_for(lambda: self._held > 0, seconds)

    def cut(self) -> None:
        """End it on both sides, without a farewell."""
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Proxy:
    """Passes everything on, until told otherwise. A context manager.

    Args:
        port: the server's, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._state = threading.Condition()
        self._messages_left: int | None = None
        self._bytes_left = 0
        self._are_answers_held = False
        self._is_cutting = False
        self._held = 0
        self._pairs: list[_Pair] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self, messages: int, *, more_bytes: int = 0, is_cut: bool = False) -> None:
        """Let so many more messages of clients through, and so many bytes of the next.

        Then stop, or cut the connection, until `release`.
        """
        with self._state:
            self._messages_left, self._bytes_left = messages, more_bytes
            self._is_cutting = is_cut
            self._held = 0

    def hold_answers(self, *, is_cut: bool = False) -> None:
        """Pass nothing of the server's answers on, or cut when one comes, until `release`."""
        with self._state:
            self._are_answers_held = True
            self._is_cutting = is_cut
            self._held = 0

    def release(self) -> None:
        """Pass everything on again."""
        with self._state:
            self._messages_left = None
            self._are_answers_held = self._is_cutting = False
            self._state.notify_all()

    def wait_until_held(self, *, seconds: float = 60) -> None:
        """Wait until something stands still, or was cut."""
        with self._state:
            assert self._state.wait_for(lambda: self._held > 0, seconds), "Nothing came to hold."

    def wait_for_cut(self, seconds: float) -> bool:
        """Wait so long for a call to cut; False: none came."""
        with self._state:
            return self._state.wait_for(lambda: self._held > 0, seconds)

    def cut(self) -> None:
        """Cut every connection now."""
        with self._state:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.cut()

    def close(self) -> None:
        """Cut everything and stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(client, server)
            with self._state:
                self._pairs.append(pair)
            threading.Thread(target=self._pump_requests, args=(pair,), daemon=True).start()
            threading.Thread(target=self._pump_answers, args=(pair,), daemon=True).start()

    def _pump_requests(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError, EOFError):
            for message, is_counted in _messages(pair.client):
                if is_counted:
                    self._pass_one(pair, message)
                else:
                    pair.server.sendall(message)
        pair.cut()

    def _pass_one(self, pair: _Pair, message: bytes) -> None:
        with self._state:
            left = self._messages_left
            if left is None or left > 0:
                self._messages_left = None if left is None else left - 1
                first, rest = message, b""
            else:
                first, rest = message[: self._bytes_left], message[self._bytes_left :]
        if first:
            pair.server.sendall(first)
        if rest:
            self._stand_still(pair, lambda: self._messages_left is not None)
            pair.server.sendall(rest)

    def _pump_answers(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := pair.server.recv(1 << 16):
                if self._are_answers_held:
                    self._stand_still(pair, lambda: self._are_answers_held)
                pair.client.sendall(data)
        pair.cut()

    def _stand_still(self, pair: _Pair, is_held: Callable[[], bool]) -> None:
        with self._state:
            self._held += 1
            self._state.notify_all()
            if self._is_cutting:
                pair.cut()
                raise EOFError
            self._state.wait_for(lambda: not is_held())


def _messages(source: socket.socket) -> Iterator[tuple[bytes, bool]]:
    """(each message that a client sends, whether it comes after the start)."""
    while True:
        head = _exactly(source, 8)
        yield head + _exactly(source, int.from_bytes(head[:4], "big") - 8), False
        if int.from_bytes(head[4:], "big") not in _STARTUP_SKIPPED:
            break
    while True:
        head = _exactly(source, 5)
        yield head + _exactly(source, int.from_bytes(head[1:], "big") - 4), True


def _exactly(source: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        data = source.recv(min(size, 1 << 16))
        if not data:
            raise EOFError
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
