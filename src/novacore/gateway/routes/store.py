"""An account's sessions for `novacore.connect`: rows, stored entries, appends, recall.

Stored entries leave as the bytes that the journal keeps; what comes in is exact JSON. Errors carry
`error.nova`: the class and its facts, so that a client raises what a local store would.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final

import fastapi
import msgspec
import pydantic
from fastapi.routing import APIRoute
from starlette.responses import Response

from novacore import identity, journal, kit, memory, remote
from novacore.gateway import problems
from novacore.gateway.dependencies import Answer, Body, Serving, current
from novacore.gateway.facts import SCOPE_KEY
from novacore.gateway.problem_schema import documented

_NUMBER_MAX: Final = 2**62
_TIME_MAX: Final = 2**63 - 1
_APPENDS_MAX: Final = 10_000
_ENTRIES_MAX: Final = 100_000
_TEXT_MAX: Final = 10_000
_PAGE_MAX: Final = 10_000
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
_Count = Annotated[int, fastapi.Query(ge=0, le=_NUMBER_MAX)]
_Id = Annotated[str, fastapi.Path(max_length=100, description="A UUID")]
_SessionWanted = Annotated[
    str | None, fastapi.Query(max_length=100, description="Only of this session: its UUID")
]


class StoreState(Answer):
    """What stands behind this address."""

    format: int
    tenant: str
    owner: str
    limits: dict[str, int]


class JournalState(Answer):
    """Which journal it is, and where it ends."""

    journal: str
    epoch: str
    sequence: int
    recorded_at_us: int
    erasures: int


class StoredSession(Answer):
    """A session as the journal has it."""

    id: str
    name: str
    workspace: str
    created_at_us: int
    updated_at_us: int
    entries: int
    messages: int
    parent_id: str | None
    forked_at: int
    is_erased: bool
    is_foreign: bool


class SessionsFound(Answer):
    """A page of sessions, newest activity first."""

    sessions: list[StoredSession]
    next: str | None


class SessionsWanted(Body):
    """Which sessions: by id, or by workspace and exact name."""

    session_id: str | None = pydantic.Field(None, max_length=100)
    workspace: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    name: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    after: str | None = pydantic.Field(None, max_length=100)
    """`next` of the page before."""
    limit: int = pydantic.Field(1_000, ge=1, le=1_000)


class SessionMade(Body):
    """A session to create, under an id of the client's making."""

    id: str = pydantic.Field(max_length=100)
    name: str = pydantic.Field(max_length=_TEXT_MAX)
    workspace: str = pydantic.Field("", max_length=_TEXT_MAX)
    created_at_us: int = pydantic.Field(ge=0, le=_TIME_MAX)
    parent_id: str | None = pydantic.Field(None, max_length=100)
    forked_at: int = pydantic.Field(0, ge=0, le=_NUMBER_MAX)
    updated_at_us: int = pydantic.Field(0, ge=0, le=_NUMBER_MAX)
    entries: int = pydantic.Field(0, ge=0, le=_NUMBER_MAX)
    messages: int = pydantic.Field(0, ge=0, le=_NUMBER_MAX)
    is_erased: bool = False
    is_foreign: bool = False


class NewStoredEntry(Body):
    """An entry to append. Its body is a JSON object as text, so that nothing about it changes."""

    id: str = pydantic.Field(max_length=100)
    body: str
    mark: str = pydantic.Field("", max_length=1)
    kind: str = pydantic.Field("message", max_length=1_000)
    actor: str = pydantic.Field("", max_length=_TEXT_MAX)
    version: int = pydantic.Field(1, ge=0, le=0xFFFF)
    said_at_us: int | None = pydantic.Field(None, ge=0, le=_TIME_MAX)
    erased_digest: str | None = pydantic.Field(None, max_length=1_000)


class NewAppend(Body):
    """One append: all of it, or nothing."""

    session_id: str = pydantic.Field(max_length=100)
    expected: int = pydantic.Field(journal.ANY, ge=journal.ANY, le=_NUMBER_MAX)
    entries: list[NewStoredEntry] = pydantic.Field(max_length=_ENTRIES_MAX)


class NewAppends(Body):
    """Several appends; every one succeeds or fails alone."""

    appends: list[NewAppend] = pydantic.Field(max_length=_APPENDS_MAX)


class ToldError(Answer):
    """An error by the name of its class."""

    type: str
    kind: str
    message: str
    hint: str
    facts: dict[str, str | int | float | bool | None]


