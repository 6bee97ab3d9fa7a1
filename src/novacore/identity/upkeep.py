"""What goes with time: what ran out is removed, the signing key is replaced when it is old."""

from typing import Any

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
)

_DEVICE_US = 400 * DAY_US
"""As long as a browser keeps a cookie."""


def clean_up(parts: Parts, ring: KeyRing) -> dict[str, int]:
    """Remove what ran out; replace the signing key where it is old. Doing it again is harmless.

    Returns:
        How many rows of each kind went.
    """
    now_us = parts.now_us()
    idle_us = parts.config.session_idle_days * DAY_US
    over = (
        SESSION.c.expires_at_us < now_us,
        SESSION.c.ended_at_us < now_us - DAY_US,
        SESSION.c.last_used_at_us < now_us - idle_us,
    )
    rotated_before_us = now_us - 7 * DAY_US
    # One statement for each reason, so that each finds its rows by an index.
    statements = [
        *(
            ("refresh_tokens", REFRESH.delete().where(REFRESH.c.session_id.in_(_ids(each))))
            for each in over
        ),
        ("refresh_tokens", REFRESH.delete().where(REFRESH.c.replaced_at_us < rotated_before_us)),
        *(("sessions", SESSION.delete().where(each)) for each in over),
        ("tickets", TICKET.delete().where(TICKET.c.expires_at_us < now_us - DAY_US)),
        # Longer than the longest wait that can be set.
        ("throttles", THROTTLE.delete().where(THROTTLE.c.seen_at_us < now_us - 8 * DAY_US)),
        (
            "devices",
            DEVICE.delete().where(DEVICE.c.last_used_at_us < now_us - _DEVICE_US),
        ),
        ("changes", CHANGE.delete().where(CHANGE.c.at_us < now_us - HOUR_US)),
    ]
    with parts.database.begin() as connection:
        gone = dict.fromkeys((what for what, _ in statements), 0)
        for what, each in statements:
            gone[what] += connection.execute(each).rowcount
        ring.clean_up(connection)
        is_due = ring.is_due(connection, age_us=parts.config.signing_key_days * DAY_US)
    if is_due:
        ring.rotate()
    return gone


def _ids(condition: sqlalchemy.ColumnElement[bool]) -> sqlalchemy.Select[Any]:
    return sqlalchemy.select(SESSION.c.id).where(condition)


def erase(parts: Parts, account_id: str) -> None:
    """Remove every row of a deleted account. Doing it again is harmless."""
    with parts.changes.of(account_id) as connection:
        mine = sqlalchemy.select(SESSION.c.id).where(SESSION.c.account_id == account_id)
        connection.execute(REFRESH.delete().where(REFRESH.c.session_id.in_(mine)))
        for table in (SESSION, DEVICE, KEY, TICKET):
            connection.execute(table.delete().where(table.c.account_id == account_id))
        connection.execute(
            ACCOUNT.delete().where(ACCOUNT.c.id == account_id, ACCOUNT.c.deleted_at_us.isnot(None))
        )
