"""Conversations: made, found, renamed, pinned, archived, forked, rewound, exported and deleted."""

import json
from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.responses import Response

from novacore import chat
from novacore.gateway import errors
from novacore.gateway.chatting import Chatting, SessionId
from novacore.gateway.dependencies import Answer, Body, Page, Serving, encode_cursor
from novacore.gateway.problem_schema import documented

router = fastapi.APIRouter(prefix="/api/v1/sessions", tags=["chat"])

Title = Annotated[str, pydantic.Field(min_length=1, max_length=200)]
Position = Annotated[int, pydantic.Field(ge=0, le=2**53)]
PositionPath = Annotated[int, fastapi.Path(ge=0, le=2**53)]

_MEDIA = {
    "jsonl": "application/jsonl",
    "markdown": "text/markdown; charset=utf-8",
    "json": "application/json",
}
_SUFFIX = {"jsonl": "jsonl", "markdown": "md", "json": "json"}


class SessionAnswer(Answer):
    """A conversation as a list shows it."""

    id: str
    title: str = pydantic.Field(description="Empty: it has none yet")
    title_by: str = pydantic.Field(description="words, model or person; empty: no title")
    is_pinned: bool
    is_archived: bool
    model: str = pydantic.Field(description="Empty: the default")
    messages: int
    created_at_us: int
    updated_at_us: int = pydantic.Field(description="When something was last said")
    active_stream: str | None = pydantic.Field(description="The stream that answers now")


class SessionList(Answer):
    """A page of conversations: the pinned first, then the newest."""

    sessions: list[SessionAnswer]
    next_cursor: str | None


class NewSession(Body):
    """A conversation to be made."""

    title: Title | None = pydantic.Field(None, examples=["The greenhouse"])


class SessionChanges(Body):
    """What changes; what is left out stays."""

    title: Title | None = pydantic.Field(None, examples=["The greenhouse, year two"])
    is_pinned: bool | None = pydantic.Field(None, examples=[True])
    is_archived: bool | None = None
    model: str | None = pydantic.Field(None, max_length=200, description="Empty: the default")


class Place(Body):
    """A place in a conversation."""

    at: Position = pydantic.Field(
        description="How many entries stay: those before this position", examples=[12]
    )


class FeedbackGiven(Body):
    """What a person thinks of an answer."""

    rating: Literal["up", "down"] | None = pydantic.Field(
        description="null: nothing any more", examples=["up"]
    )
    comment: str = pydantic.Field("", max_length=2_000, examples=["It found the right year."])


class FeedbackAnswer(Answer):
    """What a person thinks of an answer."""

    rating: Literal["up", "down"]
    comment: str


class RecalledPlace(Answer):
    """A place in a conversation; it may have been deleted since."""

    session: str
    position: int


class MessageAnswer(Answer):
    """One message."""

    position: int = pydantic.Field(description="Its place; what fork, rewind and feedback take")
    role: str = pydantic.Field(description="user, assistant, system or tool")
    text: str
    thinking: str
    message: dict[str, Any] | None = pydantic.Field(
        description="The whole message as it is kept; null: it was erased"
    )
    said_at_us: int
    is_partial: bool = pydantic.Field(description="It was stopped, or broke off")
    feedback: FeedbackAnswer | None
    recalled: list[RecalledPlace] = pydantic.Field(
        description="What an answer was given to remember of other conversations"
    )


class MessageList(Answer):
    """A part of a conversation, oldest first."""

    messages: list[MessageAnswer]
    has_more: bool = pydantic.Field(description="There are older ones")


@router.get("", responses=documented(400, 404))
async def list_sessions(
    who: Chatting,
    serving: Serving,
    page: Page,
    query: Annotated[
        str, fastapi.Query(max_length=500, description="In titles, and in what was said")
    ] = "",
    archived: Annotated[bool, fastapi.Query(description="The archived ones")] = False,
) -> SessionList:
    """Your conversations: the pinned first, then the newest."""
    try:
        after = page.after(int, int, str)
    except errors.RequestInvalid:
        # As a page that is not there: nothing else tells a cursor of ours from another text.
        raise chat.CursorInvalid from None
    found = await serving.run(
        serving.platform.chat.sessions.page,
        who.account_id,
        query=query,
        is_archived=archived,
        after=after,
        limit=page.limit,
    )
    more = found.next_after
    return SessionList(
        sessions=[_shown(each) for each in found.sessions],
        next_cursor=None if more is None else encode_cursor(more),
    )


@router.post("", status_code=201)
async def create_session(who: Chatting, serving: Serving, wanted: NewSession) -> SessionAnswer:
    """Begin a conversation."""
    sessions = serving.platform.chat.sessions
    return _shown(await serving.run(sessions.create, who.account_id, title=wanted.title or ""))


@router.get("/{session_id}", responses=documented(404))
async def get_session(who: Chatting, serving: Serving, session_id: SessionId) -> SessionAnswer:
    """One conversation."""
    sessions = serving.platform.chat.sessions
    return _shown(await serving.run(sessions.get, who.account_id, session_id))


