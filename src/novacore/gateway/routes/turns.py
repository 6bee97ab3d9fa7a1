"""A turn of a conversation: what is said goes in, the answer streams out."""

import hashlib
from typing import Annotated

import fastapi
import pydantic
from starlette.responses import StreamingResponse

from novacore import billing, chat
from novacore.gateway.chatting import (
    Chatting,
    SessionId,
    caller_of,
    documented_stream,
    event_stream,
)
from novacore.gateway.dependencies import Body, Serving
from novacore.gateway.problem_schema import documented

router = fastapi.APIRouter(prefix="/api/v1/sessions", tags=["chat"])


class Said(Body):
    """What a person says."""

    text: str = pydantic.Field(
        description="At most 10,000 characters (chat.message_characters_max); kept as it is",
        examples=["What did I say about the garden?"],
        # Told, and checked by chat: its errors say what was wrong with the message.
        json_schema_extra={"minLength": 1, "maxLength": 10_000, "pattern": r"\S"},
    )
    model: str = pydantic.Field(
        "", max_length=200, description="Who answers; empty: the conversation's model"
    )
    memory: bool = pydantic.Field(
        default=True, description="Whether earlier conversations are recalled"
    )


@router.post(
    "/{session_id}/turns",
    response_class=StreamingResponse,
    responses={
        **documented_stream(
            "The answer as events: start, recall, view, delta, thinking, notice, and at the end "
            "one done or error. Leaving does not stop it: GET /api/v1/streams/{stream} goes on."
        ),
        **documented(400, 403, 404, 409, 422, 429, 503),
    },
)
async def say(
    who: Chatting,
    serving: Serving,
    session_id: SessionId,
    said: Said,
    idempotency_key: Annotated[
        str | None,
        fastapi.Header(
            min_length=1,
            max_length=255,
            description="The same key and body give the same turn, for a day",
        ),
    ] = None,
) -> StreamingResponse:
    """Say something; the answer comes as a stream of events."""
    talk: chat.Chat = serving.platform.chat
    claim = None
    if idempotency_key is not None:
        claim = billing.Claim(
            route=f"/api/v1/sessions/{session_id}/turns",
            key=idempotency_key,
            digest=hashlib.sha256(said.model_dump_json().encode()).hexdigest(),
        )
    asked = chat.Asked(text=said.text, model=said.model, has_memory=said.memory)
    begun = await talk.turn(caller_of(who), session_id, asked=asked, claim=claim)
    answer = event_stream(talk, owner=who.account_id, stream=begun.stream)
    answer.headers["X-Nova-Stream"] = begun.stream
    return answer
