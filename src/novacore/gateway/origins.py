"""Which names we answer under, and which websites may speak through somebody's browser.

A page of another website can make a browser send requests here, with the cookies of whoever sits
before it; the browser says so in `Origin` and `Sec-Fetch-Site`. A hostile name server can make a
browser believe that we are another website; the host that it then names gives it away.
"""

import functools
from collections.abc import Mapping

from novacore import settings
from novacore.gateway import errors
from novacore.gateway.addresses import parse_ip

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
_CORS_HEADERS = (
    "authorization, content-type, idempotency-key, last-event-id, traceparent, x-api-key, "
    "anthropic-version, anthropic-beta, x-correlation-id, x-novacore-session, x-novacore-memory"
)
_EXPOSED = (
    b"retry-after, ratelimit, ratelimit-policy, x-correlation-id, x-should-retry, request-id, "
    b"x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests"
)
_PREFLIGHT_S = "600"
_CACHE_ENTRIES = 1_024


class Names:
    """The names that this server answers under.

    Plain addresses are always among them: a name server can't be made to lie about those.
    """

    def __init__(self, config: settings.ServerConfig) -> None:
        self._names = {"localhost", *(each.lower() for each in config.allowed_hosts)}
        if parse_ip(config.host) is None:
            self._names.add(config.host.lower())
        self.public_host = ""
        if config.public_url:
            self.public_host = config.base_url.partition("://")[2].lower()
            self._names.add(_without_port(self.public_host))
        self.is_ours = functools.lru_cache(_CACHE_ENTRIES)(self._is_ours)

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host.lower())
        return name in self._names or parse_ip(name.strip("[]")) is not None


class Origins:
    """The websites whose pages may ask: our own, and those that the settings name."""

    def __init__(self, config: settings.ServerConfig) -> None:
        self._foreign = {each.lower().encode() for each in config.cors_origins}
        self._own = {config.base_url.lower().encode()} if config.public_url else set[bytes]()
        self.vary: list[tuple[bytes, bytes]] = [(b"vary", b"Origin")] if self._foreign else []

    def is_foreign_allowed(self, origin: bytes) -> bool:
        """Whether a setting names this website."""
        return origin.lower() in self._foreign

    def headers_for(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """What lets a script of this website read the answer; empty where it may not."""
        if not self.is_foreign_allowed(origin):
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, origin: bytes) -> dict[str, str]:
        """What else answers a browser's question whether it may ask at all, beside `headers_for`.

        Raises:
            OriginRefused: it may not.
        """
        if not self.is_foreign_allowed(origin):
            raise errors.OriginRefused(hint="The setting server.cors_origins lists who may.")
        return {
            "Access-Control-Allow-Methods": _CORS_METHODS,
            "Access-Control-Allow-Headers": _CORS_HEADERS,
            "Access-Control-Max-Age": _PREFLIGHT_S,
        }

    def check(self, headers: Mapping[bytes, bytes], *, host: str, is_https: bool) -> None:
        """Refuse what another website makes a browser send that knows its user by cookies.

        A request with a credential in a header needs no such check: no page can add one to what a
        browser sends elsewhere without asking first.

        Raises:
            OriginRefused: the request comes from another website.

        Source: OWASP, CSRF prevention by Fetch Metadata; Go's net/http CrossOriginProtection.
        """
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site")
        if origin is None and site is None:
            return
        if b"cookie" not in headers and (b"authorization" in headers or b"x-api-key" in headers):
            return
        if site in (b"same-origin", b"none"):
            return
        scheme = "https" if is_https else "http"
        own = f"{scheme}://{host}".lower().encode("latin-1")
        lowered = (origin or b"").lower()
        if lowered != own and lowered not in self._own and lowered not in self._foreign:
            raise errors.OriginRefused


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0] if host.count(":") == 1 else host
