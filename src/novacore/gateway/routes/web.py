"""Everything else that a browser asks: the web app's files, and its page for every other path."""

import fastapi
from starlette.responses import Response

from novacore.gateway import errors

router = fastapi.APIRouter(include_in_schema=False)

_API = ("api/", "v1/")


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def web(request: fastapi.Request, path: str) -> Response:
    """A file of the web app, or its page."""
    gateway = request.app.state.gateway
    allowed = gateway.methods.allowed(request.scope["path"])
    if allowed:
        raise errors.MethodRefused(allowed=allowed)
    answer = None
    if not path.startswith(_API):
        answer = gateway.webapp.answer(
            path,
            query=request.url.query,
            accepts=request.headers.get("accept-encoding", ""),
            known_tag=request.headers.get("if-none-match", ""),
        )
    if answer is None:
        raise errors.NoSuchPage
    return answer
