"""What the server itself refuses, before or beside what the rooms refuse.

NovaError
└── GatewayError
    ├── RequestInvalid     REFUSED      a field, a parameter or the JSON is wrong
    ├── CredentialMissing  REFUSED      nobody is signed in
    ├── PermissionMissing  REFUSED      the role or a scope is missing
    ├── OriginRefused      REFUSED      another website asks through somebody's browser
    ├── HostRefused        REFUSED      the request names a host that we are not
    ├── TLSRequired        REFUSED      it came without TLS, and the server has an https address
    ├── NoSuchPage         REFUSED      there is nothing at this address
    ├── MethodRefused      REFUSED      the address takes other methods
    ├── BodyTooLarge       REFUSED      more bytes than are taken
    ├── BodyTooSlow        REFUSED      the body did not arrive in time
    ├── MediaTypeRefused   REFUSED      the body is no JSON
    ├── TooManyRequests    REFUSED      a rate limit
    ├── ServerBusy         UNAVAILABLE  too much waits already
    ├── ServerDraining     UNAVAILABLE  the server is about to stop
    ├── ServerFull         UNAVAILABLE  as many clients are connected as may be
    ├── DescriptionUnsound CORRUPT      the API's description contradicts itself
    └── ServerRefused      REFUSED      `nova serve` can't start
        ├── BindUnsafe     REFUSED      it would be reachable without TLS
        ├── PortTaken      REFUSED      another program listens there
        ├── AddressUnusable REFUSED     nothing can listen there
        └── TLSUnusable    REFUSED      the certificate or its key can't be used
"""

from collections.abc import Sequence
from typing import Any

from novacore import kit


class GatewayError(kit.NovaError):
    """The server refused a request."""


class RequestInvalid(GatewayError):
    """The request has a field that it can't have."""

    def __init__(
        self, message: str = "", *, hint: str = "", fields: Sequence[dict[str, str]] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.fields = list(fields)


class CredentialMissing(GatewayError):
    """Sign in first, or send an API key as `Authorization: Bearer …`."""


class PermissionMissing(GatewayError):
    """Your account or key may not do this."""

    def __init__(self, message: str = "", *, hint: str = "", needed: str = "") -> None:
        super().__init__(message, hint=hint)
        self.needed = needed


class OriginRefused(GatewayError):
    """Another website may not do this in your name."""


class HostRefused(GatewayError):
    """This server does not answer under that name."""

    def __init__(self) -> None:
        super().__init__(
            hint="Use the address that `nova serve` printed, or name the host in "
            "server.allowed_hosts or server.public_url."
        )


class TLSRequired(GatewayError):
    """This has to be sent over https."""


class NoSuchPage(GatewayError):
    """There is nothing at this address."""


class MethodRefused(GatewayError):
    """This address does not take that method."""

    def __init__(self, *, allowed: str = "") -> None:
        super().__init__()
        self.allowed = allowed
        """The methods that it takes, for the header Allow."""


class BodyTooLarge(GatewayError):
    """The request is larger than is taken here."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request is larger than {limit_bytes:,} bytes.")
        self.limit_bytes = limit_bytes


class BodyTooSlow(GatewayError):
    """The request's body did not arrive in time."""


class MediaTypeRefused(GatewayError):
    """Send the body as `Content-Type: application/json`."""


class TooManyRequests(GatewayError):
    """Too many requests in a short time."""

    def __init__(self, *, limit: int, window_s: int, retry_after_s: int, what: str) -> None:
        super().__init__(
            f"Too many requests: {limit} in {window_s} s are allowed for {what}.",
            hint=f"Try again in {retry_after_s} s.",
        )
        self.limit = limit
        self.window_s = window_s
        self.retry_after_s = retry_after_s
        self.what = what


class ServerBusy(GatewayError):
    """Too many requests wait already. Try again in a moment."""

    kind = kit.ErrorKind.UNAVAILABLE


class ServerDraining(GatewayError):
    """The server is about to stop. Try again in a moment."""

    kind = kit.ErrorKind.UNAVAILABLE


class ServerFull(GatewayError):
    """As many clients are connected as this server takes. Try again in a moment."""

    kind = kit.ErrorKind.UNAVAILABLE


class DescriptionUnsound(GatewayError):
    """The API's description contradicts itself."""

    kind = kit.ErrorKind.CORRUPT


class ServerRefused(GatewayError):
    """The server can't start."""

    def __init__(self, message: str = "", *, hint: str = "", **facts: Any) -> None:
        super().__init__(message, hint=hint)
        self.facts = facts


class BindUnsafe(ServerRefused):
    """The server would be reachable from other machines without TLS."""


class PortTaken(ServerRefused):
    """Another program listens there already."""


class AddressUnusable(ServerRefused):
    """Nothing can listen there."""


class TLSUnusable(ServerRefused):
    """The certificate or its key can't be used."""
