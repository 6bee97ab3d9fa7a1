"""Texts that go to the driver: what several queries give together is what each gives by itself."""

import pytest
from tests.rooms.billing.conftest import call

from novacore.billing import admitting, holds, statements

ACCOUNTS = ("ada", "bob", "eve ☃ \"'")


@pytest.fixture
def sql(db, open_billing) -> statements.SQL:
    billing = open_billing()
    for account_id in ACCOUNTS:
        for key_id in ("", "k1"):
            billing.admit(call(account_id, key_id=key_id)).result()
    return statements.SQL(db)


def queries(*account_ids: str) -> list[statements.Query]:
    counted = (list(account_ids), "2026-11-22", ["", "key:k1"])
    return [
        statements.Query(
            text="SELECT account_id, plan_ends_at_us FROM billing_account WHERE account_id IN (??)",
            columns=2,
            values=(list(account_ids),),
        ),
        statements.Query(text=admitting.COUNTED, columns=5, values=counted),
        statements.Query(text=holds.HELD, columns=8, values=(list(account_ids),)),
    ]


@pytest.mark.parametrize("account_ids", [("ada",), ("ada", "bob"), ACCOUNTS, ("nobody",)])
def test_several_queries_give_what_each_gives_by_itself(db, sql, account_ids):
    asked = queries(*account_ids)
    with db.read() as connection:
        together = sql.rows_of(connection, *asked)
        alone = [sql.rows(connection, each.text, *each.values) for each in asked]
    assert [sorted(map(tuple, rows)) for rows in together] == [sorted(map(tuple, r)) for r in alone]
    assert bool(together[0]) == bool(together[2]) == (account_ids != ("nobody",))


def test_a_crowd_of_more_accounts_than_a_statement_takes_is_admitted(open_billing, monkeypatch):
    monkeypatch.setattr(statements, "LIST_MAX", 3)
    billing = open_billing()
    for _ in range(2):
        granted = [billing.admit(call(f"account {number}")) for number in range(8)]
        assert len({each.result().account_id for each in granted}) == 8
