"""What can go wrong with the journal.

NovaError
└── JournalError
    ├── SessionUnknown      REFUSED      no such session for this owner
    ├── NameTaken           REFUSED      a session of that name exists in this workspace
    ├── PositionConflict    REFUSED      the session is not at the expected position
    ├── IdConflict          REFUSED      an entry id is known with other content
    ├── EntryErased         REFUSED      an older view of a session asks for what was erased
    ├── EntryRefused        REFUSED      a body that JSON can't hold, or over a limit
    ├── ImportRefused       REFUSED      a file that can't be imported
    ├── StoreTooNew         REFUSED      written by a newer NovaCore
    ├── StoreUnusable       REFUSED      the directory can't hold a journal
    ├── StoreUnfinished     REFUSED      a copy is being made there and is not complete
    ├── StoreMoved          REFUSED      the journal lives on elsewhere
    ├── StoreClosed         REFUSED      the store was closed
    ├── QueueFull           UNAVAILABLE  the writer is behind
    ├── StorageFailed       UNAVAILABLE  the disk is full, read-only or failing
    └── Corrupt             CORRUPT      stored bytes are not what was written
"""

from novacore.kit import ErrorKind, NovaError

SALVAGE_HINT = (
    "Run 'nova verify' to see what is affected and 'nova salvage NEW_DIR' to save the rest."
)


class JournalError(NovaError):
    """The journal could not do what was asked."""


class SessionUnknown(JournalError):
    """There is no such session."""

    def __init__(self, name: str, *, workspace: str | None = None) -> None:
        where = f" in workspace {workspace!r}" if workspace else ""
        super().__init__(f"No session {name!r}{where}.", hint="'nova sessions' lists them.")
        self.name = name
        self.workspace = workspace


class NameTaken(JournalError):
    """A session of that name exists in this workspace."""

    def __init__(self, name: str, *, workspace: str) -> None:
        super().__init__(
            f"A session named {name!r} exists in workspace {workspace!r}.",
            hint="Choose another name.",
        )
        self.name = name
        self.workspace = workspace


class PositionConflict(JournalError):
    """The session is not at the expected position; nothing was written."""

    def __init__(self, *, session_id: str, expected: int, actual: int) -> None:
        super().__init__(
            f"Session {session_id} is at position {actual}, expected {expected}.",
            hint="Open it again to see what was added, then append.",
        )
        self.session_id = session_id
        self.expected = expected
        self.actual = actual


class IdConflict(JournalError):
    """An entry id is known with other content, or only some ids of a batch are known."""

    def __init__(self, message: str, *, entry_id: str) -> None:
        super().__init__(
            message, hint="A retry must send the same entries; new entries need new ids."
        )
        self.entry_id = entry_id


class EntryRefused(JournalError):
    """An entry holds something that the journal can't keep exactly, or is over a limit."""

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class EntryErased(JournalError):
    """The entry was erased after this view of its session was made; open the session again."""

    def __init__(
        self, message: str = "", *, session_id: str | None = None, position: int | None = None
    ) -> None:
        super().__init__(message)
        self.session_id = session_id
        self.position = position


class ImportRefused(JournalError):
    """A file can't be imported; nothing of it was written."""

    def __init__(self, message: str, *, path: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class StoreTooNew(JournalError):
    """The data directory was written by a newer NovaCore."""

    def __init__(self, *, needed: int, ours: int, doing: str) -> None:
        super().__init__(
            f"This data directory needs format {needed} for {doing}; this program knows {ours}.",
            hint="Use the newer NovaCore that wrote it; nothing was changed.",
        )
        self.needed = needed
        self.ours = ours


class StoreUnusable(JournalError):
    """The directory can't hold a journal."""


class StoreUnfinished(JournalError):
    """The place holds a copy of a journal that is not complete."""

    def __init__(self) -> None:
        super().__init__(
            hint="Run the restore or migration again: it goes on where it stopped. "
            "Or remove the place and begin anew."
        )


class StoreMoved(JournalError):
    """The journal lives on elsewhere; here it can only be read."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"This journal moved to {place}; here it can only be read.",
            hint="Use the new place. An unfinished move goes on when 'nova migrate' is run again; "
            "'nova migrate --cancel' gives it up.",
        )
        self.place = place


class StoreClosed(JournalError):
    """The store was closed."""


class QueueFull(JournalError):
    """The writer is behind and its queue is full; nothing was written."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(self, *, limit: str, size: int, size_max: int) -> None:
        super().__init__(
            f"The journal's queue is full: {limit} would be {size}, at most {size_max}.",
            hint="Try again shortly; if it lasts, look at the disk with 'nova doctor'.",
        )
        self.limit = limit
        self.size = size
        self.size_max = size_max


class StorageFailed(JournalError):
    """The disk is full, read-only or failing; nothing was acknowledged."""

    kind = ErrorKind.UNAVAILABLE


class Corrupt(JournalError):
    """Stored bytes are not what was written.

    `session_id` and `position` name the place where they are known; None: the whole store. In the
    feed `sequence` names the entry, so that a reader can go on behind it.
    """

    kind = ErrorKind.CORRUPT

    def __init__(
        self,
        message: str,
        *,
        session_id: str | None = None,
        position: int | None = None,
        sequence: int | None = None,
        hint: str = SALVAGE_HINT,
    ) -> None:
        super().__init__(message, hint=hint)
        self.session_id = session_id
        self.position = position
        self.sequence = sequence
