"""What the routes of accounts share: kinds of fields, who may, and what an account looks like."""

from typing import Annotated, Any, Literal

import fastapi
import pydantic

from novacore import identity
from novacore.gateway.dependencies import Answer, ClientFacts, current
from novacore.gateway.services import Services

Email = Annotated[
    str,
    pydantic.Field(
        pattern=identity.EMAIL_PATTERN,
        max_length=identity.EMAIL_CHARS_MAX,
        examples=["ada@example.org"],
    ),
]
Password = Annotated[
    str,
    pydantic.Field(min_length=8, max_length=128, examples=["a quiet violet harbour"]),
]
"""One to be used from now on."""
PasswordNow = Annotated[
    str, pydantic.Field(min_length=1, max_length=128, examples=["a quiet violet harbour"])
]
"""One that is in use."""
Name = Annotated[str, pydantic.Field(min_length=1, max_length=200)]
Scopes = Annotated[
    list[Literal["chat", "models", "memory", "usage", "admin"]],
    pydantic.Field(min_length=1, max_length=10, examples=[["chat", "models"]]),
]
"""Of a key or an agent; `admin` only for administrators' keys."""
PerMinute = Annotated[int, pydantic.Field(ge=1, le=1_000_000)]
PerDay = Annotated[int, pydantic.Field(ge=1, le=10**12)]
Id = Annotated[str, fastapi.Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

SignedInHere = Annotated[identity.Principal, fastapi.Depends(current("account"))]
"""Who signed in with a password, the address confirmed: no API key comes so far."""
NewcomerHere = Annotated[
    identity.Principal, fastapi.Depends(current("account", may_be_unverified=True))
]
"""The same, where the address need not be confirmed."""


class AccountAnswer(Answer):
    """An account."""

    id: str
    email: str
    name: str
    role: Literal["user", "admin", "agent"]
    is_verified: bool = pydantic.Field(description="The address is confirmed")
    plan: str
    preferences: dict[str, Any]
    created_at_us: int


class Notice(Answer):
    """What happens now, in words."""

    message: str


async def account_answer(serving: Services, account: identity.Account) -> AccountAnswer:
    """An account with its plan."""
    plan = await serving.run(serving.platform.billing.plan_of, account.id)
    return AccountAnswer(
        id=account.id,
        email=account.email,
        name=account.name,
        role=account.role,
        is_verified=account.is_verified,
        plan=plan.plan.name,
        preferences=dict(account.preferences),
        created_at_us=account.created_at_us,
    )


def client_of(client: ClientFacts) -> identity.Client:
    """Where a request comes from, as identity wants to know it."""
    return identity.Client(ip=client.ip, user_agent=client.user_agent, device_token=client.device)
