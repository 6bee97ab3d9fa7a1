"""Chat over PostgreSQL: the same turn, with journal and business tables on a server."""

import asyncio

import pytest
from tests.api.chatting import counted, named, said_in, say, session_of, text_of, usages_of
from tests.api.stage import Stage


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"NOVA_CHAT_TITLES": "false"}


@pytest.mark.heavy
async def test_turns_are_kept_listed_forked_and_deleted_over_postgresql(
    postgres_stage: Stage,
) -> None:
    stage = postgres_stage
    ada = await stage.person()
    stage.provider.play({"text": "Hello.", "usage": {"input": 5, "output": 2}}, {"text": "Yes."})
    session = await session_of(ada)
    assert text_of(await say(ada, session, "My boat is called Mathilde.")) == "Hello."
    assert await counted(stage, ada) == 7
    other = await session_of(ada)
    events = await say(ada, other, "What is my boat called?")
    assert named(events, "recall")[0]["hits"][0]["session"] == session
    assert len(await usages_of(stage, ada)) == 2
    fork = (await ada.client.post(f"/api/v1/sessions/{session}/fork", json={"at": 1})).json()["id"]
    assert len(await said_in(ada, fork)) == 1
    assert (await ada.client.delete(f"/api/v1/sessions/{fork}")).status_code == 204
    listed = (await ada.client.get("/api/v1/sessions", params={"query": "Mathilde"})).json()
    assert session in [each["id"] for each in listed["sessions"]]
    assert await asyncio.to_thread(stage.platform.metering.feed.lag) >= 0
