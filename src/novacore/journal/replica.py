"""A journal as exact bytes, every owner's: read for a backup, copied into another store.

A copy holds the same ids, sequences, positions, times, salts, digests and chain, so it has the same
digests and exports. It is made behind what it holds already, so a broken one goes on.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

from novacore.journal import frame as frames
from novacore.journal import standing as standings
from novacore.journal.core import Core
from novacore.journal.erasure_list import FILE_NAME, ErasureList
from novacore.journal.errors import SessionUnknown
from novacore.journal.lines import transcript_digest
from novacore.journal.model import Erased, FeedState
from novacore.journal.store import Erasure, SessionRow
from novacore.journal.value import blob_digests, may_name_blobs
from novacore.kit import parse_id


class Replica:
    """Reads and writes a journal's bytes. Made by `open_replica` or `JournalStore.replica`.

    It is for backups, restores and migration; safe between threads.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._engine = core.engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def state(self) -> FeedState:
        """Which journal this is, and where it ends."""
        return self._engine.state()

    def sessions(self) -> list[SessionRow]:
        """Every owner's sessions, erased ones too, none before the one that it was forked from."""
        return self._engine.rows()

    def read(self, after: int, limit: int) -> list[bytes]:
        """Entries with a sequence above `after`, in order, at most `limit`, as they are stored.

        Raises:
            Corrupt: one of them is damaged; `sequence` says which.
        """
        return [frames.raw(each) for each in self._engine.feed(after, limit, scope=None)]

    def erasures(self) -> list[Erased]:
        """Every erasure, in order."""
        return self._engine.erasures(0, self._engine.state().erasures)

    def read_blob(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """A blob's content.

        Args:
            scope: (tenant, owner) of the session whose entry names it.
            digest: its SHA-256.

        Raises:
            EntryErased: no entry names it any more.
            Corrupt: it is missing or damaged.
        """
        return self._engine.read_blob(scope, digest)

    def put_blob(self, scope: tuple[str, str], digest: bytes, *, content: bytes) -> None:
        """Store a blob durably, before the entry that names it is added."""
        self._engine.put_blob(scope, digest, content)

    def chain_at(self, session: bytes, position: int) -> bytes:
        """The chain hash of a session's entry before `position`: it covers all up to there.

        Raises:
            SessionUnknown: there is no such session, or it has fewer entries.
        """
        if position == 0:
            return frames.ROOT_CHAIN
        loaded = self._engine.load(session)
        for part in loaded.parts:
            if part.run.base < position <= part.run.base + part.take:
                return part.run.frame(position - 1 - part.run.base).chain
        raise SessionUnknown(frames.session_text(session))

    def digest(self, session: bytes) -> str:
        """A digest of what a session's entries say: `transcript_digest` of it.

        Raises:
            SessionUnknown: there is no such session, or it was erased.
        """
        return transcript_digest(self._core.open(session))

    @property
    def standing(self) -> str:
        """Empty: in use; "copying": an unfinished copy; "moved TO": it lives on elsewhere."""
        return self._engine.standing()

    @property
    def moved_to(self) -> str:
        """The place where the journal lives on; empty: here."""
        return standings.moved_to(self.standing)

    def mark_moved(self, place: str) -> None:
        """Take no appends any more and name the place that does; empty: take them again."""
        new = standings.as_moved(place) if place else standings.IN_USE
        self._engine.set_standing(new)

    def begin_copy(self, journal: str) -> None:
        """Make this store the place of a copy of that journal.

        Raises:
            StoreUnusable: it holds another journal, or one that is in use.
        """
        self._engine.begin_copy(parse_id(journal).bytes)

    def add_copied(self, sessions: Sequence[SessionRow], stored: Sequence[bytes]) -> None:
        """Add sessions, then entries, all or nothing, durable on return. See `Engine.add_copied`.

        Raises:
            Corrupt: an entry is damaged, or does not follow what is here; nothing was written.
        """
        self._engine.add_copied(sessions, stored)

    def erase_again(self, erasures: Sequence[Erased]) -> None:
        """Carry out erasures of the journal that is copied, each once.

        Those of sessions that are unknown here are left out.
        """
        known = {row.id for row in self._engine.rows()}
        done = {(each.session_id, each.positions, each.at_us) for each in self.erasures()}
        wanted = [
            Erasure(
                session=parse_id(each.session_id).bytes,
                positions=None if each.positions is None else frozenset(each.positions),
                at_us=each.at_us,
            )
            for each in erasures
            if (each.session_id, each.positions, each.at_us) not in done
        ]
        wanted = [each for each in wanted if each.session in known]
        if wanted:
            self._engine.erase(wanted)

    def end_copy(self, epoch: int) -> None:
        """The copy is complete: open a new epoch, and take appends."""
        self._engine.end_copy(epoch)

    def close(self) -> None:
        """Release files and locks. Idempotent."""
        self._core.close()


def blobs_named(stored: bytes) -> tuple[bytes, ...]:
    """The digests of the blobs that an entry, as it is stored, refers to; an erased one to none."""
    found = frames.parse_unchecked(stored)
    if found.is_erased or not may_name_blobs(found.body):
        return ()
    return blob_digests(found.body)


class StoredPlace(NamedTuple):
    """Where an entry stands, read off its stored bytes."""

    session: bytes
    sequence: int
    position: int
    recorded_at_us: int
    chain: bytes
    is_erased: bool


def place_of(stored: bytes) -> StoredPlace:
    """Where an entry stands.

    Raises:
        Corrupt: these bytes are no entry.
    """
    head, _, _, _ = frames.split_head(stored)
    return StoredPlace(
        session=cast("bytes", head[1]),
        sequence=head[6],
        position=head[7],
        recorded_at_us=head[9],
        chain=cast("bytes", head[13]),
        is_erased=bool(head[3] & frames.IS_ERASED),
    )


def as_erased(stored: bytes) -> bytes:
    """An entry's tombstone: its place, digest and chain stay, body and salt are gone.

    Raises:
        Corrupt: these bytes are no sound entry.
    """
    found = frames.parse(stored)
    return stored if found.is_erased else frames.erased(found)


def read_erasures(folder: Path) -> list[Erased]:
    """The list of erasures that a data directory keeps, also one whose journal is lost.

    Raises:
        Corrupt: a line of it can't be read.
    """
    found = ErasureList(folder / FILE_NAME, alone=nullcontext)
    return found.read(0, found.count())
