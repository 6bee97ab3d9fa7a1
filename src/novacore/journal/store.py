"""What a storage engine promises to the journal.

An engine keeps frames, in order, durably. It knows nothing of JSON: bodies come encoded, blobs by
digest. `tests/contracts` proves each engine against this text.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from novacore.journal.frame import Frame
from novacore.journal.locks import Lock
from novacore.journal.model import Appended, Erased, FeedState, Problem, Scope
from novacore.journal.transcript import Part


@dataclass(kw_only=True, slots=True)
class Draft:
    """An entry on its way in: everything that does not depend on where it will stand."""

    id: bytes
    is_fresh: bool
    """True: the id was made for this append, so it can't be known."""
    kind: bytes
    actor: bytes
    version: int
    said_at_us: int | None
    salt: bytes
    digest: bytes
    body: bytes
    blobs: tuple[tuple[bytes, bytes], ...]
    """(digest, content) of the blobs that the body refers to."""
    is_erased: bool = False
    """True: a tombstone from elsewhere; body and salt say nothing."""


@dataclass(kw_only=True, slots=True)
class Submission:
    """One append on its way in, and the future that its caller waits for."""

    session: bytes
    drafts: Sequence[Draft]
    expected: int
    size_bytes: int
    future: Future[Appended] = field(default_factory=Future[Appended])


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """What an engine knows of a session."""

    id: bytes
    tenant: str
    owner: str
    name: str
    workspace: str
    created_at_us: int
    updated_at_us: int
    entries: int
    messages: int
    parent: bytes | None
    forked_at: int
    is_erased: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A session's entries at one moment."""

    parts: Sequence[Part]
    scopes: tuple[tuple[str, str], ...]
    """(tenant, owner) of the session and of those it was forked from: where its blobs are."""
    generation: int
    """Counts erasures: parts of an older generation must not be used again."""
    is_erased: bool = False
    """True: the session was erased; only forks of it may still be opened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """What to erase: entries of one session, or all of it."""

    session: bytes
    positions: frozenset[int] | None
    """None: all entries, the name and the workspace too."""
    at_us: int | None = None
    """When it was, µs UTC, for one that is carried out again in a copy; None: now."""


class Engine(Protocol):
    """Storage for one journal. Every method may be called from any thread, except as said."""

    def commit(self, batch: Sequence[Submission]) -> Callable[[], None]:
        """Make a group of appends durable, in order, each all or nothing.

        Per submission: ids are looked up before `expected`. All known with the same digest: the
        first positions, nothing written. Known with another digest, or only some known: refused.
        Then the session must be at `expected`. A refused submission leaves the others untouched;
        a failure of storage fails them all. Returns a function that resolves the futures; call it
        when no lock is held. Called by one thread at a time.

        Sequences rise strictly, and within a session with position; no entry becomes visible with
        a sequence at or below one that a reader has seen.
        """
        ...

    def create_session(self, row: SessionRow) -> SessionRow:
        """Create a session, or give back the one with that scope, workspace and name.

        Raises:
            SessionUnknown: it names a parent that does not exist.
        """
        ...

    def find_sessions(
        self,
        scope: Scope | None,
        *,
        session: bytes | None = None,
        workspace: str | None = None,
        name: str | None = None,
    ) -> list[SessionRow]:
        """The sessions of a scope (None: of all), newest activity first; erased ones only by id."""
        ...

    def find_place(self, scope: Scope, entry_id: bytes) -> tuple[bytes, int] | None:
        """(session, position) of the entry of that id among one owner's sessions; erased too."""
        ...

    def load(self, session: bytes, *, known: Snapshot | None = None) -> Snapshot:
        """A session's entries, its parents' shared ones first.

        Args:
            session: its id.
            known: an earlier snapshot of it, whose sealed parts may be used again.

        Raises:
            SessionUnknown: there is no such session.
            Corrupt: the index that leads to the entries is damaged.
        """
        ...

    def mark(self) -> object:
        """A value that changes whenever anything in the store did. Costs microseconds."""
        ...

    def feed(self, after: int, limit: int, *, scope: Scope | None) -> list[Frame]:
        """Up to `limit` of an owner's entries with a sequence above `after`, in that order.

        Args:
            after: the last sequence that the reader has seen.
            limit: at most so many.
            scope: whose; None: every owner's.

        Raises:
            Corrupt: one of them is damaged; names it. Other owners' damage is none of it.
        """
        ...

    def state(self) -> FeedState:
        """Which journal this is and where it ends, from one moment."""
        ...

    def erasures(self, after: int, limit: int) -> list[Erased]:
        """Up to `limit` erasures with a number above `after`, in order; all were carried out."""
        ...

    def try_lock(self, name: str) -> Lock | None:
        """A lock over all processes that share the store; None: it is held.

        The storage releases it when its holder dies.
        """
        ...

    def erase(self, erasures: Iterable[Erasure]) -> int:
        """Destroy bodies and salts, durably and in every copy; returns how many entries it hit."""
        ...

    def rows(self) -> list[SessionRow]:
        """Every owner's sessions, erased ones too, none before the one that it was forked from."""
        ...

    def standing(self) -> str:
        """Whether it takes appends: see `standing.py`. Empty: it does."""
        ...

    def set_standing(self, standing: str) -> None:
        """Change it, durably. No append that was not acknowledged before passes a refusal."""
        ...

    def begin_copy(self, journal: bytes) -> None:
        """Make this store, empty or a copy begun before, the place of a copy of that journal.

        It takes the journal's id; until `end_copy` it refuses appends and new sessions.

        Raises:
            StoreUnusable: it holds another journal, or one that is in use.
        """
        ...

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """Add a stretch of the journal that is copied, all or nothing, durable on return.

        Sessions that are there already are left as they are; each is added at the end of what it
        shares with its parent, whose entries up to `forked_at` are there already. Then the frames,
        byte for byte, erased ones too, in order of sequence, each of a session that is there.
        Their blobs were stored before. Each frame's checksum, digest, position and chain are
        checked first (`copy_plan.CopyPlan`), and no sequence is at or below the last one here.

        Raises:
            Corrupt: a frame is damaged, or does not follow what is here; nothing was written.
            StoreUnusable: no copy was begun.
        """
        ...

    def end_copy(self, epoch: int) -> None:
        """The copy is complete: open a new epoch (a fresh random number), and take appends."""
        ...

    def put_blob(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """Store a blob durably, before the entry that names it."""
        ...

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """A blob's content, compared with its address.

        Raises:
            Corrupt: it is missing, or its content changed.
            EntryErased: no entry names it any more.
        """
        ...

    def check(self, session: bytes | None = None) -> list[Problem]:
        """What is wrong with the store itself: files, witness, indexes.

        Args:
            session: look at the indexes of this one only; None: at everything.
        """
        ...

    def close(self) -> None:
        """Release files and locks. Idempotent."""
        ...
