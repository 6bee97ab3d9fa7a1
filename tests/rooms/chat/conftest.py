"""A journal, a billing room and metering over both, and how their tests look at them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy
from tests import migrated

from novacore import billing, chat, database, journal, kit

START_US = 1_795_305_600_000_000 + 12 * 3_600_000_000
"""2026-11-22, noon UTC."""


@pytest.fixture
def clock() -> kit.FixedClock:
    return kit.FixedClock(START_US)


@pytest.fixture
def store() -> Iterator[journal.JournalStore]:
    with journal.open_memory() as opened:
        yield opened


@pytest.fixture
def db(tmp_path: Path, clock: kit.FixedClock) -> Iterator[database.Database]:
    opened = database.Database(tmp_path / "business.db", clock=clock)
    migrated.make_tables(opened, [billing.FOLDER])
    yield opened
    opened.close()


@pytest.fixture
def ledger(db: database.Database, clock: kit.FixedClock) -> Iterator[billing.Billing]:
    limited: dict[str, Any] = {"tokens_per_day": 10_000}
    config = billing.Config(
        limits="on",
        settle_wait_ms=0,
        plan_default="test",
        plans={"test": limited},
    )
    opened = billing.Billing(db, config=config, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
async def metering(
    store: journal.JournalStore, ledger: billing.Billing, clock: kit.FixedClock, tmp_path: Path
) -> AsyncIterator[chat.Metering]:
    made = chat.open_metering(store, ledger=ledger, folder=tmp_path / "spool", clock=clock)
    made.start()
    yield made
    await made.close()


def admission(**facts: Any) -> billing.Admission:
    """A call of 100 tokens in and up to 50 out."""
    plain = billing.Admission(
        account_id="ada",
        purpose="chat",
        model="m1",
        input_tokens=100,
        output_tokens_max=1_000,
        output_tokens_wanted=50,
        messages=1,
    )
    return msgspec.structs.replace(plain, **facts)


def usages(store: journal.JournalStore, owner: str = "ada") -> list[dict[str, Any]]:
    """The bodies of an account's usage entries, in order."""
    own = store.for_owner(chat.scope_of(owner))
    return [dict(each.body) for each in own.read() if each.kind == "usage"]


def rows(db: database.Database, table: str = "billing_ledger") -> list[dict[str, Any]]:
    """The rows of a table of billing."""
    with db.read() as connection:
        found = connection.execute(sqlalchemy.text(f"SELECT * FROM {table}"))
        return [dict(each._mapping) for each in found]


def states(db: database.Database) -> list[str]:
    """The states of all holds."""
    return sorted(each["state"] for each in rows(db, "billing_hold"))


async def drained(metering: chat.Metering) -> None:
    """Everything that was appended is settled."""
    await asyncio.to_thread(metering.feed.drain)
