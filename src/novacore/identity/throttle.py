"""Counts attempts before they are made, so that any number at once count one by one.

An attempt takes from several buckets, in one transaction: from all of them or from none. A full
bucket makes wait, and each time longer; whoever waits adds nothing. What succeeds is given back.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from novacore import database, kit
from novacore.identity.errors import Throttled
from novacore.identity.tables import THROTTLE

_FORGET_US: Final = 24 * 3_600 * 1_000_000
"""A bucket that was left alone for so long begins with the shortest wait again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bucket:
    """What one sort of attempt is counted in."""

    name: str
    limit: int
    """Attempts in a window."""
    window_us: int
    wait_us_max: int
    """The longest wait; no longer than the window: waits do not grow."""
    is_own: bool = False
    """It belongs to whom it is about: success empties it. Else success gives back one attempt."""


class Throttle:
    """Attempts, counted for all processes. If the database is away, no attempt is allowed."""

    def __init__(self, db: database.Database, *, clock: kit.Clock) -> None:
        self._database = db
        self._clock = clock

    def take(self, buckets: Sequence[Bucket]) -> None:
        """Count one attempt in every bucket.

        Raises:
            Throttled: one is full; nothing was counted.
        """
        ordered = sorted(buckets, key=lambda each: each.name)
        names = [each.name for each in ordered]
        with self._database.begin() as connection:
            now_us = self._clock.now_us()
            insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            # Rows that are there can be locked, in the order of their names.
            connection.execute(
                insert(THROTTLE).on_conflict_do_nothing(),
                [_fresh(name, now_us) for name in names],
            )
            found = connection.execute(
                sqlalchemy.select(THROTTLE)
                .where(THROTTLE.c.name.in_(names))
                .order_by(THROTTLE.c.name)
                .with_for_update()
            )
            rows = {row["name"]: dict(row) for row in found.mappings()}
            wait_us = max(rows[name]["blocked_until_us"] - now_us for name in names)
            if wait_us > 0:
                raise Throttled(retry_after_s=-(-wait_us // 1_000_000))
            connection.execute(
                _UPDATE, [_counted(rows[each.name], each, now_us=now_us) for each in ordered]
            )

    def give_back(self, connection: sqlalchemy.Connection, buckets: Sequence[Bucket]) -> None:
        """Take back what `take` counted, in the transaction of what succeeded."""
        for each in sorted(buckets, key=lambda bucket: bucket.name):
            if each.is_own:
                connection.execute(THROTTLE.delete().where(THROTTLE.c.name == each.name))
            else:
                connection.execute(
                    THROTTLE.update()
                    .where(THROTTLE.c.name == each.name, THROTTLE.c.count > 0)
                    .values(count=THROTTLE.c.count - 1)
                )


_UPDATE: Final = (
    THROTTLE.update()
    .where(THROTTLE.c.name == sqlalchemy.bindparam("its_name"))
    .values(
        {
            each: sqlalchemy.bindparam(f"new_{each}")
            for each in ("count", "window_at_us", "blocked_until_us", "level", "seen_at_us")
        }
    )
)


def _fresh(name: str, now_us: int) -> dict[str, Any]:
    return {
        "name": name,
        "count": 0,
        "window_at_us": now_us,
        "blocked_until_us": 0,
        "level": 0,
        "seen_at_us": now_us,
    }


def _counted(row: dict[str, Any], bucket: Bucket, *, now_us: int) -> dict[str, Any]:
    """The row after one more attempt.

    Attempts on somebody's own bucket count until the window was quiet from end to end, so no
    choice of moments gets more of them into one; in a shared bucket windows follow each other.
    """
    quiet_since_us = row["seen_at_us"] if bucket.is_own else row["window_at_us"]
    level = 0 if now_us - row["seen_at_us"] >= _FORGET_US else row["level"]
    count, window_at_us = row["count"], row["window_at_us"]
    if now_us - quiet_since_us >= bucket.window_us:
        count, window_at_us = 0, now_us
    count += 1
    blocked_until_us = 0
    if count >= bucket.limit:
        wait_us = min(bucket.window_us << level, max(bucket.window_us, bucket.wait_us_max))
        blocked_until_us = now_us + wait_us
        count, window_at_us, level = 0, blocked_until_us, min(level + 1, 20)
    return {
        "its_name": row["name"],
        "new_count": count,
        "new_window_at_us": window_at_us,
        "new_blocked_until_us": blocked_until_us,
        "new_level": level,
        "new_seen_at_us": now_us,
    }
