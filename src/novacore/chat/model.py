"""Plain data of conversations and turns."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, cast

from novacore import journal

WORKSPACE: Final = "chat"
"""The workspace of conversations that are made here."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """A conversation as a list shows it."""

    id: str
    """Its session's id in the journal."""
    account_id: str
    title: str
    """Empty: it has none yet."""
    title_by: str
    """Who gave it: empty, words (the first ones said), model or person."""
    is_pinned: bool
    is_archived: bool
    model: str
    """The model that answers; empty: the default."""
    messages: int
    created_at_us: int
    updated_at_us: int
    """When something was last said, µs UTC."""
    active_stream: str | None
    """The stream that answers now; None: none."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SessionPage:
    """A part of a list of conversations: the pinned first, then the newest."""

    sessions: tuple[SessionFacts, ...]
    next_after: tuple[int, int, str] | None
    """What to ask for the next page with; None: this is the last."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a person thinks of an answer."""

    rating: str
    """up or down."""
    comment: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """A place in a conversation that an answer was given to remember."""

    session: str
    position: int


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SaidMessage:
    """One message of a conversation as a reader sees it."""

    position: int
    """Its place among the session's entries; what fork, rewind and feedback take."""
    role: str
    """user, assistant, system or tool."""
    text: str
    thinking: str
    message: journal.Message
    """The whole message, as it is in the journal; empty where it was erased."""
    said_at_us: int
    is_partial: bool
    """The answer was stopped or broke off."""
    is_erased: bool
    feedback: Feedback | None
    recalled: tuple[Recalled, ...] = ()
    """What an answer was given to remember; it may be gone where it was said."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MessagePage:
    """A part of a conversation, oldest first."""

    messages: tuple[SaidMessage, ...]
    has_more: bool
    """There are older ones."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a person says, and how it is to be answered."""

    text: str
    model: str = ""
    """Empty: the session's, else the default."""
    has_memory: bool = True
    """Whether earlier conversations are recalled."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StatePatch:
    """Changes of what is known of a conversation; None: as it is."""

    title: str | None = None
    title_by: str | None = None
    is_pinned: bool | None = None
    is_archived: bool | None = None
    is_deleted: bool | None = None
    model: str | None = None

    def body(self) -> dict[str, Any]:
        """What changes, as the journal's entry has it."""
        return {
            name: value for name in self.__slots__ if (value := getattr(self, name)) is not None
        }


_TEXT_MAX: Final = 1_000
_KINDS: Final[Mapping[str, type]] = {
    "title": str, "title_by": str, "is_pinned": bool, "is_archived": bool, "is_deleted": bool,
    "model": str,
}  # fmt: skip


def read_patch(body: Mapping[str, Any]) -> StatePatch | None:
    """The changes that a `state` entry tells; None: it is none of chat's."""
    told = body.get("chat")
    if not isinstance(told, dict):
        return None
    told = cast("dict[str, Any]", told)
    found: dict[str, Any] = {
        name: plain_text(told[name]) if kind is str else told[name]
        for name, kind in _KINDS.items()
        if isinstance(told.get(name), kind)
    }
    return StatePatch(**found)


def plain_text(text: str) -> str:
    """A text as every database takes it: bounded, without NUL and halves of surrogate pairs.

    Entries come from whoever has a key; one that a row can't hold must not stop the others.
    """
    return text[:_TEXT_MAX].replace("\0", "").encode("utf-8", "replace").decode()
