"""The times that a question names, seen from Monday 2024-06-10."""

import datetime as dt

import pytest
from tests.rooms.memory.recall.conftest import NOW_US

from novacore.memory.recall.dates import find_times


def _spans(text: str) -> list[tuple[str, str]]:
    return [
        tuple(
            dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC).date().isoformat()
            for at in (when.start_us, when.end_us)
        )
        for when in find_times(text, now_us=NOW_US)
        if not when.month
    ]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("on 7 May 2023", "2023-05-07", "2023-05-08"),
        ("on May 7th, 2023", "2023-05-07", "2023-05-08"),
        ("the 7th of May 2023", "2023-05-07", "2023-05-08"),
        ("2023-05-07", "2023-05-07", "2023-05-08"),
        ("2023年5月7日", "2023-05-07", "2023-05-08"),
        ("in May 2023", "2023-05-01", "2023-06-01"),
        ("in December 2023", "2023-12-01", "2024-01-01"),
        ("in 2022", "2022-01-01", "2023-01-01"),
        ("last March", "2024-03-01", "2024-04-01"),
        ("last June", "2023-06-01", "2023-07-01"),
        ("last August", "2023-08-01", "2023-09-01"),
        ("last year", "2023-01-01", "2024-01-01"),
        ("last month", "2024-05-01", "2024-06-01"),
        ("last week", "2024-06-03", "2024-06-10"),
        ("last weekend", "2024-06-08", "2024-06-10"),
        ("this week", "2024-06-10", "2024-06-17"),
        ("last Friday", "2024-06-07", "2024-06-08"),
        ("last Monday", "2024-06-03", "2024-06-04"),
        ("last winter", "2023-12-01", "2024-03-01"),
        ("yesterday", "2024-06-09", "2024-06-10"),
        ("three days ago", "2024-06-07", "2024-06-08"),
        ("two months ago", "2024-04-01", "2024-05-01"),
        ("a year ago", "2023-01-01", "2024-01-01"),
    ],
)
def test_a_time_is_understood(text: str, start: str, end: str) -> None:
    assert _spans(f"What happened {text}?") == [(start, end)]


def test_a_month_without_a_year_is_any_years() -> None:
    (when,) = find_times("What did we do in August?", now_us=NOW_US)
    assert (when.month, when.day) == (8, 0)
    (when,) = find_times("the party on 3 October", now_us=NOW_US)
    assert (when.month, when.day) == (10, 3)


@pytest.mark.parametrize(
    "text",
    ["You may march on", "version 1.2.3", "99999 days ago", "2023-13-45"],
)
def test_what_is_no_time_gives_none(text: str) -> None:
    assert _spans(text) == []
