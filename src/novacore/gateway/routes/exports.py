"""All that is kept of an account, made into one file and fetched by its owner."""

from typing import Annotated

import fastapi
from starlette.responses import FileResponse

from novacore import workers
from novacore.gateway.dependencies import Answer, Serving
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes.people import SignedInHere

router = fastapi.APIRouter(prefix="/api/v1/account/exports", tags=["account"])

ExportId = Annotated[str, fastapi.Path(pattern=r"^[0-9a-f]{32}$")]


class ExportAsked(Answer):
    """What happens now, in words."""

    message: str


class ExportAnswer(Answer):
    """One file that waits to be fetched."""

    id: str
    made_at_us: int
    expires_at_us: int
    size_bytes: int


class ExportList(Answer):
    """The files that wait to be fetched, newest first."""

    exports: list[ExportAnswer]


@router.post("", status_code=202, operation_id="ask_for_export", responses=documented(401, 403))
async def ask_for_export(principal: SignedInHere, serving: Serving) -> ExportAsked:
    """Have everything of the account made into one file; a letter tells when it is there."""
    await serving.run(workers.ask_for_export, serving.platform, principal.account_id)
    return ExportAsked(message="It is being made. A letter tells you when it is there.")


@router.get("", operation_id="list_exports", responses=documented(401, 403))
async def list_exports(principal: SignedInHere, serving: Serving) -> ExportList:
    """The files that were made."""
    found = await serving.run(workers.list_exports, serving.platform, principal.account_id)
    return ExportList(
        exports=[
            ExportAnswer(
                id=each.id,
                made_at_us=each.made_at_us,
                expires_at_us=each.expires_at_us,
                size_bytes=each.size_bytes,
            )
            for each in found
        ]
    )


@router.get(
    "/{export_id}",
    operation_id="fetch_export",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(401, 403, 404),
    },
)
async def fetch_export(
    principal: SignedInHere, serving: Serving, export_id: ExportId
) -> FileResponse:
    """One of them: a zip archive with a README that says what is in it."""
    path = await serving.run(
        workers.find_export, serving.platform, principal.account_id, export_id=export_id
    )
    return FileResponse(path, media_type="application/zip", filename=f"novacore-{export_id}.zip")
