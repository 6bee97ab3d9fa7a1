"""Agents of one's own account."""

from typing import Any

import fastapi
import pydantic
from starlette.responses import Response

from novacore import identity
from novacore.gateway.dependencies import Answer, Body, Serving
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import Id, Name, PerDay, PerMinute, Scopes, SignedInHere

router = fastapi.APIRouter(prefix="/api/v1/agents", tags=["agents"])


class AgentWanted(Body):
    """An agent to be made."""

    name: Name
    scopes: Scopes | None = pydantic.Field(
        default=None, description="chat, models, memory, usage; null: all of these"
    )
    requests_per_minute: PerMinute | None = None
    tokens_per_day: PerDay | None = None


class Rotation(Body):
    """How to replace an agent's key."""

    overlap_minutes: int = pydantic.Field(
        default=0, ge=0, le=10_080, description="The old key still works for so long", examples=[60]
    )


class AgentAnswer(Answer):
    """An agent: an account of its own that acts for its owner."""

    id: str
    name: str
    scopes: list[str]
    requests_per_minute: int | None
    tokens_per_day: int | None
    workspace: str = pydantic.Field(description="Its folder on the server")
    key_prefix: str
    created_at_us: int
    last_used_at_us: int | None


class NewAgentAnswer(AgentAnswer):
    """An agent with a fresh key."""

    key: str = pydantic.Field(description="The key itself; it is shown this once")


class AgentList(Answer):
    """Agents, newest first."""

    agents: list[AgentAnswer]


@router.get("", operation_id="list_agents", responses=documented(401, 403))
async def list_agents(principal: SignedInHere, serving: Serving) -> AgentList:
    """The agents of this account."""
    found = await serving.run(serving.platform.identity.agents.list, principal.account_id)
    return AgentList(agents=[AgentAnswer(**_facts(each)) for each in found])


@router.post(
    "",
    status_code=201,
    operation_id="create_agent",
    responses=documented(400, 401, 403, 409),
)
async def create_agent(
    body: AgentWanted, principal: SignedInHere, serving: Serving
) -> NewAgentAnswer:
    """Make an agent. The answer is the only place where its key ever stands."""
    made = await serving.run(
        serving.platform.identity.agents.create,
        principal.account_id,
        name=body.name,
        scopes=body.scopes,
        limits=identity.KeyLimits(
            requests_per_minute=body.requests_per_minute, tokens_per_day=body.tokens_per_day
        ),
    )
    return NewAgentAnswer(**_facts(made.agent), key=made.secret)


@router.post(
    "/{agent_id}/rotate",
    operation_id="rotate_agent",
    responses=documented(400, 401, 403, 404),
)
async def rotate_agent(
    agent_id: Id, principal: SignedInHere, serving: Serving, body: Rotation | None = None
) -> NewAgentAnswer:
    """Replace an agent's key."""
    made = await serving.run(
        serving.platform.identity.agents.rotate,
        principal.account_id,
        agent_id,
        overlap_minutes=body.overlap_minutes if body is not None else 0,
    )
    return NewAgentAnswer(**_facts(made.agent), key=made.secret)


@router.delete(
    "/{agent_id}",
    status_code=204,
    operation_id="revoke_agent",
    responses=documented(401, 403, 404),
)
async def revoke_agent(agent_id: Id, principal: SignedInHere, serving: Serving) -> Response:
    """End an agent: its keys at once, what it stored soon after."""
    await serving.run(serving.platform.identity.agents.revoke, principal.account_id, agent_id)
    return Response(status_code=204)


def _facts(agent: identity.Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "scopes": list(agent.scopes),
        "requests_per_minute": agent.limits.requests_per_minute,
        "tokens_per_day": agent.limits.tokens_per_day,
        "workspace": agent.workspace,
        "key_prefix": agent.key_prefix,
        "created_at_us": agent.created_at_us,
        "last_used_at_us": agent.last_used_at_us,
    }
