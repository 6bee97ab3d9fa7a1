"""Turns over HTTP, with a scripted model behind them: the answer, its words kept, counted once."""

import asyncio
from typing import Any

import pytest
from tests.api.chatting import (
    counted,
    entries_of,
    event_named,
    events_of,
    is_idle,
    messages_of,
    named,
    said_in,
    say,
    session_of,
    text_of,
    usages_of,
)
from tests.api.stage import Person, Stage

from novacore import chat

TITLE: dict[str, Any] = {"text": "A title", "when": "at most six words", "repeat": True}


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"NOVA_CHAT_TITLES": "false"}


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


async def test_an_answer_streams_is_kept_and_counted_once(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": ["Hel", "lo!"], "usage": {"input": 11, "output": 3}})
    session = await session_of(ada)
    events = await say(ada, session, "Good\nmorning <b>you</b>  !")
    numbers = [each[0] for each in events]
    assert numbers == sorted(set(numbers))
    assert events[0][1] == "start"
    assert events[0][2]["session"] == session
    assert text_of(events) == "Hello!"
    (done,) = named(events, "done")
    assert events[-1][1] == "done"
    assert done["usage"] == {"input_tokens": 11, "output_tokens": 3}
    assert done["stop_reason"] == "end"
    assert done["title"] == "Good morning <b>you</b> !"
    got = await messages_of(ada, session)
    assert [(each["role"], each["text"]) for each in got] == [
        ("user", "Good\nmorning <b>you</b>  !"),
        ("assistant", "Hello!"),
    ]
    assert got[1]["position"] == done["position"]
    assert await counted(stage, ada) == 14
    answer, usage = (await entries_of(stage, ada))[-2:]
    assert (answer.kind, usage.kind) == ("message", "usage")
    assert usage.sequence == answer.sequence + 1


async def test_a_client_that_leaves_in_mid_stream_stops_nothing(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": ["one ", "two ", "three"], "hold_after": 3,
                         "usage": {"input": 20, "output": 3}})  # fmt: skip
    session = await session_of(ada)
    leaving = asyncio.create_task(say(ada, session, "Count"))
    await asyncio.to_thread(stage.provider.has_request.wait)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    stage.provider.go_on()
    await is_idle(stage, ada, session)
    assert await said_in(ada, session) == [("user", "Count"), ("assistant", "one two three")]
    assert await counted(stage, ada) == 23
    assert [each["outcome"] for each in await usages_of(stage, ada)] == ["done"]


