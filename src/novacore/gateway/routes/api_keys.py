"""API keys of one's own account."""

from typing import Any

import fastapi
import pydantic
from starlette.responses import Response

from novacore import identity
from novacore.gateway.dependencies import Answer, Body, Serving
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import Id, Name, PerDay, PerMinute, Scopes, SignedInHere

router = fastapi.APIRouter(prefix="/api/v1/api-keys", tags=["api-keys"])


class KeyWanted(Body):
    """A key to be made."""

    name: Name
    scopes: Scopes | None = pydantic.Field(
        default=None, description="chat, models, memory, usage; null: all of these"
    )
    expires_in_days: int | None = pydantic.Field(
        default=None, ge=1, le=3_650, description="null: it does not expire"
    )
    requests_per_minute: PerMinute | None = None
    tokens_per_day: PerDay | None = None


class KeyAnswer(Answer):
    """An API key, without its secret."""

    id: str
    name: str
    prefix: str = pydantic.Field(description="Its first characters")
    scopes: list[str]
    requests_per_minute: int | None
    tokens_per_day: int | None
    created_at_us: int
    expires_at_us: int | None
    last_used_at_us: int | None


class NewKeyAnswer(KeyAnswer):
    """A fresh API key."""

    key: str = pydantic.Field(description="The key itself; it is shown this once")


class KeyList(Answer):
    """API keys, newest first."""

    api_keys: list[KeyAnswer]


@router.get("", operation_id="list_api_keys", responses=documented(401, 403))
async def list_api_keys(principal: SignedInHere, serving: Serving) -> KeyList:
    """The keys of this account that were not revoked."""
    found = await serving.run(serving.platform.identity.keys.list, principal.account_id)
    return KeyList(api_keys=[KeyAnswer(**_facts(each)) for each in found])


@router.post(
    "",
    status_code=201,
    operation_id="create_api_key",
    responses=documented(400, 401, 403, 409),
)
async def create_api_key(
    body: KeyWanted, principal: SignedInHere, serving: Serving
) -> NewKeyAnswer:
    """Make a key. The answer is the only place where it ever stands."""
    made = await serving.run(
        serving.platform.identity.keys.create,
        principal.account_id,
        name=body.name,
        scopes=body.scopes,
        expires_in_days=body.expires_in_days,
        limits=identity.KeyLimits(
            requests_per_minute=body.requests_per_minute, tokens_per_day=body.tokens_per_day
        ),
    )
    return NewKeyAnswer(**_facts(made.key), key=made.secret)


@router.delete(
    "/{key_id}",
    status_code=204,
    operation_id="revoke_api_key",
    responses=documented(401, 403, 404),
)
async def revoke_api_key(key_id: Id, principal: SignedInHere, serving: Serving) -> Response:
    """Take a key out of use; within a second it is refused everywhere."""
    await serving.run(serving.platform.identity.keys.revoke, principal.account_id, key_id)
    return Response(status_code=204)


def _facts(key: identity.APIKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "requests_per_minute": key.limits.requests_per_minute,
        "tokens_per_day": key.limits.tokens_per_day,
        "created_at_us": key.created_at_us,
        "expires_at_us": key.expires_at_us,
        "last_used_at_us": key.last_used_at_us,
    }
