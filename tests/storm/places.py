"""Where a storm rages: a data directory, or a PostgreSQL that is killed too and cut off."""

import os
import random
import signal
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psycopg
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy

from novacore import journal

_ANSWER_BYTES = 64
_CUT_S = 0.5
_TABLES = {
    "journal_tail": "frame",
    "journal_segment": "data",
    "journal_blob": "content",
    "journal_session": "name",
}


class Place(Protocol):
    """A place that writers and the reckoning open."""

    def open(self, config: journal.Config) -> journal.JournalStore:
        """The store there."""
        ...

    def strike(self, chance: random.Random) -> None:
        """What may happen to it between two kills of writers."""
        ...

    def bytes_of(self) -> dict[str, bytes]:
        """All that is stored, by where."""
        ...

    def blobs(self) -> set[str]:
        """The digests of the blobs that are stored."""
        ...

    def tell(self) -> str:
        """What happened to it, for the summary."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Folder:
    """A data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, config: journal.Config) -> journal.JournalStore:
        """The store there."""
        return journal.open_store(self._path, config=config)

    def strike(self, chance: random.Random) -> None:
        """Nothing but kills happens to a folder."""

    def bytes_of(self) -> dict[str, bytes]:
        """Every file."""
        files = [path for path in self._path.rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}

    def blobs(self) -> set[str]:
        """The blobs' files."""
        return {path.name for path in (self._path / "blobs").rglob("?" * 64)}

    def tell(self) -> str:
        """Nothing happened to it."""
        return ""

    def close(self) -> None:
        """Nothing runs here."""


class Server:
    """A PostgreSQL that waits for its disk, behind a proxy that cuts connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cutter = _Cutter()
        self._server = PostgresServer(is_safe=True)
        self._server.start()
        self._cutter.begin(self._server.port)
        self._database = self._server.new_database().rpartition("/")[2]
        self.kills = 0
        self.cuts = 0

    def open(self, config: journal.Config) -> journal.JournalStore:
        """The store there, by the proxy."""
        url = self._server.url_of(self._database, port=self._cutter.port)
        return journal.open_postgres(url, config=config, folder=self._path)

    def strike(self, chance: random.Random) -> None:
        """Kill the server with all its processes, or cut a connection in the middle of a call."""
        fate = chance.random()
        if fate < 0.1:
            self._server.kill()
            self._server.start()
            self.kills += 1
        elif fate < 0.6:
            self._cutter.cut(chance)
            self.cuts += 1

    def bytes_of(self) -> dict[str, bytes]:
        """Every row that holds what was said. What the server's files keep is its own affair."""
        found: dict[str, bytes] = {}
        self._age()
        with psycopg.connect(self._server.url_of(self._database)) as connection:
            for table, column in _TABLES.items():
                rows = connection.execute(f"SELECT {column} FROM {table}").fetchall()
                found[table] = b"\0".join(row[0] for row in rows)
        return found

    def blobs(self) -> set[str]:
        """The blobs' rows."""
        self._age()
        with psycopg.connect(self._server.url_of(self._database)) as connection:
            rows = connection.execute("SELECT digest FROM journal_blob").fetchall()
        return {row[0].hex() for row in rows}

    def _age(self) -> None:
        """Let a minute pass: what killed writers stored before their entries is cleaned then."""
        with psycopg.connect(self._server.url_of(self._database), autocommit=True) as connection:
            connection.execute("UPDATE journal_blob_note SET at = at - interval '1 minute'")
        self.open(journal.Config()).close()

    def tell(self) -> str:
        """How often it was killed, and connections to it cut."""
        return f", {self.kills} of the server, {self.cuts} cuts"

    def close(self) -> None:
        """Kill it, and the proxy."""
        self._cutter.close()
        self._server.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Cutter:
    """The proxy in a process of its own: the storm forks its writers, and must have no threads."""

    def __init__(self) -> None:
        self.port = 0
        self._pid = 0
        self._orders = self._answers = -1

    def begin(self, port: int) -> None:
        """Start it in front of a server."""
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._orders)
            _cut_on_order(port, orders, answers)
        os.close(orders)
        os.close(answers)
        self.port = int(os.read(self._answers, _ANSWER_BYTES))

    def cut(self, chance: random.Random) -> None:
        """Cut the connection whose call comes next, at a random place in it."""
        os.write(self._orders, b"%d %d\n" % (chance.randrange(6), chance.randrange(40)))
        os.read(self._answers, _ANSWER_BYTES)

    def close(self) -> None:
        """End it."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._orders)
            os.close(self._answers)
            self._pid = 0


def _cut_on_order(port: int, orders: int, answers: int) -> None:
    proxy = Proxy(port)
    os.write(answers, b"%d" % proxy.port)
    while order := os.read(orders, _ANSWER_BYTES):
        messages, more = (int(word) for word in order.split())
        if messages == 5:
            proxy.hold_answers(is_cut=True)
        else:
            proxy.hold(messages, more_bytes=more, is_cut=True)
        proxy.wait_for_cut(_CUT_S)
        proxy.release()
        os.write(answers, b"done")
    os._exit(0)