async def test_a_stream_goes_on_where_its_reader_left(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": ["a", "b", "c", "d"]})
    session = await session_of(ada)
    events = await say(ada, session, "Hi")
    stream = events[0][2]["stream"]
    for asked in ({"headers": {"Last-Event-ID": "3"}}, {"params": {"after": 3}}):
        again = await ada.client.get(f"/api/v1/streams/{stream}", **asked)
        assert events_of(again.text) == [each for each in events if each[0] > 3]
    whole = await ada.client.get(f"/api/v1/streams/{stream}")
    assert events_of(whole.text) == events


async def test_stopping_keeps_what_has_come_and_counts_it(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": ["one ", "two ", "three"], "hang_after": 3})
    session = await session_of(ada)
    begun = await stage.platform.chat.turn(
        chat.Caller(account_id=ada.account_id), session, asked=chat.Asked(text="Count")
    )
    await event_named(stage, ada, begun.stream, "delta")
    stopped = await ada.client.post(f"/api/v1/streams/{begun.stream}/stop")
    assert stopped.status_code == 202
    got = await ada.client.get(f"/api/v1/streams/{begun.stream}")
    events = events_of(got.text)
    (done,) = named(events, "done")
    assert done["stop_reason"] == "stopped"
    assert named(events, "error") == []
    await is_idle(stage, ada, session)
    answer = (await messages_of(ada, session))[1]
    assert answer["is_partial"]
    assert "one two three".startswith(answer["text"])
    assert answer["text"] == text_of(events)
    (usage,) = await usages_of(stage, ada)
    assert (usage["outcome"], usage["source"]) == ("stopped", "estimate")
    assert await counted(stage, ada) == usage["input_tokens"] + usage["output_tokens"] > 0


async def test_an_answer_that_breaks_off_is_kept_counted_and_said_to_be_broken(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": ["half ", "of it", "never"], "break_after": 3}, {"text": "whole"})
    session = await session_of(ada)
    events = await say(ada, session, "Go")
    (error,) = named(events, "error")
    assert named(events, "done") == []
    assert events[-1][1] == "error"
    assert error["error"]["type"] == "server_error"
    answer = (await messages_of(ada, session))[1]
    assert answer["is_partial"]
    assert answer["text"] == text_of(events) != ""
    (usage,) = await usages_of(stage, ada)
    assert usage["outcome"] == "broken"
    assert await counted(stage, ada) == usage["input_tokens"] + usage["output_tokens"]
    assert text_of(await say(ada, session, "Again")) == "whole"


async def test_a_provider_that_refuses_costs_nothing_and_its_words_are_not_told(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"status": 400, "error": {"type": "x", "message": "secret words"}})
    session = await session_of(ada)
    events = await say(ada, session, "Go")
    assert [each[1] for each in events] == ["start", "error"]
    assert "secret words" not in str(events)
    assert await usages_of(stage, ada) == []
    assert await counted(stage, ada) == 0


async def test_a_second_turn_in_a_session_is_told_which_stream_answers(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": ["a", "b"], "hold_after": 2}, {"text": "free"})
    session = await session_of(ada)
    first = asyncio.create_task(say(ada, session, "One"))
    await asyncio.to_thread(stage.provider.has_request.wait)
    busy = await ada.client.post(f"/api/v1/sessions/{session}/turns", json={"text": "Two"})
    assert busy.status_code == 409
    error = busy.json()["error"]
    assert error["code"] == "turn_busy"
    listed = (await ada.client.get("/api/v1/sessions")).json()["sessions"]
    assert [each["active_stream"] for each in listed] == [error["stream"]]
    assert (await ada.client.delete(f"/api/v1/sessions/{session}")).status_code == 409
    stage.provider.go_on()
    events = await first
    assert events[0][2]["stream"] == error["stream"]
    assert text_of(await say(ada, session, "Two")) == "free"
    assert [each[1] for each in await said_in(ada, session)] == ["One", "ab", "Two", "free"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "message_empty"), (" \n\t", "message_empty"), ("x" * 10_001, "message_too_long")],
)
async def test_a_message_that_is_no_message_is_refused_and_says_why(
    stage: Stage, ada: Person, text: str, code: str
) -> None:
    session = await session_of(ada)
    before = len(await entries_of(stage, ada))
    answer = await ada.client.post(f"/api/v1/sessions/{session}/turns", json={"text": text})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert len(await entries_of(stage, ada)) == before


async def test_ten_thousand_characters_are_taken_as_they_are(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": "ok"})
    session = await session_of(ada)
    text = ("<script>a</script>\n\n\t ü" * 500)[:10_000]
    await say(ada, session, text)
    assert (await messages_of(ada, session))[0]["text"] == text
    assert stage.provider.bodies[0]["messages"][-1]["content"] == text


async def test_the_same_key_gives_the_same_turn(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": "once"})
    session = await session_of(ada)
    headers = {"Idempotency-Key": "k1"}
    first = await say(ada, session, "Hi", headers=headers)
    again = await say(ada, session, "Hi", headers=headers)
    assert again == first
    assert len(stage.provider.requests) == 1
    other = await ada.client.post(
        f"/api/v1/sessions/{session}/turns", json={"text": "Other"}, headers=headers
    )
    assert other.status_code == 422
    assert len(await said_in(ada, session)) == 2


async def test_a_refused_turn_writes_nothing(stage: Stage, ada: Person) -> None:
    run = stage.app.services.run
    await run(stage.platform.billing.set_limits, ada.account_id, tokens_per_day=100)
    session = await session_of(ada)
    before = [each.id for each in await entries_of(stage, ada)]
    answer = await ada.client.post(
        f"/api/v1/sessions/{session}/turns", json={"text": "words " * 200}
    )
    assert answer.status_code == 429, answer.text
    error = answer.json()["error"]
    assert error["code"] == "insufficient_quota"
    assert error["limit"] == 100
    assert answer.headers["x-should-retry"] == "false"
    assert [each.id for each in await entries_of(stage, ada)] == before
    got = (await ada.client.get(f"/api/v1/sessions/{session}")).json()
    assert (got["active_stream"], got["messages"], got["title"]) == (None, 0, "")
    assert stage.provider.requests == []
