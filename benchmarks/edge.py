"""What the edge costs a request: `python -m benchmarks.edge`, µs of CPU, beside the bare route.

One request of a model's client with a key that is known, four rates, a log line and the counters;
no socket and no HTTP parser, so that nothing but the edge is measured.
"""

import dataclasses
import io
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from novacore import identity, kit, settings
from novacore.gateway.edge import ROUTE_KEY, EdgeGate
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.logs import access_to
from novacore.gateway.metrics import Metrics
from novacore.gateway.services import Services

ROUNDS, REQUESTS, WARM = 5, 20_000, 2_000
PATH = "/v1/chat/completions"
RATES = ("requests", "model_requests", "ip_requests")
HEADERS = [
    (b"host", b"127.0.0.1:8080"), (b"accept", b"application/json"), (b"user-agent", b"OpenAI"),
    (b"content-type", b"application/json"), (b"x-stainless-lang", b"python"),
    (b"x-stainless-os", b"Linux"), (b"authorization", b"Bearer nova_abcdefgh_0123456789"),
    (b"content-length", b"200"), (b"accept-encoding", b"gzip"), (b"connection", b"keep-alive"),
]  # fmt: skip
ADA = identity.Principal(
    account_id="a" * 36, email="ada@example.org", role="user", is_verified=True,
    key_id="k" * 36, scopes=frozenset({"models"}),
)  # fmt: skip


class Doorkeeper:
    """Knows everybody already."""

    def find_cached(self, _bearer: str) -> identity.Principal | None:
        return ADA

    def authenticate(self, _bearer: str) -> identity.Principal:
        return ADA


class Nowhere(io.RawIOBase):
    """Takes log lines and forgets them."""

    def write(self, data: Any, /) -> int:
        return len(data)


async def route(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once."""
    scope[ROUTE_KEY] = PATH
    await receive()
    head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * 200, "more_body": False}


async def send(_message: Any) -> None: ...


async def no_rate(_account: str) -> int | None:
    return None


def make_edge(writer: kit.LineWriter) -> EdgeGate:
    """The edge as a server has it, with rates that nobody reaches."""
    most = {f"{name}_per_minute": 10_000_000 for name in RATES}
    most |= {f"{name}_burst": 1_000_000 for name in RATES}
    clock = kit.SystemClock()
    return EdgeGate(
        route,
        config=dataclasses.replace(settings.ServerConfig(), **most),
        services=Services(None, threads_max=1, waiting_max=1),
        doorkeeper=Doorkeeper(),
        rate_of=no_rate,
        limiter=MemoryLimiter(clock, entries_max=1_000),
        metrics=Metrics(),
        clock=clock,
        access=access_to(writer),
    )


async def cost_us(app: Callable[..., Awaitable[None]], requests: int) -> float:
    """CPU of this process for one request, µs."""
    scope = {
        "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(),
        "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 5),
    }  # fmt: skip
    started_s = time.process_time()
    for _ in range(requests):
        await app({**scope, "headers": list(HEADERS)}, receive, send)
    return (time.process_time() - started_s) / requests * 1_000_000


async def main() -> None:
    """Measure in alternating rounds and print each."""
    writer = kit.LineWriter(Nowhere())
    edge = make_edge(writer)
    await cost_us(edge, WARM)
    for _ in range(ROUNDS):
        whole, bare = await cost_us(edge, REQUESTS), await cost_us(route, REQUESTS)
        print(f"edge {whole - bare:5.1f} us a request; the bare route {bare:.1f} us")
    writer.close()


if __name__ == "__main__":
    uvloop.run(main())
