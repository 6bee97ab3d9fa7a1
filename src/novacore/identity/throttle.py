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
_LEVEL_MAX: Final = 20


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
            # Rows are made or locked in the order of their names. One that is there is touched:
            # only that keeps another transaction from removing it before it is read.
            fresh = insert(THROTTLE)
            connection.execute(
                fresh.on_conflict_do_update(
                    index_elements=[THROTTLE.c.name], set_={"name": fresh.excluded.name}
                ),
                [_fresh(name, now_us) for name in names],
            )
            found = connection.execute(
                sqlalchemy.select(THROTTLE)
                .where(THROTTLE.c.name.in_(names))
                .order_by(THROTTLE.c.name)
                .with_for_update()
            )
            rows = {row["name"]: dict(row) for row in found.mappings()}
            wait_us = max(_wait_us(rows[each.name], each, now_us=now_us) for each in ordered)
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
            for each in ("count", "window_at_us", "level", "seen_at_us")
        }
    )
)


def _fresh(name: str, now_us: int) -> dict[str, Any]:
    return {"name": name, "count": 0, "window_at_us": now_us, "level": 0, "seen_at_us": now_us}


def _wait_us(row: dict[str, Any], bucket: Bucket, *, now_us: int) -> int:
    """How long until the next attempt; not above 0: none."""
    if row["count"] < bucket.limit:
        return 0
    longest_us = max(bucket.window_us, bucket.wait_us_max)
    return row["seen_at_us"] + min(bucket.window_us << row["level"], longest_us) - now_us


def _counted(row: dict[str, Any], bucket: Bucket, *, now_us: int) -> dict[str, Any]:
    """The row after one more attempt, which need not wait.

    Attempts on somebody's own bucket count until the window was quiet from end to end, so no
    choice of moments gets more of them into one; in a shared bucket windows follow each other.
    """
    since_us = row["seen_at_us"] if bucket.is_own else row["window_at_us"]
    count, level, window_at_us = row["count"], row["level"], row["window_at_us"]
    is_full = count >= bucket.limit
    if is_full or now_us - since_us >= bucket.window_us:
        count, window_at_us = 0, now_us
        level = min(level + is_full, _LEVEL_MAX)
    if now_us - row["seen_at_us"] >= max(_FORGET_US, 2 * bucket.wait_us_max):
        level = 0
    return {
        "its_name": row["name"],
        "new_count": count + 1,
        "new_window_at_us": window_at_us,
        "new_level": level,
        "new_seen_at_us": now_us,
    }
