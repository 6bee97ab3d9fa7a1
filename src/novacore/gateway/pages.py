"""Small pages of our own, without a script: the status, the local outbox, a friendly word."""

import base64
import hashlib
import html
from collections.abc import Iterable

from starlette.responses import Response

from novacore.gateway.security_headers import page_policy

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:3rem auto;max-width:44rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #8884;padding:.4rem .6rem;text-align:left;vertical-align:top}
code{font-family:ui-monospace,monospace}
"""


def digest_of(text: str) -> str:
    """How a content security policy names an inline part."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_POLICY = page_policy(styles=[digest_of(_STYLE)])


def page(title: str, body: str, *, status: int = 200) -> Response:
    """A page with this title and body; the body is HTML already."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )
    return Response(
        text,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _POLICY},
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Rows as an HTML table; the head's cells are text, the rows' are HTML already."""
    first = "".join(f'<th scope="col">{html.escape(each)}</th>' for each in head)
    rest = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"
