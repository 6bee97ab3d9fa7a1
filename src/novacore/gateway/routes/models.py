"""The models that an account may choose from."""

from typing import Annotated

import fastapi
import pydantic

from novacore import chat, identity
from novacore.gateway.chatting import caller_of
from novacore.gateway.dependencies import Answer, Serving, current

router = fastapi.APIRouter(prefix="/api/v1", tags=["chat"])
Reader = Annotated[identity.Principal, fastapi.Depends(current("models"))]


class ModelAnswer(Answer):
    """A model."""

    id: str = pydantic.Field(description="What requests call it")
    provider: str
    window_tokens: int = pydantic.Field(description="Input and output that fit in one request")
    output_tokens_max: int
    is_default: bool


class ModelList(Answer):
    """The models of an account's plan, the default first."""

    models: list[ModelAnswer]


@router.get("/models")
async def list_models(who: Reader, serving: Serving) -> ModelList:
    """The models that you may choose from."""
    talk: chat.Chat = serving.platform.chat
    default = serving.platform.catalog.default.name
    found = await serving.run(talk.list_models, caller_of(who))
    return ModelList(
        models=[
            ModelAnswer(
                id=each.name,
                provider=each.provider,
                window_tokens=each.window_tokens,
                output_tokens_max=each.output_tokens_max,
                is_default=each.name == default,
            )
            for each in found
        ]
    )
