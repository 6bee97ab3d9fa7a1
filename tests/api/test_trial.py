"""A day of a free trial: twenty ordinary turns with recall, then a refusal that says what it is."""

import pytest
from tests.api.chatting import counted, named, say, session_of, usages_of
from tests.api.stage import Stage

TURNS = 20
QUESTION = (
    "On day {n} we looked at the garden again. The beds by the wall want more water than those "
    "under the trees, the beans have come up in rows {n} and {m}, and something has eaten the "
    "lettuce. What would you do first, and what can wait until the weekend, if it rains on Friday?"
)
ANSWER = (
    "First look at bed {n}: water it early, before the sun is on it, and cover the lettuce with a "
    "net tonight. The beans can wait. If it rains on Friday, leave the trees alone; they take what "
    "they need from below. "
)


@pytest.fixture
def server_settings() -> dict[str, str]:
    rates = {
        f"NOVA_SERVER_{name}_{unit}": "10000"
        for name in ("REQUESTS", "MODEL_REQUESTS", "IP_REQUESTS")
        for unit in ("PER_MINUTE", "BURST")
    }
    return {"NOVA_BILLING_LIMITS": "on", "NOVA_CHAT_TITLES": "false", **rates}


async def test_a_trial_is_enough_for_twenty_ordinary_turns_with_recall(stage: Stage) -> None:
    person = await stage.person()
    session = await session_of(person)
    long_answer = ANSWER * 8
    recalled, views = [], []
    for number in range(1, TURNS + 1):
        stage.provider.play({"text": long_answer.format(n=number)})
        events = await say(person, session, QUESTION.format(n=number, m=number + 3))
        assert named(events, "error") == []
        (done,) = named(events, "done")
        assert done["stop_reason"] == "end"
        recalled += named(events, "recall")
        views += named(events, "view")
    usages = await usages_of(stage, person)
    assert len(usages) == TURNS
    plan = stage.platform.billing.plan_of(person.account_id).plan
    # The plan's view holds in every turn, the last one too: with a twentieth for the estimate.
    most = plan.turn_input_tokens_max * 21 // 20 + plan.output_tokens_default
    assert max(each["held_tokens"] for each in usages) <= most
    assert any(each["hits"] for each in recalled)
    assert views, "a long conversation is cut to the plan's view"
    assert await counted(stage, person) <= 40_000


async def test_when_the_day_is_used_up_the_refusal_says_what_and_until_when(stage: Stage) -> None:
    person = await stage.person()
    session = await session_of(person)
    run = stage.app.services.run
    await run(stage.platform.billing.set_limits, person.account_id, tokens_per_day=100)
    answer = await person.client.post(f"/api/v1/sessions/{session}/turns", json={"text": "Hi"})
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert (error["code"], error["resource"], error["limit"]) == (
        "insufficient_quota", "tokens", 100,
    )  # fmt: skip
    assert error["resets_at"].endswith("T00:00:00Z")
    assert error["upgrade_url"].endswith("/plans")  # tests/journeys opens it.
    assert answer.headers["x-should-retry"] == "false"
    assert int(answer.headers["retry-after"]) >= 1
    assert await usages_of(stage, person) == []
