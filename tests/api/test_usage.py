"""What an account used and may use, over HTTP."""

import datetime as dt
import re

import pytest

from novacore import billing


@pytest.fixture
def server_settings():
    return {"NOVA_BILLING_LIMITS": "on", "NOVA_BILLING_SETTLE_WAIT_MS": "0"}


async def _spend(stage, account_id: str, *, agent_id: str = "", open_too: bool = False) -> None:
    room = stage.platform.billing
    admission = billing.Admission(
        account_id=account_id,
        purpose="chat",
        model="m1",
        input_tokens=100,
        output_tokens_max=50,
        messages=1,
        agent_id=agent_id,
    )

    def spend() -> None:
        hold = room.admit(admission).result()
        usage = billing.Usage(
            account_id=account_id, hold_id=hold.id, day=hold.day, plan=hold.plan, purpose="chat",
            model="m1", provider="scripted", price_version="v", input_tokens=100,
            output_tokens=20, messages=1, agent_id=agent_id, ms=90_000,
        )  # fmt: skip
        room.settle([usage], is_urgent=True)
        if open_too:
            room.admit(admission).result()

    await stage.app.services.run(spend)


async def test_the_quota_tells_used_held_limit_and_percent_of_each_resource(stage):
    person = await stage.person()
    await _spend(stage, person.account_id, open_too=True)
    answer = await person.client.get("/api/v1/usage/quota")
    assert answer.status_code == 200
    quota = answer.json()
    assert (quota["plan"], quota["is_limited"], quota["warning_percent"]) == (
        "free_trial", True, 80,
    )  # fmt: skip
    assert quota["resets_at_us"] % 86_400_000_000 == 0
    bars = {each.pop("resource"): each for each in quota["resources"]}
    assert bars["tokens"] == {
        "used": 120,
        "held": 150,
        "limit": 40_000,
        "percent": 0.3,
        "over": 0,
        "resets_at_us": quota["resets_at_us"],
        "resets_at": quota["resets_at"],
    }
    moment = dt.datetime.fromisoformat(quota["resets_at"])
    assert moment.timestamp() * 1_000_000 == quota["resets_at_us"]
    assert bars["storage_bytes"]["resets_at"] is None
    assert (bars["messages"]["used"], bars["messages"]["held"]) == (1, 1)
    assert bars["storage_bytes"]["resets_at_us"] is None
    assert bars["agent_minutes"]["limit"] == 10


async def test_history_is_by_day_resource_model_and_agent(stage):
    person = await stage.person()
    await _spend(stage, person.account_id)
    await _spend(stage, person.account_id, agent_id="bot")
    found = (await person.client.get("/api/v1/usage/history?days=1")).json()["days"]
    seen = {(each["resource"], each["model"], each["agent"], each["amount"]) for each in found}
    assert seen == {
        ("tokens", "m1", "", 120),
        ("messages", "m1", "", 1),
        ("tokens", "m1", "bot", 120),
        ("messages", "m1", "bot", 1),
        ("agent_minutes", "m1", "bot", 2),
    }
    for days in ("0", "367", "x"):
        refused = await person.client.get(f"/api/v1/usage/history?days={days}")
        assert refused.status_code == 400


async def test_nobody_sees_another_one_s_usage(stage):
    person, other = await stage.person(), await stage.person()
    await _spend(stage, person.account_id)
    quota = (await other.client.get("/api/v1/usage/quota")).json()
    assert [each["used"] for each in quota["resources"]] == [0, 0, 0, 0]
    assert (await other.client.get("/api/v1/usage/history")).json() == {"days": []}


async def test_the_plans_are_listed_with_their_prices_and_limits(stage):
    person = await stage.person()
    found = (await person.client.get("/api/v1/plans")).json()
    prices = {each["name"]: each["price_minor"] for each in found["plans"]}
    assert prices == {"free_trial": 0, "free_restricted": 0, "basic": 900, "pro": 2_900}
    assert {each["name"]: each["then"] for each in found["plans"]}[
        "free_trial"
    ] == "free_restricted"
    assert found["is_limited"] is True


async def test_usage_needs_somebody_with_the_scope_for_it(stage):
    person = await stage.person()
    key = await stage.key_of(person, scopes=["chat"])
    visitor = stage.visitor()
    for path in ("usage/quota", "usage/history", "plans"):
        assert (await visitor.get(f"/api/v1/{path}")).status_code == 401
        refused = await visitor.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code == 403


async def test_a_drift_of_the_ledger_is_in_metrics_and_status(stage):
    person = await stage.person()
    await _spend(stage, person.account_id)
    run = stage.app.services.run
    # The ledger has what no journal says.
    found = await run(stage.platform.billing.reconcile, [])
    assert not found.is_sound
    text = (await stage.visitor().get("/metrics")).text
    assert f"nova_usage_drift_tokens {float(found.drift_tokens)}" in text
    [compared] = re.findall(r"^nova_usage_compared_timestamp_seconds (.*)$", text, re.MULTILINE)
    assert float(compared) == found.at_us / 1_000_000
    status = (await person.client.get("/api/v1/status")).json()
    [metering] = [each for each in status["components"] if each["name"] == "metering"]
    assert (metering["state"], status["state"]) == ("degraded", "degraded")


async def test_an_agent_sees_its_owner_s_usage_because_that_is_what_limits_it(stage):
    person = await stage.person()
    await _spend(stage, person.account_id)
    run = stage.app.services.run
    agent = await run(
        stage.platform.identity.agents.create, person.account_id, name="helper", scopes=["usage"]
    )
    answer = await stage.visitor().get(
        "/api/v1/usage/quota", headers={"Authorization": f"Bearer {agent.secret}"}
    )
    assert answer.json()["resources"][0]["used"] == 120
