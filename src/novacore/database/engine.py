"""SQLAlchemy engines for both databases, set up so that what is committed is durable."""

import contextlib
import functools
import importlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy import event, exc

from novacore.database.checkpointing import PAGES_MAX
from novacore.database.config import Config
from novacore.database.errors import DatabaseUnusable

SQLITE_OLDEST: Final = (3, 51, 3)
"""Versions before it can damage a write-ahead log that several connections write."""

WRITES: Final = "novacore_writes"
"""The execution option of a connection whose transaction will write."""

_STATEMENTS_KEPT: Final = 512
"""Prepared statements of one connection."""

_log = logging.getLogger(__name__)


class Slowness:
    """Counts queries that took longer than the limit, and logs their text without values."""

    def __init__(self, slow_ms: int) -> None:
        self.slow_ms = slow_ms
        self.count = 0

    def note(self, statement: str, *, took_ms: float) -> None:
        """Count and log a statement, if it was slow."""
        if took_ms > self.slow_ms:
            self.count += 1
            text = " ".join(statement.split())[:500]
            _log.warning("slow query: %d ms: %s", took_ms, text)

    def watch(self, engine: sqlalchemy.Engine) -> None:
        """Time every statement of an engine."""

        def before(connection: Any, *_: Any) -> None:
            connection.info["began_s"] = time.perf_counter()

        def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            took_ms = (time.perf_counter() - connection.info.pop("began_s", 0.0)) * 1_000
            self.note(statement, took_ms=took_ms)

        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)


def open_engine(place: str | Path, *, config: Config, slowness: Slowness) -> sqlalchemy.Engine:
    """An engine for a file or a `postgresql://` URL; connects to nothing yet.

    Transactions are begun by us: on SQLite one that writes takes its turn at once
    (BEGIN IMMEDIATE), so that it can't fail in the middle because another one wrote.

    Args:
        place: a path or a URL.
        config: limits.
        slowness: told how long each statement took, and each wait for the turn to write.

    Raises:
        DatabaseUnusable: a driver is missing, or the file can't be made.
    """
    is_remote = is_postgres(place)
    engine = (
        _open_postgres(str(place), config=config)
        if is_remote
        else _open_sqlite(Path(place), config=config)
    )
    slowness.watch(engine)
    if not is_remote:
        event.listen(engine, "begin", functools.partial(_begin, slowness))
    return engine


def open_own_engine(place: str | Path, *, config: Config) -> sqlalchemy.Engine:
    """An engine for a library that keeps a file of its own and begins its transactions itself.

    Same drivers, durability and privacy as `open_engine`; on SQLite every transaction takes its
    turn before it writes, which is what such a library expects of the driver.

    Raises:
        DatabaseUnusable: see `open_engine`.
    """
    if is_postgres(place):
        return _open_postgres(str(place), config=config)
    path = Path(place)
    dbapi2 = _driver()
    _make_private(path)

    def connect() -> Any:
        connection = _connect_sqlite(dbapi2, path, config=config)
        connection.isolation_level = "IMMEDIATE"
        return connection

    return sqlalchemy.create_engine(
        f"sqlite:///{path}",
        module=dbapi2,
        creator=connect,
        poolclass=sqlalchemy.QueuePool,
        pool_size=config.connections_max,
        max_overflow=0,
        pool_timeout=config.wait_ms / 1_000,
    )


def open_driver(path: Path, *, config: Config) -> tuple[Callable[[], Any], type[Exception]]:
    """What opens a connection of SQLite's driver itself, and the driver's errors."""
    dbapi2 = _driver()
    return lambda: _connect_sqlite(dbapi2, path, config=config), dbapi2.Error


def is_postgres(place: str | Path) -> bool:
    """Whether a place is a URL of PostgreSQL."""
    return str(place).startswith(("postgresql://", "postgres://"))


def _open_postgres(url: str, *, config: Config) -> sqlalchemy.Engine:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DatabaseUnusable(
            "PostgreSQL needs a driver that is not installed.",
            hint="Install it with: pip install 'novacore[postgresql]'",
        ) from error

    def connect() -> Any:
        connection = psycopg.connect(
            url, connect_timeout=max(2, config.wait_ms // 1_000), application_name="novacore"
        )
        # What the server or a role sets must not change what our SQL means.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return connection

    return sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=config.connections_max,
        max_overflow=0,
        pool_timeout=config.wait_ms / 1_000,
        pool_pre_ping=True,
    )


def _driver() -> Any:
    """The SQLite library of the business files, and of these alone."""
    try:
        dbapi2: Any = importlib.import_module("pysqlite3.dbapi2")
    except ImportError as error:
        raise DatabaseUnusable(
            "The server needs a SQLite library that is not installed.",
            hint="Install it with: pip install 'novacore[server]'",
        ) from error
    version: str = dbapi2.sqlite_version
    if tuple(map(int, version.split("."))) < SQLITE_OLDEST:
        raise DatabaseUnusable(
            f"SQLite {version} can damage files that several processes share; "
            f"{'.'.join(map(str, SQLITE_OLDEST))} or newer is needed.",
            hint="Install a newer pysqlite3.",
        )
    return dbapi2


def _open_sqlite(path: Path, *, config: Config) -> sqlalchemy.Engine:
    dbapi2 = _driver()
    _make_private(path)
    return sqlalchemy.create_engine(
        "sqlite://",
        module=dbapi2,
        creator=lambda: _connect_sqlite(dbapi2, path, config=config),
        poolclass=sqlalchemy.QueuePool,
        pool_size=config.connections_max,
        max_overflow=0,
        pool_timeout=config.wait_ms / 1_000,
    )


def _connect_sqlite(module: Any, path: Path, *, config: Config) -> Any:
    connection = module.connect(
        str(path),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
        timeout=config.wait_ms / 1_000,
    )
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "fullfsync=ON",
        "foreign_keys=ON",
        "secure_delete=ON",
        "trusted_schema=OFF",
        f"wal_autocheckpoint={PAGES_MAX}",
    ):
        cursor.execute(f"PRAGMA {pragma}").fetchall()
    cursor.close()
    return connection


def _begin(slowness: Slowness, connection: sqlalchemy.Connection) -> None:
    """Begin on the driver itself: SQLAlchemy's way costs ten times what SQLite takes for it."""
    writes = connection.get_execution_options().get(WRITES, False)
    text = "BEGIN IMMEDIATE" if writes else "BEGIN"
    driver_error: type[Exception] = connection.dialect.loaded_dbapi.Error
    began_s = time.perf_counter()
    try:
        connection.connection.cursor().execute(text).close()
    except driver_error as error:
        raise exc.DBAPIError.instance(text, None, error, driver_error) from error
    finally:
        slowness.note(text, took_ms=(time.perf_counter() - began_s) * 1_000)


def _make_private(path: Path) -> None:
    """The file, readable by its owner alone; its log gets the same mode from SQLite."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseUnusable(
            f"The database file {path} can't be made: {error.strerror}.",
            hint="Choose a data directory that you may write to.",
        ) from error
