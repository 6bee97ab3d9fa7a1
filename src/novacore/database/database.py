"""The business database: transactions, its clock, and who wants to know of new outbox rows."""

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy import exc

from novacore.database.checkpointing import Checkpointing
from novacore.database.config import Config
from novacore.database.engine import WRITES, Slowness, open_driver, open_engine
from novacore.database.errors import DatabaseError, DatabaseUnavailable
from novacore.database.turns import Turns
from novacore.kit import Clock, SystemClock

_PUT: Final = "novacore_outbox"
_WAIT: Final = "(waiting for the turn to write)"
_POSTGRES_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class Database:
    """One database of accounts, usage and chat metadata. Safe between threads.

    Args:
        place: the path of a file, or a `postgresql://` URL.
        config: limits.
        clock: the time, for tests; None: the machine's on SQLite, the server's on PostgreSQL.
    """

    def __init__(
        self, place: str | Path, *, config: Config | None = None, clock: Clock | None = None
    ) -> None:
        config = config or Config()
        self.place = place
        self._slowness = Slowness(config.slow_ms)
        self.engine = open_engine(place, config=config, slowness=self._slowness)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._clock = clock or (SystemClock() if self.is_sqlite else None)
        self._turns = Turns()
        self._wait_s = config.wait_ms / 1_000
        self._checkpointing = self._open_checkpointing(config) if self.is_sqlite else None
        self._listeners: list[Callable[[], None]] = []
        self._writing = self.engine.execution_options(**{WRITES: True})
        self._writer: sqlalchemy.Connection | None = None
        """SQLite's connection that writes: whoever has the turn uses it, nobody else."""
        self._keeps_writer = config.connections_max > 1

    def _open_checkpointing(self, config: Config) -> Checkpointing:
        connect, failure = open_driver(Path(self.place), config=config)
        return Checkpointing(connect, failure=failure, turns=self._turns, wait_s=self._wait_s)

    @property
    def slow_queries(self) -> int:
        """How many queries of this process took longer than `database.slow_ms`."""
        return self._slowness.count

    def run_text(
        self, connection: sqlalchemy.Connection, text: str, *, values: Any, has_rows: bool
    ) -> Any:
        """Send a statement past SQLAlchemy to the driver, in the transaction of `connection`.

        Its errors become SQLAlchemy's, and its slowness is noted, as with any other statement.

        Args:
            connection: of `begin` or `read`.
            text: in the driver's own style of parameters.
            values: the parameters.
            has_rows: True: all rows come back; False: how many were changed.
        """
        began_s = time.perf_counter()
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, values)
            return cursor.fetchall() if has_rows else cursor.rowcount
        except connection.dialect.loaded_dbapi.Error as error:
            base = connection.dialect.loaded_dbapi.Error
            raise exc.DBAPIError.instance(text, None, error, base) from error
        finally:
            cursor.close()
            self._slowness.note(text, took_ms=(time.perf_counter() - began_s) * 1_000)

    @contextlib.contextmanager
    def begin(self) -> Generator[sqlalchemy.Connection]:
        """A transaction that writes: committed and durable at the end, rolled back on an error.

        Raises:
            DatabaseUnavailable: no turn or no connection came in time, or the server is away.
        """
        with self._turn(), _told(), self._begun() as connection:
            yield connection
            has_put = connection.info.pop(_PUT, False)
        if self._checkpointing is not None:
            self._checkpointing.committed()
        if has_put:
            for listener in self._listeners:
                listener()

    @contextlib.contextmanager
    def _begun(self) -> Generator[sqlalchemy.Connection]:
        if not self.is_sqlite:
            with self._writing.begin() as connection:
                yield connection
            return
        # Taking one out of the pool for each commit costs as much as what most commits do.
        writer, self._writer = self._writer or self._writing.connect(), None
        try:
            with writer.begin():
                yield writer
        except BaseException:
            writer.close()
            raise
        if self._keeps_writer:
            self._writer = writer
        else:
            writer.close()

    @contextlib.contextmanager
    def _turn(self) -> Generator[None]:
        """This process's turn to write, where only one connection can."""
        if not self.is_sqlite:
            yield
            return
        began_s = time.perf_counter()
        with self._turns.taken(timeout_s=self._wait_s) as has_turn:
            self._slowness.note(_WAIT, took_ms=(time.perf_counter() - began_s) * 1_000)
            if not has_turn:
                raise DatabaseUnavailable(
                    "The database of accounts and usage can't be used now: others write.",
                    hint="Look at its disk and its load, then try again.",
                )
            yield

    @contextlib.contextmanager
    def read(self) -> Generator[sqlalchemy.Connection]:
        """A transaction that only reads. On SQLite it sees one state of the database; on PostgreSQL
        each statement sees what was committed before it.

        Raises:
            DatabaseUnavailable: no connection came in time, or the server is away.
        """
        with _told(), self.engine.connect() as connection:
            yield connection

    def now_us(self, connection: sqlalchemy.Connection) -> int:
        """The database's own time, µs UTC: the same for all processes that share it."""
        if self._clock is not None:
            return self._clock.now_us()
        return int(connection.exec_driver_sql(_POSTGRES_NOW).scalar_one())

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit of this process that put something in the outbox.

        It is called in the thread that committed, and must return at once.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._checkpointing is not None:
            self._checkpointing.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self.engine.dispose()


def note_put(connection: sqlalchemy.Connection) -> None:
    """Remember that this transaction put something in the outbox."""
    connection.info[_PUT] = True


@contextlib.contextmanager
def _told() -> Generator[None]:
    """The driver's failures as ours; what the caller's block raises of its own passes."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except (exc.TimeoutError, exc.OperationalError) as error:
        raise DatabaseUnavailable(
            f"The database of accounts and usage can't be used now: {_reason(error)}.",
            hint="Look at its disk, its server and its load, then try again.",
        ) from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(
                "The connection to the database of accounts and usage broke."
            ) from error
        raise DatabaseError(f"The database refused: {_reason(error)}.") from error


def _reason(error: exc.SQLAlchemyError) -> str:
    """The driver's own words, without our statement and its values."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().split("\n", 1)[0].rstrip(".")
