"""Every row of a database as a stream of bytes that knows no engine, and back: backups and moves.

    piece = msgpack list of notes
    note  = ["heads", revisions] | ["table", name, columns] | ["rows", rows] | ["end", sums]

The sums (count, and a digest that knows no order) prove that what came out is what went in, also
where the other database is of another kind. Who is at work just now is no part of it.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy
from sqlalchemy import exc

from novacore.database.database import Database
from novacore.database.errors import DatabaseError, DatabaseUnusable
from novacore.database.schema import find_heads, labels_of, upgrade
from novacore.database.tables import EXECUTORS, LEASES, METADATA, OUTBOX

Sums = dict[str, tuple[int, str]]
"""Count and digest of the rows of each table."""

_PASSING: Final = (EXECUTORS.name, LEASES.name)
_ROWS: Final = 500
_ACCOUNTS: Final = "identity_account"
_CHANGED: Final = "The rows of accounts and usage are not what was written."
_MASK: Final = (1 << 128) - 1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode


def dump(opened: Database, folders: Sequence[Path]) -> Iterator[bytes]:
    """Every row of one moment, in pieces of some hundred rows.

    Args:
        opened: the database, of this release or an older one.
        folders: the rooms' migrations; they say which tables are ours.

    Raises:
        DatabaseUnavailable: it can't be read now.
        DatabaseTooNew: a newer release wrote it.
    """
    level = "SERIALIZABLE" if opened.is_sqlite else "REPEATABLE READ"
    with opened.read() as connection:
        if not opened.is_sqlite:
            connection = connection.execution_options(isolation_level=level)  # noqa: PLW2901 - the same one
        yield _encode([["heads", list(find_heads(connection, folders))]])
        sums: Sums = {}
        for table in _tables(connection, folders):
            name, columns = str(table.name), [str(each.name) for each in table.columns]
            yield _encode([["table", name, columns]])
            count, digest = 0, 0
            result = connection.execute(sqlalchemy.select(table)).partitions(_ROWS)
            for part in result:
                rows = [[_plain(value) for value in row] for row in part]
                count += len(rows)
                digest = (digest + _digest(columns, rows)) & _MASK
                yield _encode([["rows", rows]])
            sums[name] = (count, f"{digest:032x}")
        yield _encode([["end", sums]])


def sums_of(pieces: Iterable[bytes]) -> Sums:
    """The sums at the end of a dump."""
    sums: Sums = {}
    for piece in pieces:
        for note in _decode(piece):
            if note[0] == "end":
                sums = {name: (count, digest) for name, (count, digest) in note[1].items()}
    return sums


def load(
    opened: Database,
    pieces: Iterable[bytes],
    *,
    folders: Sequence[Path],
    erased: Collection[str] = (),
) -> Sums:
    """Bring the rows of a dump into a database, all or none, in the form that they had.

    The database then has the schema of the dump, which `upgrade` brings up to date.

    Args:
        opened: an empty database, or one that this dump was brought into before.
        pieces: the dump.
        folders: the rooms' migrations.
        erased: accounts whose rows are left out, wherever they are.

    Returns:
        The sums of what the dump held, with the rows that were left out.

    Raises:
        DatabaseTooNew: a newer release made the dump.
        DatabaseUnusable: other accounts are in the database.
        DatabaseError: the dump is not what was written.
    """
    notes = (note for piece in pieces for note in _decode(piece))
    kind, *told = next(notes, ["nothing"])
    if kind != "heads":
        raise DatabaseError("These are no rows of a database of accounts and usage.")
    upgrade(opened, folders, to=told[0])
    loading = _Loading(frozenset(erased))
    with opened.begin() as connection:
        tables = {table.name: table for table in _tables(connection, folders)}
        before = _accounts(connection, tables)
        for table in tables.values():
            connection.execute(table.delete())
        try:
            for note in notes:
                loading.take(connection, tables, note)
        except (ValueError, TypeError, LookupError, msgspec.MsgspecError) as error:
            raise DatabaseError(_CHANGED) from error
        if loading.sums is None or loading.sums != loading.found:
            raise DatabaseError(_CHANGED)
        if before - loading.accounts:
            raise DatabaseUnusable(
                "The database holds other accounts.", hint="Name an empty database."
            )
    return loading.found


class _Loading:
    """One dump on its way into a database."""

    def __init__(self, erased: frozenset[str]) -> None:
        self._erased = erased
        self._table: sqlalchemy.Table | None = None
        self._columns: list[str] = []
        self._count, self._digest = 0, 0
        self.accounts: set[str] = set()
        self.found: Sums = {}
        self.sums: Sums | None = None

    def take(
        self,
        connection: sqlalchemy.Connection,
        tables: Mapping[str, sqlalchemy.Table],
        note: list[Any],
    ) -> None:
        """Take the next note."""
        if note[0] == "rows" and self._table is not None:
            self._add(connection, self._table, note[1])
            return
        if self._table is not None:
            self.found[self._table.name] = (self._count, f"{self._digest:032x}")
            self._table = None
        if note[0] == "table":
            if note[1] not in tables:
                raise DatabaseError(f"The rows are of a table {note[1]!r} that is unknown here.")
            self._table, self._columns = tables[note[1]], note[2]
            self._count, self._digest = 0, 0
        elif note[0] == "end":
            self.sums = {name: (count, digest) for name, (count, digest) in note[1].items()}

    def _add(
        self, connection: sqlalchemy.Connection, table: sqlalchemy.Table, rows: list[list[Any]]
    ) -> None:
        self._count += len(rows)
        self._digest = (self._digest + _digest(self._columns, rows)) & _MASK
        told = [dict(zip(self._columns, row, strict=True)) for row in rows]
        if table.name == _ACCOUNTS:
            self.accounts |= {row["id"] for row in told}
        kept = [row for row in told if not self._is_erased(table.name, row)]
        if kept:
            try:
                connection.execute(table.insert(), kept)
            except exc.IntegrityError as error:
                raise DatabaseError("Two rows of accounts and usage have one key.") from error

    def _is_erased(self, table: str, row: Mapping[str, Any]) -> bool:
        if not self._erased:
            return False
        names = {row.get("account_id"), row.get("owner_id")}
        if table == _ACCOUNTS:
            names.add(row["id"])
        if table == OUTBOX.name:
            payload: dict[str, Any] = json.loads(row["payload"])
            names.add(payload.get("account_id"))
        return not self._erased.isdisjoint(name for name in names if name)


def _tables(connection: sqlalchemy.Connection, folders: Sequence[Path]) -> list[sqlalchemy.Table]:
    """Our tables as they are in this database, by name; others may share it."""
    prefixes = tuple(f"{label}_" for label in labels_of(folders))
    known = sqlalchemy.inspect(connection).get_table_names()
    ours = [
        name
        for name in sorted(known)
        if (name in METADATA.tables or name.startswith(prefixes)) and name not in _PASSING
    ]
    reflected = sqlalchemy.MetaData()
    reflected.reflect(connection, only=ours)
    return [reflected.tables[name] for name in ours]


def _accounts(
    connection: sqlalchemy.Connection, tables: Mapping[str, sqlalchemy.Table]
) -> frozenset[str]:
    table = tables.get(_ACCOUNTS)
    if table is None:
        return frozenset()
    return frozenset(connection.execute(sqlalchemy.select(table.c.id)).scalars())


def _plain(value: Any) -> Any:
    return bytes(cast("memoryview", value)) if isinstance(value, memoryview) else value


def _digest(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> int:
    """The sum of the rows' digests: the same in whatever order tables give their rows."""
    names = list(columns)
    total = 0
    for row in rows:
        told = sorted(zip(names, row, strict=True))
        total += int.from_bytes(hashlib.sha256(_encode(told)).digest()[:16], "big")
    return total & _MASK
