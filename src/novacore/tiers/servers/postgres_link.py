"""The way to PostgreSQL: one connection, made late and made again, its errors in our words."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any, Final, LiteralString

import xxhash

from novacore.tiers.errors import ItemRefused, TierCorrupt, TierError, TierUnavailable
from novacore.tiers.model import Batch, Health, TierState
from novacore.tiers.place import Place
from novacore.tiers.servers.server_items import decode_state, encode_set_aside
from novacore.tiers.servers.server_link import address, check_url, library, reason

_LOCK: Final = 7_304_021_877
"""The advisory lock under which two processes don't create tables at once."""
_PREFIX_BYTES_MAX: Final = 24
"""PostgreSQL cuts names at 63 bytes without a word; ours add up to 32."""
_STATE: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS {state} (
    tier text PRIMARY KEY,
    watermark text NOT NULL,
    set_aside text NOT NULL
)"""


class PostgresLink:
    """A connection to one database for one tier. Nothing is connected before the first call.

    Args:
        place: its settings say where the database is, the first part of every table's name, and
            the longest wait for one answer.
        tier: the tier it serves.
        prepare: run in the first transaction of each connection: creates tables and looks at them.
    """

    def __init__(self, place: Place, *, tier: str, prepare: Callable[[Any], None]) -> None:
        self._url = place.config.postgresql_url
        self._tier = tier
        self._prefix = place.config.prefix
        self._timeout_ms = place.config.timeout_ms
        self._prepare = prepare
        self._connection: Any = None
        self._turn = threading.RLock()

    def name(self, table: str) -> str:
        """A table's or index's name with the prefix; a long prefix as its hash, for names end."""
        fits = len(self._prefix.encode()) <= _PREFIX_BYTES_MAX
        prefix = self._prefix if fits else f"n{xxhash.xxh3_64_hexdigest(self._prefix.encode())}"
        return f"{prefix}_{table}"

    def sql(
        self,
        text: LiteralString,
        tables: Mapping[str, str] = MappingProxyType({}),
        *,
        columns: Sequence[str] = (),
        where: str = "",
        dimensions: int = 0,
    ) -> Any:
        """A statement with names put in: `{columns}`, `{where}`, `{dimensions}` and tables.

        A table is named without the prefix; `{state}` is always known.
        """
        sql = library("psycopg.sql", extra="postgresql")
        names = {"state": "tier_state", **tables}
        return sql.SQL(text).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            where=sql.SQL(where),
            dimensions=sql.Literal(dimensions),
            **{key: sql.Identifier(self.name(name)) for key, name in names.items()},
        )

    @contextmanager
    def transaction(self, *, is_long: bool = False) -> Generator[Any]:
        """A connection in a transaction that ends with the block; it connects when it must.

        Args:
            is_long: True: it may take as long as it takes, to build an index.
        """
        psycopg = library("psycopg", extra="postgresql")
        try:
            with (
                self._turn,
                self._guarded(psycopg, is_long=is_long) as connection,
                connection.transaction(),
            ):
                if is_long:
                    connection.execute("SET LOCAL statement_timeout = 0")
                yield connection
        except psycopg.Error as error:
            raise self._told(psycopg, error) from None
        except OSError as error:
            raise self._unavailable(error) from None

    @contextmanager
    def _guarded(self, psycopg: Any, *, is_long: bool) -> Generator[Any]:
        """The connection, cut when a call takes twice as long as any statement may.

        A server that is frozen sends nothing, so no timeout of its own can end the wait.
        """
        connection = self._connected(psycopg)
        handle = socket.socket(fileno=os.dup(connection.fileno()))
        timer = threading.Timer(2 * self._timeout_ms / 1000, _cut, (handle,))
        timer.daemon = True
        if not is_long:
            timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            handle.close()
            if connection.closed or connection.broken:
                self.close()

    def _connected(self, psycopg: Any) -> Any:
        if self._connection is None:
            check_url(self._url, what="PostgreSQL")
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=max(2, self._timeout_ms // 1000),
                application_name=f"novacore {self._tier} tier",
                keepalives_idle=30,
            )
            try:
                connection.execute(
                    "SELECT set_config('statement_timeout', %s, false)", [str(self._timeout_ms)]
                )
                with connection.transaction():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                    connection.execute(self.sql(_STATE))
                    self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _told(self, psycopg: Any, error: BaseException) -> TierError:
        if isinstance(error, psycopg.errors.ProgramLimitExceeded | psycopg.DataError):
            # The server's text may quote what was to be stored; its class says enough.
            return ItemRefused(f"PostgreSQL does not take it: {_class_of(error)}.")
        lost = psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn
        broken = lost | psycopg.errors.DatatypeMismatch | psycopg.errors.DataCorrupted
        if isinstance(error, broken | psycopg.errors.IndexCorrupted | psycopg.IntegrityError):
            self.close()
            return TierCorrupt(
                f"The tables of the {self._tier} tier are not as we left them: {_class_of(error)}."
            )
        return self._unavailable(error)

    def _unavailable(self, error: BaseException) -> TierUnavailable:
        return TierUnavailable(
            f"PostgreSQL of the {self._tier} tier at {address(self._url)} does not serve us: "
            f"{reason(error, url=self._url)}"
        )

    def state(self) -> TierState:
        """The watermark and what was set aside, read in one piece."""
        query = self.sql("SELECT watermark, set_aside FROM {state} WHERE tier = %s")
        with self.transaction() as connection:
            found = connection.execute(query, [self._tier]).fetchone()
        return decode_state(*found) if found else TierState(watermark=None)

    def put_state(self, connection: Any, batch: Batch) -> None:
        """Store where the tier is, in the transaction that stores its data."""
        query = self.sql(
            "INSERT INTO {state} VALUES (%s, %s, %s) ON CONFLICT (tier) DO UPDATE "
            "SET watermark = EXCLUDED.watermark, set_aside = EXCLUDED.set_aside"
        )
        texts = [batch.watermark.encode(), encode_set_aside(batch.set_aside)]
        connection.execute(query, [self._tier, *texts])

    def wipe(self, tables: Sequence[str]) -> None:
        """Drop the tier's tables and create them anew; its watermark goes first."""
        with self.transaction() as connection:
            connection.execute(self.sql("DELETE FROM {state} WHERE tier = %s"), [self._tier])
        with self.transaction() as connection:
            for table in tables:
                connection.execute(self.sql("DROP TABLE IF EXISTS {table}", {"table": table}))
            # In the same transaction: another connection never finds them gone.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            self._prepare(connection)

    def health(self) -> Health:
        """A SELECT, timed, and the server's version."""
        try:
            with self.transaction() as connection:
                began = time.perf_counter()
                connection.execute("SELECT 1").fetchone()
                latency_ms = (time.perf_counter() - began) * 1000
                (version,) = connection.execute("SHOW server_version").fetchone()
        except TierError as error:
            return Health(is_up=False, what=str(error))
        return Health(is_up=True, what=f"PostgreSQL {version.split()[0]}", latency_ms=latency_ms)

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _cut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _class_of(error: BaseException) -> str:
    """`NumericValueOutOfRange` as "numeric value out of range"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
