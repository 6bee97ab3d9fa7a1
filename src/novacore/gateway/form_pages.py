"""Pages for links in letters that need no script: one button, or one field.

Mail scanners open every link; only the button, which they don't press, does something.
"""

import base64
import hashlib
import html
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

import fastapi
import pydantic
from fastapi import exceptions
from starlette.responses import HTMLResponse

from novacore import kit
from novacore.gateway.security_headers import CSP

_B = TypeVar("_B", bound=pydantic.BaseModel)

FORM: Final = "application/x-www-form-urlencoded"

_STYLE: Final = """
:root{color-scheme:light dark;--paper:#fbfaf7;--ink:#1d1d1f;--line:#d8d5cc;--do:#2f4bd8}
@media (prefers-color-scheme:dark){:root{--paper:#16171b;--ink:#ecebe6;--line:#3a3c44;--do:#8ea2ff}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:min(24rem,100vw - 3rem);padding:2rem 0}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
label{display:block;margin:0 0 .25rem}
input{box-sizing:border-box;width:100%;font:inherit;padding:.6rem .7rem;margin:0 0 1rem;
border:1px solid var(--line);border-radius:.4rem;background:transparent;color:inherit}
button,a.do{display:inline-block;font:inherit;padding:.6rem 1.1rem;border:0;border-radius:.4rem;
background:var(--do);color:var(--paper);text-decoration:none;cursor:pointer}
:focus-visible{outline:3px solid var(--do);outline-offset:2px}
.problem{border-left:3px solid #c0392b;padding-left:.75rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


async def read(request: fastapi.Request, kind: type[_B]) -> tuple[_B, bool]:
    """The body as `kind`, and whether a form sent it instead of a program.

    Raises:
        RequestValidationError: it does not fit.
    """
    raw = await request.body()
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    try:
        if is_form:
            fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
            return kind.model_validate({key: each[-1] for key, each in fields.items()}), True
        return kind.model_validate_json(raw or b"null"), False
    except pydantic.ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise exceptions.RequestValidationError(found) from error


def described(kind: type[pydantic.BaseModel]) -> dict[str, Any]:
    """What `read` takes, for the OpenAPI document."""
    schema = kind.model_json_schema()
    content = {"application/json": {"schema": schema}, FORM: {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def also_html(
    responses: dict[int | str, dict[str, Any]], *statuses: int
) -> dict[int | str, dict[str, Any]]:
    """Responses of a route that answers a form with a page, where a program gets JSON."""
    page = {"text/html": {"schema": {"type": "string"}}}
    for status in statuses:
        responses.setdefault(status, {})["content"] = page
    return responses


def verify_form(token: str) -> HTMLResponse:
    """The page of the link that confirms an address."""
    return _page(
        "Confirm your address",
        "<p>One click, and this address belongs to your account.</p>"
        '<form method="post" action="/api/v1/auth/verify-email">'
        f'{_hidden(token)}<button type="submit">Confirm</button></form>',
    )


def verified(email: str) -> HTMLResponse:
    """The address is confirmed."""
    return _page(
        "Your address is confirmed",
        f'<p>{html.escape(email)} belongs to your account now.</p><a class="do" href="/">Go on</a>',
    )


def reset_form(token: str, *, problem: str = "") -> HTMLResponse:
    """The page of the link that sets a new password; `problem` is what was wrong with the last."""
    told = f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else ""
    return _page(
        "Choose a new password",
        f'{told}<form method="post" action="/api/v1/auth/reset-password">{_hidden(token)}'
        '<label for="password">New password</label><input id="password" name="password" '
        'type="password" autocomplete="new-password" required autofocus>'
        '<button type="submit">Set it</button></form>',
        status=409 if problem else 200,
    )


def reset_done() -> HTMLResponse:
    """The new password holds."""
    return _page(
        "The new password holds",
        '<p>Every other sign-in has ended.</p><a class="do" href="/login">Sign in</a>',
    )


def failed(error: kit.NovaError) -> HTMLResponse:
    """The link does nothing any more."""
    return _page(
        "This link does not work",
        f'<p class="problem" role="alert">{html.escape(str(error))}</p>'
        '<a class="do" href="/login">Sign in</a>',
        status=404,
    )


def _hidden(token: str) -> str:
    return f'<input type="hidden" name="token" value="{html.escape(token, quote=True)}">'


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · NovaCore</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    headers = {
        CSP.decode(): _POLICY,
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(text, status_code=status, headers=headers)