@router.patch("/{session_id}", responses=documented(404))
async def change_session(
    who: Chatting, serving: Serving, session_id: SessionId, changes: SessionChanges
) -> SessionAnswer:
    """Rename, pin or archive a conversation, or choose the model that answers."""
    given = changes.model_dump(exclude_none=True)
    patch = chat.StatePatch(**given, title_by="person" if "title" in given else None)
    sessions = serving.platform.chat.sessions
    return _shown(await serving.run(sessions.change, who.account_id, session_id, changes=patch))


@router.delete("/{session_id}", status_code=204, responses=documented(404, 409))
async def delete_session(who: Chatting, serving: Serving, session_id: SessionId) -> Response:
    """Destroy a conversation and what was learnt from it. What its answers cost stays counted."""
    await serving.platform.chat.delete(who.account_id, session_id)
    return Response(status_code=204)


@router.get("/{session_id}/messages", response_model=MessageList, responses=documented(404))
async def list_messages(
    who: Chatting,
    serving: Serving,
    session_id: SessionId,
    before: Annotated[
        int | None, fastapi.Query(ge=0, le=2**53, description="Only what stands before it")
    ] = None,
    limit: Annotated[int, fastapi.Query(ge=1, le=200)] = 50,
) -> Response:
    """The newest messages of a conversation, or those before a position, oldest first."""
    found = await serving.run(
        serving.platform.chat.sessions.messages,
        who.account_id,
        session_id,
        before=before,
        limit=limit,
    )
    told = {"messages": [_told(each) for each in found.messages], "has_more": found.has_more}
    # Not by way of the model: what is kept may hold what only escapes can tell.
    return Response(json.dumps(told), media_type="application/json")


@router.post("/{session_id}/fork", status_code=201, responses=documented(404))
async def fork_session(
    who: Chatting, serving: Serving, session_id: SessionId, place: Place
) -> SessionAnswer:
    """A new conversation that begins as this one did, up to a position."""
    sessions = serving.platform.chat.sessions
    return _shown(await serving.run(sessions.fork, who.account_id, session_id, at=place.at))


@router.post("/{session_id}/rewind", responses=documented(404))
async def rewind_session(
    who: Chatting, serving: Serving, session_id: SessionId, place: Place
) -> SessionAnswer:
    """Go on from an earlier position, in the conversation that is given back.

    Nothing is lost: what was said after it stays in the old one, which is archived.
    """
    sessions = serving.platform.chat.sessions
    return _shown(await serving.run(sessions.rewind, who.account_id, session_id, at=place.at))


@router.get(
    "/{session_id}/export",
    response_class=Response,
    responses={
        **documented(404),
        200: {
            "description": "The conversation as a file",
            "content": {each.partition(";")[0]: {} for each in _MEDIA.values()},
        },
    },
)
async def export_session(
    who: Chatting,
    serving: Serving,
    session_id: SessionId,
    form: Annotated[Literal["jsonl", "markdown", "json"], fastapi.Query(alias="format")] = "jsonl",
) -> Response:
    """A conversation as a file: jsonl is exact and can be imported, markdown is for reading."""
    sessions = serving.platform.chat.sessions
    data = await serving.run(sessions.export, who.account_id, session_id, form=form)
    name = f"conversation-{session_id}.{_SUFFIX[form]}"
    return Response(
        data,
        media_type=_MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.put(
    "/{session_id}/messages/{position}/feedback", status_code=204, responses=documented(404)
)
async def rate_message(
    who: Chatting,
    serving: Serving,
    session_id: SessionId,
    position: PositionPath,
    given: FeedbackGiven,
) -> Response:
    """Say whether an answer was good."""
    feedback = None
    if given.rating is not None:
        feedback = chat.Feedback(rating=given.rating, comment=given.comment)
    sessions = serving.platform.chat.sessions
    await serving.run(
        sessions.rate, who.account_id, session_id, position=position, feedback=feedback
    )
    return Response(status_code=204)


def _shown(facts: chat.SessionFacts) -> SessionAnswer:
    return SessionAnswer(
        id=facts.id,
        title=facts.title,
        title_by=facts.title_by,
        is_pinned=facts.is_pinned,
        is_archived=facts.is_archived,
        model=facts.model,
        messages=facts.messages,
        created_at_us=facts.created_at_us,
        updated_at_us=facts.updated_at_us,
        active_stream=facts.active_stream,
    )


def _told(said: chat.SaidMessage) -> dict[str, Any]:
    rated = said.feedback
    return {
        "position": said.position,
        "role": said.role,
        "text": said.text,
        "thinking": said.thinking,
        "message": None if said.is_erased else dict(said.message.items()),
        "said_at_us": said.said_at_us,
        "is_partial": said.is_partial,
        "feedback": rated and {"rating": rated.rating, "comment": rated.comment},
        "recalled": [
            {"session": each.session, "position": each.position} for each in said.recalled
        ],
    }
