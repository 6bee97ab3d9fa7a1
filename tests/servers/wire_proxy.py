"""A proxy in front of any server, that goes away, comes back, and swallows answers when told to."""

import contextlib
import socket
import threading
from typing import Self


class WireProxy:
    """Passes bytes on between clients and a server, until told otherwise. A context manager.

    Args:
        port: the server's, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._state = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._answers_swallowed = 0
        self._is_away = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.go_away()

    def go_away(self) -> None:
        """Cut every connection, and every one that comes."""
        with self._state:
            self._is_away = True
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _cut(pair)

    def come_back(self, port: int | None = None) -> None:
        """Pass everything on again, to a server on this port."""
        with self._state:
            self._is_away = False
            self._server_port = port or self._server_port

    def swallow_answers(self, count: int) -> None:
        """Cut the connection when an answer comes, so many times: what was asked for was done."""
        with self._state:
            self._answers_swallowed = count

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._state:
                is_away, port = self._is_away, self._server_port
            try:
                if is_away:
                    raise ConnectionRefusedError
                pair = (client, socket.create_connection(("127.0.0.1", port)))
            except OSError:
                client.close()
                continue
            with self._state:
                self._pairs.append(pair)
            for source, target in (pair, pair[::-1]):
                arguments = (pair, source, target)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        target: socket.socket,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if source is pair[1] and self._swallows():
                    break
                target.sendall(data)
        _cut(pair)

    def _swallows(self) -> bool:
        with self._state:
            is_swallowed = self._answers_swallowed > 0
            self._answers_swallowed -= is_swallowed
            return is_swallowed


def _cut(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
