"""The ledger follows the journal: in order, once, and from the start where it has to."""

import asyncio
import dataclasses
import time

from tests.rooms.chat.conftest import admission, rows, usages

from novacore import billing, chat, database, journal, llm
from novacore.chat.usage import usage_entry
from novacore.chat.usage_feed import UsageFeed

USED = llm.Usage(input_tokens=90, output_tokens=20)


def settled(db: database.Database) -> None:
    """Wait until the ledger has a row."""
    ends_s = time.monotonic() + 60
    while not rows(db) and time.monotonic() < ends_s:
        time.sleep(0.01)


async def call(metering: chat.Metering, account: str = "ada") -> billing.Hold:
    async with metering.call(admission(account_id=account)) as made:
        made.sent()
        await made.finish(USED)
        return made.hold


async def test_what_is_appended_is_settled_by_itself(
    metering: chat.Metering, db: database.Database
) -> None:
    hold = await call(metering)
    await asyncio.to_thread(settled, db)
    assert rows(db)[0]["hold_id"] == hold.id


async def test_a_defect_in_one_round_is_shown_and_the_next_round_settles(
    metering: chat.Metering, db: database.Database
) -> None:
    problems: list[str] = []

    def fail_once(_entries: object) -> None:
        problems.append(metering.feed.problem)
        if len(problems) == 1:
            raise ValueError("what no row can hold")

    metering.feed.observer = fail_once
    hold = await call(metering)
    await asyncio.to_thread(settled, db)
    assert rows(db)[0]["hold_id"] == hold.id
    assert problems[:2] == ["", "ValueError: what no row can hold"]


async def test_reading_the_journal_again_from_its_start_changes_nothing(
    metering: chat.Metering,
    store: journal.JournalStore,
    ledger: billing.Billing,
    db: database.Database,
) -> None:
    for account in ("ada", "bob", "ada"):
        await call(metering, account)
    metering.feed.drain()
    before = rows(db), rows(db, "billing_counter")
    identity = store.feed().state().journal
    ledger.settle([], watermark=billing.Watermark(journal=identity, epoch="other", sequence=99))
    fresh = UsageFeed(store.feed(), ledger=ledger)
    assert fresh.drain() == 3
    assert (rows(db), rows(db, "billing_counter")) == before
    assert UsageFeed(store.feed(), ledger=ledger).drain() == 0


async def test_nobody_can_write_another_ones_bill_nor_a_bill_of_his_own_making(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    hold = await call(metering)
    real = usage_entry(hold, USED)
    other = store.for_owner(chat.scope_of("mallory")).session("talk")
    other.append(dataclasses.replace(real, id=None))
    other.append(real)
    own = store.for_owner(chat.scope_of("ada")).session("talk")
    own.append(journal.NewEntry(kind="usage", body={**real.body, "input_tokens": -90}))
    own.append(journal.NewEntry(kind="usage", body={**real.body, "hold": "made-up"}))
    own.append(journal.NewEntry(kind="usage", body={"hold": [], "account": "ada"}))
    own.append(journal.NewEntry(kind="usage", body={"input_tokens": 5, "model": "m"}))
    metering.feed.drain()
    assert [(each["account_id"], each["input_tokens"]) for each in rows(db)] == [("ada", 90)]


async def test_the_ledger_can_be_made_from_the_journal_alone(
    metering: chat.Metering, store: journal.JournalStore, ledger: billing.Billing
) -> None:
    for account in ("ada", "bob", "ada"):
        await call(metering, account)
    told = list(chat.read_usages(store.feed()))
    assert [each.account_id for each in told] == ["ada", "bob", "ada"]
    assert [each.sequence for each in told] == sorted(each.sequence for each in told)
    assert len(usages(store)) == 2


async def test_words_between_the_usages_are_passed_by(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    session = store.for_owner(chat.scope_of("ada")).session("talk")
    for at in range(2_500):
        session.submit({"role": "user", "content": str(at)})
    await call(metering)
    assert metering.feed.drain() in (0, 1)
    assert len(rows(db)) == 1
    assert metering.feed.lag() == 0
