"""The model routes as the API's document describes them: what we rely on, and no more.

Fields that we pass on unread are not listed: they are the vendors', and change with them.
"""

from collections.abc import Mapping
from typing import Any, Final

_Schema = dict[str, Any]

_SECURITY: Final = [{"bearer": []}]
_STATUSES: Final = (400, 401, 403, 404, 409, 413, 415, 421, 422, 429, 500, 502, 503, 504)
_MESSAGES: Final[_Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "role": {"description": "Who says it, as user or assistant."},
            "content": {"description": "A text, or a list of the vendor's parts."},
        },
    },
    "description": "The conversation; with X-Nova-Session only what is new.",
}
_COMMON: Final[dict[str, _Schema]] = {
    "model": {"type": "string", "description": "Of GET /v1/models; left out: the default."},
    "messages": _MESSAGES,
    "stream": {"type": ["boolean", "null"]},
}
_CAP: Final[_Schema] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "description": "Most tokens of one answer; what is left of a limit may lower it.",
}

SCHEMAS: Final[Mapping[str, _Schema]] = {
    "ChatCompletionRequest": {
        "type": "object",
        "description": "As OpenAI defines it; unknown fields are passed on.",
        "required": ["messages"],
        "properties": {
            **_COMMON,
            "max_tokens": _CAP,
            "max_completion_tokens": _CAP,
            "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
        },
        "example": {"model": "default", "messages": [{"role": "user", "content": "Hello!"}]},
    },
    "MessageRequest": {
        "type": "object",
        "description": "As Anthropic defines it; unknown fields are passed on.",
        "required": ["messages", "max_tokens"],
        "properties": {**_COMMON, "max_tokens": {**_CAP, "type": "integer"}},
        "example": {
            "model": "default",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "Hello!"}],
        },
    },
    "CountTokensRequest": {
        "type": "object",
        "required": ["messages"],
        "properties": {"model": _COMMON["model"], "messages": _MESSAGES},
        "example": {"model": "default", "messages": [{"role": "user", "content": "Hello!"}]},
    },
    "EmbeddingRequest": {
        "type": "object",
        "description": "As OpenAI defines it; `dimensions` only as the model has them.",
        "required": ["input"],
        "properties": {
            "model": {"type": "string", "description": "Left out: the configured embedder."},
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 2_048,
                        "items": {"type": "string", "minLength": 1},
                    },
                ]
            },
            "encoding_format": {"enum": ["float", "base64", None]},
        },
        "example": {"model": "default", "input": ["A cat sits.", "A dog runs."]},
    },
    "ChatCompletionAnswer": {
        "type": "object",
        "required": ["choices"],
        "properties": {"choices": {"type": "array"}, "usage": {"type": ["object", "null"]}},
    },
    "MessagesAnswer": {
        "type": "object",
        "required": ["type", "content", "usage"],
        "properties": {
            "type": {"const": "message"},
            "content": {"type": "array"},
            "usage": {"type": "object"},
        },
    },
    "CountedTokens": {
        "type": "object",
        "required": ["input_tokens"],
        "properties": {"input_tokens": {"type": "integer", "minimum": 0}},
    },
    "EmbeddingAnswer": {
        "type": "object",
        "required": ["object", "data", "model", "usage"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array"},
            "model": {"type": "string"},
            "usage": {"type": "object"},
        },
    },
    "ModelOfV1": {
        "type": "object",
        "description": "OpenAI's shape; Anthropic's where the request names anthropic-version.",
        "required": ["id"],
        "properties": {"id": {"type": "string"}},
    },
    "ModelsOfV1": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/ModelOfV1"}}
        },
    },
    "AnthropicErrorAnswer": {
        "type": "object",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
            },
            "request_id": {"type": "string"},
        },
    },
}

_ABOUT: Final = """
Streamed where `stream` is true. With the header `Idempotency-Key` the same request is answered and
charged once: its reply is kept for 24 hours, another body under the same key is refused with 422,
and one that is still running with 409.
""".strip()
_CALL_HEADERS: Final = [
    {
        "name": "X-Nova-Session",
        "in": "header",
        "required": False,
        "description": "A session, by name or id; what it holds stands before the messages, and "
        "what is said is added to it. Without it nothing of the text is kept.",
        "schema": {"type": "string", "pattern": "^[ -~]{0,200}$"},
        "example": "my-project",
    },
    {
        "name": "X-Nova-Memory",
        "in": "header",
        "required": False,
        "description": "Whether the model is reminded of what was said in other sessions. "
        "Left out: on where a session is named.",
        "schema": {"enum": ["on", "off"]},
    },
]


def _operation(
    name: str,
    *,
    summary: str,
    request: str = "",
    answer: str,
    is_streamed: bool = False,
    is_anthropic: bool = False,
    parameters: list[Any] | None = None,
) -> _Schema:
    content: _Schema = {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}}
    if is_streamed:
        content["text/event-stream"] = {"schema": {"type": "object"}}
    made: _Schema = {
        "tags": ["models"],
        "operationId": name,
        "summary": summary,
        "description": _ABOUT if is_streamed else summary,
        "security": _SECURITY,
        "parameters": parameters or [],
        "responses": {"200": {"description": "As the vendor defines it.", "content": content}},
    }
    for status in _STATUSES:
        made["responses"][str(status)] = _refusal(status, is_anthropic=is_anthropic)
    if request:
        schema = {"$ref": f"#/components/schemas/{request}"}
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return made


def _refusal(status: int, *, is_anthropic: bool) -> _Schema:
    name = "AnthropicErrorAnswer" if is_anthropic else "ErrorAnswer"
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {
        "description": f"Refused or failed, with status {status}.",
        "content": {"application/json": {"schema": schema}},
    }


_MODEL: Final = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "example": "default",
}

PATHS: Final[Mapping[str, _Schema]] = {
    "/v1/chat/completions": {
        "post": _operation(
            "create_chat_completion",
            summary="Answer in OpenAI's format",
            request="ChatCompletionRequest",
            answer="ChatCompletionAnswer",
            is_streamed=True,
            parameters=_CALL_HEADERS,
        )
    },
    "/v1/messages": {
        "post": _operation(
            "create_message",
            summary="Answer in Anthropic's format",
            request="MessageRequest",
            answer="MessagesAnswer",
            is_streamed=True,
            is_anthropic=True,
            parameters=_CALL_HEADERS,
        )
    },
    "/v1/messages/count_tokens": {
        "post": _operation(
            "count_message_tokens",
            summary="Estimate the tokens of a request",
            request="CountTokensRequest",
            answer="CountedTokens",
            is_anthropic=True,
        )
    },
    "/v1/embeddings": {
        "post": _operation(
            "create_embeddings",
            summary="Turn texts into vectors",
            request="EmbeddingRequest",
            answer="EmbeddingAnswer",
        )
    },
    "/v1/models": {
        "get": _operation(
            "list_models_of_v1", summary="List the models of the plan", answer="ModelsOfV1"
        )
    },
    "/v1/models/{model}": {
        "get": _operation(
            "get_model_of_v1",
            summary="Read one model",
            answer="ModelOfV1",
            parameters=[_MODEL],
        )
    },
}
