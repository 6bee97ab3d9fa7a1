"""What every engine on a server needs: its library, imported late, and messages without secrets."""

import importlib
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from novacore.tiers.errors import EngineMissing

_MESSAGE_CHARS_MAX: Final = 300


def library(module: str, *, extra: str) -> Any:
    """A client library, imported when an engine is first used: none is needed before.

    Raises:
        EngineMissing: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineMissing(
            f"The library {module.partition('.')[0]} is not installed.",
            hint=f"Install it: pip install 'novacore[{extra}]'",
        ) from error


def address(url: str) -> str:
    """Where a URL leads, as it may be shown: host and port, no user, no password."""
    try:
        found = urlsplit(url)
        port = f":{found.port}" if found.port else ""
        return f"{found.hostname or 'localhost'}{port}"
    except ValueError:
        return "an address that can't be read"


def reason(error: BaseException, *, url: str) -> str:
    """What a library says is wrong, in one line and without the URL's secrets."""
    try:
        found = urlsplit(url)
        password = found.password or ""
        _ = found.port
    except ValueError:
        # A password with a slash in it ends up where a port should be, and in the message.
        return "its URL can't be read; write special characters of a password as %XX"
    text = " ".join(str(error).split()) or type(error).__name__
    for secret in (url, password, unquote(password)):
        if secret:
            text = text.replace(secret, "…")
    return text if len(text) <= _MESSAGE_CHARS_MAX else f"{text[:_MESSAGE_CHARS_MAX]}…"
