"""Two workers on one installation: either resumes and stops what the other writes."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.api.chatting import (
    event_named,
    events_of,
    is_idle,
    messages_of,
    named,
    say,
    session_of,
    text_of,
    usages_of,
)
from tests.api.stage import Person, Stage, open_stage
from tests.scripted_provider import ScriptedProvider

from novacore import chat, settings


@pytest.fixture(params=["folder", "redis"])
def server_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    plain = {"NOVA_CHAT_TITLES": "false"}
    if request.param == "redis":
        server = request.getfixturevalue("valkey_server")
        plain["NOVA_SERVER_SHARED_URL"] = server.url_of(50)
    return plain


@pytest.fixture
def closed_other(
    closed_stage: Stage,
    settings_of: Callable[..., settings.Settings],
    provider: ScriptedProvider,
) -> Iterator[Stage]:
    opened = open_stage(settings_of(), provider=provider)
    yield opened
    opened.platform.close()


@pytest.fixture
async def other(stage: Stage, closed_other: Stage) -> AsyncIterator[Stage]:
    """A second worker over the same data directory."""
    async with closed_other.app.running():
        yield closed_other
        await closed_other.close()


async def begun(stage: Stage, person: Person, session: str) -> str:
    caller = chat.Caller(account_id=person.account_id)
    turn = await stage.platform.chat.turn(caller, session, asked=chat.Asked(text="Count"))
    await event_named(stage, person, turn.stream, "delta")
    return turn.stream


async def test_another_worker_goes_on_with_a_stream_and_stops_it(
    stage: Stage, other: Stage
) -> None:
    ada = await stage.person()
    elsewhere = other.visitor(headers=ada.bearer())
    stage.provider.play({"text": ["one ", "two ", "never"], "hang_after": 3}, {"text": "free"})
    session = await session_of(ada)
    stream = await begun(stage, ada, session)
    await event_named(other, ada, stream, "delta")
    busy = await elsewhere.post(f"/api/v1/sessions/{session}/turns", json={"text": "Me too"})
    assert busy.status_code == 409
    assert busy.json()["error"]["stream"] == stream
    assert (await elsewhere.post(f"/api/v1/streams/{stream}/stop")).status_code == 202
    events = events_of((await elsewhere.get(f"/api/v1/streams/{stream}")).text)
    assert named(events, "done")[0]["stop_reason"] == "stopped"
    assert text_of(events).startswith("one ")
    await is_idle(other, ada, session)
    there = Person(email=ada.email, account_id=ada.account_id, client=elsewhere, access_token="")
    assert text_of(await say(there, session, "Now")) == "free"
    assert len(await messages_of(ada, session)) == 4
    assert [each["outcome"] for each in await usages_of(stage, ada)] == ["stopped", "done"]


async def test_a_server_that_stops_keeps_what_had_come(stage: Stage) -> None:
    ada = await stage.person()
    stage.provider.play({"text": ["one ", "two ", "never"], "hang_after": 3})
    session = await session_of(ada)
    await begun(stage, ada, session)
    await stage.platform.chat.stop()
    got = await messages_of(ada, session)
    assert [each["is_partial"] for each in got] == [False, True]
    assert [each["outcome"] for each in await usages_of(stage, ada)] == ["stopped"]
