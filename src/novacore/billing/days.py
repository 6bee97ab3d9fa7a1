"""UTC days: a call belongs to the day on which it was admitted, so no job ever resets anything."""

import datetime as dt
from typing import Final

DAY_US: Final = 86_400_000_000
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


def day_of(at_us: int) -> str:
    """The UTC day of a moment, as YYYY-MM-DD."""
    return dt.date.fromordinal(_EPOCH + at_us // DAY_US).isoformat()


def ends_at_us(at_us: int) -> int:
    """The first moment of the next UTC day, µs."""
    return (at_us // DAY_US + 1) * DAY_US


def earlier(day: str, days: int) -> str:
    """The day so many days before."""
    return (dt.date.fromisoformat(day) - dt.timedelta(days=days)).isoformat()
