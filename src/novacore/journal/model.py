"""What the journal takes and gives: scopes, entries, messages, and what is known of a session."""

from abc import ABCMeta
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

ANY: Final = -1
"""As `expected`: append wherever the session ends."""

MESSAGE: Final = "message"
"""The kind of the entries that are a conversation's messages."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose data it is. Owners never see, list, recall or erase each other's sessions."""

    tenant: str = "local"
    """The organisation: an opaque text."""
    owner: str = "local"
    """The person or agent within it: an opaque text."""


class Message(msgspec.Struct, array_like=True, gc=False, eq=False, repr_omit_defaults=True):
    """A read-only mapping that equals what was appended: `dict(message)` gives it back.

    Each access to a transcript decodes afresh, so changing a nested list changes nothing stored.
    """

    fields: Any
    """The decoded object. Typed openly: one with odd keys arrives as an extension value."""

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, key: object) -> bool:
        return key in self.fields

    def keys(self) -> KeysView[str]:
        """The keys, in the order they were appended."""
        return self.fields.keys()

    def items(self) -> ItemsView[str, Any]:
        """Keys with their values."""
        return self.fields.items()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self.fields.values()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return self.fields.get(key, default)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Message):
            return self.fields == other.fields
        if isinstance(other, Mapping):
            return self.fields == dict(other)  # pyright: ignore[reportUnknownArgumentType]
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        # msgspec brings a `!=` of its own that knows no mappings.
        return not self == other

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"Message({self.fields!r})"


cast("ABCMeta", Mapping).register(Message)


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry to append."""

    body: Mapping[str, Any]
    """A JSON object, kept exactly."""
    kind: str = MESSAGE
    """message, memory, state, usage, decision, access, view, repair …; unknown kinds are kept."""
    actor: str = ""
    """Who said or did it: an opaque text, at most 1,024 bytes."""
    said_at_us: int | None = None
    """When the source says it was said, µs UTC. None: when it is recorded."""
    id: str | None = None
    """A UUID that makes a retry safe. None: a fresh one."""
    version: int = 1
    """The schema version of the body, 0 to 65535."""
    erased_digest: bytes | None = None
    """For imports: the digest of an entry that was erased where it comes from. It is appended as a
    tombstone; its body says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of the journal."""

    sequence: int
    """Its place in the whole journal: rises strictly, from 1."""
    session_id: str
    """The session it was appended to; in a fork, the parent's for what came before."""
    position: int
    """Its place in the session, from 0."""
    id: str
    """Its UUID."""
    kind: str
    """What the body is."""
    said_at_us: int
    """When the source says it was said, µs UTC."""
    recorded_at_us: int
    """When it was recorded, µs UTC; never below the entry's before."""
    actor: str
    """Who said or did it; empty where unknown."""
    version: int
    """The schema version of the body."""
    body: Message
    """What was appended; empty where erased."""
    is_erased: bool
    """True: the body was destroyed on request; the rest stays as a tombstone."""
    checksum: int
    """xxh3-64 over the stored frame, checked whenever it is read."""
    digest: bytes
    """Salted SHA-256 of kind, actor, version and body; 32 bytes."""
    chain: bytes
    """SHA-256 over the entry before's chain hash and this header; 32 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Appended:
    """Where the entries of one append are."""

    positions: tuple[int, ...]
    """Their positions in the session, in the order given."""
    sequences: tuple[int, ...]
    """Their sequences in the journal, in the order given."""
    is_retry: bool = False
    """True: all were known already, and nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionInfo:
    """What a listing says of a session."""

    id: str
    """Its UUID, unique everywhere."""
    name: str
    """Unique per owner and workspace."""
    workspace: str
    """The folder or project it belongs to; may be empty."""
    created_at_us: int
    """When it was created, µs UTC."""
    updated_at_us: int
    """When its last entry was recorded, or it was created; µs UTC."""
    entries: int
    """How many entries it holds, a fork's shared ones included."""
    messages: int
    """How many of them are messages."""
    parent_id: str | None = None
    """The session it was forked from."""
    forked_at: int | None = None
    """How many entries it shares with its parent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owned:
    """A session with its owner, as the feed of all owners gives it."""

    scope: Scope
    """Whose it is."""
    info: SessionInfo
    """What a listing says of it; name and workspace are empty where it was erased."""
    is_erased: bool
    """True: all its entries were destroyed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedState:
    """Which journal it is and where it ends."""

    journal: str
    """The journal's id: a UUID made with it."""
    epoch: str
    """Changes with every restore and migration: what was derived before may be ahead of it."""
    sequence: int
    """The last entry's sequence; 0: there is none."""
    recorded_at_us: int
    """When the last entry was recorded, µs UTC; 0: there is none."""
    erasures: int
    """How many erasures there were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """One line of the list of erasures. It names no content."""

    number: int
    """Its place in the list, from 1."""
    session_id: str
    """The session whose own entries it destroyed."""
    positions: tuple[int, ...] | None
    """Which of them; None: all, the session's name and workspace too."""
    at_us: int
    """When, µs UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that verify found."""

    what: str
    """What is wrong, in a sentence."""
    session_id: str | None = None
    """Where: the session; None: the store as a whole."""
    position: int | None = None
    """Where: the entry; None: the session as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyReport:
    """What verify looked at and what it found."""

    sessions: int
    """Sessions checked."""
    entries: int
    """Entries whose checksum, digest and chain were recomputed."""
    blobs: int
    """Blobs whose content was compared with its address."""
    problems: Sequence[Problem]
    """What is wrong; empty: everything is what was written."""

    @property
    def is_sound(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems
