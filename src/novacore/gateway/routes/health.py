"""What watches ask: whether the process lives, whether it wants requests, and its counters."""

import contextlib
from typing import Literal

import fastapi
import pydantic
from starlette.responses import JSONResponse, Response

from novacore import kit
from novacore.gateway import errors
from novacore.gateway.dependencies import Answer, Serving
from novacore.gateway.facts import edge_of
from novacore.gateway.metrics import CONTENT_TYPE
from novacore.gateway.problem_schema import documented

router = fastapi.APIRouter(tags=["health"])


class Health(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Answer):
    """Whether requests are wanted here."""

    status: Literal["ready", "not ready"]
    failing: list[str] = pydantic.Field(description="What is missing", examples=[["database"]])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="health_get", summary="Whether the process lives")
async def healthz() -> Health:
    """Say that the process answers; it looks at nothing else."""
    return Health()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    operation_id="readiness_get",
    summary="Whether requests are wanted",
    responses={503: {"model": Readiness, "description": "Not now; `failing` says why"}},
    response_model=Readiness,
)
async def readyz(request: fastapi.Request) -> Response:
    """503 while the server is about to stop, or something that every request needs is down."""
    gateway = request.app.state.gateway
    if gateway.standing.is_leaving:
        failing = ["stopping"]
    else:
        failing = await gateway.watch.failing()
    told = Readiness(status="not ready" if failing else "ready", failing=failing)
    return JSONResponse(told.model_dump(), status_code=503 if failing else 200)


@router.get(
    "/metrics",
    operation_id="metrics_get",
    summary="The counters of this process",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **documented(403),
    },
)
async def metrics(request: fastapi.Request, services: Serving) -> Response:
    """For Prometheus; only for the networks that server.metrics_from names."""
    gateway = request.app.state.gateway
    edge = edge_of(request.scope)
    if edge.is_relayed or not gateway.may_watch(edge.ip):
        raise errors.PermissionMissing(hint="The setting server.metrics_from lists who may.")
    platform = services.platform
    # Where the database is away, the other counters are read all the same.
    with contextlib.suppress(kit.NovaError):
        lag = await services.run(platform.metering.feed.lag)
        last = await services.run(platform.billing.last_reconciliation)
        gateway.metrics.metered(last, lag_entries=lag)
    gateway.metrics.reached(platform.catalog)
    await gateway.watch.components()
    return Response(gateway.metrics.render(), media_type=CONTENT_TYPE)
