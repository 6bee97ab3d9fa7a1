"""A moment as a person writes it."""

import datetime as dt

from novacore.cli import errors


def read_moment(text: str) -> int:
    """µs UTC of a date or time in ISO 8601; without a zone it is the user's own.

    Raises:
        UsageWrong: it is none.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise errors.UsageWrong(
            f"{text!r} is no time.", hint="Write it as 2026-03-31 or 2026-03-31T18:00."
        ) from None
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (moment.astimezone(dt.UTC) - epoch) // dt.timedelta(microseconds=1)
