"""What the tools take and give. The JSON schemas that clients see are made from these."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from novacore import memory

_SESSION = "A session's name or id."
_SINCE = Meta(description="Said at or after this time, ISO 8601; without a zone: UTC.")
_UNTIL = Meta(description="Said before this time, ISO 8601.")
_LIMIT = Meta(ge=1, le=1_000, description="At most so many; the server may give fewer.")


class Store(Struct, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `store`."""

    text: Annotated[str, Meta(min_length=1, description="What to remember, in plain words.")]
    type: Annotated[
        str,
        Meta(
            description="What it is about.",
            extra_json_schema={"enum": list(memory.MEMORY_TYPES)},
        ),
    ] = "note"
    tags: Annotated[list[str], Meta(max_length=100, description="Words to find it by.")] = []
    project: Annotated[str, Meta(description="The project it is about; empty: none.")] = ""
    confidence: Annotated[float, Meta(ge=0, le=1, description="How sure it is.")] = 0.8
    term: Annotated[
        str,
        Meta(
            description="How long it is kept: short (an hour), intermediate (a week), long "
            "(until it is forgotten). Using a memory keeps it longer.",
            extra_json_schema={"enum": list(memory.TERMS)},
        ),
    ] = memory.LONG
    id: Annotated[str | None, Meta(description="A UUID that makes a retry safe.")] = None


class Recall(Struct, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `recall`."""

    query: Annotated[str, Meta(min_length=1, description="What to look for, in plain words.")]
    limit: Annotated[int, _LIMIT] = 8
    session: Annotated[str, Meta(description=f"{_SESSION} Empty: of all sessions.")] = ""
    kind: Annotated[
        str,
        Meta(
            description="Only messages, or only memories; empty: both.",
            extra_json_schema={"enum": ["", "message", "memory"]},
        ),
    ] = ""
    tags: Annotated[list[str], Meta(max_length=100, description="Memories with all of these.")] = []
    since: Annotated[str, _SINCE] = ""
    until: Annotated[str, _UNTIL] = ""


class Open(Struct, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `open`."""

    session: Annotated[str, Meta(min_length=1, description=_SESSION)]
    start: (
        Annotated[int, Meta(ge=0, description="The first message wanted, counted from 0.")] | None
    ) = None
    limit: Annotated[int, _LIMIT] = 20


class Timeline(Struct, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `timeline`."""

    since: Annotated[str, _SINCE] = ""
    until: Annotated[str, _UNTIL] = ""
    session: Annotated[str, Meta(description=f"{_SESSION} Empty: of all sessions.")] = ""
    limit: Annotated[int, _LIMIT] = 20
    cursor: Annotated[str, Meta(description="The `next` of the page before.")] = ""


class Forget(Struct, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `forget`."""

    id: Annotated[str, Meta(min_length=1, description="The id of a memory or an entry.")]


class Stored(Struct, kw_only=True):
    """What `store` gives."""

    id: str
    created_at: str


class Said(Struct, kw_only=True):
    """One entry, as the reading tools give it."""

    id: Annotated[str, Meta(description="For `forget`: destroys it.")]
    kind: Annotated[str, Meta(description="message or memory")]
    session: str
    session_id: str
    position: Annotated[int, Meta(description="Its place among the session's entries, from 0.")]
    said_at: str
    speaker: str
    text: str
    is_cut: Annotated[bool, Meta(description="True: the text is longer than what is shown.")]
    score: Annotated[float | None, Meta(description="How well it matches, where it was found.")]


class Recalled(Struct, kw_only=True):
    """What `recall` gives, best first."""

    note: str
    results: list[Said]


class Opened(Struct, kw_only=True):
    """What `open` gives, oldest first."""

    note: str
    session: str
    session_id: str
    total: Annotated[int, Meta(description="How many messages the session has.")]
    start: Annotated[int, Meta(description="Which message the first one here is, from 0.")]
    next_start: Annotated[int | None, Meta(description="`start` of the page behind this one.")]
    damaged: Annotated[int, Meta(description="Messages left out because they can't be read.")]
    messages: list[Said]


class Listed(Struct, kw_only=True):
    """What `timeline` gives, newest first."""

    note: str
    entries: list[Said]
    next: Annotated[str, Meta(description="`cursor` of the following page; empty: this is all.")]


class Forgotten(Struct, kw_only=True):
    """What `forget` gives."""

    id: str
    destroyed_entries: int


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """The JSON schema of one of these, its own root."""
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    root = dict(parts.pop(kind.__name__))
    root.pop("title", None)
    root.pop("description", None)
    return root | ({"$defs": parts} if parts else {})
