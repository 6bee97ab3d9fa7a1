"""The accounts of others, for administrators."""

from typing import Annotated, Any, Literal

import fastapi
import pydantic

from novacore import identity
from novacore.gateway.dependencies import (
    PAGE_MAX,
    Administrator,
    Answer,
    Body,
    Serving,
)
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import Email, Id, Notice

router = fastapi.APIRouter(prefix="/api/v1/admin", tags=["admin"])


class Invitation(Body):
    """Whom to invite."""

    email: Email


class UserChange(Body):
    """What to change of an account; what is left out stays."""

    plan: str | None = pydantic.Field(
        default=None, min_length=1, max_length=100, examples=["basic"]
    )
    role: Literal["user", "admin"] | None = None
    is_disabled: bool | None = None
    is_verified: bool | None = None


class UserAnswer(Answer):
    """An account, as an administrator sees it."""

    id: str
    email: str
    name: str
    role: Literal["user", "admin", "agent"]
    plan: str
    is_verified: bool
    is_disabled: bool
    created_at_us: int
    last_sign_in_at_us: int | None


class UserPage(Answer):
    """Accounts, newest first; those that a search finds, by the words that it found."""

    users: list[UserAnswer]
    next_cursor: str | None


Cursor = Annotated[
    str,
    fastapi.Query(
        pattern=r"^([0-9a-f]{1,512}-[0-9a-f-]{1,36})?$",
        description="`next_cursor` of the last page",
    ),
]
Limit = Annotated[int, fastapi.Query(ge=1, le=PAGE_MAX, description="Most users on the page")]
Search = Annotated[
    str,
    fastapi.Query(max_length=200, description="How a word of the address or the name begins"),
]


@router.get("/users", operation_id="list_users", responses=documented(400, 401, 403))
async def list_users(
    _admin: Administrator,
    serving: Serving,
    query: Search = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> UserPage:
    """People's accounts, page by page."""
    return await serving.run(_page_of, serving.platform, query=query, cursor=cursor, limit=limit)


@router.post(
    "/invitations",
    status_code=202,
    operation_id="invite_user",
    responses=documented(400, 401, 403, 409),
)
async def invite_user(body: Invitation, admin: Administrator, serving: Serving) -> Notice:
    """Mail somebody an invitation to register."""
    await serving.run(
        serving.platform.identity.administration.invite, body.email, inviter=admin.email
    )
    return Notice(message="The invitation is on its way.")


@router.patch(
    "/users/{user_id}",
    operation_id="update_user",
    responses=documented(400, 401, 403, 404, 409),
)
async def update_user(
    user_id: Id, body: UserChange, _admin: Administrator, serving: Serving
) -> UserAnswer:
    """Change somebody's plan or role, switch an account off or on, confirm an address."""
    return await serving.run(_update, serving.platform, user_id, change=body)


def _page_of(platform: Any, *, query: str, cursor: str, limit: int) -> UserPage:
    found = platform.identity.administration.list(query=query, cursor=cursor, limit=limit)
    plans = platform.billing.plans_of([each.id for each in found.accounts])
    return UserPage(
        users=[_answer(each, plans[each.id].plan.name) for each in found.accounts],
        next_cursor=found.next_cursor,
    )


def _update(platform: Any, user_id: str, *, change: UserChange) -> UserAnswer:
    if change.plan is not None:
        platform.billing.find_plan(change.plan)
    account = platform.identity.administration.update(
        user_id,
        role=change.role,
        is_disabled=change.is_disabled,
        is_verified=change.is_verified,
    )
    if change.plan is not None:
        platform.billing.set_plan(user_id, change.plan)
    return _answer(account, platform.billing.plan_of(user_id).plan.name)


def _answer(account: identity.Account, plan: str) -> UserAnswer:
    return UserAnswer(
        id=account.id,
        email=account.email,
        name=account.name,
        role=account.role,
        plan=plan,
        is_verified=account.is_verified,
        is_disabled=account.is_disabled,
        created_at_us=account.created_at_us,
        last_sign_in_at_us=account.last_sign_in_at_us,
    )
