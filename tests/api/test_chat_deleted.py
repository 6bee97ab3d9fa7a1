"""An account that is deleted while it is answered: what came is charged, then destroyed."""

import asyncio
from pathlib import Path

import pytest
from tests.api.chatting import event_named, events_of, named, session_of
from tests.api.stage import PASSWORD, Person, Stage

from novacore import chat, workers
from novacore.workers import deleting
from novacore.workers.model import Job


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {
        "NOVA_CHAT_TITLES": "false",
        "NOVA_WORKERS_POLL_MS": "20",
        "NOVA_BILLING_LIMITS": "on",
        "NOVA_BILLING_PLAN_DEFAULT": "basic",
    }


@pytest.fixture
async def ada(stage: Stage) -> Person:
    await stage.person(admin=True)
    return await stage.person()


async def answering(stage: Stage, person: Person) -> str:
    """A stream that has begun to answer, and would go on for ever."""
    stage.provider.play({"text": ["My ", "dog ", "Bramble "], "hang_after": 3})
    session = await session_of(person)
    begun = await stage.platform.chat.turn(
        chat.Caller(account_id=person.account_id), session, asked=chat.Asked(text="Tell me")
    )
    await event_named(stage, person, begun.stream, "delta")
    return begun.stream


async def nothing_waits(stage: Stage) -> None:
    while True:
        status = await asyncio.to_thread(workers.get_status, stage.platform)
        if not status.waiting:
            return
        await asyncio.sleep(0.02)


async def test_a_turn_of_a_deleted_account_is_stopped_charged_and_then_destroyed(
    stage: Stage, ada: Person
) -> None:
    stream = await answering(stage, ada)
    reading = asyncio.create_task(stage.platform.chat.streams.read(stream, after=2, wait_s=60))
    job = Job(id="1", kind="account.delete", payload={"account_id": ada.account_id})
    await asyncio.to_thread(deleting.erase_sessions, stage.platform, job)
    assert (await reading).events
    assert stage.provider.requests[0].was_dropped.wait(0)
    # Charged: the ledger has what the entries said that are gone by now.
    (row,) = await asyncio.to_thread(stage.platform.billing.history, ada.account_id)
    assert (row.calls, row.output_tokens > 0) == (1, True)
    quota = await asyncio.to_thread(stage.platform.billing.quota, ada.account_id)
    assert quota.of("tokens").held == 0
    assert await asyncio.to_thread(stage.platform.store_of(ada.account_id).all_sessions) == []
    assert await stage.platform.chat.streams.find(stream) is None


async def test_nothing_of_an_account_that_was_answered_when_it_was_deleted_is_left(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    other = await stage.person()
    kept = await session_of(other)
    stream = await answering(stage, ada)
    folder = tmp_path / "data" / "workspaces" / ada.account_id
    await asyncio.to_thread(folder.mkdir, parents=True)
    following = asyncio.create_task(ada.client.get(f"/api/v1/streams/{stream}"))
    await asyncio.sleep(0)
    answer = await ada.client.request("DELETE", "/api/v1/account", json={"password": PASSWORD})
    assert answer.status_code == 202
    working = await asyncio.to_thread(workers.start, stage.platform)
    try:
        async with asyncio.timeout(60):
            await nothing_waits(stage)
    finally:
        await asyncio.to_thread(working.stop)
    (done,) = named(events_of((await following).text), "done")
    assert done["stop_reason"] == "stopped"
    await stage.platform.chat.settled()
    await stage.platform.metering.flush()
    assert (await asyncio.to_thread(workers.get_status, stage.platform)).dead == 0
    assert await asyncio.to_thread(stage.platform.store_of(ada.account_id).all_sessions) == []
    assert await asyncio.to_thread(stage.platform.billing.history, ada.account_id) == []
    assert not await asyncio.to_thread(folder.exists)
    assert (await other.client.get(f"/api/v1/sessions/{kept}")).status_code == 200
