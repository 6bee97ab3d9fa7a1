"""A model whose provider fails: another one answers, in chat and on the model API alike."""

import json
from typing import Any

import pytest
from tests.api.chatting import (
    counted,
    entries_of,
    named,
    said_in,
    say,
    session_of,
    text_of,
    usages_of,
)
from tests.api.stage import Person, Stage
from tests.scripted_provider import ScriptedProvider

from novacore import chat, llm

AWAY: dict[str, Any] = {"status": 401, "error": {"message": "who?"}, "repeat": True}
"""What no further attempt can mend: the test waits for none."""


@pytest.fixture
def server_settings(provider: ScriptedProvider) -> dict[str, str]:
    openai = {"provider": "openai", "base_url": f"{provider.url}/v1"}
    models = {
        "first": {**openai, "model": "first-model", "fallback": "rich"},
        "rich": {**openai, "model": "rich-model", "fallback": "second", "plans": ["pro"]},
        "second": {"wire": "anthropic", "base_url": provider.url, "model": "second-model"},
        "small": {**openai, "model": "first-model", "window_tokens": 1_200,
                  "output_tokens_max": 200, "fallback": "second"},
    }  # fmt: skip
    return {
        "NOVA_MODELS": json.dumps(models),
        "NOVA_CHAT_TITLES": "false",
        "NOVA_BILLING_LIMITS": "on",
        "NOVA_BILLING_PLAN_DEFAULT": "basic",
    }


@pytest.fixture
async def ada(stage: Stage) -> Person:
    return await stage.person()


def asked_of(provider: ScriptedProvider) -> list[str]:
    """The models that were asked, in order."""
    return [body["model"] for body in provider.bodies]


async def test_the_fallback_answers_a_turn_and_stands_in_its_one_usage_row(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play(
        {**AWAY, "when": "first-model"}, {"text": "Here I am", "usage": {"input": 30, "output": 4}}
    )
    session = await session_of(ada)
    events = await say(ada, session, "Anybody?", model="first")
    assert asked_of(stage.provider) == ["first-model", "second-model"]
    assert text_of(events) == "Here I am"
    assert len(named(events, "done")) == 1
    assert named(events, "error") == []
    (notice,) = named(events, "notice")
    assert "second-model" in notice["text"]
    assert "who?" not in notice["text"]
    assert await said_in(ada, session) == [("user", "Anybody?"), ("assistant", "Here I am")]
    (usage,) = await usages_of(stage, ada)
    assert (usage["model"], usage["messages"]) == ("second", 1)
    assert await counted(stage, ada) == 34
    answers = [
        each for each in await entries_of(stage, ada) if each.body.get("role") == "assistant"
    ]
    assert [each.actor for each in answers] == ["second-model"]


async def test_the_next_turn_asks_the_chosen_model_again(stage: Stage, ada: Person) -> None:
    session = await session_of(ada)
    stage.provider.play({**AWAY, "repeat": False}, {"text": "instead"}, {"text": "back"})
    await say(ada, session, "One", model="first")
    await say(ada, session, "Two", model="first")
    assert asked_of(stage.provider) == ["first-model", "second-model", "first-model"]
    assert [each["model"] for each in await usages_of(stage, ada)] == ["second", "first"]
    said = [each["content"] for each in stage.provider.bodies[-1]["messages"][1:]]
    assert said == ["One", "instead", "Two"]


async def test_where_nobody_answers_the_turn_ends_in_an_error_and_costs_nothing(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play(AWAY)
    session = await session_of(ada)
    events = await say(ada, session, "Anybody?", model="first")
    (error,) = named(events, "error")
    assert "who?" not in json.dumps(error)
    assert await usages_of(stage, ada) == []
    quota = await stage.app.services.run(stage.platform.billing.quota, ada.account_id)
    assert (quota.of("tokens").used, quota.of("tokens").held) == (0, 0)
    assert (quota.of("messages").used, quota.of("messages").held) == (0, 0)


async def test_a_fallback_is_sent_no_more_than_was_set_aside_for_the_first(
    stage: Stage, ada: Person
) -> None:
    session = await session_of(ada)
    stage.provider.play(*[{"text": "noted"}] * 8)
    for number in range(8):
        await say(ada, session, f"{number} " + "word " * 200, model="second")
    stage.provider.play({**AWAY, "when": "first-model"}, {"text": "instead"})
    events = await say(ada, session, "And now?", model="small")
    assert text_of(events) == "instead"
    before, sent = (json.dumps(stage.provider.bodies[at]) for at in (-3, -1))
    assert len(sent) < len(before)
    usage = (await usages_of(stage, ada))[-1]
    assert llm.count_tokens(sent) < usage["held_tokens"]
    assert usage["model"] == "second"


async def test_an_idempotency_key_holds_for_a_turn_that_the_fallback_answered(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({**AWAY, "when": "first-model"}, {"text": "once"})
    session = await session_of(ada)
    headers = {"Idempotency-Key": "the same"}
    first = await say(ada, session, "Anybody?", model="first", headers=headers)
    again = await say(ada, session, "Anybody?", model="first", headers=headers)
    assert again == first
    assert len(stage.provider.requests) == 2


async def test_a_turn_that_is_stopped_in_the_fallbacks_answer_charges_the_fallback(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({**AWAY, "when": "first-model"}, {"text": ["one ", "two"], "hang_after": 5})
    session = await session_of(ada)
    talk = stage.platform.chat
    begun = await talk.turn(
        chat.Caller(account_id=ada.account_id), session, asked=chat.Asked(text="?", model="first")
    )
    async for events in talk.follow(ada.account_id, begun.stream):
        if any(event.name == "delta" for event in events):
            await talk.stop_stream(ada.account_id, begun.stream)
    (usage,) = await usages_of(stage, ada)
    assert (usage["model"], usage["outcome"]) == ("second", "stopped")


async def test_the_usage_of_the_model_api_names_the_fallback_that_answered(
    stage: Stage, ada: Person
) -> None:
    stage.provider.play({**AWAY, "when": "first-model"}, {"text": "Here I am"})
    body = {"model": "first", "messages": [{"role": "user", "content": "Anybody?"}]}
    answer = await ada.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    await stage.platform.metering.flush()
    rows = await stage.app.services.run(stage.platform.billing.history, ada.account_id)
    assert [(row.model, row.calls) for row in rows] == [("second", 1)]
