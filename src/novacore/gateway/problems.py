"""What an error looks like over HTTP: one table from classes to statuses, and two shapes of body.

The table is `problem_rows`. Facts are told only where the row lists them, and of what broke on our
side nothing is told but the correlation id, under which the log has the rest.
"""

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import exceptions
from starlette.exceptions import HTTPException

from novacore import kit
from novacore.gateway import errors
from novacore.gateway.problem_rows import ROWS, Row

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "overloaded_error",
}
"""OpenAI's word for each status; others go by their hundred."""

ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}

_KIND_STATUS = {
    kit.ErrorKind.REFUSED: 400,
    kit.ErrorKind.UNAVAILABLE: 503,
    kit.ErrorKind.CORRUPT: 500,
}
_UNTOLD = {
    500: "Something broke on our side. The log has it under the correlation id.",
    503: "A part of the server does not answer now. Try again in a moment.",
}
_RETRY_S = 2


class Shape(enum.Enum):
    """Whose clients read the body of an error."""

    OPENAI = "openai"
    """`{"error": {…}}`: OpenAI's, and our own."""
    ANTHROPIC = "anthropic"
    """`{"type": "error", "error": {…}, "request_id": …}`"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An error, ready to be told."""

    status: int
    type: str
    code: str
    message: str
    hint: str = ""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def row_of(kind: type[kit.NovaError]) -> Row | None:
    """The row of a class, or of its nearest ancestor that has one; None: nobody wrote one."""
    for each in kind.__mro__:
        parts = each.__module__.split(".")
        room = parts[1] if len(parts) > 1 and parts[0] == "novacore" else ""
        row = ROWS.get(f"{room}.{each.__name__}")
        if row is not None:
            own = each is kind
            return row if own or not row.code else dataclasses.replace(row, code="")
    return None


def problem_of(error: BaseException, *, upgrade_url: str = "") -> Problem:
    """How `error` is told: ours by the table, the framework's by what they mean, others as 500.

    Args:
        error: what was raised.
        upgrade_url: where a person gets a larger plan; told with a spent quota.
    """
    own = _translated(error)
    if not isinstance(own, kit.NovaError):
        return Problem(status=500, type=TYPES[500], code="internal_error", message=_UNTOLD[500])
    row = row_of(type(own)) or Row(is_told=False)
    status = row.status or _KIND_STATUS[own.kind]
    is_told = row.is_told and own.kind is not kit.ErrorKind.CORRUPT
    message, hint = (own.message, own.hint) if is_told else (_untold(status), "")
    facts = {name: getattr(own, name) for name in row.facts if hasattr(own, name)}
    if row.type == "insufficient_quota" and upgrade_url:
        facts["upgrade_url"] = upgrade_url
    if isinstance(facts.get("resets_at_us"), int):
        facts["resets_at"] = rfc3339(facts["resets_at_us"])
    return Problem(
        status=status,
        type=row.type or type_of(status),
        code=row.code or getattr(own, "code", "") or _snake(type(own).__name__),
        message=message,
        hint=hint,
        facts=facts,
        headers=_headers_of(error, own, row=row, status=status),
    )


def type_of(status: int) -> str:
    """OpenAI's word for a status."""
    return TYPES.get(status) or TYPES[400 if status < 500 else 500]


def body_of(problem: Problem, *, correlation_id: str, shape: Shape = Shape.OPENAI) -> bytes:
    """The JSON body that tells a problem."""
    if shape is Shape.ANTHROPIC:
        word = ANTHROPIC_TYPES.get(problem.status)
        word = word or ("invalid_request_error" if problem.status < 500 else "api_error")
        message = f"{problem.message} {problem.hint}".rstrip()
        told: dict[str, Any] = {
            "type": "error",
            "error": {"type": word, "message": message, **problem.facts},
            "request_id": correlation_id,
        }
        return msgspec.json.encode(told)
    inner = {
        "type": problem.type,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "correlation_id": correlation_id,
        **problem.facts,
    }
    return msgspec.json.encode({"error": inner})


def shape_for(path: str) -> Shape:
    """Who asks at this path."""
    is_theirs = path == "/v1/messages" or path.startswith("/v1/messages/")
    return Shape.ANTHROPIC if is_theirs else Shape.OPENAI


def rfc3339(time_us: int) -> str:
    """A time in microseconds since 1970 as `2026-11-22T00:00:00Z`."""
    moment = dt.datetime.fromtimestamp(time_us / 1_000_000, dt.UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _translated(error: BaseException) -> BaseException:
    """The framework's errors as ours; an error of ours that it wrapped comes out again."""
    if isinstance(error, kit.NovaError):
        return error
    if isinstance(error, exceptions.RequestValidationError):
        return errors.RequestInvalid(fields=_fields_of(error.errors()))
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, kit.NovaError):
            return error.__cause__
        known = {404: errors.NoSuchPage, 405: errors.MethodRefused, 401: errors.CredentialMissing}
        if error.status_code in known:
            return known[error.status_code]()
        return errors.RequestInvalid() if error.status_code < 500 else error
    return error


def _fields_of(found: Sequence[Any]) -> list[dict[str, str]]:
    """Where the request is wrong and why; never what was sent."""
    return [
        {"path": ".".join(str(part) for part in each["loc"]), "problem": str(each["msg"])}
        for each in found[:20]
    ]


def _headers_of(
    error: BaseException, own: kit.NovaError, *, row: Row, status: int
) -> dict[str, str]:
    headers: dict[str, str] = {}
    allowed = getattr(own, "allowed", "")
    if isinstance(error, HTTPException) and error.headers:
        allowed = error.headers.get("Allow", allowed)
    if allowed and status == 405:
        headers["Allow"] = allowed
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="novacore"'
    retry_s = getattr(own, "retry_after_s", None)
    if retry_s is None and status == 503:
        retry_s = _RETRY_S
    if retry_s is not None:
        headers["Retry-After"] = str(max(1, int(retry_s)))
    if not row.retries:
        headers["x-should-retry"] = "false"
    return headers


def _untold(status: int) -> str:
    return _UNTOLD.get(status) or _UNTOLD[500 if status < 502 else 503]


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
