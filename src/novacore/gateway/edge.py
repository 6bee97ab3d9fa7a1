"""The edge: what happens to every request before a route sees it, and to every answer after.

One callable around everything, the model routes too, because each layer costs each request. In
order: an id, who it really is from, the name it asked for, other websites, the body's head, the
credential, the rates; then the route; then the headers, the log line and the counters.
"""

import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from novacore import identity, kit, settings
from novacore.gateway import errors, problems
from novacore.gateway.addresses import Proxies, neighbourhood
from novacore.gateway.bodies import Bodies
from novacore.gateway.facts import FULL_KEY, SCOPE_KEY, Edge
from novacore.gateway.limiter import Limiter, Verdict
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.metrics import Metrics
from novacore.gateway.origins import SAFE_METHODS, Names, Origins
from novacore.gateway.rates import UNLIMITED_PATHS, Rates
from novacore.gateway.reply import Reply
from novacore.gateway.security_headers import default_headers, fixed_headers
from novacore.gateway.services import Services

LOG = logging.getLogger("novacore.gateway")
_STRIPPED = (b"x-user-", b"x-service-", b"x-forwarded-", b"x-real-ip", b"forwarded")
"""Headers that say who somebody is: nobody outside may say that."""
_BEARER_BYTES_MAX = 4_096
UNMATCHED = "unmatched"
ROUTE_KEY = "nova.route"
"""Where a callable without FastAPI's routes names its route in the scope."""
_CUT = 499
"""The status of an answer that was not sent to its end."""
_SINGLE = frozenset({b"host", b"authorization", b"content-length", b"content-type", b"origin"})
_AMBIGUOUS = b"\x00"
"""In the place of a header that came twice with two values: fits nothing."""
_GUESSES_MAX = 10_000


class Doorkeeper(Protocol):
    """Who knows credentials: `identity`."""

    def find_cached(self, bearer: str) -> identity.Principal | None:
        """Who this was lately, without asking anybody; None: not known."""
        ...

    def authenticate(self, bearer: str) -> identity.Principal:
        """Who this is; may wait for the database. Raises what `identity` says of it."""
        ...


class Access(Protocol):
    """Who reads what was answered."""

    def __call__(
        self, scope: Scope, reply: Reply, /, *, route: str, status: int, seconds: float
    ) -> None:
        """Take note of one answer."""
        ...


class Standing:
    """How the server stands: what runs, and whether it is about to stop."""

    def __init__(self) -> None:
        self.running = 0
        self.is_leaving = False
        """`/readyz` says no."""
        self.is_draining = False
        """New requests are refused."""


