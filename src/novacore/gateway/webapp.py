"""The web app's files, held in memory: what was built into `novacore/web_dist`."""

import dataclasses
import hashlib
import mimetypes
import re
from importlib import resources
from pathlib import Path

from starlette.responses import RedirectResponse, Response

from novacore.gateway.pages import digest_of, page
from novacore.gateway.security_headers import page_policy

_INDEX = "index.html"
_HASHED = "assets/"
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_INLINE = re.compile(r"<(script|style)(?![^>]*\bsrc=)[^>]*>(.*?)</\1>", re.DOTALL)
_PLAIN_PAGES = {
    "verify": "/api/v1/auth/verify-email",
    "reset": "/api/v1/auth/reset-password",
}
"""Where letters lead; without the web app plain pages stand there."""
_TYPES = {".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    content: bytes
    packed: bytes | None
    """The same by gzip; None: it was not packed when it was built."""
    media_type: str
    tag: str
    """Its ETag."""
    caching: str


class WebApp:
    """Answers what a browser asks that is no API.

    Args:
        folder: what was built; None: where the package has it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._assets = _load(folder or Path(str(resources.files("novacore"))) / "web_dist")
        index = self._assets.get(_INDEX)
        self.is_built = index is not None
        self._policy = _policy_of(index.content.decode()) if index is not None else ""

    def answer(self, path: str, *, query: str, accepts: str, known_tag: str) -> Response | None:
        """The file at `path`, or the app's page, which finds the way itself; None: neither.

        Args:
            path: without its first slash.
            query: what follows the question mark.
            accepts: the header Accept-Encoding.
            known_tag: the header If-None-Match.
        """
        asset = self._assets.get(path)
        if asset is None and "." in path.rpartition("/")[2]:
            return None
        if asset is None and path.startswith(_HASHED):
            return None
        if asset is None:
            asset = self._assets.get(_INDEX)
        if asset is None:
            return self._without(path, query)
        headers = {"Cache-Control": asset.caching, "ETag": asset.tag, "Vary": "Accept-Encoding"}
        if asset.media_type.startswith("text/html"):
            headers["Content-Security-Policy"] = self._policy
        if known_tag == asset.tag:
            return Response(status_code=304, headers=headers)
        content = asset.content
        if asset.packed is not None and "gzip" in accepts:
            content, headers["Content-Encoding"] = asset.packed, "gzip"
        return Response(content, media_type=asset.media_type, headers=headers)

    def _without(self, path: str, query: str) -> Response | None:
        if path in _PLAIN_PAGES:
            return RedirectResponse(_PLAIN_PAGES[path] + (f"?{query}" if query else ""))
        if path:
            return None
        return page(
            "NovaCore is running",
            "<p>The API is here; the web app was not built into this installation.</p>"
            "<p>In a clone, <code>make run</code> builds it. The command <code>nova</code> and any "
            "OpenAI or Anthropic client work without it. <a href='/status'>Status</a></p>",
        )


def _load(folder: Path) -> dict[str, Asset]:
    if not folder.is_dir():
        return {}
    found: dict[str, Asset] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix == ".gz":
            continue
        name = path.relative_to(folder).as_posix()
        packed = path.with_name(path.name + ".gz")
        content = path.read_bytes()
        found[name] = Asset(
            content=content,
            packed=packed.read_bytes() if packed.is_file() else None,
            media_type=_type_of(path),
            tag=f'"{hashlib.sha256(content).hexdigest()[:20]}"',
            caching=_FOREVER if name.startswith(_HASHED) else _ASK_AGAIN,
        )
    return found


def _type_of(path: Path) -> str:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    if kind in {"text/html", "text/css", "text/plain"}:
        return f"{kind}; charset=utf-8"
    return kind or "application/octet-stream"


def _policy_of(index: str) -> str:
    found = _INLINE.findall(index)
    return page_policy(
        scripts=[digest_of(text) for kind, text in found if kind == "script" and text],
        styles=[digest_of(text) for kind, text in found if kind == "style" and text],
    )
