"""Lists take the same number of queries at any length, and hot ones find their rows by an index."""

import json
import re

import msgspec
import pytest
from tests import migrated
from tests.rooms.billing.conftest import START_US, call, plan, used

from novacore import billing, database
from novacore.billing import admitting, holds, reading, settling, upkeep


class CountingDatabase(database.Database):
    """Counts the statements that the room sends to the driver."""

    statements = 0

    def run_text(self, connection, text, *, values, has_rows):
        self.statements += 1
        return super().run_text(connection, text, values=values, has_rows=has_rows)


@pytest.fixture
def counted(place, clock):
    opened = CountingDatabase(place, clock=clock)
    migrated.make_tables(opened, [billing.FOLDER])
    room = billing.Billing(
        opened, config=billing.Config(limits="on", settle_wait_ms=0, **plan(tokens_per_day=10**9))
    )

    def count(act) -> int:
        before = opened.statements
        act()
        return opened.statements - before

    yield room, count
    room.close()
    opened.close()


def _fill(room: billing.Billing, models: int) -> None:
    hold = room.admit(call()).result()
    usages = [
        msgspec.structs.replace(used(hold, model=f"m{number}"), hold_id=f"h{number}")
        for number in range(models)
    ]
    room.settle(usages)


@pytest.mark.parametrize("name", ["history", "quota", "plan_of"])
def test_a_list_of_a_thousand_takes_as_many_queries_as_one_of_ten(counted, name):
    room, count = counted
    _fill(room, 10)
    few = count(lambda: getattr(room, name)("ada"))
    room._plans_kept.clear()
    _fill(room, 1_000)
    assert len(room.history("ada")) == 1_000
    assert count(lambda: getattr(room, name)("ada")) == few <= 3


def test_the_plans_of_many_accounts_are_one_query(counted):
    room, count = counted
    assert count(lambda: room.plans_of(f"a{number}" for number in range(200))) == 1


def test_a_group_of_calls_takes_as_many_statements_as_one_call(counted):
    room, count = counted
    room.admit(call()).result()
    alone = count(lambda: room.admit(call()).result())

    def group() -> None:
        with room._database.begin() as connection:
            jobs = [billing_job() for _ in range(100)]
            room._writer._write(connection, jobs)

    assert count(group) == alone <= 5


def billing_job():
    from novacore.billing import jobs  # noqa: PLC0415 - the room's inside

    return jobs.Admit(admission=call())


ROWS = 50_000
HOT = {
    "counted": (admitting.COUNTED, [["a7"], "2026-11-01", ["", "key:k"]]),
    "held": (holds.HELD, [["a7"]]),
    "expired_of": (holds.EXPIRED_OF, ["a7", START_US, 100]),
    "expired": (holds.EXPIRED, [START_US, 100]),
    "known": (settling.KNOWN, [["h1", "h2"]]),
    "history": (reading.HISTORY, ["a7", "2026-10-20"]),
    "stored": (reading.STORED, ["a7", "2026-10-20"]),
    "ended": (upkeep.ENDED, [5, 100]),
    "ending": (upkeep.ENDING, [5, 9, 100]),
    "old_holds": (upkeep.OLD_HOLDS, ["h2", 9]),
    "old_replies": (upkeep.OLD_REPLIES, [9, 9]),
    "old_lines": (upkeep.OLD_LINES, ["h2", "2026-09-02", "2026-09-02"]),
}
FILL = (
    """INSERT INTO billing_account SELECT 'a' || n, 'pro', n, n, NULL, NULL, NULL, NULL, NULL, 0, n
    FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_hold SELECT 'h' || n, 'a' || mod(n, 500), '2026-11-01', 'p', 'chat',
    'm', 'v', 1, 1, 0, 1, '', '', 0, CASE WHEN mod(n, 100) = 0 THEN 'open' ELSE 'settled' END, n,
    {start} + n, n FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_ledger SELECT 'h' || n, 0, 'a' || mod(n, 500),
    to_char(date '2026-09-01' + mod(n, 80), 'YYYY-MM-DD'), 'p', 'chat', 'm', 'x', 'v', '', '',
    'provider', 'done', 1, 1, 0, 0, 1, 1, 0 FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_counter SELECT 'a' || mod(n, 500),
    to_char(date '2026-09-01' + n / 500, 'YYYY-MM-DD'), '', 1, 1, 0, 0
    FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_daily SELECT 'a' || mod(n, 500),
    to_char(date '2026-09-01' + n / 500, 'YYYY-MM-DD'), 'm', '', 1, 1, 1, 0, 0, 1, 0
    FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_storage SELECT 'a' || mod(n, 500),
    to_char(date '2026-09-01' + n / 500, 'YYYY-MM-DD'), 1 FROM generate_series(1, {rows}) n""",
    """INSERT INTO billing_reply SELECT 'a' || n, 'r', 'k', 'd', 'h' || n, 'done', 200, '[]',
    ''::bytea, n FROM generate_series(1, {rows}) n""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def filled(postgres_server):
    opened = database.Database(postgres_server.new_database())
    try:
        migrated.make_tables(opened, [billing.FOLDER])
        with opened.begin() as connection:
            for text in FILL:
                connection.exec_driver_sql(text.format(rows=ROWS, start=START_US))
        yield opened
    finally:
        opened.close()


def _scans(node: dict) -> list[str]:
    """The tables that a plan reads from end to end."""
    found = [node["Relation Name"]] if node["Node Type"] == "Seq Scan" else []
    return found + [name for child in node.get("Plans", []) for name in _scans(child)]


@pytest.mark.parametrize("name", HOT)
def test_postgresql_finds_the_rows_of_hot_queries_by_an_index(filled, name):
    text, values = HOT[name]
    flat: list[object] = []
    for value in values:
        if isinstance(value, list):
            text = text.replace("(??)", f"({', '.join('?' * len(value))})", 1)
            flat += value
        else:
            flat.append(value)
    with filled.read() as connection:
        explain = "EXPLAIN (FORMAT JSON) " + re.sub(r"\?", "%s", text)
        found = connection.exec_driver_sql(explain, tuple(flat)).scalar_one()
    plans = json.loads(found) if isinstance(found, str) else found
    assert _scans(plans[0]["Plan"]) == []