class AppendOutcome(Answer):
    """Where the entries are, or why they were refused."""

    positions: list[int]
    sequences: list[int]
    is_retry: bool
    error: ToldError | None


class AppendOutcomes(Answer):
    """An outcome for each append, in order."""

    outcomes: list[AppendOutcome]


class EntryPlace(Answer):
    """Where an entry is; both are null where there is none of that id."""

    session_id: str | None
    position: int | None


class StoredErasure(Answer):
    """One line of the list of erasures."""

    number: int
    session_id: str
    positions: list[int] | None
    at_us: int


class StoredErasures(Answer):
    """The next erasures of the account's sessions."""

    erasures: list[StoredErasure]


class NewErasure(Body):
    """Entries of a session to destroy; null: all, and its name."""

    session_id: str = pydantic.Field(max_length=100)
    positions: list[Annotated[int, pydantic.Field(ge=0, le=_NUMBER_MAX)]] | None = None


class NewErasures(Body):
    """What to destroy."""

    erasures: list[NewErasure] = pydantic.Field(max_length=_ENTRIES_MAX)


class EntriesErased(Answer):
    """How many entries were destroyed."""

    entries: int


class StoreProblem(Answer):
    """One thing that is wrong with what is stored."""

    what: str
    session_id: str | None
    position: int | None


class StoreProblems(Answer):
    """What is wrong with what is stored; empty: nothing that was looked at."""

    problems: list[StoreProblem]


class RecallWanted(Body):
    """A question with its filters; see `MemoryStore.recall`."""

    text: str = pydantic.Field(max_length=100_000)
    limit: int = pydantic.Field(10, ge=-1_000, le=1_000)
    agent: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    project: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    session: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    kind: list[str] | None = pydantic.Field(None, max_length=100)
    tag: list[str] | None = pydantic.Field(None, max_length=1_000)
    tier: list[str] | None = pydantic.Field(None, max_length=100)
    since_us: int | None = pydantic.Field(None, ge=-_NUMBER_MAX, le=_NUMBER_MAX)
    until_us: int | None = pydantic.Field(None, ge=-_NUMBER_MAX, le=_NUMBER_MAX)
    confidence_min: float = 0.0
    neighbours: int | None = pydantic.Field(None, ge=-1_000, le=1_000)
    diversity: float | None = None
    tokens_max: int | None = pydantic.Field(None, ge=-_NUMBER_MAX, le=_NUMBER_MAX)


class ContextWanted(Body):
    """Which parts of a session's context, by when."""

    session_id: str = pydantic.Field(max_length=100)
    deadline_ms: int = pydantic.Field(100, ge=0, le=10_000)
    parts: list[str] = pydantic.Field(max_length=100)


