"""How memories are written into the journal, and read back.

An entry of kind `memory` with a text is the whole memory as it is from then on, so that a
projection needs only the last one of each id. One without a text says only that it is no more to
be found: expired, merged or deleted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from novacore import journal, kit
from novacore.memory.lifecycle.model import Body, Link, Memory, Source, Statement

MEMORY_KIND: Final = "memory"
"""Entries that are a memory, or say that one is no more."""
ACCESS_KIND: Final = "access"
"""Entries that say which memories one turn used."""
EXTRACTION_KIND: Final = "extraction"
"""Entries that say how far a session was read for facts."""
SESSION_NAME: Final = "memories"
WORKSPACE: Final = "memories:"
"""The workspace of the one session per owner that holds its memories; no folder is called so."""
DELETED: Final = "deleted"

_PLAIN: Final = ("agent", "project", "outcome")
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An entry of kind `memory`, read."""

    memory_id: str
    event: str
    """created, edited, promoted …: what happened."""
    state: str
    memory: Memory | None
    """The memory as it is from then on, without its times; None: only its state changed."""
    links: tuple[Link, ...]
    """For a change of state alone: what was added to its links."""
    created_at_us: int | None
    access_count: int
    last_accessed_at_us: int | None
    term_since_us: int | None
    recorded_at_us: int | None
    """For an imported fact: when it was recorded where it comes from."""


def entry_id(session_id: str, memory_id: str, version: int) -> str:
    """The id of a memory's entry number `version`: a retry writes nothing twice."""
    return str(kit.derived_id("memory", session_id, memory_id, str(version)))


def snapshot(
    memory: Memory,
    *,
    event: str,
    entry_id: str,
    at_us: int | None = None,
    extra: Body | None = None,
) -> journal.NewEntry:
    """The entry that says all of a memory."""
    body: Body = {
        "memory_id": memory.id,
        "event": event,
        "type": memory.type,
        "text": memory.text,
        "term": memory.term,
        "state": memory.state,
        "confidence": memory.confidence,
    }
    if memory.emotional_weight:
        body["emotional_weight"] = memory.emotional_weight
    for name in ("tags", "shared_with"):
        if values := getattr(memory, name):
            body[name] = list(values)
    for name in _PLAIN:
        if value := getattr(memory, name):
            body[name] = value
    if memory.is_pinned:
        body["is_pinned"] = True
    if memory.sources:
        body["sources"] = [_compact(asdict(each)) for each in memory.sources]
    if memory.links:
        body["links"] = [asdict(each) for each in memory.links]
    if memory.statement:
        body["statement"] = asdict(memory.statement)
    body.update(extra or {})
    return journal.NewEntry(
        kind=MEMORY_KIND, body=body, actor=memory.agent, said_at_us=at_us, id=entry_id
    )


def retirement(
    memory: Memory,
    *,
    event: str,
    entry_id: str,
    at_us: int | None = None,
    links: Sequence[Link] = (),
) -> journal.NewEntry:
    """The entry that says that a memory is no more to be found, and none of its content."""
    body: Body = {"memory_id": memory.id, "event": event, "state": event, "is_retired": True}
    if links:
        body["links"] = [asdict(each) for each in links]
    return journal.NewEntry(
        kind=MEMORY_KIND, body=body, actor=memory.agent, said_at_us=at_us, id=entry_id
    )


def access(ids: Iterable[str], *, actor: str, at_us: int) -> journal.NewEntry:
    """The entry that says which memories a turn used."""
    return journal.NewEntry(
        kind=ACCESS_KIND, body={"memory_ids": sorted(ids)}, actor=actor, said_at_us=at_us
    )


def read_change(fields: Any) -> Change | None:
    """What the body of an entry of kind `memory` says; None: it is none of this room's."""
    if not isinstance(fields, dict):
        return None
    body = cast("dict[str, Any]", fields)
    memory_id = body.get("memory_id")
    if not isinstance(memory_id, str) or not memory_id:
        return None
    try:
        memory = read_memory(body) if "text" in body else None
        return Change(
            memory_id=memory_id,
            event=str(body.get("event", "")),
            state=str(body.get("state", "")),
            memory=memory,
            links=() if memory else _links(body),
            created_at_us=_time(body.get("created_at_us")),
            access_count=int(body.get("access_count", 0)),
            last_accessed_at_us=_time(body.get("last_accessed_at_us")),
            term_since_us=_time(body.get("term_since_us")),
            recorded_at_us=_time(body.get("recorded_at_us")),
        )
    except _MALFORMED:
        return None


def read_memory(body: Mapping[str, Any]) -> Memory:
    """The memory that a body is, without its times.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    said = body.get("statement")
    return Memory(
        id=str(body["memory_id"]),
        type=str(body["type"]),
        text=str(body["text"]),
        term=str(body["term"]),
        state=str(body["state"]),
        confidence=float(body["confidence"]),
        emotional_weight=float(body.get("emotional_weight", 0.0)),
        tags=_texts(body.get("tags")),
        shared_with=_texts(body.get("shared_with")),
        sources=tuple(_source(each) for each in body.get("sources", ())),
        agent=str(body.get("agent", "")),
        project=str(body.get("project", "")),
        outcome=str(body.get("outcome", "")),
        is_pinned=bool(body.get("is_pinned", False)),
        links=_links(body),
        statement=None if said is None else _statement(said),
    )


def read_ids(fields: Any) -> list[str]:
    """The memories that an entry of kind `access` names."""
    body = cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
    found = body.get("memory_ids")
    if not isinstance(found, list):
        return []
    return [each for each in cast("list[Any]", found) if isinstance(each, str)]


def _compact(fields: Body) -> Body:
    return {
        name: value for name, value in fields.items() if value not in ("", 0) or name == "position"
    }


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in value or ())


def _links(body: Mapping[str, Any]) -> tuple[Link, ...]:
    return tuple(Link(kind=str(each["kind"]), id=str(each["id"])) for each in body.get("links", ()))


def _source(value: Mapping[str, Any]) -> Source:
    return Source(
        session_id=str(value["session_id"]),
        position=int(value["position"]),
        entry_id=str(value.get("entry_id", "")),
        start=int(value.get("start", 0)),
        end=int(value.get("end", 0)),
    )


def _statement(value: Mapping[str, Any]) -> Statement:
    return Statement(
        subject=str(value["subject"]),
        predicate=str(value["predicate"]),
        object=str(value["object"]),
        topic=str(value.get("topic", "")),
        valid_from_us=int(value.get("valid_from_us", 0)),
        valid_to_us=_time(value.get("valid_to_us")),
    )


def _time(value: Any) -> int | None:
    return None if value is None else int(value)
