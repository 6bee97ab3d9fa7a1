"""Connections to PostgreSQL: how they are opened and kept, and what errors mean to us.

psycopg is an optional part of NovaCore, so it is imported when the first connection is opened.
"""

import select
import struct
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar, cast

from novacore.journal import standing as standings
from novacore.journal.errors import Corrupt, StorageFailed, StoreClosed, StoreTooNew, StoreUnusable

if TYPE_CHECKING:
    import psycopg

FORMAT = 3
"""The last migration that this program knows; see `postgres_schema`."""
VERSION_MIN = 15
"""The oldest PostgreSQL that the tests run against."""
CONNECTIONS_MAX = 16
"""More than this a process does not open, locks apart: each costs the server some megabytes."""
_ARRAY = struct.Struct(">iiiii")
_INT8_OID, _BYTEA_OID, _INT8S_OID, _BYTEAS_OID = 20, 17, 1016, 1001
_REACH_HINT = "Check that the server runs, and that database_url names it: 'nova doctor'."
_RETRY_HINT = "Append again with the same entry ids: what was stored is not stored twice."

_SETTINGS = """
SELECT set_config('synchronous_commit',
        CASE WHEN current_setting('synchronous_commit') = 'remote_apply'
        THEN 'remote_apply' ELSE 'on' END, false),
    set_config('lock_timeout', %s, false),
    set_config('statement_timeout', '0', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('default_transaction_deferrable', 'off', false),
    set_config('plan_cache_mode', 'force_generic_plan', false),
    set_config('enable_seqscan', 'off', false),
    set_config('enable_hashjoin', 'off', false),
    set_config('enable_mergejoin', 'off', false),
    set_config('jit', 'off', false),
    set_config('bytea_output', 'hex', false)
"""
"""Never acknowledge before the disk has it; and plans by index, also while a table is still small
or was never analysed: a cached plan must not turn slow as the journal grows."""

_Found = TypeVar("_Found")


class Numbers(list[int | None]):
    """A list that goes to the server as `bigint[]`."""


class Blocks(list[bytes]):
    """A list that goes to the server as `bytea[]`."""


class Database:
    """One connection. One thread at a time may use it."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection
        self._mark: bytes | None = None

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement, which is a transaction of its own."""
        cursor = self._connection.execute(
            cast("LiteralString", sql), parameters or None, prepare=True, binary=True
        )
        return cursor.fetchall() if cursor.description else []

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def call(self, procedure: str, *parameters: object, results: int = 0) -> tuple[Any, ...]:
        """Call a procedure that commits; its last parameters are results, and go in as nulls."""
        marks = ", ".join(["%s"] * len(parameters) + ["NULL"] * results)
        found = self.rows(f"CALL {procedure}({marks})", parameters)
        return found[0] if found else ()

    def script(self, sql: str) -> None:
        """Run several statements that take no parameters and give no rows."""
        self._connection.execute(cast("LiteralString", sql), prepare=False)

    def quick(self, sql: bytes) -> bytes:
        """The first column of a statement without parameters, as bytes, in as little time as goes.

        psycopg's own way takes twice as long, which a warm opening of a session would feel.
        """
        pgconn = self._connection.pgconn
        if self._mark != sql:
            pgconn.prepare(b"nova_quick", sql)
            self._mark = sql
        result = pgconn.exec_prepared(b"nova_quick", None, result_format=1)
        found = result.get_value(0, 0)
        if found is None:
            raise _connection_lost(pgconn.get_error_message())
        return found

    @property
    def is_alive(self) -> bool:
        """False: it broke, the server closed it, or it is in the middle of something.

        Costs no round trip.
        """
        connection = self._connection
        if connection.closed or connection.broken or connection.pgconn.transaction_status != 0:
            return False
        # An idle server has nothing to say but its farewell, or a notice of a changed setting.
        if not _has_input(connection.fileno()):
            return True
        pgconn = connection.pgconn
        try:
            pgconn.consume_input()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is of no more use
            return False
        return pgconn.status == 0 and not _has_input(connection.fileno())

    def close(self) -> None:
        """Give it up. Idempotent."""
        self._connection.close()


