"""Two hundred callers at once against a nearly used quota, through the whole app."""

import asyncio

import pytest
from tests.api.stage import Stage

CHAT = "/v1/chat/completions"
CALLERS = 200
USED, CAP = 30, 50
"""What a call uses, and how much of an answer it asks for."""


@pytest.fixture
def server_settings() -> dict[str, str]:
    rates = {
        f"NOVA_SERVER_{name}_{unit}": "10000"
        for name in ("REQUESTS", "MODEL_REQUESTS", "IP_REQUESTS")
        for unit in ("PER_MINUTE", "BURST")
    }
    return {"NOVA_BILLING_LIMITS": "on", "NOVA_BILLING_PLAN_DEFAULT": "basic", **rates}


async def _crowd(stage: Stage, *, limit: int) -> tuple[list[int], list[dict], int]:
    """Statuses, refusals, and what the ledger says in the end."""
    person = await stage.person()
    run = stage.app.services.run
    await run(stage.platform.billing.set_limits, person.account_id, tokens_per_day=limit)
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": CAP}
    answers = await asyncio.gather(*(person.client.post(CHAT, json=body) for _ in range(CALLERS)))
    await stage.platform.metering.flush()
    history = await run(stage.platform.billing.history, person.account_id)
    total = sum(row.input_tokens + row.output_tokens for row in history)
    refusals = [answer.json()["error"] for answer in answers if answer.status_code == 429]
    return [answer.status_code for answer in answers], refusals, total


async def test_nobody_overshoots_and_nobody_is_refused_who_would_have_fitted(stage, provider):
    provider.play({"text": "hello", "usage": {"input": 10, "output": 20}, "repeat": True})
    limit = 1_000
    statuses, refusals, total = await _crowd(stage, limit=limit)
    assert set(statuses) == {200, 429}
    assert total == statuses.count(200) * USED <= limit
    for error in refusals:
        assert error["code"] == "insufficient_quota"
        assert error["used"] + error["held"] + error["needed"] > error["limit"] == limit


async def test_who_comes_after_the_crowd_gets_what_it_gave_back(stage, provider):
    """The holds of the crowd are settled, so what they set aside and did not use is there again."""
    provider.play({"text": "hello", "usage": {"input": 10, "output": 20}, "repeat": True})
    person = await stage.person()
    run = stage.app.services.run
    await run(stage.platform.billing.set_limits, person.account_id, tokens_per_day=600)
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": CAP}
    done = 0
    while (await person.client.post(CHAT, json=body)).status_code == 200:
        done += 1
        await stage.platform.metering.flush()
    quota = await run(stage.platform.billing.quota, person.account_id)
    assert done * USED == quota.of("tokens").used
    assert quota.of("tokens").held == 0
    # One more smallest useful answer would not have fitted.
    assert 600 - done * USED < USED + CAP


async def test_a_quota_that_is_enough_refuses_none_of_two_hundred(stage, provider):
    provider.play({"text": "hello", "usage": {"input": 10, "output": 20}, "repeat": True})
    statuses, _, total = await _crowd(stage, limit=CALLERS * 200)
    assert statuses == [200] * CALLERS
    assert total == CALLERS * USED
