"""What operations give back: plain facts about backups, restores and moves."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]
"""Told now and then how much is done, of how much: entries."""
LOGICAL, PHYSICAL = "logical", "physical"


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


DAY_US = 24 * 3_600 * 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """One backup: the entries after the one before it, or all of them."""

    id: str
    """Its name: when it was made, and a few random letters."""
    journal: str
    """The journal's id."""
    epoch: str
    """The journal's epoch: it changes with every restore."""
    previous: str
    """The backup that it continues; empty: it is a full one."""
    full: str
    """The full one that its line begins with; itself where it is full."""
    after: int
    """It holds the entries after this sequence."""
    sequence: int
    """It reaches the journal up to this sequence."""
    chain: str
    """The chain hash of the entry of that sequence, hexadecimal; it names no content."""
    recorded_at_us: int
    """When the last entry was recorded, µs UTC."""
    created_at_us: int
    """When it was begun: it holds everything acknowledged before. µs UTC."""
    entries: int
    """Entries in it."""
    sessions: int
    """Sessions that the journal had."""
    sessions_digest: str
    """SHA-256 of their ids in order: whether the next one may leave them out."""
    erasures: int
    """Erasures that were carried out before: what was erased later, it may still hold."""
    raw_bytes: int
    """Its size before compression."""
    size_bytes: int
    """The size of its file."""
    sha256: str
    """Of its file."""
    key_id: str
    """The key that it was made with."""
    kind: str = LOGICAL
    """logical: the journal's entries; physical: the files and log of its PostgreSQL server."""
    wal: str = ""
    """Where the server's write-ahead log goes on, of a physical one."""
    verified_at_us: int = 0
    """When it was last restored and found equal, µs UTC; 0: never, so it does not count."""

    @property
    def is_full(self) -> bool:
        """True: it stands alone."""
        return not self.previous

    @property
    def is_verified(self) -> bool:
        """True: it counts."""
        return self.verified_at_us > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A point in the life of a journal; neither: its end."""

    sequence: int | None = None
    """After the entry of this sequence, and before the next."""
    at_us: int | None = None
    """After everything recorded up to this time, µs UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What a copy brought."""

    entries: int
    """Entries written now; fewer than the journal's where a broken copy went on."""
    sequence: int
    """The last entry's sequence in the copy."""
    sessions: int
    """Sessions in the copy, erased ones too."""
    erasures: int
    """Erasures carried out in it."""
    epoch: str
    """Its new epoch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A restore that was done only to see that it can be."""

    backup: Backup
    sessions: int
    entries: int
    blobs: int
    compared: int
    """Sessions whose count and chain were compared with the journal in use."""
    rows: int = 0
    """Rows of accounts and usage, brought in and read back; 0: there are none."""
