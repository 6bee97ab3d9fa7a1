"""What every engine on a server needs: its library, imported late, and messages without secrets."""

import importlib
import importlib.util
import re
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from novacore.tiers.errors import EngineMissing, TierUnavailable

_MESSAGE_CHARS_MAX: Final = 300
_HOST: Final = r"(?:\[[^\]\s]+\]|[^\s:/?\#@,\[\]]*)(?::\d+)?"
_URL: Final = re.compile(
    rf"[A-Za-z][\w.+-]*://(?:[^\s:/?\#@]*(?::(?P<password>[^\s/?\#@]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/[^\s?\#@]*)?(?:\?(?P<query>[^\s\#]*))?"
)


def require(module: str, *, extra: str) -> None:
    """See that a library is installed, without importing it.

    Raises:
        EngineMissing: it is not; the message names the extra that brings it.
    """
    if importlib.util.find_spec(module) is None:
        raise _missing(module, extra)


def library(module: str, *, extra: str) -> Any:
    """A client library, imported when an engine is first used: none is needed before.

    Raises:
        EngineMissing: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, extra) from error


def _missing(module: str, extra: str) -> EngineMissing:
    return EngineMissing(
        f"The library {module.partition('.')[0]} is not installed.",
        hint=f"Install it: pip install 'novacore[{extra}]'",
    )


def check_url(url: str, *, what: str) -> None:
    """Look at a URL before a library does: some quote it, with its password, when they fail.

    Raises:
        TierUnavailable: it can't be read.
    """
    if _parts(url) is None:
        raise TierUnavailable(
            f"The address of {what} can't be read.",
            hint="Write scheme://user:password@host:port, special characters as %XX.",
        )


def address(url: str) -> str:
    """Where a URL leads, as it may be shown: hosts and ports, no user, no password."""
    found = _parts(url)
    return (found[1] or "this machine") if found else "an address that can't be read"


def reason(error: BaseException, *, url: str) -> str:
    """What a library says is wrong, in one line and without the URL's secrets."""
    found = _parts(url)
    if found is None:
        return "its address can't be read"
    text = " ".join(str(error).split()) or type(error).__name__
    for secret in (url, found[0], unquote(found[0])):
        if secret:
            text = text.replace(secret, "…")
    return text if len(text) <= _MESSAGE_CHARS_MAX else f"{text[:_MESSAGE_CHARS_MAX]}…"


def _parts(url: str) -> tuple[str, str] | None:
    """(password, hosts with their ports); None: it is no URL, or a slash stands in its password."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    asked = parse_qs(found["query"] or "").get("password", [""])
    return found["password"] or asked[0], found["hosts"]
