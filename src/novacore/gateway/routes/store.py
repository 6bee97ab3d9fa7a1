"""An account's sessions for `novacore.connect`: rows, stored entries, appends, recall.

Stored entries leave as the bytes that the journal keeps; what comes in is exact JSON. Errors carry
`error.nova`: the class and its facts, so that a client raises what a local store would.
"""

import functools
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final

import fastapi
import msgspec
from fastapi.routing import APIRoute
from starlette.responses import Response

from novacore import billing, identity, journal, kit, memory, remote
from novacore.gateway import problems
from novacore.gateway.dependencies import Serving, current
from novacore.gateway.facts import SCOPE_KEY
from novacore.gateway.problem_schema import documented
from novacore.gateway.routes import store_schema as schema

_PAGE_MAX: Final = 10_000
_STATUSES: Final = {400: 409, 410: 404}
"""What was asked is well formed: it is what is stored, or its limits, that refuse it; and what was
erased is not there."""
_OCTETS: Final = "application/octet-stream"
_USAGE: Final = "usage"
_HOLD: Final = "hold"
"""What only an entry about a metered call has."""
_OWN_ERRORS: Final = (journal.JournalError, memory.MemoriesError, memory.RecallError)


class _StoreRoute(APIRoute):
    """A route whose refusals name the class that a local store would raise."""

    def get_route_handler(
        self,
    ) -> Callable[[fastapi.Request], Coroutine[Any, Any, Response]]:
        """The handler, with our own errors told in full."""
        handle = super().get_route_handler()

        async def handle_and_tell(request: fastapi.Request) -> Response:
            try:
                return await handle(request)
            except _OWN_ERRORS as error:
                return _refusal(error, request)

        return handle_and_tell


router = fastapi.APIRouter(prefix="/api/v1/store", tags=["store"], route_class=_StoreRoute)

signed_in = current("memory")
"""Who asks: a key or a sign-in that may read and write memory."""


async def owned(
    principal: Annotated[identity.Principal, fastapi.Depends(signed_in)], serving: Serving
) -> Any:
    """The account's own store."""
    return await serving.run(serving.platform.store_of, principal.account_id)


Store = Annotated[Any, fastapi.Depends(owned)]
Room = Callable[[str, int], None]
"""Refuses where an account's plan has no room for so many bytes more."""


async def room_of(serving: Serving) -> Room:
    """What knows how much an account may store."""
    return functools.partial(_refuse_full, serving.platform.billing)


def _refuse_full(plans: billing.Billing, account_id: str, size: int) -> None:
    storage = plans.quota(account_id).of("storage_bytes")
    if storage.left is not None and storage.left < size:
        raise journal.EntryRefused(
            f"{storage.used:,} of the plan's {storage.limit:,} bytes of storage are used.",
            hint="Erase what is not needed, or take a larger plan.",
        )


_Count = Annotated[int, fastapi.Query(ge=0, le=schema.NUMBER_MAX)]
_Id = Annotated[str, fastapi.Path(pattern=schema.UUID, description="A UUID")]
_SessionWanted = Annotated[
    str | None, fastapi.Query(pattern=schema.UUID, description="Only of this session: its UUID")
]