def _has_input(handle: int) -> bool:
    """True when something came in. `select` knows no handle above 1,023."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


def _connection_lost(why: str) -> StorageFailed:
    return StorageFailed(
        f"The connection to PostgreSQL was lost: {why.strip()}.",
        hint=_REACH_HINT,
    )


def connect(url: str, *, lock_timeout_ms: int) -> Database:
    """A connection with our settings.

    Raises:
        StoreUnusable: psycopg is missing, the URL is no URL, or the server is too old.
        StorageFailed: the server can't be reached, or refuses us.
    """
    psycopg = _driver()
    if not url.startswith(("postgresql://", "postgres://")):
        raise StoreUnusable(
            "The journal's URL does not begin with postgresql://.",
            hint="Set database_url to postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        )
    with translated("connecting"):
        try:
            defaults = _defaults(psycopg.conninfo.conninfo_to_dict(url))
        except psycopg.ProgrammingError as error:
            raise StoreUnusable("The journal's URL can't be read.") from error
        connection = psycopg.connect(url, autocommit=True, **defaults)
        try:
            _adapt(connection)
            connection.execute(_SETTINGS, (f"{lock_timeout_ms}ms",))
            version = connection.info.server_version // 10_000
        except BaseException:
            connection.close()
            raise
        if version < VERSION_MIN:
            connection.close()
            raise StoreUnusable(
                f"The server is PostgreSQL {version}; NovaCore needs {VERSION_MIN} or newer."
            )
    return Database(connection)


def _defaults(given: dict[str, Any]) -> dict[str, Any]:
    """What we ask of libpq where the URL does not say: a dead server is noticed within a minute."""
    wanted = {
        "connect_timeout": 10,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "application_name": "novacore",
    }
    return {name: value for name, value in wanted.items() if name not in given}


def _driver() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - optional, and 50 ms
    except ImportError as error:
        raise StoreUnusable(
            "The journal is to be on PostgreSQL, and the driver for it is not installed.",
            hint="Install it: pip install 'novacore[postgresql]'.",
        ) from error
    return psycopg


def _adapt(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Teach it our two kinds of arrays: thousands of values, written in one go."""
    from psycopg.adapt import Dumper  # noqa: PLC0415 - optional
    from psycopg.pq import Format  # noqa: PLC0415 - optional

    class NumbersDumper(Dumper):
        format = Format.BINARY
        oid = _INT8S_OID

        def dump(self, obj: Numbers) -> bytes:
            return numbers_array(obj)

    class BlocksDumper(Dumper):
        format = Format.BINARY
        oid = _BYTEAS_OID

        def dump(self, obj: Blocks) -> bytes:
            return blocks_array(obj)

    connection.adapters.register_dumper(Numbers, NumbersDumper)
    connection.adapters.register_dumper(Blocks, BlocksDumper)


def numbers_array(values: Sequence[int | None]) -> bytes:
    """A `bigint[]` as the server takes it."""
    if not values:
        return struct.pack(">iii", 0, 0, _INT8_OID)
    size = len(values)
    if None not in values:
        flat = [part for value in values for part in (8, value)]
        return _ARRAY.pack(1, 0, _INT8_OID, size, 1) + struct.pack(">" + "iq" * size, *flat)
    cells = [b"\xff\xff\xff\xff" if v is None else struct.pack(">iq", 8, v) for v in values]
    return _ARRAY.pack(1, 1, _INT8_OID, size, 1) + b"".join(cells)


def blocks_array(values: Sequence[bytes]) -> bytes:
    """A `bytea[]` as the server takes it."""
    if not values:
        return struct.pack(">iii", 0, 0, _BYTEA_OID)
    cells: list[bytes] = [_ARRAY.pack(1, 0, _BYTEA_OID, len(values), 1)]
    for value in values:
        cells.append(len(value).to_bytes(4, "big"))
        cells.append(value)
    return b"".join(cells)


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Turn PostgreSQL's errors into ours, once, here."""
    psycopg = _driver()
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error, doing) from error


_BY_STATE: dict[str, tuple[str, str]] = {
    "53100": ("The server's disk is full", "Free some space there and try again."),
    "25006": (
        "The server takes no writes: it may be a standby",
        "Point database_url at the primary server.",
    ),
    "42501": (
        "The server refuses us a right that the journal needs",
        "The user of database_url must own the journal's tables, or may create them.",
    ),
    "57014": ("The server cancelled the work", "Try again; see the server's log."),
}


