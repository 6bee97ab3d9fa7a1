"""What recall takes and gives: filters in, hits out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from novacore import journal


class SessionRef(str):
    """A session's name, as a text, that knows its `id` and `workspace` too."""

    id: str
    workspace: str

    def __new__(cls, name: str, *, id: str, workspace: str = "") -> Self:  # noqa: A002
        """A name with what tells sessions of that name apart."""
        made = super().__new__(cls, name)
        made.id, made.workspace = id, workspace
        return made

    @property
    def name(self) -> str:
        """The name as a plain text."""
        return str(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A turn beside a hit."""

    position: int
    message: journal.Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One entry that was found, with where it is and why."""

    score: float
    """How well it answers, 0 to 1; comparable within one question only."""
    session: SessionRef
    """Its session's name; `.id` and `.workspace` say which one of that name."""
    position: int
    """Its position in the session."""
    message: journal.Message
    """What was said: the entry's body."""
    parts: Mapping[str, float]
    """What the score is made of, by name: with `bias` they add up to its logit."""
    kind: str
    """message or memory."""
    entry: journal.Entry
    """The entry itself, its id and digest too."""
    sources: tuple[tuple[str, int], ...]
    """(session id, position) of what it rests on: itself, or for a memory what it came from."""
    before: tuple[Neighbour, ...] = ()
    """The turns just before it, oldest first."""
    after: tuple[Neighbour, ...] = ()
    """The turns just after it, oldest first."""
    said_at_us: int = 0
    """When it was said, µs UTC."""
    speaker: str = ""
    """Who said it: a name, else a role, else empty."""
    text: str = ""
    """The words of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What may be found. All that are given must hold; they are part of the search itself."""

    agent: str | None = None
    """Said by, or a memory of or shared with, this agent; `a/b` is within `a`, `ab` is not."""
    project: str | None = None
    """Of sessions in this folder or project, or one within it, by whole path segments."""
    session: str | None = None
    """In this session, by id or name; of a fork also what it shares with its parents."""
    kinds: tuple[str, ...] = ()
    """message, memory; empty: both."""
    tags: tuple[str, ...] = ()
    """Memories with all of these tags."""
    since_us: int | None = None
    """Said at or after this time, µs UTC."""
    until_us: int | None = None
    """Said before this time, µs UTC."""
    tiers: tuple[str, ...] = ()
    """Memories of one of these terms: short, intermediate, long."""
    confidence_min: float = 0.0
    """Memories at least so sure; messages count as sure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecallState:
    """How far the index is."""

    sequence: int
    """Every entry up to this sequence is searched."""
    documents: int
    """Entries that can be found."""
    is_current: bool
    """True: nothing was appended since, as far as it could be looked."""
    vectors: str
    """Whose vectors are used; empty: none."""
    vectors_missing: int
    """Entries whose vectors are still to be made."""
    problems: tuple[str, ...] = field(default=())
    """What is missing from the search, in plain words."""