def _binary(about: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {_OCTETS: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": about, "content": content}, **documented(*statuses)}


def _told(about: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {200: {"description": about, "content": content}, **documented(*statuses)}


@router.get("", operation_id="store_get", summary="The store's format and limits")
async def get_store(store: Store) -> StoreState:
    """What a client asks first: whether both sides understand each other."""
    scope: journal.Scope = store.scope
    limits = journal.Served(store).limits()
    return StoreState(format=remote.FORMAT, tenant=scope.tenant, owner=scope.owner, limits=limits)


@router.get("/state", operation_id="store_state", summary="Where the journal ends")
async def get_state(store: Store, serving: Serving) -> JournalState:
    """Which journal it is, and where it ends."""
    return JournalState.model_validate(await serving.run(journal.Served(store).state))


@router.post("/sessions/find", operation_id="store_find_sessions", summary="Find sessions")
async def find_sessions(wanted: SessionsWanted, store: Store, serving: Serving) -> SessionsFound:
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
    return SessionsFound(
        sessions=[StoredSession.model_validate(each) for each in page],
        next=f"{page[-1].updated_at_us}:{page[-1].id}" if has_more else None,
    )


def _start_after(rows: list[journal.Row], after: str | None) -> int:
    """Where the page behind a session begins, also where that one moved up meanwhile."""
    if after is None:
        return 0
    time_us, _, session_id = after.partition(":")
    if not time_us.isdecimal() or len(time_us) > 20:
        raise journal.EntryRefused(f"{after!r} is no place in a list of sessions.", path="after")
    key = (int(time_us), session_id)
    return next((at for at, row in enumerate(rows) if (row.updated_at_us, row.id) < key), len(rows))


@router.post(
    "/sessions",
    operation_id="store_create_session",
    summary="Create a session",
    responses=documented(404),
)
async def create_session(made: SessionMade, store: Store, serving: Serving) -> StoredSession:
    """Create a session, or give back the account's one of that name in that workspace."""
    row = msgspec.convert(made.model_dump(), journal.Row)
    return StoredSession.model_validate(await serving.run(journal.Served(store).create, row))


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
    generation: Annotated[int, fastapi.Query(ge=-_NUMBER_MAX, le=_NUMBER_MAX)] = 0,
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


@router.post("/appends", operation_id="store_append", summary="Append entries")
async def append(wanted: NewAppends, store: Store, serving: Serving) -> AppendOutcomes:
    """Append to sessions; durable when the answer comes. The same ids again write nothing."""
    appends = [
        (
            each.session_id,
            each.expected,
            [msgspec.convert(entry.model_dump(), journal.Written) for entry in each.entries],
        )
        for each in wanted.appends
    ]
    found = await serving.run(_append, store, appends)
    return AppendOutcomes(outcomes=[AppendOutcome.model_validate(each) for each in found])


def _append(
    store: Any, appends: Sequence[tuple[str, int, Sequence[journal.Written]]]
) -> list[journal.Outcome]:
    """Append what a client may write: everything but what the server itself writes of calls."""
    for _, _, entries in appends:
        for each in entries:
            if each.kind == _USAGE and _HOLD in journal.entry_from(each).body:
                raise journal.EntryRefused("What a metered call cost is written by the server.")
    return journal.Served(store).append_all(appends)


@router.get("/places/{entry_id}", operation_id="store_find_entry", summary="Find an entry")
async def find_entry(entry_id: _Id, store: Store, serving: Serving) -> EntryPlace:
    """The session and position of an entry by its id."""
    place = await serving.run(store.find_place, entry_id)
    session_id, position = place or (None, None)
    return EntryPlace(session_id=session_id, position=position)


@router.get(
    "/blobs/{digest}",
    operation_id="store_get_blob",
    summary="A text that lives outside its entry",
    response_class=Response,
    responses=_binary("Its bytes", 404, 410),
)
async def get_blob(
    digest: Annotated[str, fastapi.Path(max_length=64, description="SHA-256, hexadecimal")],
    store: Store,
    serving: Serving,
    session_id: _SessionWanted = None,
) -> Response:
    """A long text by the digest of its content."""
    try:
        wanted = bytes.fromhex(digest)
    except ValueError as error:
        raise journal.EntryRefused(f"{digest!r} is no digest.", path="digest") from error
    data = await serving.run(journal.Served(store).blob, wanted, session_id=session_id)
    return Response(data, media_type=_OCTETS)


@router.get("/erasures", operation_id="store_list_erasures", summary="List erasures")
async def list_erasures(store: Store, serving: Serving, after: _Count = 0) -> StoredErasures:
    """The next erasures of the account's sessions with a number above `after`."""
    found = await serving.run(journal.Served(store).erasures, after)
    return StoredErasures(
        erasures=[
            StoredErasure(
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
    responses=documented(404),
)
async def erase(wanted: NewErasures, store: Store, serving: Serving) -> EntriesErased:
    """Destroy entries for good: in every fork, and in every copy that the server holds."""
    places = [(each.session_id, each.positions) for each in wanted.erasures]
    return EntriesErased(entries=await serving.run(_erase, store, places))


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
    responses=documented(404),
)
async def check(store: Store, serving: Serving, session_id: _SessionWanted = None) -> StoreProblems:
    """What is wrong with files and indexes, as far as it concerns the account."""
    found = await serving.run(journal.Served(store).problems, session_id)
    return StoreProblems(problems=[StoreProblem.model_validate(each) for each in found])


@router.post(
    "/recall",
    operation_id="store_recall",
    summary="Find what was said",
    response_class=Response,
    responses=_told("The hits", 404),
)
async def recall(wanted: RecallWanted, store: Store, serving: Serving) -> Response:
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
async def gather_context(wanted: ContextWanted, store: Store, serving: Serving) -> Response:
    """What the tiers know around a session, gathered under a deadline."""
    unknown = [part for part in wanted.parts if part not in memory.PARTS]
    if unknown:
        raise journal.EntryRefused(f"A context has no part {unknown[0]!r}.", path="parts")
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
        status_code=problem.status,
        media_type="application/json",
        headers=dict(problem.headers),
    )
