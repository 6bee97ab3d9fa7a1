"""The description of the API, for programs that are made from it."""

import fastapi
import msgspec
from starlette.responses import Response

router = fastapi.APIRouter(include_in_schema=False)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi(request: fastapi.Request) -> Response:
    """The OpenAPI document of this server."""
    gateway = request.app.state.gateway
    document = {**gateway.api.openapi(), "servers": [{"url": gateway.config.base_url}]}
    return Response(msgspec.json.encode(document), media_type="application/json")
