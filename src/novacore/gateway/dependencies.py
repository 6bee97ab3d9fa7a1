"""What routes ask for: who asks, from where, the platform, a page, and the kind of their bodies."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import fastapi
import msgspec
import pydantic
from fastapi import security

from novacore import identity
from novacore.gateway import errors
from novacore.gateway.facts import DEVICE_COOKIE, Edge, edge_of
from novacore.gateway.services import Services

PAGE_MAX = 200
"""Most items on one page of a list."""

_BEARER = security.HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token from /api/v1/auth/login, or an API key (nova_…).",
)


class Body(pydantic.BaseModel):
    """A request's JSON body: unknown fields are refused, kinds are not converted."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _as_json_counts(cls, given: Any) -> Any:
        """JSON has one kind of number: 5.0 is the whole number 5."""
        if not isinstance(given, dict):
            return given
        return {
            key: int(value) if isinstance(value, float) and value.is_integer() else value
            for key, value in given.items()
        }


class Answer(pydantic.BaseModel):
    """An answer's JSON body."""

    model_config = pydantic.ConfigDict(extra="forbid", from_attributes=True)


class ClientFacts:
    """Where a request comes from."""

    __slots__ = ("_edge",)

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    @property
    def ip(self) -> str:
        """The client's address, as far as proxies that we trust tell."""
        return self._edge.ip

    @property
    def user_agent(self) -> str:
        """What the client calls itself, at most 200 characters."""
        return self._edge.user_agent

    @property
    def device(self) -> str:
        """The value of the cookie by which a browser is known again; empty: none."""
        return self._edge.cookie(DEVICE_COOKIE)

    @property
    def is_https(self) -> bool:
        """The client speaks TLS: cookies may have `__Host-` names."""
        return self._edge.is_https

    @property
    def correlation_id(self) -> str:
        """The id of this request in answers and logs."""
        return self._edge.correlation_id

    def cookie(self, name: str) -> str:
        """A cookie's value, under its `__Host-` name or its plain one; empty: none."""
        return self._edge.cookie(name)


def current(
    *scopes: str, role: str = "", may_be_unverified: bool = False
) -> Callable[..., Awaitable[identity.Principal]]:
    """A dependency that gives who asks, if they may; see `Edge.require` for what it refuses."""

    async def signed_in(
        request: fastapi.Request,
        _credential: Annotated[
            security.HTTPAuthorizationCredentials | None, fastapi.Security(_BEARER)
        ],
    ) -> identity.Principal:
        edge = edge_of(request.scope)
        return edge.require(*scopes, role=role, may_be_unverified=may_be_unverified)

    return signed_in


async def client_facts(request: fastapi.Request) -> ClientFacts:
    """Where the request comes from."""
    return ClientFacts(edge_of(request.scope))


async def serving(request: fastapi.Request) -> Services:
    """The platform and its threads."""
    return request.app.state.services


SignedIn = Annotated[identity.Principal, fastapi.Depends(current())]
"""Who asks; the address is confirmed."""
SignedInUnverified = Annotated[identity.Principal, fastapi.Depends(current(may_be_unverified=True))]
"""Who asks; the address need not be confirmed."""
Administrator = Annotated[identity.Principal, fastapi.Depends(current(role="admin"))]
"""Who asks; an administrator."""
Client = Annotated[ClientFacts, fastapi.Depends(client_facts)]
"""Where the request comes from."""
Serving = Annotated[Services, fastapi.Depends(serving)]
"""The platform and its threads."""


class PageWanted:
    """Which page of a list is wanted: `limit` items after `cursor`."""

    def __init__(self, cursor: str | None, *, limit: int) -> None:
        self.limit = limit
        self._cursor = cursor

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The keys of the last item of the page before, of these kinds; None: the first page.

        Raises:
            RequestInvalid: the cursor is none of ours.
        """
        return decode_cursor(self._cursor, kinds) if self._cursor else None


async def page_wanted(
    cursor: Annotated[
        str | None,
        fastapi.Query(max_length=500, description="`next_cursor` of the last page"),
    ] = None,
    limit: Annotated[
        int, fastapi.Query(ge=1, le=PAGE_MAX, description="Most items on the page")
    ] = 50,
) -> PageWanted:
    """Which page of a list is wanted."""
    return PageWanted(cursor, limit=limit)


Page = Annotated[PageWanted, fastapi.Depends(page_wanted)]
"""Which page of a list is wanted."""


def encode_cursor(keys: Sequence[str | int]) -> str:
    """The cursor that stands for the item with these keys."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(keys))).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """The keys that `encode_cursor` wrote.

    Raises:
        RequestInvalid: it is no such cursor.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        keys = msgspec.json.decode(raw, type=list[Any])
    except (binascii.Error, UnicodeError, msgspec.DecodeError):
        keys = []
    fits = len(keys) == len(kinds) and all(
        type(key) is kind for key, kind in zip(keys, kinds, strict=True)
    )
    if not fits or any(isinstance(key, int) and abs(key) > 2**62 for key in keys):
        field = {"path": "query.cursor", "problem": "is no cursor of this list"}
        raise errors.RequestInvalid(fields=[field])
    return tuple(keys)
