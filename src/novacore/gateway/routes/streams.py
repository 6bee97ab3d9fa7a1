"""Running and just finished answers: gone on with where a reader left, or stopped."""

from typing import Annotated

import fastapi
from starlette.responses import Response, StreamingResponse

from novacore import chat
from novacore.gateway.chatting import Chatting, StreamId, documented_stream, event_stream
from novacore.gateway.dependencies import Serving
from novacore.gateway.problem_schema import documented

router = fastapi.APIRouter(prefix="/api/v1/streams", tags=["chat"])


@router.get(
    "/{stream_id}",
    response_class=StreamingResponse,
    responses={
        **documented_stream("The events behind the one that the reader has, then what comes."),
        **documented(404),
    },
)
async def follow_stream(
    who: Chatting,
    serving: Serving,
    stream_id: StreamId,
    after: Annotated[
        int, fastapi.Query(ge=0, le=2**53, description="The id of the last event that you have")
    ] = 0,
    last_event_id: Annotated[
        str | None,
        fastapi.Header(max_length=20, description="The same, as browsers send it; comes first"),
    ] = None,
) -> StreamingResponse:
    """An answer from where you left it. It is kept for ten minutes after its end."""
    talk: chat.Chat = serving.platform.chat
    await talk.check_stream(who.account_id, stream_id)
    if last_event_id is not None and last_event_id.isdecimal() and last_event_id.isascii():
        after = int(last_event_id)
    return event_stream(talk, owner=who.account_id, stream=stream_id, after=after)


@router.post(
    "/{stream_id}/stop", status_code=202, response_class=Response, responses=documented(404)
)
async def stop_stream(who: Chatting, serving: Serving, stream_id: StreamId) -> Response:
    """Stop an answer. What has come of it is kept, and counted."""
    talk: chat.Chat = serving.platform.chat
    await talk.stop_stream(who.account_id, stream_id)
    return Response(status_code=202)
