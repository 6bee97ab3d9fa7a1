"""What goes with time: what ran out is removed, the signing key is replaced when it is old."""

from typing import Any, Final

import sqlalchemy

from novacore.identity.parts import DAY_US, HOUR_US, Parts
from novacore.identity.signing import KeyRing
from novacore.identity.tables import (
    ACCOUNT,
    CHANGE,
    DEVICE,
    KEY,
    REFRESH,
    SESSION,
    THROTTLE,
    TICKET,
    WORD,
)

_DEVICE_DAYS: Final = 400
"""As long as a browser keeps a cookie."""
_REPLACED_DAYS: Final = 7
"""Use of a replaced refresh token is noticed for so long."""
_THROTTLE_DAYS: Final = 8
"""Longer than the longest wait that can be set."""
_ROWS_MAX: Final = 500
"""Rows that one transaction removes, so that nobody waits long for it."""


def clean_up(parts: Parts, ring: KeyRing) -> dict[str, int]:
    """Remove what ran out; replace the signing key where it is old. Doing it again is harmless.

    Returns:
        How many rows of each kind went.
    """
    now_us = parts.now_us()
    idle_us = parts.config.session_idle_days * DAY_US
    wanted: list[tuple[str, Any, Any, Any, int]] = [
        ("sessions", SESSION, SESSION.c.id, SESSION.c.expires_at_us, now_us),
        ("sessions", SESSION, SESSION.c.id, SESSION.c.ended_at_us, now_us - DAY_US),
        ("sessions", SESSION, SESSION.c.id, SESSION.c.last_used_at_us, now_us - idle_us),
        (
            "refresh_tokens",
            REFRESH,
            REFRESH.c.digest,
            REFRESH.c.replaced_at_us,
            now_us - _REPLACED_DAYS * DAY_US,
        ),
        ("tickets", TICKET, TICKET.c.digest, TICKET.c.expires_at_us, now_us - DAY_US),
        (
            "throttles",
            THROTTLE,
            THROTTLE.c.name,
            THROTTLE.c.seen_at_us,
            now_us - _THROTTLE_DAYS * DAY_US,
        ),
        (
            "devices",
            DEVICE,
            DEVICE.c.digest,
            DEVICE.c.last_used_at_us,
            now_us - _DEVICE_DAYS * DAY_US,
        ),
        ("changes", CHANGE, CHANGE.c.generation, CHANGE.c.at_us, now_us - HOUR_US),
    ]
    gone: dict[str, int] = {}
    for what, table, key, moment, before_us in wanted:
        removed = _sweep(parts, table, key=key, moment=moment, before_us=before_us)
        gone[what] = gone.get(what, 0) + removed
    with parts.database.begin() as connection:
        ring.clean_up(connection)
        is_due = ring.is_due(connection, age_us=parts.config.signing_key_days * DAY_US)
    if is_due:
        ring.rotate()
    return gone


def _sweep(parts: Parts, table: Any, *, key: Any, moment: Any, before_us: int) -> int:
    """Remove the rows whose moment is past, a few at a time, each found by an index."""
    count = 0
    past = moment < before_us
    while True:
        with parts.database.begin() as connection:
            found = sqlalchemy.select(key).where(past).order_by(moment).limit(_ROWS_MAX)
            keys = list(connection.execute(found).scalars())
            if keys:
                # What was used meanwhile stays, with its tokens.
                gone = connection.execute(
                    table.delete().where(key.in_(keys), past).returning(key)
                ).scalars()
                removed = list(gone)
                count += len(removed)
                if table is SESSION:
                    connection.execute(REFRESH.delete().where(REFRESH.c.session_id.in_(removed)))
        if len(keys) < _ROWS_MAX:
            return count


def erase(parts: Parts, account_id: str) -> None:
    """Remove every row of a deleted account. Doing it again is harmless."""
    with parts.changes.of(account_id) as connection:
        mine = sqlalchemy.select(SESSION.c.id).where(SESSION.c.account_id == account_id)
        connection.execute(REFRESH.delete().where(REFRESH.c.session_id.in_(mine)))
        for table in (SESSION, DEVICE, KEY, TICKET, WORD):
            connection.execute(table.delete().where(table.c.account_id == account_id))
        connection.execute(
            ACCOUNT.delete().where(ACCOUNT.c.id == account_id, ACCOUNT.c.deleted_at_us.isnot(None))
        )
