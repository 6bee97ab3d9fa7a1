"""The description of the whole API: what FastAPI knows, and what holds for every route.

Every operation gets the errors that the edge may answer with, the headers that every answer has,
and its rate limits; the model routes, which FastAPI does not know, are described by `v1`.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import fastapi
from fastapi import encoders

from novacore.gateway import errors
from novacore.gateway.problem_schema import DESCRIPTIONS, ErrorAnswer
from novacore.gateway.v1 import openapi as v1

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_ABOUT = """
One server for chat, memory and models. Errors everywhere are
`{"error": {"type", "code", "message", "hint", "correlation_id", …}}`; under `/v1/messages` they
have Anthropic's shape. Times are integer microseconds UTC, lists are read page by page with
`cursor`. Each answer has `X-Correlation-ID`, under which the server's log has more.
"""
_ALWAYS = (400, 421, 429, 500, 503)
_HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "X-Correlation-ID": ("The id of this request", {"type": "string"}),
    "RateLimit": ('What is left, as `"account";r=199;t=1`', {"type": "string"}),
    "RateLimit-Policy": ('The limit, as `"account";q=200;w=10`', {"type": "string"}),
}
_UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
_EXAMPLES = {
    400: ("invalid_request_error", "invalid_request", "The request has a field that is wrong."),
    401: ("authentication_error", "invalid_api_key", "Sign in first, or send an API key."),
    403: ("permission_error", "permission_missing", "Your account or key may not do this."),
    404: ("not_found_error", "not_found", "There is nothing at this address."),
    413: ("request_too_large", "body_too_large", "The request is larger than 10,000,000 bytes."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests in a short time."),
}


class DescribedAPI(fastapi.FastAPI):
    """FastAPI whose description is complete."""

    def openapi(self) -> dict[str, Any]:
        """The description; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def completed(found: Mapping[str, Any]) -> dict[str, Any]:
    """A description with what holds for every route.

    Raises:
        DescriptionUnsound: two parts describe one name or one path differently.
    """
    document = copy.deepcopy(dict(found))
    document["info"]["description"] = _ABOUT.strip()
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    described = ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    # As FastAPI writes it where a route names it: without what is null.
    own = encoders.jsonable_encoder(described, exclude_none=True)
    join(schemas, own.pop("$defs"))
    join(schemas, {"ErrorAnswer": own})
    join(schemas, v1.SCHEMAS)
    join(document["paths"], v1.PATHS)
    for name in schemas:
        # FastAPI's way out where two models have one name: a module's path would be in clients.
        if "__" in name:
            raise errors.DescriptionUnsound(f"Two models of the API have one name: {name}.")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["headers"] = {
        name: {"description": about, "schema": schema} for name, (about, schema) in _HEADERS.items()
    }
    parts["responses"] = {_name(status): _error(status) for status in DESCRIPTIONS}
    for path, method, operation in _operations(document):
        _complete(operation, path=path, method=method)
    return document


def join(into: dict[str, Any], further: Mapping[str, Any]) -> None:
    """Add named parts of a description to others; the same part may come twice.

    Raises:
        DescriptionUnsound: one name, and two contents: neither may win unseen.
    """
    for name, part in further.items():
        if into.setdefault(name, copy.deepcopy(part)) != part:
            raise errors.DescriptionUnsound(f"The API's description has two parts named {name}.")


def _complete(operation: dict[str, Any], *, path: str, method: str) -> None:
    answers: dict[str, Any] = operation.setdefault("responses", {})
    if _is_fastapis(answers.get("422")):
        del answers["422"]
    statuses = [*_ALWAYS]
    if "security" in operation:
        statuses += [401, 403]
    if method != "get":
        statuses += [403]
    if "requestBody" in operation:
        statuses += [413, 415]
    if path in _UNLIMITED:
        statuses = [500]
    else:
        operation["x-rate-limits"] = _rates(operation, path=path, method=method)
    for status in statuses:
        answers.setdefault(str(status), {"$ref": f"#/components/responses/{_name(status)}"})
    names = list(_HEADERS)[: 1 if path in _UNLIMITED else None]
    for answer in answers.values():
        if "$ref" not in answer:
            headers = answer.setdefault("headers", {})
            for name in names:
                headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _rates(operation: Mapping[str, Any], *, path: str, method: str) -> list[str]:
    """The names of the rates that a request counts under, as in the settings."""
    if "security" not in operation:
        rates = ["ip", "anonymous"]
        if path.startswith("/api/v1/auth/") and method == "post":
            rates.append("auth")
        return rates
    rates = ["ip", "account", "key"]
    if method == "post" and (path.startswith("/v1/") or path.endswith("/turns")):
        rates.append("model")
    return rates


def _error(status: int) -> dict[str, Any]:
    kind, code, message = _EXAMPLES.get(status, ("server_error", "error", DESCRIPTIONS[status]))
    example = {
        "type": kind,
        "code": code,
        "message": message,
        "hint": "",
        "correlation_id": "01a201d1-ec6a-7fb9-a888-f420ed04b366",
    }
    headers: dict[str, Any] = {
        "X-Correlation-ID": {"$ref": "#/components/headers/X-Correlation-ID"}
    }
    if status in (429, 503):
        headers["Retry-After"] = {
            "description": "Seconds to wait",
            "schema": {"type": "integer", "minimum": 1},
        }
    return {
        "description": DESCRIPTIONS[status],
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ErrorAnswer"},
                "example": {"error": example},
            }
        },
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _is_fastapis(answer: Mapping[str, Any] | None) -> bool:
    """Whether this is the 422 that FastAPI adds by itself; ours are 400."""
    return answer is not None and "HTTPValidationError" in str(answer)


def _name(status: int) -> str:
    return f"Error{status}"
