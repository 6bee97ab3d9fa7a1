"""The outbox: what must follow from a commit, written in the same transaction.

A worker takes each row and carries it out under the row's id, so that a crash in between neither
loses nor doubles it. Rows of this process wake its workers at once (`Database.listen`).
"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy

from novacore.database.database import note_put
from novacore.database.tables import OUTBOX
from novacore.kit import SystemClock, current_trace, new_id

WAITING = "waiting"
"""The state of a row that nobody has taken."""
CORRELATION = "_correlation_id"
"""Where a payload has the id of the request that caused it; not there: no request did."""


def put(
    connection: sqlalchemy.Connection,
    kind: str,
    *,
    payload: Mapping[str, Any],
    now_us: int,
    id: str | None = None,  # noqa: A002 - the row's id
    due_at_us: int | None = None,
) -> str:
    """Note a consequence of what this transaction writes.

    Args:
        connection: of `Database.begin`.
        kind: what is to be done: `mail`, `account.delete` …
        payload: plain JSON; no secret that outlives its use.
        now_us: the database's time, µs UTC.
        id: makes it happen once: a second row of the same id is not written. None: a fresh one.
        due_at_us: not before; None: now.

    Returns:
        The row's id.
    """
    key = id or str(new_id(SystemClock()))
    trace = current_trace()
    if trace is not None:
        payload = {**payload, CORRELATION: trace.correlation_id}
    exists = connection.execute(sqlalchemy.select(OUTBOX.c.id).where(OUTBOX.c.id == key)).first()
    if exists is not None:
        return key
    connection.execute(
        OUTBOX.insert().values(
            id=key,
            kind=kind,
            payload=json.dumps(payload, ensure_ascii=False),
            state=WAITING,
            attempts=0,
            created_at_us=now_us,
            due_at_us=now_us if due_at_us is None else due_at_us,
        )
    )
    note_put(connection)
    return key
