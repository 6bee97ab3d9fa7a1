"""What watches ask: whether the process lives, whether it wants requests, and its counters."""

import fastapi
from starlette.responses import JSONResponse, Response

from novacore.gateway import errors
from novacore.gateway.facts import edge_of
from novacore.gateway.metrics import CONTENT_TYPE

router = fastapi.APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
async def metrics(request: fastapi.Request) -> Response:
    """The counters of this process, for Prometheus; only for networks that the settings name."""
    gateway = request.app.state.gateway
    if not gateway.may_watch(edge_of(request.scope).ip):
        raise errors.PermissionMissing(hint="The setting server.metrics_from lists who may.")
    return Response(gateway.metrics.render(), media_type=CONTENT_TYPE)
