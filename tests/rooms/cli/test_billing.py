"""`nova billing`: plans, limits, and a ledger that is compared with the journal and made anew."""

import asyncio

import pytest
from tests import migrated
from tests.rooms.cli.conftest import Nova

from novacore import billing, bootstrap, llm, settings

pytestmark = pytest.mark.heavy

EMAIL = "ada@example.org"


def _admission(account_id: str) -> billing.Admission:
    return billing.Admission(
        account_id=account_id, purpose="chat", model="m1", input_tokens=100, output_tokens_max=50
    )


@pytest.fixture
def spent(nova: Nova, monkeypatch) -> Nova:
    """An account that has made three calls."""
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_MEMORY_KIB", "8")
    monkeypatch.setenv("NOVA_IDENTITY_PASSWORD_PASSES", "1")
    migrated.make_business(nova.data_dir / "business.db")
    platform = bootstrap.open_platform(settings.load(), announce=print)
    account = platform.identity.administration.create(EMAIL, password="four plain words here")

    async def spend() -> None:
        for _ in range(3):
            async with platform.metering.call(_admission(account.id)) as call:
                await call.finish(llm.Usage(input_tokens=90, output_tokens=10))
        await platform.metering.close()

    try:
        asyncio.run(spend())
        platform.metering.feed.drain()
    finally:
        platform.close()
    return nova


def _spoil(*statements: str) -> None:
    opened = bootstrap.open_database(settings.load())
    with opened.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    opened.close()


def test_the_plans_are_shown_with_what_they_cost_and_whether_they_limit(nova: Nova):
    outcome = nova("billing", "plans")
    assert outcome.code == 0
    assert "9.00 USD" in outcome.out
    assert "free, 7 days, then free_restricted" in outcome.out
    assert "plans limit nobody" in outcome.out
    assert "plans limit nobody" not in nova("billing", "plans", "--set", "billing.limits=on").out
    assert nova("billing", "plans", "--json").json[0]["tokens_per_day"] == 40_000


def test_a_sound_ledger_is_said_to_agree(spent: Nova):
    outcome = spent("billing", "reconcile")
    assert (outcome.code, outcome.err) == (0, "")
    assert "agree: 3 usage entries and 3 rows" in outcome.out


STRAY = """
INSERT INTO billing_ledger SELECT 'x', line, account_id, day, plan, purpose, model, provider,
    price_version, agent_id, key_id, source, outcome, 1, 1, 0, 0, 0, 0, 0
FROM billing_ledger LIMIT 1"""
LOST = "DELETE FROM billing_ledger WHERE hold_id = (SELECT MIN(hold_id) FROM billing_ledger)"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (LOST, "has no row in the ledger"),
        ("UPDATE billing_ledger SET output_tokens = 11", "a row differs"),
        (STRAY, "1 rows of the ledger have no entry"),
        ("UPDATE billing_counter SET tokens = tokens + 1", "a counter differs"),
        ("DELETE FROM billing_daily", "a day's sum (m1) differs"),
    ],
)
def test_a_ledger_that_differs_is_named_and_made_anew(spent: Nova, spoil: str, told: str):
    _spoil(spoil)
    outcome = spent("billing", "reconcile")
    assert outcome.code == 1
    assert told in outcome.out
    assert "nova billing rebuild" in outcome.err
    assert spent("billing", "reconcile", "--json").json["is_sound"] is False
    assert spent("billing", "rebuild").code == 0
    assert spent("billing", "reconcile").code == 0


def test_an_account_s_use_is_shown_and_its_limits_changed(spent: Nova):
    shown = spent("billing", "show", EMAIL)
    assert shown.code == 0
    assert "plan free_trial" in shown.out
    assert "300" in shown.out
    changed = spent("billing", "set", EMAIL, "--tokens", "400", "--plan", "basic", "--json")
    tokens = changed.json["resources"][0]
    assert (changed.json["plan"], tokens["used"], tokens["limit"]) == ("basic", 300, 400)
    assert spent("billing", "set", EMAIL, "--tokens", "plan").code == 0
    assert spent("billing", "show", EMAIL, "--json").json["resources"][0]["limit"] is None


def test_a_wrong_limit_plan_or_address_is_refused(spent: Nova):
    wrong = spent("billing", "set", EMAIL, "--plan", "gold")
    assert wrong.code == 1
    assert "There is no plan 'gold'" in wrong.err
    assert spent("billing", "show", "nobody@example.org").code == 1
    assert spent("billing", "set", EMAIL, "--tokens", "many").code == 2


def _say(account_id: str, text: str) -> None:
    platform = bootstrap.open_platform(settings.load(), announce=print)
    try:
        platform.store_of(account_id).session("talk").append({"role": "user", "content": text})
    finally:
        platform.close()


def _stored(nova: Nova, email: str = EMAIL) -> int:
    assert nova("billing", "storage").code == 0
    return nova("billing", "show", email, "--json").json["resources"][2]["used"]


def test_what_an_account_stores_is_measured_its_agents_words_and_what_was_erased_too(nova: Nova):
    platform = bootstrap.open_platform(settings.load(), announce=print)
    account = platform.identity.administration.create(EMAIL, password="four plain words here")
    agent = platform.identity.agents.create(account.id, name="helper").agent
    platform.close()
    assert _stored(nova) == 0
    _say(account.id, "x" * 1_000)
    first = _stored(nova)
    assert 1_000 < first < 1_200
    _say(agent.id, "é" * 500)
    assert 1_000 < _stored(nova) - first < 1_200
    assert nova("erase", "--owner", account.id, "--yes").code == 0
    assert _stored(nova) == _stored(nova) < 1_200
