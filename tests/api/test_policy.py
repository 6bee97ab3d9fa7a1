"""A policy that reads answers: what it refuses is neither shown nor kept, and is paid for."""

from typing import Any

import pytest
from tests.api.chatting import (
    entries_of,
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

from novacore import chat, journal, kit

CHAT = "/v1/chat/completions"


class NoSecrets:
    """A policy with one rule."""

    name = "no secrets"
    reads_output = True

    async def review_input(self, messages: Any) -> chat.Verdict:
        return chat.Verdict(is_allowed=True, version="7")

    async def review_output(self, text: str) -> chat.Verdict:
        if "broken rule" in text:
            raise PolicyAway
        return chat.Verdict(is_allowed="secret" not in text, reason="No secrets.", version="7")


class PolicyAway(kit.NovaError):
    """The rules do not answer."""

    kind = kit.ErrorKind.UNAVAILABLE


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"NOVA_CHAT_TITLES": "true"}


@pytest.fixture
def closed_stage(closed_stage: Stage) -> Stage:
    closed_stage.platform.policy = NoSecrets()
    return closed_stage


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


def bodies(entries: list[journal.Entry]) -> str:
    return str([dict(each.body) for each in entries])


async def test_what_is_refused_of_an_answer_is_neither_shown_nor_kept(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": ["Fine ", "so far, ", "a secret ", "and more"]})
    session = await session_of(ada)
    events = await say(ada, session, "Tell me")
    assert text_of(events) == "Fine so far, "
    (error,) = named(events, "error")
    assert (error["error"]["code"], error["error"]["message"]) == ("policy_refused", "No secrets.")
    assert await said_in(ada, session) == [("user", "Tell me"), ("assistant", "Fine so far, ")]
    assert (await messages_of(ada, session))[1]["is_partial"]
    entries = await entries_of(stage, ada)
    assert "secret " not in bodies(entries)
    (decision,) = [dict(each.body) for each in entries if each.kind == "decision"]
    assert (decision["effect"], decision["rules"]) == ("deny", "7")
    (usage,) = await usages_of(stage, ada)
    assert (usage["outcome"], usage["output_tokens"] > 0) == ("broken", True)


async def test_an_answer_that_is_refused_at_once_leaves_none(stage: Stage, ada: Person) -> None:
    stage.provider.play({"text": "secret words"}, {"text": "All well."})
    session = await session_of(ada)
    events = await say(ada, session, "Tell me")
    assert text_of(events) == ""
    assert await said_in(ada, session) == [("user", "Tell me")]
    assert len(await usages_of(stage, ada)) == 1
    await say(ada, session, "And now?")
    assert (await said_in(ada, session))[-1] == ("assistant", "All well.")
    assert "secret" not in str(stage.provider.bodies[1])


async def test_an_answer_is_refused_where_the_rules_can_not_be_asked(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": ["One ", "broken rule ", "two"]})
    session = await session_of(ada)
    events = await say(ada, session, "Tell me")
    assert text_of(events) == "One "
    assert named(events, "error")[0]["error"]["code"] == "policy_refused"
    assert (await said_in(ada, session))[1:] == [("assistant", "One ")]


async def test_the_model_may_not_put_in_a_title_what_it_may_not_say(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": "Good."}, {"text": "The secret of it", "when": "six words"})
    session = await session_of(ada)
    await say(ada, session, "Tell me")
    await stage.platform.chat.settled()
    assert len(stage.provider.requests) == 2
    got = await ada.client.get(f"/api/v1/sessions/{session}")
    assert (got.json()["title"], got.json()["title_by"]) == ("Tell me", "words")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_session_of_the_model_api_keeps_nothing_of_what_was_refused(
    stage: Stage, ada: Person, is_stream: bool
) -> None:
    stage.provider.play({"text": ["Fine ", "so far, ", "a secret ", "and more"],
                         "chunk_delay_ms": 30})  # fmt: skip
    body = {"messages": [{"role": "user", "content": "Tell me"}], "stream": is_stream}
    answer = await ada.client.post(CHAT, json=body, headers={"X-Nova-Session": "talk"})
    assert "secret " not in answer.text
    assert ("Fine" in answer.text) is is_stream
    await stage.platform.metering.flush()
    entries = await entries_of(stage, ada)
    assert "secret " not in bodies(entries)
    said = [each.body["content"] for each in entries if each.kind == "message"]
    assert said == (["Tell me", "Fine so far, "] if is_stream else ["Tell me"])
    assert [each.body["rules"] for each in entries if each.kind == "decision"] == ["7"]
    assert [each["outcome"] for each in await usages_of(stage, ada)] == ["broken"]


async def test_a_turn_that_is_stopped_keeps_no_more_than_was_let_pass(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({"text": ["Fine ", "so far"], "hang_after": 3})
    session = await session_of(ada)
    begun = await stage.platform.chat.turn(
        chat.Caller(account_id=ada.account_id), session, asked=chat.Asked(text="Tell me")
    )
    async for events in stage.platform.chat.follow(ada.account_id, begun.stream):
        if any(each.name == "delta" for each in events):
            await stage.platform.chat.stop_stream(ada.account_id, begun.stream)
    await is_idle(stage, ada, session)
    answer = (await messages_of(ada, session))[1]
    assert "Fine so far".startswith(answer["text"])
    assert answer["is_partial"]