def _binary(about: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {_OCTETS: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": about, "content": content}, **documented(409, *statuses)}


def _told(about: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {200: {"description": about, "content": content}, **documented(409, *statuses)}


@router.get("", operation_id="store_get", summary="The store's format and limits")
async def get_store(store: Store) -> schema.StoreState:
    """What a client asks first: whether both sides understand each other."""
    scope: journal.Scope = store.scope
    limits = journal.Served(store).limits()
    return schema.StoreState(
        format=remote.FORMAT, tenant=scope.tenant, owner=scope.owner, limits=limits
    )


@router.get("/state", operation_id="store_state", summary="Where the journal ends")
async def get_state(store: Store, serving: Serving) -> schema.JournalState:
    """Which journal it is, and where it ends."""
    return schema.JournalState.model_validate(await serving.run(journal.Served(store).state))


@router.post(
    "/sessions/find",
    operation_id="store_find_sessions",
    summary="Find sessions",
    responses=documented(409),
)
async def find_sessions(
    wanted: schema.SessionsWanted, store: Store, serving: Serving
) -> schema.SessionsFound:
    """The account's sessions, newest activity first; by id also one that was erased."""
    rows = await serving.run(
        journal.Served(store).rows,
        session_id=wanted.session_id,
        workspace=wanted.workspace,
        name=wanted.name,
    )
    rows = rows[_start_after(rows, wanted.after) :]
    page = rows[: wanted.limit]
    has_more = len(rows) > len(page)
    return schema.SessionsFound(
        sessions=[schema.StoredSession.model_validate(each) for each in page],
        next=f"{page[-1].updated_at_us}:{page[-1].id}" if has_more else None,
    )


def _start_after(rows: list[journal.Row], after: str | None) -> int:
    """Where the page behind a session begins, also where that one moved up meanwhile."""
    if after is None:
        return 0
    time_us, _, session_id = after.partition(":")
    key = (int(time_us), session_id)
    return next((at for at, row in enumerate(rows) if (row.updated_at_us, row.id) < key), len(rows))


@router.post(
    "/sessions",
    operation_id="store_create_session",
    summary="Create a session",
    responses=documented(404, 409),
)
async def create_session(
    made: schema.SessionMade, store: Store, serving: Serving
) -> schema.StoredSession:
    """Create a session, or give back the account's one of that name in that workspace."""
    row = msgspec.convert(made.model_dump(), journal.Row)
    return schema.StoredSession.model_validate(await serving.run(journal.Served(store).create, row))


@router.get(
    "/sessions/{session_id}/open",
    operation_id="store_open_session",
    summary="Open a session",
    response_class=Response,
    responses=_binary("What it holds, with its newest entries as stored", 404),
)
async def open_session(
    session_id: _Id,
    *,
    store: Store,
    serving: Serving,
    after: _Count = 0,
    generation: Annotated[int, fastapi.Query(ge=-schema.NUMBER_MAX, le=schema.NUMBER_MAX)] = 0,
    epoch: Annotated[str, fastapi.Query(max_length=100)] = "",
) -> Response:
    """What a session holds now, and the newest of its entries that the client does not know."""
    data = await serving.run(
        journal.Served(store).open, session_id, after=after, generation=generation, epoch=epoch
    )
    return Response(data, media_type=_OCTETS)


@router.get(
    "/sessions/{session_id}/entries",
    operation_id="store_read_entries",
    summary="Read entries of a session",
    response_class=Response,
    responses=_binary("Entries as stored", 404),
)
async def read_entries(
    session_id: _Id,
    *,
    store: Store,
    serving: Serving,
    first: _Count = 0,
    count: Annotated[int, fastapi.Query(ge=1, le=_PAGE_MAX)] = 256,
) -> Response:
    """A session's entries from a position on: as many as fit into an answer."""
    served = journal.Served(store)
    data = await serving.run(served.page, session_id, first, count=count)
    return Response(data, media_type=_OCTETS)


@router.get(
    "/feed",
    operation_id="store_feed",
    summary="Read the account's entries in order",
    response_class=Response,
    responses=_binary("Entries as stored"),
)
async def read_feed(
    store: Store,
    serving: Serving,
    after: _Count = 0,
    limit: Annotated[int, fastapi.Query(ge=1, le=_PAGE_MAX)] = 1_000,
) -> Response:
    """Entries of all the account's sessions with a sequence above `after`."""
    data = await serving.run(journal.Served(store).feed, after, limit=limit)
    return Response(data, media_type=_OCTETS)


@router.post(
    "/appends",
    operation_id="store_append",
    summary="Append entries",
    responses=documented(409),
)
async def append(
    wanted: schema.NewAppends,
    store: Store,
    room: Annotated[Room, fastapi.Depends(room_of)],
    serving: Serving,
) -> schema.AppendOutcomes:
    """Append to sessions; durable when the answer comes. The same ids again write nothing."""
    appends = [
        (
            each.session_id,
            each.expected,
            [msgspec.convert(entry.model_dump(), journal.Written) for entry in each.entries],
        )
        for each in wanted.appends
    ]
    found = await serving.run(_append, store, appends, room)
    return schema.AppendOutcomes(
        outcomes=[schema.AppendOutcome.model_validate(each) for each in found]
    )


def _append(
    store: Any, appends: Sequence[tuple[str, int, Sequence[journal.Written]]], room: Room
) -> list[journal.Outcome]:
    """Append what a client may write: everything but what the server itself writes of calls."""
    room(store.scope.owner, sum(len(each.body) for _, _, given in appends for each in given))
    for _, _, entries in appends:
        if any(each.kind == _USAGE and _names_hold(each) for each in entries):
            raise journal.EntryRefused("What a metered call cost is written by the server.")
    return journal.Served(store).append_all(appends)


def _names_hold(each: journal.Written) -> bool:
    try:
        return _HOLD in journal.entry_from(each).body
    except journal.EntryRefused:
        return False  # It is refused by the append, with its place.


@router.get("/places/{entry_id}", operation_id="store_find_entry", summary="Find an entry")
async def find_entry(entry_id: _Id, store: Store, serving: Serving) -> schema.EntryPlace:
    """The session and position of an entry by its id."""
    place = await serving.run(store.find_place, entry_id)
    session_id, position = place or (None, None)
    return schema.EntryPlace(session_id=session_id, position=position)


@router.get(
    "/blobs/{digest}",
    operation_id="store_get_blob",
    summary="A text that lives outside its entry",
    response_class=Response,
    responses=_binary("Its bytes", 404),
)
async def get_blob(
    digest: Annotated[str, fastapi.Path(pattern=schema.DIGEST, description="SHA-256, hexadecimal")],
    store: Store,
    serving: Serving,
    session_id: _SessionWanted = None,
) -> Response:
    """A long text by the digest of its content."""
    wanted = bytes.fromhex(digest)
    data = await serving.run(journal.Served(store).blob, wanted, session_id=session_id)
    return Response(data, media_type=_OCTETS)


@router.get("/erasures", operation_id="store_list_erasures", summary="List erasures")
async def list_erasures(store: Store, serving: Serving, after: _Count = 0) -> schema.StoredErasures:
    """The next erasures of the account's sessions with a number above `after`."""
    found = await serving.run(journal.Served(store).erasures, after)
    return schema.StoredErasures(
        erasures=[
            schema.StoredErasure(
                number=each.number,
                session_id=each.session_id,
                positions=None if each.positions is None else list(each.positions),
                at_us=each.at_us,
            )
            for each in found
        ]
    )


@router.post(
    "/erasures",
    operation_id="store_erase",
    summary="Destroy entries",
    responses=documented(404, 409),
)
async def erase(wanted: schema.NewErasures, store: Store, serving: Serving) -> schema.EntriesErased:
    """Destroy entries for good: in every fork, and in every copy that the server holds."""
    places = [(each.session_id, each.positions) for each in wanted.erasures]
    return schema.EntriesErased(entries=await serving.run(_erase, store, places))


def _erase(store: Any, places: Sequence[tuple[str, Sequence[int] | None]]) -> int:
    """Destroy entries, but not the record of what model calls cost."""
    for session_id, positions in places:
        session = store.get_session(session_id)
        if session.workspace == _USAGE:
            raise journal.EntryRefused("What was used stays until the account is deleted.")
        entries = session.open().entries if positions else ()
        known = (entries[at] for at in positions or () if at < len(entries))
        if any(each.kind == _USAGE and _HOLD in each.body for each in known):
            raise journal.EntryRefused("What a call cost goes with its session, not by itself.")
    return journal.Served(store).erase(places)


@router.get(
    "/problems",
    operation_id="store_check",
    summary="Check the store itself",
    responses=documented(404, 409),
)
async def check(
    store: Store, serving: Serving, session_id: _SessionWanted = None
) -> schema.StoreProblems:
    """What is wrong with files and indexes, as far as it concerns the account."""
    found = await serving.run(journal.Served(store).problems, session_id)
    return schema.StoreProblems(
        problems=[schema.StoreProblem.model_validate(each) for each in found]
    )


@router.post(
    "/recall",
    operation_id="store_recall",
    summary="Find what was said",
    response_class=Response,
    responses=_told("The hits", 404),
)
async def recall(wanted: schema.RecallWanted, store: Store, serving: Serving) -> Response:
    """What was said that answers a question best, best first."""
    filters = wanted.model_dump(exclude={"text"})
    hits = await serving.run(store.recall, wanted.text, **filters)
    return Response(remote.encode_hits(hits), media_type="application/json")


@router.post(
    "/context",
    operation_id="store_context",
    summary="What helps to go on",
    response_class=Response,
    responses=_told("What was gathered", 404),
)
async def gather_context(wanted: schema.ContextWanted, store: Store, serving: Serving) -> Response:
    """What the tiers know around a session, gathered under a deadline."""
    found = await serving.run(
        store.open_context, wanted.session_id, deadline_ms=wanted.deadline_ms, parts=wanted.parts
    )
    return Response(remote.encode_context(found), media_type="application/json")


def _refusal(error: kit.NovaError, request: fastapi.Request) -> Response:
    """The answer to what a store refused: the usual shape, and the error in full under `nova`."""
    problem = problems.problem_of(error)
    told = journal.tell(error)
    message, hint = told.message, told.hint
    if error.kind is kit.ErrorKind.UNAVAILABLE:
        # Such an error may name files and hosts of the server.
        message, hint = problem.message, problem.hint
        told = msgspec.structs.replace(told, message=message, hint=hint, facts={})
    edge = request.scope.get(SCOPE_KEY)
    inner = {
        "type": problem.type,
        "code": problem.code,
        "message": message,
        "hint": hint,
        "correlation_id": "" if edge is None else edge.correlation_id,
        "nova": told,
    }
    return Response(
        msgspec.json.encode({"error": inner}),
        status_code=_STATUSES.get(problem.status, problem.status),
        media_type="application/json",
        headers=dict(problem.headers),
    )
