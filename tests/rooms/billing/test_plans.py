"""Plans come from settings; what is wrong in them is said with its place."""

import pytest

from novacore import billing, kit
from novacore.billing.plans import BUILT_IN, UNLIMITED, read_plans, version_of


def test_the_built_in_plans_are_the_promised_ones():
    facts = {
        name: (each.price_minor, each.tokens_per_day, each.messages_per_day, each.storage_bytes)
        for name, each in BUILT_IN.items()
    }
    assert facts == {
        "free_trial": (0, 40_000, 100, 10**9),
        "free_restricted": (0, 0, 0, 10**9),
        "basic": (900, 50_000, 5_000, 10**10),
        "pro": (2_900, None, None, None),
    }
    assert (BUILT_IN["free_trial"].days, BUILT_IN["free_trial"].then) == (7, "free_restricted")


def test_a_trial_is_enough_for_twenty_ordinary_turns_a_day():
    trial = BUILT_IN["free_trial"]
    turn = (trial.turn_input_tokens_max or 0) + (trial.output_tokens_default or 0)
    assert 20 * turn < (trial.tokens_per_day or 0)
    assert (trial.messages_per_day or 0) >= 20


def test_a_plan_is_changed_in_part_and_another_one_added():
    plans = read_plans(
        {"basic": {"tokens_per_day": 9}, "team": {"price_minor": 4_900, "models": ["m*"]}}
    )
    assert (plans["basic"].tokens_per_day, plans["basic"].messages_per_day) == (9, 5_000)
    assert (plans["team"].tokens_per_day, plans["team"].models) == (None, ("m*",))
    assert read_plans({"basic": {"tokens_per_day": UNLIMITED}})["basic"].tokens_per_day is None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"basic": 3}, "plans.basic is 3; expected a table"),
        ({"basic": {"tokens": 3}}, "plans.basic.tokens is no field; fields: title"),
        ({"basic": {"tokens_per_day": -1}}, "whole number of at least 0, or 'unlimited'"),
        ({"basic": {"tokens_per_day": True}}, "plans.basic.tokens_per_day is True"),
        ({"basic": {"price_minor": UNLIMITED}}, "expected a whole number of at least 0."),
        ({"basic": {"models": "m"}}, "expected a list of models"),
        ({"basic": {"title": 3}}, "expected text"),
        ({"basic": {"days": 3}}, "plans.basic.then is ''; expected one of"),
        ({"basic": {"name": "x"}}, "plans.basic.name is no field"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_place(written, told):
    with pytest.raises(kit.SettingInvalid, match="plans") as refusal:
        billing.Config(plans=written)
    assert told in refusal.value.message
    assert refusal.value.name == "plans"


def test_a_default_plan_must_exist():
    with pytest.raises(kit.SettingInvalid, match="gold"):
        billing.Config(plan_default="gold")
    assert billing.Config(plan_default="gold", plans={"gold": {}})


def test_a_price_list_has_a_name_that_changes_with_it():
    assert version_of(BUILT_IN) == version_of(dict(reversed(BUILT_IN.items())))
    assert version_of(read_plans({"basic": {"price_minor": 1_900}})) != version_of(BUILT_IN)
