"""What the edge found out about a request, before any route sees it."""

import dataclasses
from collections.abc import Mapping

from starlette.types import Scope

from novacore import identity, kit
from novacore.gateway import errors
from novacore.gateway.addresses import is_local_name, is_loopback

SCOPE_KEY = "nova"
"""Where the facts stand in an ASGI scope."""
LEAVING_KEY = "nova.leaving"
"""Where a scope may have the functions that are called when its client leaves."""
FULL_KEY = "nova.full"
"""Stands in a scope whose connection is one too many."""
DEVICE_COOKIE = "nova_device"
"""The cookie by which a browser is known again; `__Host-` stands before it where TLS is used."""


@dataclasses.dataclass(kw_only=True, slots=True)
class Edge:
    """One request as the edge sees it."""

    trace: kit.Trace
    headers: Mapping[bytes, bytes]
    """By lower-case name; of repeated ones the last, cookies joined."""
    ip: str
    """Of the client, as far as proxies that we trust tell."""
    is_https: bool
    """The client speaks TLS, to us or to a proxy that we trust."""
    host: str
    """The host that was asked for, with its port where one was named."""
    is_relayed: bool = False
    """It came through somebody else whom we do not trust to say for whom."""
    principal: identity.Principal | None = None
    """Who asks; None: nobody, or what was sent is not valid."""
    refusal: kit.NovaError | None = None
    """Why what was sent as a credential is not valid."""

    @property
    def correlation_id(self) -> str:
        """The id of this request in answers and logs."""
        return self.trace.correlation_id

    @property
    def is_local(self) -> bool:
        """Somebody at this machine asks, directly, under one of its own names."""
        return not self.is_relayed and is_loopback(self.ip) and is_local_name(self.host)

    @property
    def user_agent(self) -> str:
        """What the client calls itself, at most 200 characters."""
        return self.headers.get(b"user-agent", b"").decode("latin-1")[:200]

    def cookie(self, name: str) -> str:
        """The value of a cookie, under its `__Host-` name or its plain one; empty: none."""
        found = ""
        for part in self.headers.get(b"cookie", b"").decode("latin-1").split(";"):
            key, _, value = part.strip().partition("=")
            if key == f"__Host-{name}":
                return value
            if key == name:
                found = value
        return found

    def require(
        self, *scopes: str, role: str = "", may_be_unverified: bool = False
    ) -> identity.Principal:
        """Who asks, if they may.

        Args:
            scopes: all of these must be granted.
            role: only this role.
            may_be_unverified: an address that is not confirmed yet is enough.

        Raises:
            CredentialMissing: nobody is signed in; or what `identity` says of the credential.
            EmailNotVerified: the address must be confirmed first.
            PermissionMissing: role or scope is missing.
        """
        principal = self.principal
        if principal is None:
            raise self.refusal or errors.CredentialMissing()
        if not principal.is_verified and not may_be_unverified:
            raise identity.EmailNotVerified
        if role and principal.role != role:
            raise errors.PermissionMissing(needed=role)
        for scope in scopes:
            if scope not in principal.scopes:
                raise errors.PermissionMissing(
                    f"This key may not do this: it has no scope {scope}.", needed=scope
                )
        return principal


def edge_of(scope: Scope) -> Edge:
    """The facts of the request with this scope."""
    return scope[SCOPE_KEY]
