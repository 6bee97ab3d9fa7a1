"""What every session store offers: the journal on SQLite or in memory, and plain JSON files.

The agent and the command line use these protocols, so that a setting can choose the store.
`tests/contracts` proves each store against this text.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self

from novacore.journal.model import (
    ANY,
    Appended,
    NewEntry,
    Scope,
    SessionInfo,
    VerifyReport,
)
from novacore.journal.transcript import Transcript


class Session(Protocol):
    """One conversation: append to it, open it, fork it. May be used from any thread."""

    @property
    def id(self) -> str:
        """Its UUID, unique everywhere."""
        ...

    @property
    def name(self) -> str:
        """Unique per owner and workspace."""
        ...

    @property
    def workspace(self) -> str:
        """The folder or project that it belongs to; may be empty."""
        ...

    @property
    def info(self) -> SessionInfo:
        """What a listing says of it now; raises `SessionUnknown` where it was erased."""
        ...

    @property
    def messages(self) -> Transcript:
        """The messages now, lazily decoded."""
        ...

    def append(self, *entries: Mapping[str, Any] | NewEntry, expected: int = ANY) -> Appended:
        """Append entries, all or none; durable on return. A retry by id writes nothing."""
        ...

    def submit(
        self, *entries: Mapping[str, Any] | NewEntry, expected: int = ANY
    ) -> Future[Appended]:
        """Queue an append; the future tells when it is durable, or why it is not."""
        ...

    def open(self, at: int | None = None) -> Transcript:
        """The transcript now, or as it was when it had `at` entries."""
        ...

    def fork(
        self, *, at: int | None = None, name: str | None = None, scope: Scope | None = None
    ) -> "Session":
        """A new session that begins with the first `at` entries of this one (None: all)."""
        ...

    def put_blob(self, data: bytes) -> str:
        """Keep a large output with the session; returns a reference for `get_blob`."""
        ...

    def get_blob(self, reference: str) -> bytes:
        """What `put_blob` kept."""
        ...


class Store(Protocol):
    """All sessions of one owner. May be used from any thread, and is a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def session(self, name: str, *, workspace: str = "") -> Session:
        """The session of that name in that workspace; created when there is none."""
        ...

    def get_session(self, name_or_id: str, *, workspace: str | None = None) -> Session:
        """A session by its id or name; raises `SessionUnknown`."""
        ...

    def find_session(self, session_id: str) -> Session | None:
        """The session that `restore_session` would give for this id; None: there is none yet."""
        ...

    def is_erased(self, session_id: str) -> bool:
        """True when the session that `restore_session` would give was erased here."""
        ...

    def last_session(self, workspace: str) -> Session | None:
        """The session of a workspace that was last written to."""
        ...

    def list_sessions(
        self,
        *,
        workspace: str | None = None,
        name: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        limit: int = 100,
    ) -> list[SessionInfo]:
        """Sessions by workspace, part of the name and time, newest activity first."""
        ...

    def all_sessions(self) -> list[SessionInfo]:
        """Every session, unbounded, those that were active longest ago first."""
        ...

    def find_place(self, entry_id: str) -> tuple[str, int] | None:
        """(session id, position) of the entry of that id, erased or not; None: there is none."""
        ...

    def check(self, entry: NewEntry) -> None:
        """Raise `EntryRefused` where an append of this entry would."""
        ...

    def restore_session(self, info: SessionInfo) -> Session:
        """The session with the id, name, workspace, birth and parent that `info` says, for imports.

        See `JournalStore.restore_session`.
        """
        ...

    def erase(self, session_id: str, *, positions: Iterable[int] | None = None) -> int:
        """Destroy entries, or all of a session; returns how many it was."""
        ...

    def verify(self, session_id: str | None = None) -> VerifyReport:
        """Read everything back and say what is wrong."""
        ...

    def close(self) -> None:
        """Wait for queued appends and release the files. Idempotent."""
        ...
