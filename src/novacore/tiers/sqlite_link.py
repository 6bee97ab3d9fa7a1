"""The SQLite file of one tier: how it is opened, made, wiped, and what its errors mean to us.

One process writes it, any number read it. A wiped file is deleted, not emptied: it may be damaged.
So every call looks whether the file at the path is still the one that is open.
"""

import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

import apsw

from novacore.tiers.errors import ItemRefused, TierCorrupt, TierUnavailable

_PRAGMAS: Final = (
    "page_size=4096",
    # A tier can be rebuilt: what the last seconds stored may go with the machine's power. The
    # watermark goes with it, so that it is stored again.
    "synchronous=NORMAL",
    "secure_delete=ON",
    "mmap_size=0",
    "cache_size=-8192",
)
_WRITER_PRAGMAS: Final = (
    # Entities and vectors come in no order: their pages change often before they are folded in.
    "cache_size=-16384",
    "wal_autocheckpoint=4000",
)
_AWAY: Final = (
    apsw.FullError, apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.BusyError,
    apsw.LockedError, apsw.IOError, apsw.NoMemError, OSError,
)  # fmt: skip
_DAMAGE: Final = (
    apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.ConstraintError, apsw.MismatchError,
    apsw.RangeError, UnicodeDecodeError,
)  # fmt: skip
_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"


class Cursor(Protocol):
    """The rows of a statement. `get` is the first row, or its only column; None without one."""

    get: Any

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """As much of `apsw.Connection` as we use; its own types are partly unknown on Python 3.11."""

    in_transaction: bool

    def execute(self, statement: str, bindings: Any = None, /) -> Cursor: ...
    def executemany(self, statement: str, bindings: Any, /) -> Cursor: ...
    def changes(self) -> int: ...
    def close(self, force: bool = False) -> None: ...


@contextmanager
def translated(tier: str) -> Generator[None]:
    """Turn SQLite's errors into ours, once, here."""
    try:
        yield
    except _AWAY as error:
        raise TierUnavailable(
            f"The {tier} tier's file can't be used now: {error or type(error).__name__}.",
            hint="Check free space and the data directory's permissions.",
        ) from error
    except _DAMAGE as error:
        raise TierCorrupt(
            f"The {tier} tier's file is damaged: {error}.", hint=f"Run 'nova tiers rebuild {tier}'."
        ) from error
    except (apsw.TooBigError, OverflowError) as error:
        raise ItemRefused(f"SQLite can't hold this: {error}.") from error


def make_folder(folder: Path) -> None:
    """Make a tier's folder and the one of all tiers, but never the data directory above them.

    Raises:
        OSError: the data directory is gone, or the folder can't be made.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


class SQLiteLink:
    """The connections to one tier's file: one that writes, one that only reads.

    Args:
        path: the file; its folder is made when something is stored, the data directory never.
        tier: the tier's name, for messages.
        tables: the statements that make the tables.
        timeout_ms: the longest wait for another process's lock.
    """

    def __init__(self, path: Path, *, tier: str, tables: str, timeout_ms: int) -> None:
        self.path = path
        self.tier = tier
        self.lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._tables = tables
        self._timeout_ms = timeout_ms
        self._writer: Connection | None = None
        self._writes: tuple[int, int] | None = None
        self._reader: Connection | None = None
        self._reads: tuple[int, int] | None = None
        self.on_reset: Callable[[], None] = lambda: None
        """Called when what was looked up while writing may no longer hold."""

    @contextmanager
    def reading(self) -> Generator[Connection | None]:
        """The reading connection; None while nothing was ever stored."""
        with self._read_lock, translated(self.tier):
            found = self._file()
            if self._reader is not None and found != self._reads:
                self._reader.close()
                self._reader = None
            if self._reader is None and found is not None:
                self._reader = self._open_reader()
                self._reads = found
            yield self._reader

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """The writing connection, in no transaction; the file is made when it is missing."""
        with self.lock, translated(self.tier):
            if self._writer is not None and self._file() != self._writes:
                self._writer.close()
                self._writer = None
            if self._writer is None:
                self.on_reset()
                self._writer = self._open_writer()
                self._writes = self._file()
            yield self._writer

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """The writing connection in a transaction: all of it is stored, or nothing."""
        with self.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self.on_reset()
                raise

    def scrub(self) -> None:
        """Write the whole file anew, so that nothing deleted is left in it or in its log.

        SQLite overwrites what it deletes, but leaves copies of rows that it once moved from page
        to page.
        """
        with self.writing() as connection:
            connection.execute("VACUUM").fetchall()
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise TierUnavailable(
                    f"The {self.tier} tier's log is in use, so what was erased is still in it.",
                    hint="It is tried again.",
                )

    def wipe(self) -> None:
        """Delete the file."""
        with self.lock, self._read_lock, translated(self.tier):
            self.close()
            for suffix in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def check_writable(self) -> None:
        """Raises `TierUnavailable` where a batch could not be stored for want of a permission."""
        found = self.path
        while not found.exists() and found != found.parent:
            found = found.parent
        is_place = found.is_dir() or found == self.path
        if not is_place or not os.access(found, os.R_OK | os.W_OK):
            raise TierUnavailable(f"The {self.tier} tier can't write {found}.")

    def close(self) -> None:
        """Close the connections. Idempotent."""
        with self.lock, self._read_lock:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    def _file(self) -> tuple[int, int] | None:
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return None
        return facts.st_dev, facts.st_ino

    def _open_reader(self) -> Connection | None:
        connection = self._connect()
        connection.execute("PRAGMA query_only=ON").fetchall()
        if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
            connection.close()
            return None
        self._check(connection)
        return connection

    def _open_writer(self) -> Connection:
        make_folder(self.path.parent)
        if self._file() is None:
            # A log without its file is of one that was wiped.
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = self._connect()
        for pragma in ("journal_mode=WAL", *_WRITER_PRAGMAS):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                connection.execute(self._tables).fetchall()
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._check(connection)
        return connection

    def _connect(self) -> Connection:
        opened = apsw.Connection(
            str(self.path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX
        )
        opened.set_busy_timeout(self._timeout_ms)
        connection = cast("Connection", opened)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    def _check(self, connection: Connection) -> None:
        """A file of another layout, or one with a flipped byte there, is not read as ours."""
        if connection.execute(_SCHEMA).fetchall() != _expected(self._tables):
            connection.close()
            raise TierCorrupt(
                f"The {self.tier} tier's tables are not those that this version makes.",
                hint=f"Run 'nova tiers rebuild {self.tier}'.",
            )


@cache
def _expected(tables: str) -> list[Any]:
    connection = cast("Connection", apsw.Connection(":memory:"))
    connection.execute(tables).fetchall()
    found = connection.execute(_SCHEMA).fetchall()
    connection.close()
    return found
