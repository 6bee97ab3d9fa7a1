"""What an account used, what it may use, and the plans there are."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import fastapi
import pydantic

from novacore import billing, identity
from novacore.gateway import problems
from novacore.gateway.dependencies import Answer, Serving, current

Resource = Literal["tokens", "messages", "storage_bytes", "agent_minutes"]
MINUTE_MS = 60_000
MIDNIGHT = "2026-11-23T00:00:00Z"

router = fastapi.APIRouter(prefix="/api/v1", tags=["usage"])
Reader = Annotated[identity.Principal, fastapi.Depends(current("usage"))]


class ResourceAnswer(Answer):
    """One bar."""

    resource: Resource
    used: int = pydantic.Field(description="Counted for good; may be over the limit")
    held: int = pydantic.Field(description="Set aside by calls that are running")
    limit: int | None = pydantic.Field(description="null: unlimited")
    percent: float | None = pydantic.Field(description="used / limit; null: unlimited")
    over: int = pydantic.Field(description="Used beyond the limit")
    resets_at_us: int | None = pydantic.Field(description="null: it does not start anew")

    @pydantic.computed_field(description="The same, as people write it", examples=[MIDNIGHT])
    @property
    def resets_at(self) -> str | None:
        return None if self.resets_at_us is None else problems.rfc3339(self.resets_at_us)


class QuotaAnswer(Answer):
    """What was used today, and may be."""

    day: str = pydantic.Field(description="The UTC day", examples=["2026-11-22"])
    resets_at_us: int = pydantic.Field(description="The next 00:00 UTC, µs since 1970")

    @pydantic.computed_field(description="The same, as people write it", examples=[MIDNIGHT])
    @property
    def resets_at(self) -> str:
        return problems.rfc3339(self.resets_at_us)

    plan: str
    is_limited: bool = pydantic.Field(description="Whether any limit holds for this account")
    resources: list[ResourceAnswer]
    warning_percent: int = pydantic.Field(description="From where on a bar warns")


class DayAnswer(Answer):
    """What one model was used for on one day."""

    day: str = pydantic.Field(examples=["2026-11-22"])
    resource: Resource
    model: str = pydantic.Field(description="Empty: no model, as for storage")
    agent: str = pydantic.Field(description="The agent that used it; empty: the person")
    amount: int
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0


class HistoryAnswer(Answer):
    """What was used, the oldest day first."""

    days: list[DayAnswer]


class PlanAnswer(Answer):
    """What a plan offers; null: unlimited."""

    name: str
    title: str
    price_minor: int = pydantic.Field(description="A month, in the currency's smallest unit")
    currency: str
    days: int | None = pydantic.Field(description="How long it lasts; null: for good")
    then: str = pydantic.Field(description="The plan that follows when it has ended; or empty")
    tokens_per_day: int | None
    messages_per_day: int | None
    storage_bytes: int | None
    agent_minutes_per_day: int | None
    models: list[str] = pydantic.Field(description="Names or patterns; empty: all")


class PlansAnswer(Answer):
    """The plans, and whose limits are enforced at all."""

    plans: list[PlanAnswer]
    is_limited: bool = pydantic.Field(description="False: usage is counted and no plan limits it")


@router.get("/usage/quota", operation_id="read_quota")
async def read_quota(principal: Reader, services: Serving) -> QuotaAnswer:
    """What was used today, what running calls have set aside, and the limits.

    A call belongs to the UTC day on which it began. An agent's usage is its owner's.
    """
    quota = await services.run(services.platform.billing.quota, payer_of(principal))
    return QuotaAnswer.model_validate(quota)


@router.get("/usage/history", operation_id="read_usage_history")
async def read_history(
    principal: Reader,
    services: Serving,
    days: Annotated[
        int, fastapi.Query(ge=1, le=366, description="How many days, today among them")
    ] = 30,
) -> HistoryAnswer:
    """What was used by day, resource, model and agent."""
    found = await services.run(services.platform.billing.history, payer_of(principal), days)
    return HistoryAnswer(days=[each for use in found for each in _by_resource(use)])


@router.get("/plans", operation_id="list_plans")
async def list_plans(_principal: Reader, services: Serving) -> PlansAnswer:
    """The plans and what each offers."""
    room = services.platform.billing
    return PlansAnswer(
        plans=[PlanAnswer.model_validate(_plain(plan)) for plan in room.plans.values()],
        is_limited=room.is_limited,
    )


def payer_of(principal: identity.Principal) -> str:
    """Whose plan pays: an agent's owner, else the account itself."""
    return principal.owner_id or principal.account_id


def _plain(plan: billing.Plan) -> dict[str, object]:
    facts = {name: getattr(plan, name) for name in PlanAnswer.model_fields}
    return {**facts, "models": list(plan.models)}


def _by_resource(use: billing.DayUse) -> Iterator[DayAnswer]:
    place: dict[str, Any] = {"day": use.day, "model": use.model, "agent": use.agent_id}
    if use.calls or use.input_tokens or use.output_tokens:
        yield DayAnswer(
            **place,
            resource="tokens",
            amount=use.input_tokens + use.output_tokens,
            input_tokens=use.input_tokens,
            output_tokens=use.output_tokens,
            calls=use.calls,
        )
    others: tuple[tuple[Resource, int], ...] = (
        ("messages", use.messages),
        ("agent_minutes", -(-use.agent_ms // MINUTE_MS)),
        ("storage_bytes", use.stored_bytes),
    )
    for resource, amount in others:
        if amount:
            yield DayAnswer(**place, resource=resource, amount=amount)
