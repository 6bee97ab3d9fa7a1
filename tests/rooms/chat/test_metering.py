"""One hold, one call, one usage entry, one row of the ledger: whatever happens in between."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.chat.conftest import admission, drained, rows, states, usages

from novacore import billing, chat, database, journal, kit, llm

USED = llm.Usage(input_tokens=90, output_tokens=20)


async def fail(metering: chat.Metering, error: BaseException, *, output_tokens: int = 0) -> None:
    """A call that was sent, and then failed."""
    async with metering.call(admission()) as call:
        call.sent()
        call.note(output_tokens)
        raise error


async def test_a_call_that_ends_well_is_one_entry_and_one_row(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    async with metering.call(admission()) as call:
        call.sent()
        await call.finish(USED, provider="scripted")
    await drained(metering)
    (body,) = usages(store)
    assert (body["input_tokens"], body["output_tokens"]) == (90, 20)
    assert (body["account"], body["purpose"], body["outcome"]) == ("ada", "chat", "done")
    assert (body["source"], body["provider"], body["messages"]) == ("provider", "scripted", 1)
    assert len(rows(db)) == 1
    assert states(db) == ["settled"]
    (info,) = store.for_owner(chat.scope_of("ada")).list_sessions()
    assert (info.workspace, info.name) == ("usage", f"usage/{body['day']}")


async def test_an_answer_and_its_usage_are_one_append(
    metering: chat.Metering, store: journal.JournalStore
) -> None:
    session = store.for_owner(chat.scope_of("ada")).session("talk")
    answer = journal.NewEntry(body={"role": "assistant", "content": "Hi"})
    async with metering.call(admission()) as call:
        call.sent()
        done = await call.finish(USED, entries=[answer], session=session)
    assert done is not None
    first, second = done.sequences
    assert second == first + 1
    assert [each.kind for each in session.open().entries] == ["message", "usage"]


async def test_a_call_that_was_never_sent_gives_its_hold_back(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    with pytest.raises(RuntimeError):
        async with metering.call(admission()):
            raise RuntimeError
    assert usages(store) == []
    assert states(db) == ["released"]


async def test_a_provider_that_refuses_before_anything_came_costs_nothing(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    with pytest.raises(llm.Overloaded):
        await fail(metering, llm.Overloaded())
    assert usages(store) == []
    assert states(db) == ["released"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(RuntimeError(), "broken"), (llm.StreamBroken(), "broken"), (GeneratorExit(), "stopped")],
)
async def test_what_fails_after_a_part_came_is_charged_by_estimate(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    error: BaseException,
    outcome: str,
) -> None:
    with pytest.raises(type(error)):
        await fail(metering, error, output_tokens=7)
    await drained(metering)
    (body,) = usages(store)
    assert (body["input_tokens"], body["output_tokens"]) == (100, 7)
    assert (body["source"], body["outcome"]) == ("estimate", outcome)
    assert len(rows(db)) == 1


async def test_a_task_cancelled_in_mid_call_is_charged_and_ends_cancelled(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    sent = asyncio.Event()

    async def work() -> None:
        async with metering.call(admission()) as call:
            call.sent()
            call.note(3)
            sent.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(work())
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await drained(metering)
    assert [each["outcome"] for each in usages(store)] == ["stopped"]
    assert states(db) == ["estimated"]


async def test_a_task_cancelled_while_it_finishes_finishes_first(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    sent = asyncio.Event()

    async def work() -> None:
        async with metering.call(admission()) as call:
            call.sent()
            sent.set()
            await call.finish(USED)

    task = asyncio.create_task(work())
    await sent.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    await drained(metering)
    assert [each["outcome"] for each in usages(store)] == ["done"]
    assert states(db) == ["settled"]


async def test_a_waiter_that_leaves_before_its_hold_comes_gives_it_back(
    metering: chat.Metering, db: database.Database
) -> None:
    task = asyncio.create_task(metering.admit(admission()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with metering.call(admission()) as call:
        await call.release()
    assert states(db) == ["released", "released"]


async def test_a_quota_that_is_spent_refuses_and_writes_nothing(
    metering: chat.Metering, store: journal.JournalStore
) -> None:
    with pytest.raises(billing.QuotaSpent):
        async with metering.call(admission(input_tokens=20_000)):
            pytest.fail("entered without a hold")
    assert usages(store) == []


async def test_an_expired_hold_is_closed_by_estimate_before_the_next_is_admitted(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    clock: kit.FixedClock,
) -> None:
    dead = await metering.admit(admission(input_tokens=9_900))
    clock.advance_ms(61_000)
    with pytest.raises(billing.QuotaSpent):
        async with metering.call(admission(input_tokens=9_900)):
            pytest.fail("its tokens were used twice")
    (body,) = usages(store)
    assert (body["hold"], body["outcome"], body["source"]) == (dead.id, "expired", "estimate")
    assert len(rows(db)) == 1


async def test_a_real_entry_that_is_in_the_journal_wins_over_an_estimate(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    clock: kit.FixedClock,
) -> None:
    hold = await metering.admit(admission())
    session = store.for_owner(chat.scope_of("ada")).session("talk")
    await asyncio.wrap_future(metering.submit(session, [_told(hold)], hold=hold))
    clock.advance_ms(61_000)
    await metering.closer.close_expired(None)
    await drained(metering)
    assert [each["output_tokens"] for each in usages(store)] == [20]
    assert [each["output_tokens"] for each in rows(db)] == [20]


async def test_a_real_entry_after_an_estimate_is_a_correction_of_the_same_day(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    clock: kit.FixedClock,
) -> None:
    async with metering.call(admission()) as call:
        call.sent()
        clock.advance_ms(61_000)
        assert await metering.closer.close_expired("ada") == 1
        clock.advance_ms(13 * 3_600_000)
        await call.finish(USED)
    await drained(metering)
    first, second = usages(store)
    assert (first["outcome"], second["outcome"]) == ("expired", "done")
    assert first["day"] == second["day"] == "2026-11-22"
    assert sum(each["input_tokens"] + each["output_tokens"] for each in rows(db)) == 110


async def test_leases_are_renewed_with_what_has_come(
    metering: chat.Metering, db: database.Database, clock: kit.FixedClock
) -> None:
    async with metering.call(admission()) as call:
        call.sent()
        for step in range(5):
            clock.advance_ms(30_000)
            call.note(step + 1)
            await metering.keep()
        assert await metering.closer.close_expired(None) == 0
        (row,) = rows(db, "billing_hold")
        assert row["output_tokens_seen"] == 5
        await call.finish(USED)


class Failing:
    """A session that can't be written to until it is mended."""

    def __init__(self, session: journal.Session) -> None:
        self.session = session
        self.is_mended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def submit(self, *entries: Any, expected: int = journal.ANY) -> Any:
        if not self.is_mended:
            raise journal.StorageFailed
        return self.session.submit(*entries, expected=expected)


