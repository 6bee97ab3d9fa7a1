"""The whole HTTP app: FastAPI's routes and the model routes side by side, behind one edge."""

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

import fastapi
from fastapi import exceptions
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from novacore import kit, settings
from novacore.gateway import errors, problems
from novacore.gateway.addresses import within
from novacore.gateway.components import Probe, Watch
from novacore.gateway.edge import Access, EdgeGate, Standing
from novacore.gateway.facts import edge_of
from novacore.gateway.gauges import PlatformCollector
from novacore.gateway.limiter import Limiter
from novacore.gateway.limiter_memory import MemoryLimiter
from novacore.gateway.limiter_redis import RedisLimiter
from novacore.gateway.methods import MethodTable
from novacore.gateway.metrics import Metrics
from novacore.gateway.openapi import DescribedAPI
from novacore.gateway.plans import PlanCache
from novacore.gateway.probes import VITAL, Probes
from novacore.gateway.routes import ROUTERS
from novacore.gateway.services import Services
from novacore.gateway.v1 import V1
from novacore.gateway.webapp import WebApp

_MODEL_PATHS = "/v1/"
_METHOD_NOT_ALLOWED = 405


class Gateway:
    """The ASGI app of one server.

    Args:
        platform: what bootstrap opened; the caller closes it after the app.
        access: is told of each answer; None: nobody reads them.
        more: what looks at further parts, for the status, as the workers.
    """

    def __init__(
        self,
        platform: Any,
        *,
        access: Access | None = None,
        more: Mapping[str, Probe] = MappingProxyType({}),
    ) -> None:
        config: settings.ServerConfig = platform.chosen.server
        clock = kit.SystemClock()
        self.config = config
        self.metrics = Metrics()
        self.services = Services(
            platform, threads_max=config.threads_max, waiting_max=config.waiting_calls_max
        )
        self.limiter = open_limiter(config, clock)
        self.may_watch: Callable[[str], bool] = within(config.metrics_from)
        """Whether somebody at this address may read `/metrics`."""
        self.api = _api(self)
        self._models: ASGIApp = V1(self.services)
        self._edge = EdgeGate(
            self._route,
            config=config,
            services=self.services,
            doorkeeper=platform.identity,
            rate_of=PlanCache(self.services, clock=clock).rate_of,
            limiter=self.limiter,
            metrics=self.metrics,
            clock=clock,
            access=access,
        )
        self.metrics.running.set_function(lambda: self.standing.running)
        self.version: str = self.api.version
        self.webapp = WebApp()
        self.methods = MethodTable(ROUTERS)
        """Which methods an address takes."""
        probes = Probes(self.services, limiter=self.limiter, standing=self.standing)
        self.watch = Watch(probes.all() | dict(more), vital=VITAL, clock=clock)
        """How each part of the server stands."""
        self.metrics.registry.register(PlatformCollector(self.services, self.watch))
        self.api.state.gateway = self
        self.api.state.services = self.services

    @property
    def standing(self) -> Standing:
        """What runs, and whether the server is about to stop."""
        return self._edge.standing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; ASGI."""
        await self._edge(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what runs beside the requests; the server's start and end."""
        platform = self.services.platform
        # The first request need not wait for what each later one finds made.
        self.api.middleware_stack = self.api.build_middleware_stack()
        await platform.start()
        try:
            yield
        finally:
            await platform.stop()
            await self.limiter.close()
            await asyncio.to_thread(self.services.close)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_MODEL_PATHS):
            await self._models(scope, receive, send)
            return
        await self.api(scope, receive, send)


def create_app(
    platform: Any,
    *,
    access: Access | None = None,
    more: Mapping[str, Probe] = MappingProxyType({}),
) -> Gateway:
    """The ASGI app over an open platform.

    Args:
        platform: what `bootstrap.open_platform` gave; the caller closes it after the app.
        access: is told of each answer; None: nobody reads them.
        more: what looks at further parts, for the status, as the workers.
    """
    return Gateway(platform, access=access, more=more)


def open_limiter(config: settings.ServerConfig, clock: kit.Clock) -> Limiter:
    """What counts requests: this process, or the server that the settings name."""
    own = MemoryLimiter(clock, entries_max=config.rate_entries_max)
    if not config.shared_url:
        return own
    timeout_s = config.shared_timeout_ms / 1_000
    return RedisLimiter(config.shared_url, clock=clock, spare=own, timeout_s=timeout_s)


def _api(gateway: Gateway) -> fastapi.FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(_app: fastapi.FastAPI) -> AsyncIterator[None]:
        async with gateway.running():
            yield

    api = DescribedAPI(
        title=gateway.config.name,
        version=_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        # Not by `include_router`: it looks for a request's route twice, router by router.
        api.router.routes.extend(router.routes)
    for kind in (kit.NovaError, exceptions.RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(kind, _tell)
    return api


async def _tell(request: fastapi.Request, error: Exception) -> Response:
    """An error of a route, as the table of `problems` has it."""
    if isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED:
        # The framework names the methods of one route; others may share the address.
        allowed = request.app.state.gateway.methods.allowed(request.scope["path"])
        error = errors.MethodRefused(allowed=allowed)
    problem = problems.problem_of(error, upgrade_url=f"{_base_url(request)}/plans")
    body = problems.body_of(problem, correlation_id=edge_of(request.scope).correlation_id)
    return Response(
        body,
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type="application/json",
    )


def _version() -> str:
    try:
        return importlib.metadata.version("novacore")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _base_url(request: fastapi.Request) -> str:
    return request.app.state.gateway.config.base_url