def _ours(error: Any, doing: str) -> Exception:
    state: str = error.sqlstate or ""
    said = str(error).strip().splitlines()
    first = said[0] if said else type(error).__name__
    if state == "NV001":
        return StoreTooNew(needed=int(first), ours=FORMAT, doing="writing")
    if state == "NV002":
        return Corrupt(
            f"The journal on PostgreSQL now ends at entry {first}: acknowledged entries are "
            "missing. The server may have been replaced by a copy that was behind.",
            hint="Look at the server's fail-over and backups before anything is written again.",
        )
    if state == "NV003":
        refusal = standings.find_refusal(bytes.fromhex(first).decode("utf-8", "replace"))
        return refusal or Corrupt("The journal refuses appends without a reason.")
    if state == "55P03":
        return StorageFailed(
            "Other processes kept the journal for too long; nothing was acknowledged.",
            hint="See who holds it: SELECT * FROM pg_locks WHERE locktype = 'advisory'. "
            "journal.lock_timeout_ms sets the wait.",
        )
    if state in _BY_STATE:
        what, hint = _BY_STATE[state]
        return StorageFailed(f"{what} ({doing}): {first}; nothing was acknowledged.", hint=hint)
    if not state or state[:2] in ("08", "53", "57", "58", "28", "3D", "40"):
        return StorageFailed(
            f"PostgreSQL failed or could not be reached ({doing}): {first}.",
            hint=_RETRY_HINT if doing == "appending" else _REACH_HINT,
        )
    return Corrupt(
        f"The journal's tables on PostgreSQL are damaged or not ours ({doing}): {first}.",
        hint="Run 'nova verify' to see what is affected, and look at the server's log.",
    )


class Pool:
    """The connections of one process: opened when needed, kept for the next. Safe from any thread.

    A process that does one thing at a time has one connection; however many threads ask, it has
    `CONNECTIONS_MAX` at most.
    """

    def __init__(self, connect_one: Callable[[], Database]) -> None:
        self._connect = connect_one
        self._lock = threading.Condition()
        self._idle: list[Database] = []
        self._busy = 0
        self._is_closed = False

    def run(
        self, work: Callable[[Database], _Found], doing: str, *, is_once: bool = False
    ) -> _Found:
        """Do something with a connection that nobody else uses meanwhile.

        Args:
            work: what to do.
            doing: what for, in errors.
            is_once: it must not be done twice. Else, where the connection breaks, it is done again
                on a fresh one.

        Raises:
            StoreClosed: the pool was closed.
            StorageFailed: the server can't be reached.
        """
        with self._taken() as taken:
            with translated(doing):
                database = taken[0]
                try:
                    return work(database)
                except Exception:
                    if is_once or database.is_alive:
                        raise
            database.close()
            with translated(doing):
                taken[0] = self._connect()
                return work(taken[0])

    @contextmanager
    def _taken(self) -> Generator[list[Database]]:
        with self._lock:
            while self._busy >= CONNECTIONS_MAX and not self._is_closed:
                self._lock.wait()
            if self._is_closed:
                raise StoreClosed
            self._busy += 1
            found = self._idle.pop() if self._idle else None
        taken: list[Database] = []
        try:
            if found is not None and not found.is_alive:
                found.close()
                found = None
            taken.append(found or self._connect())
            yield taken
        finally:
            self._give_back(taken)

    def _give_back(self, taken: list[Database]) -> None:
        """Keep it for the next, unless it broke or is in the middle of an answer."""
        with self._lock:
            kept = [each for each in taken if each.is_alive and not self._is_closed]
            self._idle.extend(kept)
            self._busy -= 1
            self._lock.notify_all()
        _close(each for each in taken if each not in kept)

    def add(self, database: Database) -> None:
        """Take over a connection that was opened elsewhere."""
        with self._lock:
            self._idle.append(database)

    def close(self) -> None:
        """Refuse new work, wait for what is under way, and close all connections."""
        with self._lock:
            self._is_closed = True
            while self._busy:
                self._lock.wait()
            idle, self._idle = self._idle, []
        _close(idle)


def _close(databases: Iterable[Database]) -> None:
    for database in databases:
        database.close()
