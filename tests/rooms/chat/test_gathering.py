"""Usage that nobody waits for: gathered for a moment, appended together, never lost."""

import asyncio
import contextlib
from typing import Any

import pytest
from tests.rooms.chat.conftest import admission, rows, states, usages
from tests.rooms.chat.test_metering import Failing

from novacore import chat, database, journal, kit, llm
from novacore.chat.gathering import GATHERED_MAX

USED = llm.Usage(input_tokens=90, output_tokens=20)


class Counted:
    """A session that notes how many entries each append had."""

    def __init__(self, session: journal.Session) -> None:
        self.session = session
        self.appends: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def submit(self, *entries: Any, expected: int = journal.ANY) -> Any:
        self.appends.append(len(entries))
        return self.session.submit(*entries, expected=expected)


@pytest.fixture
def session(store: journal.JournalStore) -> Any:
    return Counted(store.for_owner(chat.scope_of("ada")).session("usage"))


async def _ended(metering: chat.Metering, session: Any, *, calls: int) -> None:
    """So many calls, which end in the same moment."""
    async with contextlib.AsyncExitStack() as running:
        every = [
            await running.enter_async_context(metering.call(admission())) for _ in range(calls)
        ]
        for call in every:
            call.sent()
            call.submit_soon(session, call.entry(USED))


async def test_calls_that_end_together_share_one_append(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database, session: Any
) -> None:
    await _ended(metering, session, calls=5)
    await metering.flush()
    assert session.appends == [5]
    assert len(usages(store)) == len(rows(db)) == 5
    assert states(db) == ["settled"] * 5


async def test_a_full_gathering_does_not_wait_for_the_moment_to_pass(
    metering: chat.Metering, session: Any
) -> None:
    async with metering.call(admission()) as call:
        call.sent()
        entry = call.entry(USED)
        for _ in range(GATHERED_MAX):
            call.submit_soon(session, entry)
    assert session.appends == [GATHERED_MAX]


async def test_whoever_waits_a_moment_finds_it_in_the_ledger_without_asking(
    metering: chat.Metering, db: database.Database, session: Any
) -> None:
    await _ended(metering, session, calls=2)
    async with asyncio.timeout(10):
        while states(db) != ["settled"] * 2:  # noqa: ASYNC110 - another thread settles
            await asyncio.sleep(0.01)


async def test_one_that_was_estimated_before_spoils_nothing_for_the_others(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    clock: kit.FixedClock,
    session: Any,
) -> None:
    async with metering.call(admission()) as late:
        late.sent()
        clock.advance_ms(61_000)
        assert await metering.closer.close_expired("ada") == 1
        await _ended(metering, session, calls=2)
        late.submit_soon(session, late.entry(USED))
    await metering.flush()
    assert len(usages(store)) == 4
    assert sum(each["input_tokens"] + each["output_tokens"] for each in rows(db)) == 3 * 110


async def test_what_the_journal_can_not_take_waits_for_each_call(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    broken: Any = Failing(store.for_owner(chat.scope_of("ada")).session("usage"))
    await _ended(metering, broken, calls=3)
    await metering._appended()
    assert metering.waiting == 3
    assert states(db) == ["open"] * 3
    await metering.flush()
    assert metering.waiting == 0
    assert states(db) == ["settled"] * 3


async def test_closing_appends_what_is_gathered(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database, session: Any
) -> None:
    await _ended(metering, session, calls=2)
    await metering.close()
    assert states(db) == ["settled"] * 2
