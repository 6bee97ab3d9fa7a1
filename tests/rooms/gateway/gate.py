"""An edge around a small app, and somebody to knock: no platform, no database."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from novacore import identity, kit, settings
from novacore.gateway.edge import ROUTE_KEY, EdgeGate
from novacore.gateway.facts import edge_of
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.metrics import Metrics
from novacore.gateway.services import Services

KEY = "nova_key_of_ada"
ADA = identity.Principal(
    account_id="ada",
    email="ada@example.org",
    role="user",
    is_verified=True,
    key_id="key-1",
    scopes=frozenset({"models"}),
)


class Doorkeeper:
    """Knows one key, and counts how often it is asked about others."""

    def __init__(self, known: Mapping[str, identity.Principal]) -> None:
        self.known = dict(known)
        self.asked = 0

    def find_cached(self, bearer: str) -> identity.Principal | None:
        return self.known.get(bearer)

    def authenticate(self, bearer: str) -> identity.Principal:
        self.asked += 1
        raise identity.CredentialInvalid


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Tells what it was given; some paths misbehave."""
    scope[ROUTE_KEY] = "/echo"
    if scope["path"] == "/api/v1/broken":
        raise RuntimeError("password=hunter2-canary")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    edge = edge_of(scope)
    if scope["path"] == "/api/v1/mine":
        edge.require("models")
    told = {
        "ip": edge.ip,
        "is_https": edge.is_https,
        "account": edge.principal.account_id if edge.principal else None,
        "headers": {name.decode(): value.decode("latin-1") for name, value in scope["headers"]},
        "bytes": len(body),
        "trace": kit.current_trace().headers(),
    }
    head = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    if scope["path"] == "/api/v1/half":
        raise RuntimeError("in the middle")
    await send({"type": "http.response.body", "body": msgspec.json.encode(told)})


@dataclasses.dataclass
class Gate:
    """The edge and what stands around it."""

    edge: EdgeGate
    doorkeeper: Doorkeeper
    clock: kit.FixedClock
    metrics: Metrics
    base_url: str = "http://127.0.0.1:8080"

    def client(self, *, ip: str = "127.0.0.1", **options: Any) -> httpx.AsyncClient:
        """Somebody who asks from this address."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.edge, client=(ip, 5)),
            base_url=options.pop("base_url", self.base_url),
            **options,
        )

    async def ask(self, method: str, path: str, *, ip: str = "127.0.0.1", **options: Any) -> Any:
        """One request."""
        async with self.client(ip=ip, base_url=options.pop("base_url", self.base_url)) as client:
            return await client.request(method, path, **options)


def make_gate(app: Any = echo, **config: Any) -> Gate:
    """An edge with these settings."""
    clock = kit.FixedClock()
    chosen = settings.ServerConfig(**config)
    doorkeeper = Doorkeeper({KEY: ADA})
    metrics = Metrics()

    async def rate_of(_account: str) -> int | None:
        return None

    edge = EdgeGate(
        app,
        config=chosen,
        services=Services(None, threads_max=2, waiting_max=10),
        doorkeeper=doorkeeper,
        rate_of=rate_of,
        limiter=MemoryLimiter(clock, entries_max=1_000),
        metrics=metrics,
        clock=clock,
    )
    return Gate(edge=edge, doorkeeper=doorkeeper, clock=clock, metrics=metrics)
