"""The models as OpenAI's and Anthropic's clients list them, and tokens counted beforehand."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from starlette.types import Scope

from novacore import llm

_PREFIX: Final = "/v1/models/"
_CREATED_S: Final = 1_735_689_600
"""Both formats want a time; a configured model has none worth telling: 2025-01-01."""
_CREATED: Final = "2025-01-01T00:00:00Z"


def named(scope: Scope) -> str:
    """The model that a path names; empty: none."""
    path: str = scope["path"]
    return unquote(path[len(_PREFIX) :]) if path.startswith(_PREFIX) else ""


def told(model: llm.CatalogModel, *, is_anthropic: bool) -> dict[str, Any]:
    """One model."""
    if is_anthropic:
        return {
            "type": "model",
            "id": model.name,
            "display_name": model.name,
            "created_at": _CREATED,
            "max_input_tokens": model.window_tokens,
            "max_tokens": model.output_tokens_max,
        }
    return {
        "id": model.name,
        "object": "model",
        "created": _CREATED_S,
        "owned_by": model.provider,
        "context_window": model.window_tokens,
        "max_output_tokens": model.output_tokens_max,
    }


def told_all(models: Sequence[llm.CatalogModel], *, is_anthropic: bool) -> dict[str, Any]:
    """All models on one page."""
    data = [told(model, is_anthropic=is_anthropic) for model in models]
    if not is_anthropic:
        return {"object": "list", "data": data}
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}


def count_tokens(data: bytes, *, catalog: llm.Catalog) -> int:
    """Our estimate of a request in Anthropic's format, without the margin of a hold.

    Raises:
        BodyInvalid: it can't be read.
        ModelNotListed: there is no such model.
    """
    body = llm.read_body(data, wire="anthropic", is_counted_only=True)
    model = catalog.find(body.model)
    percent = model.choice.tokens_percent
    return llm.input_tokens(body, tokens_percent=percent, margin_percent=0)
