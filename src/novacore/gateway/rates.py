"""Which rates a request counts under: its address, its account, its key, and what it asks for."""

import functools

from novacore import settings
from novacore.gateway.addresses import neighbourhood
from novacore.gateway.facts import Edge
from novacore.gateway.limiter import Rate, Wanted

UNLIMITED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by machines that watch; they answer from what is known."""
_AUTH = "/api/v1/auth/"
_AUTH_OFTEN = frozenset({"/api/v1/auth/refresh", "/api/v1/auth/logout"})
"""A page that is opened asks these; they count like any other request."""
_ASSETS = "/assets/"
"""The web app's files: a page asks a dozen of them, and they are sent from memory."""
_CACHE_ENTRIES = 4_096


class Rates:
    """The rates that the settings name, and which of them count for a request."""

    def __init__(self, config: settings.ServerConfig) -> None:
        self._account = _rate("account", config.requests_per_minute, config.requests_burst)
        self._model = _rate("model", config.model_requests_per_minute, config.model_requests_burst)
        self._ip = _rate("ip", config.ip_requests_per_minute, config.ip_requests_burst)
        self.anonymous = _rate(
            "anonymous", config.anonymous_requests_per_minute, config.anonymous_requests_burst
        )
        self._auth = _rate("auth", config.auth_requests_per_minute, config.auth_requests_burst)
        self._scaled = functools.lru_cache(_CACHE_ENTRIES)(_scaled)
        self._of_key = functools.lru_cache(_CACHE_ENTRIES)(_of_key)

    def wanted(self, method: str, path: str, edge: Edge, *, per_minute: int | None) -> list[Wanted]:
        """All dimensions under which this request counts.

        Args:
            method: of the request.
            path: of the request.
            edge: who asks, and from where.
            per_minute: what the plan of the account, or of an agent's owner, says; None: nothing.
        """
        place = neighbourhood(edge.ip)
        wanted: list[Wanted] = [(self._ip, place)]
        principal = edge.principal
        if principal is None:
            if not path.startswith(_ASSETS):
                wanted.append((self.anonymous, place))
        else:
            rate = self._scaled(self._account, self._account.per_minute, per_minute)
            wanted.append((rate, principal.account_id))
            if principal.owner_id is not None:
                wanted.append((rate, principal.owner_id))
            if principal.key_id is not None:
                own = principal.limits.requests_per_minute if principal.limits else None
                wanted.append((self._of_key(rate, own), principal.key_id))
            if _calls_model(method, path):
                model = self._scaled(self._model, self._account.per_minute, per_minute)
                wanted.append((model, principal.account_id))
        if path.startswith(_AUTH) and method == "POST" and path not in _AUTH_OFTEN:
            wanted.append((self._auth, place))
        return wanted


def _scaled(rate: Rate, usual: int, per_minute: int | None) -> Rate:
    """The rate of somebody whose plan allows `per_minute` where `usual` is what others have."""
    return rate if per_minute is None else rate.scaled(per_minute / usual)


def _of_key(account: Rate, per_minute: int | None) -> Rate:
    """The rate of a key: its own, or as much as its account has."""
    if per_minute is None:
        return Rate("key", per_minute=account.per_minute, burst=account.burst)
    return Rate("key", per_minute=per_minute, burst=max(1, min(per_minute, account.burst)))


def _calls_model(method: str, path: str) -> bool:
    return method == "POST" and (path.startswith("/v1/") or path.endswith("/turns"))


def _rate(name: str, per_minute: int, burst: int) -> Rate:
    return Rate(name, per_minute=per_minute, burst=burst)
