"""What each tier is read for. An engine of a tier offers its tier's protocol beside `Engine`.

Every call names a scope: a tier never answers with another owner's data. All raise
`TierUnavailable` when the engine does not answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from novacore.journal import Scope
from novacore.tiers.model import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A stored vector near to a given one."""

    session_id: str
    position: int
    part: str
    score: float
    """Cosine similarity, -1 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """A session that shares entities with another one."""

    session_id: str
    entities: tuple[str, ...]
    """What they share, the rarest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """An event as a consumer gets it; given again until it is acknowledged."""

    subject: str
    item: Item
    token: Any
    """What `ack` takes."""


class HotReads(Protocol):
    """Tier 1: what is needed at once. Also leases, which are in no journal."""

    def last_messages(self, scope: Scope, session_id: str, *, limit: int) -> list[Item]:
        """The newest messages of a session, oldest first."""
        ...

    def put_lease(self, scope: Scope, key: str, *, value: Mapping[str, Any], ttl_ms: int) -> None:
        """Keep a value (a presence, a live state) until its time is over or it is put again."""
        ...

    def leases(self, scope: Scope, *, prefix: str = "") -> dict[str, Mapping[str, Any]]:
        """The values whose time is not over, by key."""
        ...


class RelationalReads(Protocol):
    """Tier 2: rows by their columns."""

    def rows(
        self,
        scope: Scope,
        collection: str,
        *,
        session_id: str | None = None,
        since_us: int = 0,
        until_us: int | None = None,
        limit: int = 100,
    ) -> list[Item]:
        """The newest rows of a collection (message, decision, usage, memory …), oldest first.

        `since_us` and `until_us` are compared with when it was said, the first included, the
        second not. Within a session the order is its own, else that in which things were said.
        """
        ...

    def counts(self, scope: Scope, collection: str, *, bucket_us: int) -> list[tuple[int, int]]:
        """(start of the bucket µs UTC, rows said in it), oldest first: a time series."""
        ...


class VectorReads(Protocol):
    """Tier 3: what is near in meaning."""

    def neighbours(
        self,
        scope: Scope,
        vector: bytes,
        *,
        limit: int,
        sessions: Sequence[str] | None = None,
        without: str | None = None,
    ) -> list[Neighbour]:
        """The stored vectors nearest to `vector` (float32 bytes), the nearest first.

        Args:
            scope: whose.
            vector: the query.
            limit: at most so many.
            sessions: only of these; None: of all.
            without: not of this session.
        """
        ...


class GraphReads(Protocol):
    """Tier 4: what is linked with what."""

    def entities(self, scope: Scope, session_id: str, *, limit: int) -> list[tuple[str, int]]:
        """(entity, mentions) of a session, the most mentioned first.

        An entity is named as it was written, the first by the alphabet where spellings differ.
        """
        ...

    def related(self, scope: Scope, session_id: str, *, limit: int) -> list[Related]:
        """Other sessions of the scope that share entities, those that share most first."""
        ...

    def links(self, scope: Scope, entity: str, *, limit: int) -> list[tuple[str, int]]:
        """(entity, times together) mentioned in the same entries, the most frequent first.

        `entity` may be spelled with or without capitals and accents.
        """
        ...


class StreamReads(Protocol):
    """Tier 5: what happened, in order."""

    def timeline(
        self, scope: Scope, session_id: str, *, after: int | None = None, limit: int = 100
    ) -> list[Item]:
        """Events of a session with a sequence above `after`, oldest first.

        Without `after` it is the newest ones, oldest first.
        """
        ...

    def anchors(self, scope: Scope, session_id: str, *, limit: int = 20) -> list[Item]:
        """The newest points to come back to (starts, decisions, forks …), oldest first."""
        ...

    def tail(self, scope: Scope, *, after: int, limit: int) -> list[Item]:
        """Events of all the owner's sessions with a sequence above `after`, oldest first."""
        ...


class DocumentReads(Protocol):
    """Tier 6: sessions as documents of at most 256 entries each."""

    def document(self, scope: Scope, session_id: str, *, number: int) -> Mapping[str, Any] | None:
        """One document of a session as it is stored, by its number from 0; None: there is none."""
        ...


class BrokerReads(Protocol):
    """Tier 7: events to other systems and agents, at least once each, in order per session."""

    def fetch(
        self, consumer: str, *, scope: Scope | None = None, limit: int = 100, wait_ms: int = 0
    ) -> list[Delivery]:
        """The next events of a named consumer (durable: it goes on where it acknowledged).

        Each is given to one caller at a time, and again after a while unless it is acknowledged.
        """
        ...

    def ack(self, consumer: str, token: Any) -> None:
        """Say that an event was dealt with."""
        ...
