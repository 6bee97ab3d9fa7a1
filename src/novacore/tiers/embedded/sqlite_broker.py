"""The broker tier on SQLite: a log of events, and how far each named consumer has come.

What a consumer was given waits in `pending` until it is acknowledged: the same reader is given it
again at once, another one when the first is closed, or after a while. As long as an event of a
session is with one reader, no other is given later ones of that session: so each session's events
come in order, also to several processes that share a consumer's name. How far a consumer has come
counts in the order of storing: an event that was set aside and comes late is given too.
"""

import contextlib
import json
import time
import uuid
from typing import Any, Final

from novacore.journal import Erased, Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import SQLiteTier
from novacore.tiers.errors import TierError
from novacore.tiers.model import Batch, Item
from novacore.tiers.place import Place
from novacore.tiers.reading import Delivery
from novacore.tiers.sqlite_link import Connection

REDELIVER_MS: Final = 30_000
"""After so long an event that was not acknowledged is given to another reader."""
PENDING_MAX: Final = 10_000
"""Events of one consumer that may wait; then it is given new ones only after acknowledging."""

_POLL_S: Final = 0.02
_TABLE: Final = Table(
    name="event",
    columns={
        "subject": "text",
        "entry_id": "text",
        "kind": "text",
        "actor": "text",
        "said_at_us": "integer",
        "workspace": "text",
        "session_name": "text",
        "parent_id": "text",
        "forked_at": "integer",
        "body": "text",
        "mark": "text",
        "reference": "text",
        "sha256": "text",
    },
    indexes={"owned": "(scope)"},
)
_CONSUMERS: Final = """
CREATE TABLE consumer (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, taken INTEGER NOT NULL);
CREATE TABLE pending (
    consumer INTEGER NOT NULL, sequence INTEGER NOT NULL, event INTEGER NOT NULL,
    session INTEGER NOT NULL, until_us INTEGER NOT NULL, reader TEXT NOT NULL,
    PRIMARY KEY (consumer, sequence, event)) WITHOUT ROWID;
CREATE INDEX pending_session ON pending (consumer, session, sequence, until_us);
CREATE INDEX pending_event ON pending (event);
"""
_READY: Final = """
SELECT p.event FROM pending p
WHERE p.consumer = ?1 AND (p.until_us <= ?2 OR p.reader = ?3) AND NOT EXISTS (
    SELECT 1 FROM pending q WHERE q.consumer = p.consumer AND q.session = p.session
        AND q.sequence < p.sequence AND q.until_us > ?2 AND q.reader <> ?3)
ORDER BY p.sequence, p.event LIMIT ?4
"""


