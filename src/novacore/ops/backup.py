"""Making a backup: a consistent copy of a journal in use, as one more part beside the others."""

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Sequence

from novacore import journal
from novacore.kit import Clock
from novacore.ops.catalog import Catalog
from novacore.ops.erasures import note_erasures
from novacore.ops.errors import KeyUnusable
from novacore.ops.model import DAY_US, LOGICAL, Backup, Progress, unseen
from novacore.ops.records import Blob, File, Recorder
from novacore.ops.sealed import SealedWriter
from novacore.ops.source import read_entries


def make_backup(
    source: journal.Replica,
    catalog: Catalog,
    *,
    clock: Clock,
    full_days: int = 7,
    is_full: bool = False,
    files: Iterable[File] = (),
    progress: Progress = unseen,
) -> Backup:
    """Back a journal up while it is used. The backup counts once `verify_backup` restored it.

    It holds every entry that was acknowledged before it began: those after the newest verified
    backup of the same epoch, or all of them where there is none, or its full one is older than
    `full_days`. A kill leaves the backups as they were.

    Args:
        source: the journal.
        catalog: where to; its key is used.
        clock: the time.
        full_days: how long a line of backups may continue one full one.
        is_full: True: begin a new line.
        files: files to keep with it, taken before this is called; gone through once or twice.
        progress: told of entries done.

    Raises:
        BackupBusy, BackupUnwritten: not now; nothing was added.
        Corrupt: an entry of the journal is damaged; nothing was added.
    """
    key = catalog.key
    if key is None:
        raise KeyUnusable("Without a key no backup can be made.")
    with catalog.locked():
        created_at_us = after_all(catalog, clock.now_us())
        state = source.state()
        rows = source.sessions()
        note_erasures(catalog.folder, source.erasures())
        previous = None if is_full else _continued(source, catalog, state)
        if previous is not None and is_old(catalog, previous, created_at_us, full_days):
            previous = None
        name = new_id(created_at_us)
        stream = _Stream(source, rows, progress)
        after = previous.sequence if previous else 0
        known = _known_rows(rows, previous)
        with catalog.new_part(name) as writer:
            stream.write(writer, rows[known:], files, span=(after, state.sequence))
            sha256 = writer.close()
        made = Backup(
            id=name,
            journal=state.journal,
            epoch=state.epoch,
            previous=previous.id if previous else "",
            full=previous.full if previous else name,
            after=after,
            sequence=state.sequence,
            chain=stream.chain.hex() or (previous.chain if previous else ""),
            recorded_at_us=state.recorded_at_us,
            created_at_us=created_at_us,
            entries=stream.recorder.entries,
            sessions=len(rows),
            sessions_digest=digest_of(rows),
            erasures=state.erasures,
            raw_bytes=writer.raw_bytes,
            size_bytes=writer.size_bytes,
            sha256=sha256,
            key_id=key.id,
        )
        catalog.publish(made)
    return made


def after_all(catalog: Catalog, now_us: int) -> int:
    """The time, but after every earlier backup: a clock that went back must not reorder them."""
    return max([now_us, *(each.created_at_us + 1 for each in catalog.list_backups())])


def _continued(
    source: journal.Replica, catalog: Catalog, state: journal.FeedState
) -> Backup | None:
    """The backup that a new one continues; None: it can't be one of the past of this journal."""
    found = catalog.newest(journal_id=state.journal, epoch=state.epoch, kind=LOGICAL)
    if found is None or found.sequence > state.sequence or found.key_id != _key_id(catalog):
        return None
    if found.sequence == 0:
        return found
    last = source.read(found.sequence - 1, 1)
    return found if last and journal.place_of(last[0]).chain.hex() == found.chain else None


def _key_id(catalog: Catalog) -> str:
    return catalog.key.id if catalog.key else ""


def is_old(catalog: Catalog, previous: Backup, now_us: int, full_days: int) -> bool:
    """True: the full backup of its line is so old that a new line is to begin."""
    first = catalog.line_of(previous)[0]
    return now_us - first.created_at_us > full_days * DAY_US


def _known_rows(rows: Sequence[journal.SessionRow], previous: Backup | None) -> int:
    """How many sessions the backups before hold, where they are the first ones in this order."""
    if previous is None or digest_of(rows[: previous.sessions]) != previous.sessions_digest:
        return 0
    return previous.sessions


def digest_of(rows: Sequence[journal.SessionRow]) -> str:
    """The digest of sessions' ids in order."""
    return hashlib.sha256(b"".join(row.id for row in rows)).hexdigest()


def new_id(at_us: int) -> str:
    """A backup's name: its time, and a few random letters."""
    moment = dt.datetime.fromtimestamp(at_us / 1_000_000, tz=dt.UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"


class _Stream:
    """The records of one part."""

    def __init__(
        self, source: journal.Replica, rows: Sequence[journal.SessionRow], progress: Progress
    ) -> None:
        self._source = source
        self._scopes = {row.id: (row.tenant, row.owner) for row in rows}
        self._progress = progress
        self._blobs: set[tuple[tuple[str, str], bytes]] = set()
        self.recorder = Recorder()
        self.chain = b""

    def write(
        self,
        writer: SealedWriter,
        rows: Sequence[journal.SessionRow],
        files: Iterable[File],
        *,
        span: tuple[int, int],
    ) -> None:
        """Write sessions, files, then entries with a sequence above span[0], up to span[1]."""
        for row in rows:
            writer.write(self.recorder.session(row))
        for file in files:
            writer.write(self.recorder.file(file))
        after, end = span
        for stored in read_entries(self._source, after=after, until=end):
            self._write_entry(writer, stored)
            if self.recorder.entries % 1_000 == 0:
                self._progress(self.recorder.entries, end - after)
        self._progress(end - after, end - after)
        writer.write(self.recorder.end())

    def _write_entry(self, writer: SealedWriter, stored: bytes) -> None:
        place = journal.place_of(stored)
        try:
            blobs = self._new_blobs(stored, self._scopes[place.session])
        except journal.EntryErased:
            # Erased since it was read: what stands there now is a tombstone.
            stored = self._source.read(place.sequence - 1, 1)[0]
            blobs = []
        for blob in blobs:
            writer.write(self.recorder.blob(blob))
        writer.write(self.recorder.entry(stored))
        self.chain = place.chain

    def _new_blobs(self, stored: bytes, scope: tuple[str, str]) -> list[Blob]:
        wanted = [
            digest
            for digest in journal.blobs_named(stored)
            if (scope, digest) not in self._blobs
        ]  # fmt: skip
        found = [Blob(*scope, digest, self._source.read_blob(scope, digest)) for digest in wanted]
        self._blobs |= {(scope, digest) for digest in wanted}
        return found
