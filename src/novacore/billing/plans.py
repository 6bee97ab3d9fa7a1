"""Plans: what an account may use, as plain data; the built-in ones and those of nova.toml."""

import dataclasses
import fnmatch
import types
import typing
from collections.abc import Mapping
from typing import Any

from novacore import kit

UNLIMITED = "unlimited"
"""How nova.toml says that there is no limit."""
GB = 1_000_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What an account of this plan may use. A limit of None is none."""

    name: str
    title: str = ""
    """What people read."""
    price_minor: int = 0
    """A month's price in the currency's smallest unit."""
    currency: str = "USD"
    days: int | None = None
    """How long it lasts; None: for good."""
    then: str = ""
    """The plan that follows when it has ended."""
    tokens_per_day: int | None = None
    """Input and output tokens in a UTC day."""
    messages_per_day: int | None = None
    """Messages in a UTC day."""
    storage_bytes: int | None = None
    """What may be stored in all."""
    agent_minutes_per_day: int | None = None
    """Minutes that agents may work in a UTC day."""
    turn_input_tokens_max: int | None = None
    """How much of a conversation one turn of the chat sends; the rest is left out of its view."""
    output_tokens_default: int | None = None
    """How long an answer may get where the caller names no maximum; None: `billing` says."""
    requests_per_minute: int | None = None
    """Requests an account may send in a minute; None: the gateway's own limit."""
    models: tuple[str, ...] = ()
    """Names or patterns (`gpt-*`) of the models that it includes; empty: all."""

    def allows_model(self, model: str) -> bool:
        """Whether the plan includes this model."""
        return not self.models or any(fnmatch.fnmatchcase(model, each) for each in self.models)


BUILT_IN: Mapping[str, Plan] = types.MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(
                name="free_trial",
                title="Free trial",
                days=7,
                then="free_restricted",
                tokens_per_day=40_000,
                messages_per_day=100,
                storage_bytes=1 * GB,
                agent_minutes_per_day=10,
                turn_input_tokens_max=1_400,
                output_tokens_default=500,
            ),
            Plan(
                name="free_restricted",
                title="Trial ended",
                tokens_per_day=0,
                messages_per_day=0,
                storage_bytes=1 * GB,
                agent_minutes_per_day=0,
                turn_input_tokens_max=1_400,
                output_tokens_default=500,
            ),
            Plan(
                name="basic",
                title="Basic",
                price_minor=900,
                tokens_per_day=50_000,
                messages_per_day=5_000,
                storage_bytes=10 * GB,
                agent_minutes_per_day=60,
                turn_input_tokens_max=4_000,
                output_tokens_default=1_000,
            ),
            Plan(name="pro", title="Pro", price_minor=2_900),
        )
    }
)
"""The plans that are there without any setting. docs/decisions/trial-tokens.md has the reasons."""


def read_plans(written: Mapping[str, Any]) -> dict[str, Plan]:
    """The built-in plans with these changes, and further plans, by name.

    Raises:
        kit.SettingInvalid: a field that is none, a value of another kind, or a plan that is to
            follow and does not exist.
    """
    plans = dict(BUILT_IN)
    for name, table in written.items():
        if not isinstance(table, Mapping):
            raise _invalid(f"plans.{name} is {table!r}; expected a table of limits.")
        plans[name] = _changed(plans.get(name, Plan(name=name, title=name)), table)
    for plan in plans.values():
        if plan.days is not None and plan.then not in plans:
            raise _invalid(
                f"plans.{plan.name}.then is {plan.then!r}; expected one of {', '.join(plans)}."
            )
    return plans


def version_of(plans: Mapping[str, Plan]) -> str:
    """A short name of this price list: the same plans always have the same."""
    facts = [repr(dataclasses.astuple(plans[name])) for name in sorted(plans)]
    return kit.derived_id("plans", *facts).hex[:8]


def _changed(plan: Plan, table: Mapping[str, Any]) -> Plan:
    kinds = typing.get_type_hints(Plan)
    changes: dict[str, Any] = {}
    for field, value in table.items():
        known = [name for name in kinds if name != "name"]
        if field not in known:
            raise _invalid(f"plans.{plan.name}.{field} is no field; fields: {', '.join(known)}.")
        changes[field] = _value(f"plans.{plan.name}.{field}", value, kinds[field])
    return dataclasses.replace(plan, **changes)


def _value(name: str, value: Any, kind: Any) -> Any:
    if kind is str:
        if isinstance(value, str):
            return value
        raise _invalid(f"{name} is {value!r}; expected text.")
    if kind == tuple[str, ...]:
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise _invalid(f"{name} is {value!r}; expected a list of models.")
    is_optional = kind == int | None
    if is_optional and value == UNLIMITED:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    words = f"a whole number of at least 0{', or ' + repr(UNLIMITED) if is_optional else ''}"
    raise _invalid(f"{name} is {value!r}; expected {words}.")


def _invalid(message: str) -> kit.SettingInvalid:
    return kit.SettingInvalid(
        message, name="plans", hint="docs/howto/plans-and-limits.md shows each field."
    )