async def test_what_the_journal_can_not_take_waits_and_is_never_given_back(
    metering: chat.Metering,
    store: journal.JournalStore,
    db: database.Database,
    tmp_path: Path,
) -> None:
    session = store.for_owner(chat.scope_of("ada")).session("talk")
    answer = journal.NewEntry(body={"role": "assistant", "content": "ünïcode"})
    async with metering.call(admission()) as call:
        call.sent()
        broken: Any = Failing(session)
        assert await call.finish(USED, entries=[answer], session=broken) is None
    assert states(db) == ["open"]
    assert metering.waiting == 1
    assert [each.suffix for each in (tmp_path / "spool").iterdir()] == [".usage"]
    await metering.keep()
    await drained(metering)
    assert [each.kind for each in session.open().entries] == ["message", "usage"]
    assert session.messages[0]["content"] == "ünïcode"
    assert states(db) == ["settled"]
    assert list((tmp_path / "spool").iterdir()) == []


async def test_another_process_takes_up_what_waits(
    metering: chat.Metering,
    store: journal.JournalStore,
    ledger: billing.Billing,
    db: database.Database,
    tmp_path: Path,
    clock: kit.FixedClock,
) -> None:
    session: Any = Failing(store.for_owner(chat.scope_of("ada")).session("talk"))
    async with metering.call(admission()) as call:
        call.sent()
        await call.finish(USED, session=session)
    later = chat.open_metering(store, ledger=ledger, folder=tmp_path / "spool", clock=clock)
    later.start()
    await later.flush()
    await later.close()
    assert len(usages(store)) == 1
    assert len(rows(db)) == 1


async def test_a_session_erased_meanwhile_does_not_make_the_call_free(
    metering: chat.Metering, store: journal.JournalStore, db: database.Database
) -> None:
    own = store.for_owner(chat.scope_of("ada"))
    session = own.session("talk")
    answer = journal.NewEntry(body={"role": "assistant", "content": "Hi"})
    async with metering.call(admission()) as call:
        call.sent()
        own.erase(session.id)
        await call.finish(USED, entries=[answer], session=session)
    await metering.flush()
    assert len(usages(store)) == 1
    assert states(db) == ["settled"]


def _told(hold: billing.Hold) -> journal.NewEntry:
    from novacore.chat.usage import usage_entry  # noqa: PLC0415 - how an entry is made

    return usage_entry(hold, USED)
