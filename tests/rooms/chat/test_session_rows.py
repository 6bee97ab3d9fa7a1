"""The rows of conversations on each database: listed in order, claimed by one, changed in order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests import migrated

from novacore import chat, database, kit
from novacore.chat.session_rows import SessionRows


@pytest.fixture(params=["sqlite", "postgres"])
def rows(
    request: pytest.FixtureRequest, tmp_path: Path, clock: kit.FixedClock
) -> Iterator[SessionRows]:
    place: Any = tmp_path / "business.db"
    if request.param == "postgres":
        place = request.getfixturevalue("postgres_server").new_schema()
    opened = database.Database(place, clock=clock)
    migrated.make_tables(opened, [chat.FOLDER])
    yield SessionRows(opened)
    opened.close()


def row(number: int, **facts: Any) -> chat.SessionFacts:
    plain: dict[str, Any] = {
        "id": f"s{number:02}",
        "account_id": "ada",
        "title": f"Title {number}",
        "title_by": "person",
        "is_pinned": False,
        "is_archived": False,
        "model": "",
        "messages": 0,
        "created_at_us": 1,
        "updated_at_us": number // 2,
        "active_stream": None,
    }
    return chat.SessionFacts(**plain | facts)


def ids(page: chat.SessionPage) -> list[str]:
    return [each.id for each in page.sessions]


def test_pages_hold_every_row_once_pinned_first_also_where_times_are_the_same(
    rows: SessionRows,
) -> None:
    rows.put([row(at) for at in range(9)] + [row(20, account_id="bob")])
    for at in (3, 4):
        rows.patch(f"s{at:02}", chat.StatePatch(is_pinned=True), sequence=at)
    found: list[str] = []
    after = None
    while True:
        page = rows.page("ada", is_archived=False, after=after, limit=2)
        found += ids(page)
        after = page.next_after
        if after is None:
            break
    assert found == ["s04", "s03", "s08", "s07", "s06", "s05", "s02", "s01", "s00"]


def test_a_search_takes_signs_as_they_are(rows: SessionRows) -> None:
    rows.put([row(1, title="50 % off"), row(2, title="50 x off"), row(3, title="ÄPFEL_1")])
    assert ids(rows.page("ada", is_archived=False, title="50 %")) == ["s01"]
    assert ids(rows.page("ada", is_archived=False, title="äpfel_")) == ["s03"]
    assert ids(rows.page("ada", is_archived=False, title="nothing", among={"s02"})) == ["s02"]


def test_one_of_many_has_a_claim(rows: SessionRows) -> None:
    rows.put([row(1)])
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda at: rows.claim("s01", f"stream{at}"), range(16)))
    assert won.count(True) == 1
    mine = f"stream{won.index(True)}"
    rows.let_go("s01", "somebody else's", messages=1, at_us=2)
    assert [each.active_stream for each in rows.active()] == [mine]
    rows.let_go("s01", mine, messages=7, at_us=8)
    found = rows.find("ada", "s01")
    assert found is not None
    assert (found.active_stream, found.messages, found.updated_at_us) == (None, 7, 8)


def test_changes_count_in_the_journals_order_however_they_come(rows: SessionRows) -> None:
    rows.put([row(1)])
    rows.patch("s01", chat.StatePatch(title="Later"), sequence=9)
    rows.patch("s01", chat.StatePatch(title="Earlier", is_pinned=True), sequence=5)
    rows.put([row(1, title="Named anew", messages=3, updated_at_us=99)])
    found = rows.find("ada", "s01")
    assert found is not None
    assert (found.title, found.is_pinned, found.messages, found.updated_at_us) == (
        "Later", False, 3, 99,
    )  # fmt: skip


def test_what_says_nothing_new_waits_for_no_writer_and_what_does_is_written(
    rows: SessionRows,
) -> None:
    rows.put([row(1, messages=2)])
    with rows._db.begin():
        rows.put([row(1, messages=2), row(1, messages=2, updated_at_us=0)])
    rows.put([row(1, messages=4)])
    found = rows.find("ada", row(1).id)
    assert found is not None
    assert found.messages == 4


def test_what_was_deleted_stays_away(rows: SessionRows) -> None:
    rows.put([row(1), row(2)])
    rows.set_feedback("ada", "s01", 3, chat.Feedback(rating="up", comment=""))
    rows.delete("s01")
    rows.put([row(1, updated_at_us=99)])
    assert rows.find("ada", "s01") is None
    assert ids(rows.page("ada", is_archived=False)) == ["s02"]
    assert rows.deleted("ada") == {"s01"}
    assert rows.feedback_of("ada") == []
    rows.delete_account("ada")
    assert rows.deleted("ada") == frozenset()
    assert ids(rows.page("ada", is_archived=False)) == []


def test_another_accounts_row_is_not_found(rows: SessionRows) -> None:
    rows.put([row(1)])
    assert rows.find("bob", "s01") is None
