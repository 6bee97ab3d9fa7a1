"""The times that a question speaks of: "on 7 May 2023", "last March", "yesterday", "2023-05-07".

All in UTC. A time without a year ("in August") is any year's.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from novacore.memory.recall.words import MONTHS, NUMBER_WORDS, SEASONS, WEEKDAYS

_DAY = dt.timedelta(days=1)
_US_PER_S: Final = 1_000_000
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(WEEKDAYS)
_SEASON = "|".join(SEASONS)
_NUMBER = "|".join([r"\d{1,3}", *NUMBER_WORDS, "an?", "few", "several"])

_FULL = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m1>{_MONTH})\.?"
    rf"|(?P<m2>{_MONTH})\.? (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:))"
    r"(?:,? (?P<y>(?:19|20)\d\d))?\b"
)
_ISO = re.compile(r"\b(?P<y>(?:19|20)\d\d)[-/.](?P<m>\d{1,2})(?:[-/.](?P<d>\d{1,2}))?\b")
_WIDE_DATE = re.compile(r"(?:(?P<y>\d{4})年)?(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})[日号])?")
_MONTH_YEAR = re.compile(rf"\b(?P<m>{_MONTH})\.?,? (?:of )?(?P<y>(?:19|20)\d\d)\b")
_LAST = re.compile(
    rf"\b(?P<which>last|this|past|previous) "
    rf"(?P<what>{_MONTH}|{_WEEKDAY}|{_SEASON}|week|weekend|month|year)\b"
)
_AGO = re.compile(rf"\b(?P<n>{_NUMBER}) (?P<what>day|week|month|year)s? ago\b")
_NEAR = re.compile(r"\b(?P<what>today|yesterday|tonight|this morning|last night)\b")
_BARE_MONTH = re.compile(
    r"\b(?:in|during|of|by|since|until|before|after|early|late|mid|this|for) "
    rf"(?:early |late |mid-?)?(?P<m>{_MONTH})\b"
)
_YEAR = re.compile(r"\b(?:in|during|of|since|until|before|after|year) (?P<y>(?:19|20)\d\d)\b")


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time that a question names."""

    start_us: int
    """Its begin, µs UTC; 0 where it is of any year."""
    end_us: int
    """The first moment after it."""
    month: int = 0
    """Of any year: the month, 1 to 12; 0: `start_us` and `end_us` say when."""
    day: int = 0
    """Of any year: the day of the month; 0: all of it."""


def find_times(text: str, *, now_us: int) -> tuple[When, ...]:
    """The times that a text names, the precise ones first; "last March" is seen from `now_us`."""
    lowered = text.lower()
    now = dt.datetime.fromtimestamp(now_us / _US_PER_S, dt.UTC)
    found: list[When] = []

    def take(match: re.Match[str]) -> str:
        when = _read(match, now)
        if when is not None:
            found.append(when)
            return " " * (match.end() - match.start())
        return match.group()

    for pattern in (
        _FULL, _ISO, _WIDE_DATE, _MONTH_YEAR, _AGO, _LAST, _NEAR, _YEAR, _BARE_MONTH
    ):  # fmt: skip
        lowered = pattern.sub(take, lowered)
    return tuple(dict.fromkeys(found))


def _read(match: re.Match[str], now: dt.datetime) -> When | None:
    facts = match.groupdict()
    what = facts.get("what")
    try:
        if match.re is _AGO:
            return _ago(facts["n"], facts["what"], now)
        if match.re is _LAST:
            return _last(facts["which"], facts["what"], now)
        if what is not None:
            back = 1 if what in ("yesterday", "last night") else 0
            return _days(_midnight(now) - back * _DAY, 1)
        month = facts.get("m") or facts.get("m1") or facts.get("m2") or ""
        number = MONTHS.get(month) or (int(month) if month.isdigit() else 0)
        day = int(facts.get("d") or facts.get("d1") or facts.get("d2") or 0)
        year = int(facts.get("y") or 0)
        return _calendar(year, number, day)
    except (ValueError, OverflowError):
        return None


def _calendar(year: int, month: int, day: int) -> When | None:
    if not year:
        if not 1 <= month <= 12 or day > 31:
            return None
        return When(0, 0, month, day)
    if not month:
        return _span(dt.datetime(year, 1, 1, tzinfo=dt.UTC), _month(year + 1, 1))
    if not day:
        return _span(_month(year, month), _month(year, month + 1))
    return _days(dt.datetime(year, month, day, tzinfo=dt.UTC), 1)


def _last(which: str, what: str, now: dt.datetime) -> When:
    today = _midnight(now)
    is_last = which != "this"
    if what in WEEKDAYS:
        back = (today.weekday() - WEEKDAYS[what]) % 7
        return _days(today - (back or 7 * is_last) * _DAY, 1)
    if what in ("week", "weekend"):
        monday = today - (today.weekday() + 7 * is_last) * _DAY
        return _days(monday, 7) if what == "week" else _days(monday + 5 * _DAY, 2)
    if what == "month":
        return _span(
            _month(now.year, now.month - is_last), _month(now.year, now.month + 1 - is_last)
        )
    if what == "year":
        return _span(_month(now.year - is_last, 1), _month(now.year + 1 - is_last, 1))
    first, last = SEASONS.get(what) or (MONTHS[what], MONTHS[what])
    year = now.year if _month(now.year, first) <= now else now.year - 1
    if is_last and what in MONTHS and first == now.month:
        year -= 1
    return _span(_month(year, first), _month(year, first + (last - first) % 12 + 1))


def _ago(number: str, what: str, now: dt.datetime) -> When:
    count = (
        int(number) if number.isdigit() else NUMBER_WORDS.get(number, 3 if number[0] in "fs" else 1)
    )
    today = _midnight(now)
    if what == "day":
        return _days(today - count * _DAY, 1)
    if what == "week":
        return _days(today - (7 * count + 3) * _DAY, 7)
    if what == "month":
        return _span(_month(now.year, now.month - count), _month(now.year, now.month - count + 1))
    return _span(_month(now.year - count, 1), _month(now.year - count + 1, 1))


def _month(year: int, month: int) -> dt.datetime:
    """The first of a month; month 0 is the December before, month 13 the January after."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return dt.datetime(year, month, 1, tzinfo=dt.UTC)


def _midnight(now: dt.datetime) -> dt.datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(start: dt.datetime, count: int) -> When:
    return _span(start, start + count * _DAY)


def _span(start: dt.datetime, end: dt.datetime) -> When:
    return When(int(start.timestamp()) * _US_PER_S, int(end.timestamp()) * _US_PER_S)
