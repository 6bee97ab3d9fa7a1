"""What the store's routes take and give, for `novacore.connect` and whoever reads the API."""

from typing import Annotated, Final

import pydantic

from novacore import journal, memory
from novacore.gateway.dependencies import Answer, Body

UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""How ids are written."""
DIGEST: Final = r"^[0-9a-f]{64}$"
"""How digests are written."""
NUMBER_MAX: Final = 2**53
"""The largest position, sequence, count or time that is taken: what every JSON reader keeps."""
_APPENDS_MAX: Final = 10_000
_ENTRIES_MAX: Final = 100_000
_TEXT_MAX: Final = 10_000
_NAME_MAX: Final = 1_024
_WORKSPACE_MAX: Final = 4_096
_ID_EXAMPLE: Final = "01a20283-056f-794c-a349-1aea33754c58"
_PART: Final = f"^({'|'.join(memory.PARTS)})$"


def _whole(value: object) -> object:
    """5.0 as the whole number that it is in JSON; in a list `Body` does not look."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Position = Annotated[
    int, pydantic.Field(ge=0, le=NUMBER_MAX, strict=True), pydantic.BeforeValidator(_whole)
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

    session_id: str | None = pydantic.Field(None, pattern=UUID)
    workspace: str | None = pydantic.Field(None, max_length=_TEXT_MAX, examples=["/home/ada/work"])
    name: str | None = pydantic.Field(None, max_length=_TEXT_MAX, examples=["plans"])
    after: str | None = pydantic.Field(None, pattern="^[0-9]{1,19}:" + UUID[1:])
    """`next` of the page before."""
    limit: int = pydantic.Field(1_000, ge=1, le=1_000)


class SessionMade(Body):
    """A session to create, under an id of the client's making."""

    id: str = pydantic.Field(pattern=UUID, examples=[_ID_EXAMPLE])
    name: str = pydantic.Field(min_length=1, max_length=_NAME_MAX, examples=["plans"])
    workspace: str = pydantic.Field("", max_length=_WORKSPACE_MAX)
    created_at_us: int = pydantic.Field(ge=0, le=NUMBER_MAX)
    parent_id: str | None = pydantic.Field(None, pattern=UUID)
    forked_at: int = pydantic.Field(0, ge=0, le=NUMBER_MAX)
    updated_at_us: int = pydantic.Field(0, ge=0, le=NUMBER_MAX)
    entries: int = pydantic.Field(0, ge=0, le=NUMBER_MAX)
    messages: int = pydantic.Field(0, ge=0, le=NUMBER_MAX)
    is_erased: bool = False
    is_foreign: bool = False


class NewStoredEntry(Body):
    """An entry to append. Its body is a JSON object as text, so that nothing about it changes."""

    id: str = pydantic.Field(pattern=UUID, examples=["01a20283-0585-7f93-8e41-99f938c81915"])
    body: str = pydantic.Field(examples=['{"role":"user","content":"Hello"}'])
    mark: str = pydantic.Field("", pattern="^[\ue000-\uf8ff]?$")
    kind: str = pydantic.Field("message", min_length=1, max_length=64)
    actor: str = pydantic.Field("", max_length=_NAME_MAX)
    version: int = pydantic.Field(1, ge=0, le=0xFFFF)
    said_at_us: int | None = pydantic.Field(None, ge=0)
    erased_digest: str | None = pydantic.Field(None, pattern=DIGEST)


class NewAppend(Body):
    """One append: all of it, or nothing."""

    session_id: str = pydantic.Field(pattern=UUID, examples=[_ID_EXAMPLE])
    expected: int = pydantic.Field(journal.ANY, ge=journal.ANY, le=NUMBER_MAX)
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

    session_id: str = pydantic.Field(pattern=UUID, examples=[_ID_EXAMPLE])
    positions: list[_Position] | None = pydantic.Field(None, examples=[[4, 5]])


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

    text: str = pydantic.Field(max_length=100_000, examples=["when is the harbour tour?"])
    limit: int = pydantic.Field(10, ge=-1_000, le=1_000)
    agent: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    project: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    session: str | None = pydantic.Field(None, max_length=_TEXT_MAX)
    kind: list[str] | None = pydantic.Field(None, max_length=100)
    tag: list[str] | None = pydantic.Field(None, max_length=1_000)
    tier: list[str] | None = pydantic.Field(None, max_length=100)
    since_us: int | None = pydantic.Field(None, ge=-NUMBER_MAX, le=NUMBER_MAX)
    until_us: int | None = pydantic.Field(None, ge=-NUMBER_MAX, le=NUMBER_MAX)
    confidence_min: float = 0.0
    neighbours: int | None = pydantic.Field(None, ge=-1_000, le=1_000)
    diversity: float | None = None
    tokens_max: int | None = pydantic.Field(None, ge=-NUMBER_MAX, le=NUMBER_MAX)


class ContextWanted(Body):
    """Which parts of a session's context, by when."""

    session_id: str = pydantic.Field(pattern=UUID, examples=[_ID_EXAMPLE])
    deadline_ms: int = pydantic.Field(100, ge=0, le=10_000)
    parts: list[Annotated[str, pydantic.Field(pattern=_PART)]] = pydantic.Field(max_length=100)
