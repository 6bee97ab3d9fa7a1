"""One's own account: profile, password, address, and its end."""

from typing import Any

import fastapi
import pydantic

from novacore.gateway.dependencies import Body, Client, Serving, SignedInUnverified
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import (
    AccountAnswer,
    Email,
    NewcomerHere,
    Notice,
    Password,
    PasswordNow,
    SignedInHere,
    account_answer,
    client_of,
)

router = fastapi.APIRouter(prefix="/api/v1/account", tags=["account"])


class Profile(Body):
    """What to change of a profile; what is left out stays."""

    name: str | None = pydantic.Field(default=None, max_length=200)
    preferences: dict[str, Any] | None = pydantic.Field(
        default=None,
        description="Merged into what is there; a null removes one",
        examples=[{"theme": "dark"}],
        max_length=100,
    )


class PasswordChange(Body):
    """The password now, and the one to be."""

    current_password: PasswordNow
    password: Password


class AddressChange(Body):
    """The password, and the new address."""

    password: PasswordNow
    email: Email


class PasswordAgain(Body):
    """The password, to be sure."""

    password: PasswordNow


@router.get("", operation_id="get_account", responses=documented(401))
async def get_account(principal: SignedInUnverified, serving: Serving) -> AccountAnswer:
    """The account of who asks."""
    account = await serving.run(serving.platform.identity.accounts.get, principal.account_id)
    return await account_answer(serving, account)


@router.patch("", operation_id="update_account", responses=documented(400, 401, 403, 409))
async def update_account(body: Profile, principal: NewcomerHere, serving: Serving) -> AccountAnswer:
    """Change the name or the preferences."""
    account = await serving.run(
        serving.platform.identity.accounts.update_profile,
        principal.account_id,
        name=body.name,
        preferences=body.preferences,
    )
    return await account_answer(serving, account)


@router.post(
    "/password", operation_id="change_password", responses=documented(400, 401, 403, 409, 429)
)
async def change_password(
    body: PasswordChange, principal: SignedInHere, client: Client, serving: Serving
) -> Notice:
    """Set a new password; every other sign-in ends."""
    await serving.run(
        serving.platform.identity.accounts.change_password,
        principal.account_id,
        current=body.current_password,
        password=body.password,
        client=client_of(client),
        session_id=principal.session_id or "",
    )
    return Notice(message="The new password holds. You are signed in only here.")


@router.post(
    "/email",
    status_code=202,
    operation_id="change_email",
    responses=documented(400, 401, 403, 429),
)
async def change_email(
    body: AddressChange, principal: SignedInHere, client: Client, serving: Serving
) -> Notice:
    """Move the account to another address, once the link in a letter to it is confirmed."""
    await serving.run(
        serving.platform.identity.accounts.change_email,
        principal.account_id,
        password=body.password,
        email=body.email,
        client=client_of(client),
    )
    return Notice(message="Confirm it with the letter that is on its way to the new address.")


@router.delete(
    "",
    status_code=202,
    operation_id="delete_account",
    responses=documented(400, 401, 403, 409, 429),
)
async def delete_account(
    body: PasswordAgain, principal: NewcomerHere, client: Client, serving: Serving
) -> Notice:
    """End the account at once; what it stored is erased soon after, for good."""
    await serving.run(
        serving.platform.identity.accounts.delete,
        principal.account_id,
        password=body.password,
        client=client_of(client),
    )
    return Notice(message="The account is closed. What it stored is being erased.")
