"""Connections for reading: each read has one of its own, and a transaction that is one moment."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import apsw

from novacore.journal.errors import StoreClosed
from novacore.journal.sqlite_file import Connection, translated

_KEPT_MAX = 8


class Readers:
    """A pool of reading connections. Safe to use from any thread."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Condition()
        self._idle: list[Connection] = []
        self._busy = 0
        self._is_closed = False

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A read transaction.

        Raises:
            StoreClosed: the pool was closed.
        """
        with self._lock:
            if self._is_closed:
                raise StoreClosed
            connection = self._idle.pop() if self._idle else None
            self._busy += 1
        try:
            with translated("reading"):
                if connection is None:
                    connection = self._connect()
                try:
                    connection.execute("BEGIN")
                    yield connection
                finally:
                    self._give_back(connection)
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify_all()

    def _give_back(self, connection: Connection) -> None:
        """End the transaction and keep the connection for the next reader."""
        try:
            if connection.in_transaction:
                connection.execute("COMMIT")
        except apsw.Error:
            connection.close(True)
            return
        with self._lock:
            if not self._is_closed and len(self._idle) < _KEPT_MAX:
                self._idle.append(connection)
                return
        connection.close(True)

    def drop(self) -> None:
        """Close the idle ones, and with them the pages that they keep in memory."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close(True)

    def close(self) -> None:
        """Refuse new reads, wait for those under way, and close all connections."""
        with self._lock:
            self._is_closed = True
            while self._busy:
                self._lock.wait()
        self.drop()
