"""From what a provider says went wrong to one of our errors, in one table for both formats."""

import email.utils
import re
from collections.abc import Mapping
from typing import Any

from novacore.llm.errors import (
    AuthRefused,
    LLMError,
    ModelUnknown,
    Overloaded,
    QuotaSpent,
    RateLimited,
    RequestRefused,
    WindowExceeded,
)
from novacore.llm.formats.encoding import decode_object, mapping_of, text_of

_WORDS_MAX = 500
_RETRYABLE = frozenset({408, 409, 429})
_WINDOW = re.compile(
    r"prompt is too long|context_length_exceeded|maximum context length|exceed_context_size"
    r"|context window|exceeds? the (available )?context",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|insufficient_balance|credit balance is too low|billing_hard_limit",
    re.IGNORECASE,
)
_MINIMAX_FINE = 0
_STATUS_BY_MINIMAX_CODE: Mapping[int, int] = {
    1002: 429,
    1004: 401,
    1008: 402,
    1039: 429,
    2013: 400,
    2049: 401,
}
_STATUS_BY_WORD: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def failure(
    status: int, *, body: bytes, headers: Mapping[str, str], key_hint: str, now_s: float
) -> LLMError:
    """The error for an answer that is none.

    Args:
        status: the HTTP status, 400 or more.
        body: what came with it; only its first words are shown.
        headers: read for Retry-After.
        key_hint: which setting holds the key.
        now_s: UTC seconds, for a Retry-After that is a date.
    """
    told = _told(body)
    words = (
        f"The provider answered {status}: {told}" if told else f"The provider answered {status}."
    )
    return _by_status(
        status,
        words=words,
        key_hint=key_hint,
        retry_after_s=retry_after(headers.get("retry-after"), now_s=now_s),
    )


def failure_in_stream(error: Mapping[str, Any]) -> LLMError:
    """The error for an error event within a stream. What is not known counts as the provider's."""
    code = error.get("code")
    words = (text_of(error.get("type")), text_of(code))
    known = (_STATUS_BY_WORD[word] for word in words if word in _STATUS_BY_WORD)
    status = code if isinstance(code, int) and 400 <= code < 600 else next(known, 500)
    text = text_of(error.get("message")) or next((word for word in words if word), "unknown error")
    shown = f"The provider reported an error: {text[:_WORDS_MAX]} {text_of(code)}".rstrip()
    return _by_status(status, words=shown, key_hint="llm.api_key", retry_after_s=None)


def minimax_error(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error that MiniMax tells under a status of 200; None where there is none."""
    base = mapping_of(chunk.get("base_resp")) or {}
    code = base.get("status_code", _MINIMAX_FINE)
    if code == _MINIMAX_FINE or not isinstance(code, int):
        return None
    words = "insufficient_balance" if _STATUS_BY_MINIMAX_CODE.get(code) == 402 else ""
    message = f"{text_of(base.get('status_msg'))} ({code}) {words}".rstrip()
    return {"message": message, "code": _STATUS_BY_MINIMAX_CODE.get(code, 500)}


def retry_after(value: str | None, *, now_s: float) -> float | None:
    """Seconds to wait from a Retry-After header: a number or an HTTP date; None: none given.

    Source: RFC 9110, section 10.2.3.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now_s
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds < 1e9 else None


def is_retryable(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _RETRYABLE or status >= 500


def _by_status(status: int, *, words: str, key_hint: str, retry_after_s: float | None) -> LLMError:
    if status in (400, 402, 403, 429) and _QUOTA.search(words):
        hint = "Look at the account's billing with the provider, or choose another model."
        return QuotaSpent(words, status=status, hint=hint)
    if status in (401, 403):
        return AuthRefused(words, status=status, hint=f"Check the key in {key_hint}.")
    if status == 404:
        hint = "Check the settings llm.model and llm.base_url."
        return ModelUnknown(words, status=status, hint=hint)
    if status == 429:
        hint = _later("The provider asks to slow down", retry_after_s)
        return RateLimited(words, status=status, retry_after_s=retry_after_s, hint=hint)
    if is_retryable(status):
        hint = _later("The provider has trouble", retry_after_s)
        return Overloaded(words, status=status, retry_after_s=retry_after_s, hint=hint)
    if _WINDOW.search(words):
        hint = "Set llm.window_tokens to the size of the model's window."
        return WindowExceeded(words, status=status, hint=hint)
    hint = "Check llm.model, llm.wire and llm.output_tokens_max against what the provider offers."
    return RequestRefused(words, status=status, hint=hint)


def _later(what: str, retry_after_s: float | None) -> str:
    when = f"in {retry_after_s:.0f} s" if retry_after_s else "later"
    return f"{what}; try again {when}."


def _told(body: bytes) -> str:
    """The provider's own words, on one line."""
    decoded = decode_object(body) or {}
    error = mapping_of(decoded.get("error"))
    if error is not None:
        code = text_of(error.get("code"))
        told = text_of(error.get("message")) or text_of(error.get("type"))
        told = f"{told} ({code})" if code and code not in told else told
    else:
        told = text_of(decoded.get("error")) or text_of(decoded.get("message"))
        told = told or text_of(decoded.get("detail"))
    if not told and not body.lstrip().startswith(b"<"):
        told = body.decode("utf-8", "replace")
    return " ".join(told.split())[:_WORDS_MAX]
