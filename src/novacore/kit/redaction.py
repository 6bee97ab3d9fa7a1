"""Text for logs: what looks like a secret is cut out, and people are named by a digest.

It looks at names (a field called `password`) and at shapes (`sk-…`, `Bearer …`, cookies), so that
a secret is found too where it stands in the middle of an exception's text.
"""

import functools
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

CUT = "[cut]"
"""What stands in the place of a secret."""

_DEPTH_MAX = 8
_SECRET_NAMES = re.compile(
    r"passw|secret|token|authorization|cookie|api[_-]?key|private|credential|bearer|session_key|"
    r"\bkey\b|signature|otp",
    re.IGNORECASE,
)
_HARMLESS_NAMES = frozenset(
    {
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "key_id",
        "tokens", "tokens_max", "window_tokens", "output_tokens_max", "tokens_per_day",
    }
)  # fmt: skip
_SHAPES = re.compile(
    r"""(?ix)
    (?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}
    | \b(?:sk|pk|rk|whsec|nova|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{6,}
    | \bAKIA[A-Z0-9]{12,}
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
    | (?P<url>://[^\s/:@]*:)[^\s/@]+(?=@)
    | (?P<line>["']?\b(?:proxy-)?(?:authorization|(?:set-)?cookie)["']?\s*[:=]\s*["']?)[^"'\r\n]{3,}
    | (?P<named>["']?\b(?:[a-z]+[_-])?(?:password|passwd|secret|token|api[_-]?key|nova_refresh|
        nova_device)["']?\s*[:=]\s*["']?)[^\s"'&,;}\])]{3,}
    """
)
_HINTS = re.compile(
    r"(?i)bearer|basic|sk[-_]|pk[-_]|rk[-_]|whsec|nova_|ghp_|gho_|xox|akia|eyj|://|passw|secret|"
    r"token|api[_-]?key|authorization|cookie"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_PROCESS_KEY = os.urandom(32)


def redacted(text: str) -> str:
    """`text` without what looks like a secret, with addresses of people as digests."""
    if _HINTS.search(text):
        text = _SHAPES.sub(_cut, text)
    if "@" in text:
        text = _EMAIL.sub(_named, text)
    return text


def redacted_value(value: Any, *, name: str = "", depth: int = 0) -> Any:
    """A value for a log: text redacted, and whatever stands under a secret's name cut out."""
    if name and is_secret_name(name) and value not in (None, "", 0, False):
        return CUT
    if isinstance(value, str):
        return redacted(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEPTH_MAX:
        return CUT
    if isinstance(value, Mapping):
        pairs = cast(Mapping[Any, Any], value).items()
        return {
            redacted(str(key)): redacted_value(inner, name=str(key), depth=depth + 1)
            for key, inner in pairs
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = cast(Iterable[Any], value)
        return [redacted_value(inner, depth=depth + 1) for inner in items]
    return redacted(str(value))


@functools.lru_cache(1_024)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds what nobody may read."""
    return name.lower() not in _HARMLESS_NAMES and _SECRET_NAMES.search(name) is not None


def person_digest(email: str) -> str:
    """A short name for an address, the same for as long as this process lives."""
    digest = hmac.new(_PROCESS_KEY, email.strip().lower().encode(), hashlib.sha256)
    return f"person:{digest.hexdigest()[:12]}"


def _cut(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["url"] or found["line"] or found["named"] or ""
    return kept + CUT


def _named(found: re.Match[str]) -> str:
    return person_digest(found[0])
