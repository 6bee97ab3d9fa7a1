"""A memory: something worth knowing later, with where it came from and how long it lives."""

from dataclasses import dataclass, field
from typing import Any, Final

MEMORY_TYPES: Final = (
    "lesson",
    "task",
    "conversation",
    "error",
    "reflection",
    "achievement",
    "fact",
    "note",
)
"""What a memory may be about."""

SHORT: Final = "short"
INTERMEDIATE: Final = "intermediate"
LONG: Final = "long"
TERMS: Final = (SHORT, INTERMEDIATE, LONG)
"""How long a memory lives, shortest first."""

CURRENT: Final = "current"
CLOSED: Final = "closed"
EXPIRED: Final = "expired"
MERGED: Final = "merged"
STATES: Final = (CURRENT, CLOSED, EXPIRED, MERGED)
"""current; closed: a fact that held until a time; expired: faded; merged: part of another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An entry of the journal that a memory came from."""

    session_id: str
    """The entry's session."""
    position: int
    """Its position there."""
    entry_id: str = ""
    """Its UUID; empty where unknown."""
    start: int = 0
    """Where in the entry's text the sentence begins, in characters."""
    end: int = 0
    """Where it ends; 0: the whole entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A memory that this one is related to."""

    kind: str
    """merged_into, merged_from, closes, closed_by, continues, derived_from; others are kept."""
    id: str
    """The other memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What a fact says, so that it can be compared: a subject, a predicate, an object, a time."""

    subject: str
    """Whom or what it is about; `user` is the owner."""
    predicate: str
    """name, lives in, likes …"""
    object: str
    """What is said of it."""
    topic: str = ""
    """What can have only one value at a time, beside subject and predicate; empty: several may
    hold at once."""
    valid_from_us: int = 0
    """Since when it holds, µs UTC; 0: since ever."""
    valid_to_us: int | None = None
    """Until when it holds (not at that moment), µs UTC; None: it still does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One memory as it is now. Times are µs UTC."""

    id: str
    """Its UUID."""
    type: str
    """One of `MEMORY_TYPES`."""
    text: str
    """What is remembered."""
    term: str = SHORT
    """One of `TERMS`."""
    state: str = CURRENT
    """One of `STATES`."""
    confidence: float = 0.5
    """How sure it is, 0 to 1."""
    emotional_weight: float = 0.0
    """How it felt: -1 (bad) to 1 (good)."""
    tags: tuple[str, ...] = ()
    """Sorted, lower case."""
    sources: tuple[Source, ...] = ()
    """The entries that it came from, oldest first."""
    agent: str = ""
    """The agent that it belongs to; empty: to all agents of its owner."""
    shared_with: tuple[str, ...] = ()
    """Other agents of the same owner that may read it, sorted."""
    project: str = ""
    """The project or folder that it is about; empty: none."""
    outcome: str = ""
    """success, failure or neutral, where something was tried; else empty."""
    is_pinned: bool = False
    """True: it never fades."""
    links: tuple[Link, ...] = ()
    """Memories that it is related to."""
    statement: Statement | None = None
    """For a fact: what it says, in parts."""
    created_at_us: int = 0
    """When it was first remembered."""
    updated_at_us: int = 0
    """When it was last changed."""
    term_since_us: int = 0
    """When it came to its term."""
    access_count: int = 0
    """In how many turns it was used."""
    last_accessed_at_us: int | None = None
    """When it was last used; None: never."""
    expires_at_us: int | None = None
    """When it fades unless it is used; None: never."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which memories to list. What is left at its default is not asked for."""

    types: tuple[str, ...] = ()
    """Any of these types."""
    terms: tuple[str, ...] = ()
    """Any of these terms."""
    states: tuple[str, ...] = (CURRENT,)
    """Any of these states; empty: all."""
    tags: tuple[str, ...] = ()
    """All of these tags."""
    text: str = ""
    """The memory's text contains this, whatever its case."""
    agent: str | None = None
    """Belongs to this agent; empty text: to all agents."""
    project: str | None = None
    """Of this project."""
    session_id: str = ""
    """Came from this session."""
    confidence_min: float = 0.0
    """At least so sure."""
    is_pinned: bool | None = None
    """Pinned, or not."""
    since_us: int | None = None
    """Created at or after this time."""
    until_us: int | None = None
    """Created before this time."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A bounded part of a listing, newest first."""

    memories: tuple[Memory, ...]
    next: str = ""
    """Pass as `after` for the following page; empty: this is the last."""


@dataclass(frozen=True, kw_only=True)
class Advanced:
    """What one `advance` did: the ids of the memories concerned."""

    promoted: tuple[str, ...] = ()
    """Promoted to the next term."""
    expired: tuple[str, ...] = ()
    """Faded: unused for their term's time."""
    crowded_out: tuple[str, ...] = ()
    """Faded: too many intermediate ones, and these were used least."""
    destroyed_entries: int = 0
    """Entries of forgotten memories whose content a kill had left."""


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did, in memories."""

    added: int = 0
    """Written."""
    known: int = 0
    """There already; left as they are."""
    forgotten: int = 0
    """Forgotten here before; not brought back."""
    ids: tuple[str, ...] = field(default=(), repr=False)
    """Those added."""


Body = dict[str, Any]
"""An entry's body: a JSON object."""