class SQLiteBroker(SQLiteTier):
    """See `Engine` and `BrokerReads`.

    Args:
        place: its folder and limits.
        redeliver_ms: after so long an event that was not acknowledged is given to another reader.
    """

    def __init__(self, place: Place, *, redeliver_ms: int = REDELIVER_MS) -> None:
        super().__init__(place, tier="broker", tables={"": _TABLE}, more=_CONSUMERS)
        self._redeliver_us = redeliver_ms * 1_000
        self._reader = uuid.uuid4().hex
        self._has_read = False

    def fetch(
        self, consumer: str, *, scope: Scope | None = None, limit: int = 100, wait_ms: int = 0
    ) -> list[Delivery]:
        """See `BrokerReads.fetch`. A consumer's scope is part of its name."""
        name = json.dumps([consumer] if scope is None else [consumer, scope.tenant, scope.owner])
        until_s = time.monotonic() + wait_ms / 1_000
        while True:
            found = self._fetch(name, scope, max(limit, 0)) if self._may_have(name) else []
            if found or time.monotonic() >= until_s:
                return found
            time.sleep(_POLL_S)

    def ack(self, consumer: str, token: Any) -> None:
        """See `BrokerReads.ack`. Acknowledging twice is acknowledging once."""
        with self.link.transaction() as connection:
            connection.execute(
                "DELETE FROM pending WHERE consumer = ? AND sequence = ? AND event = ?",
                tuple(token),
            )

    def close(self) -> None:
        """See `Engine.close`. What was not acknowledged is given to the next reader at once."""
        if self._has_read and self.link.path.exists():
            self._has_read = False
            with contextlib.suppress(TierError), self.link.transaction() as connection:
                connection.execute(
                    "UPDATE pending SET until_us = 0, reader = '' WHERE reader = ?", (self._reader,)
                )
        super().close()

    def _may_have(self, name: str) -> bool:
        """Whether a look is worth a transaction: something new, or something given long ago."""
        with self.link.reading() as connection:
            if connection is None:
                return False
            row = connection.execute(
                "SELECT id, taken FROM consumer WHERE name = ?", (name,)
            ).fetchone()
            if row is None:
                return True
            if (connection.execute("SELECT max(id) FROM event").get or 0) > row[1]:
                return True
            return bool(
                connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM pending WHERE consumer = ?"
                    " AND (until_us <= ? OR reader = ?))",
                    (row[0], time.time_ns() // 1_000, self._reader),
                ).get
            )

    def _fetch(self, name: str, scope: Scope | None, limit: int) -> list[Delivery]:
        now_us = time.time_ns() // 1_000
        with self.link.transaction() as connection:
            connection.execute(
                "INSERT INTO consumer (name, taken) VALUES (?, 0) ON CONFLICT DO NOTHING", (name,)
            )
            row = connection.execute("SELECT id, taken FROM consumer WHERE name=?", (name,))
            consumer, taken = row.fetchone()
            ready = self._ready(connection, consumer, now_us, limit)
            while len(ready) < limit and self._take(connection, consumer, taken, scope, limit):
                taken = connection.execute(
                    "SELECT taken FROM consumer WHERE id = ?", (consumer,)
                ).get
                ready = self._ready(connection, consumer, now_us, limit)
            connection.executemany(
                "UPDATE pending SET until_us = ?, reader = ? WHERE consumer = ? AND event = ?",
                [(now_us + self._redeliver_us, self._reader, consumer, event) for event in ready],
            )
            self._has_read = True
            return [self._delivery(connection, consumer, event) for event in ready]

    def _ready(self, connection: Connection, consumer: int, now_us: int, limit: int) -> list[int]:
        rows = connection.execute(_READY, (consumer, now_us, self._reader, limit)).fetchall()
        return [event for (event,) in rows]

    def _take(
        self, connection: Connection, consumer: int, taken: int, scope: Scope | None, limit: int
    ) -> int:
        """Let the next events wait for the consumer; returns how many it was."""
        waiting = connection.execute(
            "SELECT count(*) FROM pending WHERE consumer = ?", (consumer,)
        ).get
        room = min(limit, PENDING_MAX - waiting)
        if room <= 0:
            return 0
        where, bindings = "", (taken,)
        if scope is not None:
            where = " AND scope = (SELECT id FROM scope WHERE tenant = ? AND owner = ?)"
            bindings = (taken, scope.tenant, scope.owner)
        rows = connection.execute(
            f"SELECT sequence, id, session FROM event WHERE id > ?{where}"  # noqa: S608 - ours
            " ORDER BY id LIMIT ?",
            (*bindings, room),
        ).fetchall()
        if rows:
            connection.executemany(
                "INSERT INTO pending VALUES (?, ?, ?, ?, 0, '') ON CONFLICT DO NOTHING",
                [(consumer, sequence, event, session) for sequence, event, session in rows],
            )
            connection.execute(
                "UPDATE consumer SET taken = ? WHERE id = ?", (rows[-1][1], consumer)
            )
        return len(rows)

    def _delivery(self, connection: Connection, consumer: int, event: int) -> Delivery:
        session_id, tenant, owner, *row = connection.execute(
            f"SELECT s.uuid, c.tenant, c.owner, {_TABLE.selected} FROM event i"  # noqa: S608 - ours
            " JOIN session s ON s.id = i.session JOIN scope c ON c.id = i.scope WHERE i.id = ?",
            (event,),
        ).fetchone()
        item: Item = _TABLE.item(row, session_id=session_id, tenant=tenant, owner=owner)
        subject = str(item.value.get("subject", ""))
        return Delivery(subject=subject, item=item, token=(consumer, item.sequence, event))

    def _store(self, connection: Connection, batch: Batch) -> None:
        super()._store(connection, batch)
        if batch.forget_before_us:
            connection.execute("DELETE FROM pending WHERE event NOT IN (SELECT id FROM event)")

    def _erase(self, connection: Connection, erased: Erased) -> int:
        gone = super()._erase(connection, erased)
        if gone:
            connection.execute("DELETE FROM pending WHERE event NOT IN (SELECT id FROM event)")
        return gone
