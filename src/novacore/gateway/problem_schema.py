"""What an error's body looks like, for the OpenAPI document."""

from typing import Any

import pydantic

DESCRIPTIONS = {
    400: "The request can't be understood; `fields` says where",
    401: "Nobody is signed in, or the credential is not good",
    403: "Not allowed with this account, key or plan",
    404: "There is no such thing for this account",
    405: "The address takes other methods",
    409: "It is in a state in which this can't be done now",
    410: "It was erased",
    413: "The body is too large",
    415: "The body is no JSON",
    421: "The server does not answer under this name",
    422: "An Idempotency-Key was used with another body",
    429: "Too many requests, or a limit of the plan is reached; see Retry-After",
    500: "Something broke on the server",
    502: "The model's provider failed",
    503: "Something that is needed does not answer now; see Retry-After",
    504: "The model's provider took too long",
}


class FieldProblem(pydantic.BaseModel):
    """One field that is wrong."""

    path: str = pydantic.Field(description="Where it stands", examples=["body.email"])
    problem: str = pydantic.Field(description="What is wrong with it")


class Error(pydantic.BaseModel):
    """What went wrong; some errors have more facts beside these."""

    model_config = pydantic.ConfigDict(extra="allow")

    type: str = pydantic.Field(description="OpenAI's word for it")
    code: str = pydantic.Field(description="The word that programs look at")
    message: str = pydantic.Field(description="What went wrong")
    hint: str = pydantic.Field(description="What can be done about it; may be empty")
    correlation_id: str = pydantic.Field(description="Under which the server's log has more")
    fields: list[FieldProblem] | None = None


class ErrorAnswer(pydantic.BaseModel):
    """The body of every answer that is an error."""

    error: Error


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these, beside those that every route may."""
    return {
        status: {"model": ErrorAnswer, "description": DESCRIPTIONS[status]} for status in statuses
    }
