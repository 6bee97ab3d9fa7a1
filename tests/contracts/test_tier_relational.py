"""What the relational tier is read for: see `RelationalReads`."""

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import MINUTE_US, START_US, odd_records, record, said, session_id

from novacore.journal import Scope
from novacore.tiers.projections.record_text import body_of

ME = Scope()
TALK = session_id("talk")


@pytest.fixture(params=of_tier("relational"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def rows(stage):
    return stage.open()


def texts(items):
    return [body_of(item)["content"] for item in items]


def test_the_newest_rows_of_a_session_come_in_its_order(stage, rows):
    records = [said(str(at), position=at, said_at_us=START_US - at) for at in range(30)]
    rows.apply(stage.batch(records))
    found = rows.rows(ME, "message", session_id=TALK, limit=12)
    assert texts(found) == [str(at) for at in range(18, 30)]


def test_the_rows_of_all_sessions_come_in_the_order_in_which_they_were_said(stage, rows):
    records = [
        said(str(at), position=0, sequence=at + 1, session=f"s{at}", said_at_us=START_US + at)
        for at in (3, 1, 2, 0)
    ]
    rows.apply(stage.batch(records))
    assert texts(rows.rows(ME, "message")) == ["0", "1", "2", "3"]
    assert texts(rows.rows(ME, "message", limit=2)) == ["2", "3"]


def test_rows_are_chosen_by_when_they_were_said_not_by_when_they_were_imported(stage, rows):
    years = [said(str(at), position=at, said_at_us=START_US - at * MINUTE_US) for at in range(10)]
    rows.apply(stage.batch(years))
    chosen = {"since_us": START_US - 6 * MINUTE_US, "until_us": START_US - 2 * MINUTE_US}
    assert sorted(texts(rows.rows(ME, "message", **chosen))) == ["3", "4", "5", "6"]
    assert sorted(texts(rows.rows(ME, "message", session_id=TALK, **chosen))) == list("3456")


def test_each_kind_has_its_rows_with_columns(stage, rows):
    records = odd_records()
    rows.apply(stage.batch(records))
    (usage,) = rows.rows(ME, "usage")
    assert (usage.value["input_tokens"], usage.value["model"]) == (12, "m")
    (decision,) = rows.rows(ME, "decision", session_id=TALK)
    assert (decision.value["type"], decision.value["effect"]) == ("permission", "allow")
    created, expired = rows.rows(ME, "memory")
    assert (created.value["text"], expired.value["state"]) == ("Ada likes tea.", "expired")
    (other,) = rows.rows(ME, "entry")
    assert other.value["kind"] == "thing-of-tomorrow"
    call, result = rows.rows(ME, "message", session_id=TALK, limit=100)[1:3]
    assert call.value["thinking"] == "The user wants src/engine.py."
    assert "call_1" in call.value["tool_calls"]
    assert (result.value["tool_call_id"], result.value["name"]) == ("call_1", "read_file")
    assert (result.value["workspace"], result.value["session_name"]) == ("/home/ada/engine", "talk")


def test_rows_are_counted_over_time(stage, rows):
    said_at = [START_US, START_US + 1, START_US + 3 * MINUTE_US, -5]
    records = [said("x", position=at, said_at_us=us) for at, us in enumerate(said_at)]
    rows.apply(stage.batch([*records, record({}, position=9, kind="usage")]))
    start = START_US - START_US % MINUTE_US
    assert rows.counts(ME, "message", bucket_us=MINUTE_US) == [
        (-MINUTE_US, 1),
        (start, 2),
        (start + 3 * MINUTE_US, 1),
    ]


def test_rows_of_another_owner_are_neither_given_nor_counted(stage, rows):
    rows.apply(stage.batch([said("mine", owner="user/1"), said("b", session="b", sequence=9)]))
    for other in (Scope(owner="user/10"), Scope(owner="user"), Scope(tenant="x", owner="user/1")):
        assert rows.rows(other, "message") == []
        assert rows.rows(other, "message", session_id=TALK) == []
        assert rows.counts(other, "message", bucket_us=MINUTE_US) == []
    assert texts(rows.rows(Scope(owner="user/1"), "message")) == ["mine"]


def test_an_unknown_collection_and_an_empty_tier_have_no_rows(stage, rows):
    assert rows.rows(ME, "message") == []
    assert rows.counts(ME, "message", bucket_us=MINUTE_US) == []
    rows.apply(stage.batch([said("x")]))
    assert rows.rows(ME, "nothing") == []
    assert rows.rows(ME, "message", limit=0) == []
