"""What the routes of chat share: who asks, and a stream as server-sent events."""

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import fastapi
from starlette.responses import StreamingResponse

from novacore import chat, identity
from novacore.gateway.dependencies import current

EVENT_STREAM = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_HEARTBEAT = b": still here\n\n"

Chatting = Annotated[identity.Principal, fastapi.Depends(current("chat"))]
"""Who asks, and may chat."""
StreamId = Annotated[
    str, fastapi.Path(min_length=1, max_length=64, description="From the event `start`")
]
SessionId = Annotated[str, fastapi.Path(min_length=1, max_length=64)]


def caller_of(principal: identity.Principal) -> chat.Caller:
    """Who asks, who pays, and whose limits hold."""
    limits = principal.limits
    tokens = None if limits is None else limits.tokens_per_day
    is_agent = principal.owner_id is not None
    return chat.Caller(
        account_id=principal.owner_id or principal.account_id,
        actor_id=principal.account_id,
        agent_id=principal.account_id if is_agent else "",
        agent_tokens_per_day=tokens if is_agent else None,
        key_id=principal.key_id or "",
        key_tokens_per_day=None if is_agent else tokens,
    )


def event_stream(talk: chat.Chat, *, owner: str, stream: str, after: int = 0) -> StreamingResponse:
    """A stream's events behind `after`; leaving it stops nothing."""

    async def lines() -> AsyncGenerator[bytes]:
        events = talk.follow(owner, stream, after=after)
        async with contextlib.aclosing(events):
            async for some in events:
                yield b"".join(map(encoded, some)) or _HEARTBEAT

    return StreamingResponse(lines(), media_type=EVENT_STREAM, headers=_HEADERS)


def encoded(event: chat.StreamEvent) -> bytes:
    """One event as it stands in a stream; only ASCII, so that nothing in it can break a line."""
    data = json.dumps(event.data, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.name}\ndata: {data}\n\n".encode()


def documented_stream(description: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of an answer that is a stream of events."""
    return {
        200: {
            "description": description,
            # No schema: tools read one of a stream as that of each event, in words of their own.
            "content": {
                EVENT_STREAM: {"example": 'id: 3\nevent: delta\ndata: {"text":"Hello"}\n\n'}
            },
        }
    }
