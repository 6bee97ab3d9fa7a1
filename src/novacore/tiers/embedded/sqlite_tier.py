"""What every tier on SQLite shares: the watermark with its data, applying, erasing, reading back.

Each tier adds its tables and what it is read for. See `SQLiteLink` for the file.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import apsw

from novacore.journal import Erased, Scope
from novacore.kit import NovaError
from novacore.tiers.embedded.sqlite_rows import SHARED, Table
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.servers.server_items import decode_state, encode_set_aside
from novacore.tiers.sqlite_link import Connection, SQLiteLink

_READ_ROWS: Final = 500
_PUT: Final = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value=excluded.value"
_IDS_MAX: Final = 20_000
WITHIN: Final = (
    "i.session = (SELECT id FROM session WHERE uuid = ?)"
    " AND +i.scope = (SELECT id FROM scope WHERE tenant = ? AND owner = ?)"
)
"""The rows of one session of one owner; takes session, tenant, owner. The plus keeps SQLite from
searching by the owner: a session has fewer rows."""
OWNED: Final = "i.scope = (SELECT id FROM scope WHERE tenant = ? AND owner = ?)"
"""The rows of one owner; takes tenant, owner."""


class SQLiteTier:
    """An `Engine` on one SQLite file. Safe between threads; other processes may read meanwhile.

    Args:
        place: its folder and limits.
        tier: the tier's name.
        tables: collection -> its table; "" is for every other collection.
        more: statements for tables that hold no items.
    """

    name = "sqlite"
    tested_with = f"SQLite {apsw.sqlite_lib_version()}"

    def __init__(
        self, place: Place, *, tier: str, tables: Mapping[str, Table], more: str = ""
    ) -> None:
        self.tier = tier
        self._place = place
        self._tables = tables
        self._distinct = tuple({table.name: table for table in tables.values()}.values())
        self.link = SQLiteLink(
            place.folder / f"{tier}.db",
            tier=tier,
            tables="\n".join([SHARED, *(table.ddl for table in self._distinct), more]),
            timeout_ms=place.config.timeout_ms,
        )
        self.link.on_reset = self._forget_ids
        self._sessions: dict[str, int] = {}
        self._scopes: dict[tuple[str, str], int] = {}

    def state(self) -> TierState:
        """See `Engine.state`."""
        with self.link.reading() as connection:
            if connection is None:
                return TierState(watermark=None)
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
        return decode_state(meta.get("watermark"), meta.get("set_aside"))

    def apply(self, batch: Batch) -> None:
        """See `Engine.apply`. Data and watermark are one transaction, erasing aside.

        What was erased must be gone from the file before the watermark says so: it is stored in a
        transaction after the scrubbing.
        """
        with self.link.lock:
            with self.link.transaction() as connection:
                self._store(connection, batch)
                must_scrub = bool(batch.erased) and self._must_scrub(connection)
                if not must_scrub:
                    self._put_state(connection, batch)
            if must_scrub:
                self._erased()
                with self.link.transaction() as connection:
                    connection.execute("DELETE FROM meta WHERE key = 'must_scrub'")
                    self._put_state(connection, batch)

    def _store(self, connection: Connection, batch: Batch) -> None:
        self._put_items(connection, batch.items)
        gone = sum(self._erase(connection, erased) for erased in batch.erased)
        if gone:
            connection.execute(_PUT, ("must_scrub", "1"))
        if batch.forget_before_us:
            for table in self._distinct:
                connection.execute(
                    f"DELETE FROM {table.name} WHERE recorded_at_us < ?",  # noqa: S608 - ours
                    (batch.forget_before_us,),
                )

    def _put_items(self, connection: Connection, items: Sequence[Item]) -> None:
        """Store the items; a tier that keeps more beside them adds to this."""
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for item in items:
            table = self.table(item.collection)
            row = table.row(
                item,
                session=self._session(connection, item.session_id),
                scope=self._scope(connection, (item.tenant, item.owner)),
            )
            by_table.setdefault(table.name, []).append(row)
        for table in self._distinct:
            if rows := by_table.get(table.name):
                connection.executemany(table.upsert, rows)

    def _erase(self, connection: Connection, erased: Erased) -> int:
        """Delete what came from these entries; returns how many rows it was."""
        key = connection.execute("SELECT id FROM session WHERE uuid=?", (erased.session_id,)).get
        if key is None:
            return 0
        gone = 0
        for table in self._distinct:
            statement = f"DELETE FROM {table.name} WHERE session=?"  # noqa: S608 - ours
            if erased.positions is None:
                connection.execute(statement, (key,))
                gone += connection.changes()
                continue
            for position in erased.positions:
                connection.execute(f"{statement} AND position=?", (key, position))
                gone += connection.changes()
        return gone

    def _erased(self) -> None:
        """Make sure that nothing of what was deleted is left in any file."""
        self.link.scrub()

    def _must_scrub(self, connection: Connection) -> bool:
        return connection.execute("SELECT 1 FROM meta WHERE key = 'must_scrub'").get is not None

    def _put_state(self, connection: Connection, batch: Batch) -> None:
        connection.execute(_PUT, ("watermark", batch.watermark.encode()))
        connection.execute(_PUT, ("set_aside", encode_set_aside(batch.set_aside)))

    def read(self, session_id: str) -> Iterator[Item]:
        """See `Engine.read`."""
        for table in self._distinct:
            yield from self._read(table, session_id)

    def _read(self, table: Table, session_id: str) -> Iterator[Item]:
        """A page at a time: a reader that stops in between holds nothing up."""
        statement = (
            f"SELECT c.tenant, c.owner, {table.selected} FROM {table.name} i"  # noqa: S608 - ours
            " LEFT JOIN scope c ON c.id = i.scope"
            " WHERE i.session = (SELECT id FROM session WHERE uuid = ?)"
            " AND (i.position, i.collection, i.part) > (?, ?, ?)"
            f" ORDER BY i.position, i.collection, i.part LIMIT {_READ_ROWS}"
        )
        after: tuple[Any, Any, Any] = (-1, "", "")
        while True:
            with self.link.reading() as connection:
                if connection is None:
                    return
                rows = connection.execute(statement, (session_id, *after)).fetchall()
            for tenant, owner, *row in rows:
                yield table.item(row, session_id=session_id, tenant=tenant, owner=owner)
            if len(rows) < _READ_ROWS:
                return
            after = (rows[-1][2], rows[-1][3], rows[-1][4])

    def sessions(self) -> Iterator[str]:
        """See `Engine.sessions`. It also checks that tables and indexes agree."""
        held = " UNION ".join(
            f"SELECT DISTINCT session FROM {table.name}"  # noqa: S608 - ours
            for table in self._distinct
        )
        with self.link.reading() as connection:
            if connection is None:
                return
            if (fault := connection.execute("PRAGMA integrity_check(1)").get) != "ok":
                raise TierCorrupt(f"The {self.tier} tier's file is damaged: {fault}.")
            rows = connection.execute(
                f"SELECT s.uuid FROM ({held}) h"  # noqa: S608 - ours
                " LEFT JOIN session s ON s.id = h.session"
            ).fetchall()
        if any(uuid is None for (uuid,) in rows):
            raise TierCorrupt(f"The {self.tier} tier has rows that belong to no session.")
        yield from (uuid for (uuid,) in rows)

    def wipe(self) -> None:
        """See `Engine.wipe`."""
        self.link.wipe()
        self._forget_ids()

    def health(self) -> Health:
        """See `Engine.health`."""
        started_s = time.perf_counter()
        try:
            self.state()
            self.link.check_writable()
        except NovaError as error:
            return Health(is_up=False, what=error.message)
        latency_ms = (time.perf_counter() - started_s) * 1_000
        return Health(is_up=True, what=self.tested_with, latency_ms=latency_ms)

    def close(self) -> None:
        """See `Engine.close`."""
        self.link.close()

    def table(self, collection: str) -> Table:
        """The table that holds a collection."""
        return self._tables.get(collection) or self._tables[""]

    def select(
        self, table: Table, where: str, bindings: Sequence[Any], *, scope: Scope, session_id: str
    ) -> list[Item]:
        """The items of one session of an owner.

        Args:
            table: the table, `i` in `where`.
            where: what follows `WHERE`, after `WITHIN`.
            bindings: for `where`.
            scope: whose.
            session_id: which session's.
        """
        with self.link.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"SELECT {table.selected} FROM {table.name} i WHERE {WITHIN}{where}",  # noqa: S608
                (session_id, scope.tenant, scope.owner, *bindings),
            ).fetchall()
        tenant, owner = scope.tenant, scope.owner
        return [table.item(row, session_id=session_id, tenant=tenant, owner=owner) for row in rows]

    def select_owned(
        self, table: Table, where: str, bindings: Sequence[Any], *, scope: Scope
    ) -> list[Item]:
        """The items of all sessions of an owner; see `select`. `OWNED` comes first."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"SELECT s.uuid, {table.selected} FROM {table.name} i"  # noqa: S608 - ours
                f" CROSS JOIN session s ON s.id = i.session WHERE {OWNED}{where}",
                (scope.tenant, scope.owner, *bindings),
            ).fetchall()
        tenant, owner = scope.tenant, scope.owner
        return [
            table.item(row, session_id=session_id, tenant=tenant, owner=owner)
            for session_id, *row in rows
        ]

    def _session(self, connection: Connection, session_id: str) -> int:
        known = self._sessions.get(session_id)
        if known is None:
            connection.execute(
                "INSERT INTO session (uuid) VALUES (?) ON CONFLICT DO NOTHING", (session_id,)
            )
            known = connection.execute("SELECT id FROM session WHERE uuid=?", (session_id,)).get
            if len(self._sessions) >= _IDS_MAX:
                self._sessions.clear()
            self._sessions[session_id] = known
        return known

    def _scope(self, connection: Connection, scope: tuple[str, str]) -> int:
        known = self._scopes.get(scope)
        if known is None:
            connection.execute(
                "INSERT INTO scope (tenant, owner) VALUES (?, ?) ON CONFLICT DO NOTHING", scope
            )
            known = connection.execute("SELECT id FROM scope WHERE tenant=? AND owner=?", scope).get
            if len(self._scopes) >= _IDS_MAX:
                self._scopes.clear()
            self._scopes[scope] = known
        return known

    def _forget_ids(self) -> None:
        """What was looked up was in a transaction that was rolled back, or in another file."""
        self._sessions.clear()
        self._scopes.clear()
