"""The letters that no mail server took: a page for whoever sits at this machine."""

import html
from typing import Annotated

import fastapi
from starlette.responses import Response

from novacore.gateway import errors
from novacore.gateway.dependencies import Serving
from novacore.gateway.facts import edge_of
from novacore.gateway.pages import page, table

router = fastapi.APIRouter(include_in_schema=False)

_LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-popups allow-top-navigation"
)
_LETTERS_MAX = 50


async def _at_this_machine(request: fastapi.Request, services: Serving) -> None:
    """Refuse anybody else as if nothing were here, and everybody where letters are sent."""
    if not edge_of(request.scope).is_local or services.platform.mailer.is_sending:
        raise errors.NoSuchPage


_LOCAL = [fastapi.Depends(_at_this_machine)]


@router.api_route("/outbox", methods=["GET", "HEAD"], dependencies=_LOCAL)
async def list_outbox(services: Serving) -> Response:
    """The newest letters."""
    letters = await services.run(services.platform.mailer.list_outbox, _LETTERS_MAX)
    rows = [
        (
            html.escape(each.to),
            f'<a href="/outbox/{html.escape(each.id)}">{html.escape(each.subject)}</a>',
            f'<a href="{html.escape(each.link)}">open</a>' if each.link else "",
        )
        for each in letters
    ]
    about = "<p>No mail server is set, so letters wait here. Only this machine sees the page.</p>"
    shown = table(("To", "Letter", "Its link"), rows) if rows else "<p>There are none yet.</p>"
    return page("Outbox", about + shown)


@router.get("/outbox/{letter}", dependencies=_LOCAL)
async def read_letter(
    services: Serving, letter: Annotated[str, fastapi.Path(pattern="^[A-Za-z0-9._-]{1,100}$")]
) -> Response:
    """One letter as a mail program shows it."""
    content = await services.run(services.platform.mailer.read_outbox, letter, "html")
    return Response(
        content,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _LETTER_POLICY},
    )