class EdgeGate:
    """The edge around an ASGI app.

    Args:
        app: what answers; its errors are told by the table of `problems`.
        config: the section `server`.
        services: the platform and its threads.
        doorkeeper: who knows credentials.
        rate_of: the requests a minute of an account's plan; None: as the settings have it.
        limiter: counts requests.
        metrics: counts answers.
        clock: for ids, and for guesses at credentials.
        access: is told of each answer; None: nobody reads them.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        config: settings.ServerConfig,
        services: Services,
        doorkeeper: Doorkeeper,
        rate_of: Callable[[str], Awaitable[int | None]],
        limiter: Limiter,
        metrics: Metrics,
        clock: kit.Clock,
        access: Access | None = None,
    ) -> None:
        self._app = app
        self._config = config
        self._services = services
        self._doorkeeper = doorkeeper
        self._rate_of = rate_of
        self._limiter = limiter
        self._metrics = metrics
        self._clock = clock
        self._access = access
        self._guesses = MemoryLimiter(clock, entries_max=_GUESSES_MAX)
        self._proxies = Proxies(config.trusted_proxies)
        self._names = Names(config)
        self._origins = Origins(config)
        self._bodies = Bodies(
            bytes_max=config.body_bytes_max, timeout_s=config.body_timeout_ms / 1_000
        )
        self._rates = Rates(config)
        self._fixed = fixed_headers(config) + self._origins.vary
        self._defaults = default_headers()
        self._upgrade_url = f"{config.base_url}/plans"
        self.standing = Standing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the server's start and end on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_s = time.perf_counter()
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]):
            headers = _joined(scope["headers"])
        edge = self._facts_of(scope, headers)
        scope[SCOPE_KEY] = edge
        origin = headers.get(b"origin")
        reply = Reply(
            edge,
            send,
            fixed=self._fixed,
            defaults=self._defaults,
            foreign=self._origins.headers_for(origin) if origin else (),
        )
        self.standing.running += 1
        token = kit.enter_trace(edge.trace)
        try:
            await self._pass(scope, receive, reply)
        finally:
            self.standing.running -= 1
            kit.leave_trace(token)
            self._note(scope, reply, seconds=time.perf_counter() - started_s)

    async def _pass(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        try:
            taken = await self._admit(scope, receive, reply)
            if taken is not None:
                await self._app(scope, taken, reply.send)
        except Exception as error:  # noqa: BLE001 - the process's edge: told, logged and counted
            await self._tell(scope, error, reply)

    def _facts_of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Edge:
        client = scope.get("client")
        ip, is_https = self._proxies.client_of(
            client[0] if client else "", headers, is_https=scope["scheme"] == "https"
        )
        is_relayed = False
        for name in headers:
            if name.startswith(_STRIPPED):
                kept = [pair for pair in scope["headers"] if not pair[0].startswith(_STRIPPED)]
                scope["headers"] = kept
                is_relayed = not self._proxies.is_trusted(client[0] if client else "")
                break
        return Edge(
            trace=self._trace_of(headers),
            headers=headers,
            ip=ip,
            is_https=is_https,
            host=headers.get(b"host", b"").decode("latin-1"),
            is_relayed=is_relayed,
        )

    def _trace_of(self, headers: Mapping[bytes, bytes]) -> kit.Trace:
        """The id that the client names, where it is harmless; else one of ours."""
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        named = headers.get(b"x-correlation-id", b"").decode("latin-1")
        if named and kit.is_correlation_id(named) and kit.redacted(named) == named:
            return kit.Trace(named, parent=parent)
        fresh = kit.new_id(self._clock, random_bytes=random.randbytes)
        return kit.Trace(str(fresh), parent=parent, trace_id=fresh.hex)

    async def _admit(self, scope: Scope, receive: Receive, reply: Reply) -> Receive | None:
        """Where the route reads the body from; None: it was answered here."""
        edge, method, path = reply.edge, scope["method"], scope["path"]
        if path in UNLIMITED_PATHS:
            return receive
        if self.standing.is_draining:
            raise errors.ServerDraining
        if FULL_KEY in scope:
            raise errors.ServerFull
        if not self._names.is_ours(edge.host):
            raise errors.HostRefused
        if self._is_plain(edge):
            await self._send_on(scope, reply)
            return None
        if method not in SAFE_METHODS:
            self._origins.check(edge.headers, host=edge.host, is_https=edge.is_https)
            receive = self._bodies.admit(path, edge.headers, receive)
        elif method == "OPTIONS" and b"access-control-request-method" in edge.headers:
            allowed = self._origins.preflight(edge.headers.get(b"origin", b""))
            await reply.whole(204, b"", allowed)
            return None
        if path.startswith(("/api/", "/v1/")):
            await self._identify(edge)
        await self._limit(method, path, reply)
        return receive

    def _is_plain(self, edge: Edge) -> bool:
        """A proxy says that somebody asked for our https address without TLS."""
        return (
            self._config.is_https
            and not edge.is_https
            and self._proxies.is_any
            and b"x-forwarded-proto" in edge.headers
            and edge.host.lower() == self._names.public_host
        )

    async def _send_on(self, scope: Scope, reply: Reply) -> None:
        """Send a browser to the same page with TLS; refuse what was already told in the open."""
        if scope["method"] not in SAFE_METHODS:
            raise errors.TLSRequired
        target = scope.get("raw_path", b"/").decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        place = self._config.base_url + target + (f"?{query}" if query else "")
        await reply.whole(308, b"", {"Location": place})

    async def _identify(self, edge: Edge) -> None:
        """Find out who asks; what is wrong with a credential is told by routes that need one."""
        bearer = _bearer_of(edge.headers)
        if not bearer:
            return
        try:
            edge.principal = self._doorkeeper.find_cached(bearer)
            if edge.principal is None:
                edge.principal = await self._asked(bearer, neighbourhood(edge.ip))
        except kit.NovaError as error:
            if error.kind is not kit.ErrorKind.REFUSED or isinstance(error, errors.GatewayError):
                raise
            edge.refusal = error

    async def _asked(self, bearer: str, place: str) -> identity.Principal:
        """Look a credential up; whoever guesses at them is limited before that.

        One that is right was no guess: many people behind one address may all come at once.
        """
        guess = [(self._rates.anonymous, place)]
        verdict = self._guesses.decide(guess)
        if not verdict.is_allowed:
            raise _too_many(verdict)
        principal = await self._services.run(self._doorkeeper.authenticate, bearer)
        self._guesses.give_back(guess)
        return principal

    async def _limit(self, method: str, path: str, reply: Reply) -> None:
        edge = reply.edge
        principal = edge.principal
        per_minute = None
        if principal is not None:
            per_minute = await self._rate_of(principal.owner_id or principal.account_id)
        wanted = self._rates.wanted(method, path, edge, per_minute=per_minute)
        verdict = reply.verdict = await self._limiter.take(wanted)
        if not verdict.is_allowed:
            self._metrics.limited.labels(verdict.rate.name).inc()
            raise _too_many(verdict)

    async def _tell(self, scope: Scope, error: Exception, reply: Reply) -> None:
        problem = problems.problem_of(error, upgrade_url=self._upgrade_url)
        if problem.status >= 500 or reply.status:
            is_broken = problem.status == 500 or not isinstance(error, kit.NovaError)
            LOG.error(
                "%s %s: %s", scope["method"], route_of(scope), error,
                exc_info=error if is_broken else None,
            )  # fmt: skip
        if reply.status:
            return  # The head is out: the answer ends unfinished, and the server cuts it off.
        body = problems.body_of(
            problem,
            correlation_id=reply.edge.correlation_id,
            shape=problems.shape_for(scope["path"]),
        )
        with contextlib.suppress(OSError):
            await reply.whole(
                problem.status, body, {"Content-Type": "application/json", **problem.headers}
            )

    def _note(self, scope: Scope, reply: Reply, *, seconds: float) -> None:
        route = route_of(scope)
        status = reply.status if reply.is_whole or not reply.status else _CUT
        status = status or _CUT
        self._metrics.answered(scope["method"], route, status=status, seconds=seconds)
        if self._access is not None:
            self._access(scope, reply, route=route, status=status, seconds=seconds)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, as `/api/v1/sessions/{id}`."""
    route = scope.get("route")
    return getattr(route, "path", None) or scope.get(ROUTE_KEY) or UNMATCHED


def _too_many(verdict: Verdict) -> errors.TooManyRequests:
    rate = verdict.rate
    return errors.TooManyRequests(
        limit=rate.burst,
        window_s=rate.window_s,
        retry_after_s=max(1, -(-verdict.retry_us // 1_000_000)),
        what=rate.name,
    )


def _bearer_of(headers: Mapping[bytes, bytes]) -> str:
    """The credential in the headers; empty: none that we know how to read."""
    sent = headers.get(b"authorization")
    if sent is not None:
        scheme, _, value = sent.partition(b" ")
        sent = value if scheme.lower() == b"bearer" else b""
    else:
        sent = headers.get(b"x-api-key", b"")
    return sent.strip().decode("latin-1") if len(sent) <= _BEARER_BYTES_MAX else ""


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers where some came more than once: joined as one list; a second host counts not."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name not in headers:
            headers[name] = value
        elif name == b"cookie":
            headers[name] += b"; " + value
        elif name not in _SINGLE:
            headers[name] += b", " + value
        elif headers[name] != value:
            headers[name] = _AMBIGUOUS
    return headers
