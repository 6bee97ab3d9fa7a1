"""Fetches one wheel from a package index with the standard library alone.

It asks the index that pip would ask: PIP_INDEX_URL, then pip's configuration files, then Python's
public index. It understands both forms of the simple repository interface, JSON and HTML.

Source: PEP 503 (HTML), PEP 691 (JSON).
"""

import base64
import configparser
import hashlib
import html.parser
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

# Python's public index, as pip knows it.
DEFAULT_INDEX = urllib.parse.urlunsplit(("https", "pypi.org", "/simple", "", ""))
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
TIMEOUT_S = 60
TRIES = 3


class IndexUnreachable(Exception):
    """The package index gave no usable answer."""


def fetch_wheel(name: str, version: str, *, digests: frozenset[str], folder: Path) -> Path:
    """Download the pure-Python wheel of `name` at `version` into `folder`.

    Args:
        digests: the SHA-256 digests (hex) that are allowed.

    Raises:
        IndexUnreachable: no answer, no such file, or a file with another digest.
    """
    index = _index_url()
    page_url = f"{index.rstrip('/')}/{name}/"
    body, kind, address = _get(page_url)
    links = _json_links(body) if kind.endswith("json") else _html_links(body)
    wanted = f"{name}-{version}-py3-none-any.whl"
    for filename, link in links:
        if filename != wanted:
            continue
        data, _, _ = _get(urllib.parse.urljoin(address, link))
        if hashlib.sha256(data).hexdigest() not in digests:
            raise IndexUnreachable(f"{wanted} has another digest than the lock; not used.")
        path = folder / wanted
        path.write_bytes(data)
        return path
    raise IndexUnreachable(f"The package index has no {wanted}.")


def _configured(option: str) -> str:
    """What pip is told about `option`: by environment, else by the last of its files."""
    found = os.environ.get("PIP_" + option.upper().replace("-", "_"), "")
    if found:
        return found
    home = Path.home()
    paths = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf"]
    paths.append(home / "Library/Application Support/pip/pip.conf")
    paths.append(Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf")
    if chosen := os.environ.get("PIP_CONFIG_FILE"):
        paths.append(Path(chosen))
    for path in paths:
        config = configparser.RawConfigParser()
        try:
            config.read(path)
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            raise IndexUnreachable(f"{path} can't be read: {error}") from error
        for section in ("global", "install"):
            found = config.get(section, option, fallback="").strip() or found
    return found


def _index_url() -> str:
    return _configured("index-url") or DEFAULT_INDEX


def _get(url: str) -> tuple[bytes, str, str]:
    """The body, its content type, and the address it came from in the end."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Accept": ACCEPT, "User-Agent": "novacore-bootstrap"}
    if parts.username:
        secret = f"{urllib.parse.unquote(parts.username)}:"
        secret += urllib.parse.unquote(parts.password or "")
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
        url = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    context = ssl.create_default_context(cafile=_configured("cert") or None)
    request = urllib.request.Request(url, headers=headers)
    problem = ""
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:
                return answer.read(), answer.headers.get_content_type(), answer.geturl()
        except urllib.error.HTTPError as error:
            problem = f"HTTP {error.code}"
            if error.code < 500:
                break
        except (OSError, ValueError) as error:
            problem = str(error)
        time.sleep(attempt)
    raise IndexUnreachable(f"The package index at {parts.hostname} does not answer: {problem}.")


def _json_links(body: bytes) -> list[tuple[str, str]]:
    try:
        return [(file["filename"], file["url"]) for file in json.loads(body)["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise IndexUnreachable(f"The package index sent no list of files: {error}") from error


def _html_links(body: bytes) -> list[tuple[str, str]]:
    reader = _LinkReader()
    reader.feed(body.decode("utf-8", "replace"))
    return reader.links


class _LinkReader(html.parser.HTMLParser):
    """Collects (file name, address) of each link on an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") if tag == "a" else None
        if address:
            path = urllib.parse.urlsplit(address).path
            self.links.append((urllib.parse.unquote(path.rpartition("/")[2]), address))
