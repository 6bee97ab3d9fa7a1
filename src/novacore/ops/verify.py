"""Verifying a backup: it is restored, everything in it is recomputed, and compared with the source.

Only a backup that came through this counts. What was restored for it is removed again.
"""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from novacore import journal
from novacore.kit import Clock
from novacore.ops.business import check_business
from novacore.ops.catalog import Catalog
from novacore.ops.copying import new_epoch
from novacore.ops.erasures import merged, read_erasures
from novacore.ops.errors import BackupDamaged, CopyDiffers, PlaceRefused
from novacore.ops.model import LOGICAL, Backup, Moment, Progress, Verified, unseen
from novacore.ops.postgres_tools import Server
from novacore.ops.restore import copy_line
from novacore.ops.scratch import own_folder


def verify_backup(
    catalog: Catalog,
    backup: Backup,
    *,
    scratch: Path,
    clock: Clock,
    source: journal.Replica | None = None,
    config: journal.Config | None = None,
    server: Server | None = None,
    progress: Progress = unseen,
) -> Verified:
    """Restore a backup, with those that it continues, into a scratch folder, and check it.

    Every checksum, digest, chain hash and blob is recomputed; where the journal is there, count and
    chain hash of each session are compared with it. Then the backup counts.

    Args:
        catalog: the backups.
        backup: which.
        scratch: a private folder on a disk with room for the whole journal; made when missing.
        clock: the time.
        source: the journal in use, if it is the one that was backed up, of the same epoch.
        config: the journal's limits.
        server: where a physical backup finds PostgreSQL's programs and room to recover in.
        progress: told of entries done.

    Raises:
        KeyUnusable, BackupDamaged: the backup can't be read.
        CopyDiffers: what was restored is not what was backed up.
        PlaceRefused: there is not enough room.
    """
    line = catalog.line_of(backup)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_room(scratch, size_bytes=sum(each.raw_bytes for each in line))
    with own_folder(scratch) as folder:
        verified = _verified(
            catalog,
            backup,
            folder / "data",
            source,
            config=config,
            server=server,
            progress=progress,
        )
    kept = catalog.mark_verified(backup, at_us=clock.now_us())
    return dataclasses.replace(verified, backup=kept)


def _check_room(scratch: Path, *, size_bytes: int) -> None:
    needed = size_bytes * 3 // 2 + 16 * 1024 * 1024
    free = shutil.disk_usage(scratch).free
    if free < needed:
        raise PlaceRefused(
            f"Verifying needs about {needed / 2**20:,.0f} MiB in {scratch}; "
            f"{free / 2**20:,.0f} MiB are free.",
            hint="Free some room. Until it is verified, the backup does not count.",
        )


def _verified(
    catalog: Catalog,
    backup: Backup,
    folder: Path,
    source: journal.Replica | None,
    *,
    config: journal.Config | None,
    server: Server | None,
    progress: Progress,
) -> Verified:
    erasures = read_erasures(catalog.folder)
    if source is not None:
        erasures = merged(erasures, source.erasures())
    with journal.open_replica(folder, config=config) as target:
        target.begin_copy(backup.journal)
        # A physical backup holds some of what came while it was made, too.
        at = Moment() if backup.kind == LOGICAL else Moment(sequence=backup.sequence)
        copied, files = copy_line(
            catalog, target, backup=backup, at=at, erasures=erasures, server=server,
            progress=progress,
        )  # fmt: skip
        if copied.sequence != backup.sequence:
            what = f"it ends at sequence {copied.sequence} instead of {backup.sequence}"
            raise BackupDamaged(what, backup=backup.id)
        target.end_copy(new_epoch())
        rows = target.sessions()
        compared = 0 if source is None else _compare(target, source, rows)
    with journal.open_store(folder, config=config) as store:
        report = store.verify(all_owners=True)
    rows = check_business(files, folder, backup=backup.id)
    if not report.is_sound:
        raise CopyDiffers(report.problems[0].what, session_id=report.problems[0].session_id)
    return Verified(
        backup=backup,
        sessions=report.sessions,
        entries=copied.entries,
        blobs=report.blobs,
        compared=compared,
        rows=rows,
    )


def _compare(
    target: journal.Replica, source: journal.Replica, rows: Sequence[journal.SessionRow]
) -> int:
    """Compare each session with the journal in use, which may have gone on since."""
    known = {row.id: row for row in source.sessions()}
    for row in rows:
        theirs = known.get(row.id)
        if theirs is None or theirs.entries < row.entries:
            raise CopyDiffers("it has entries that the journal has not", session_id=str(row.id))
        if target.chain_at(row.id, row.entries) != source.chain_at(row.id, row.entries):
            raise CopyDiffers("a session's chain is another one", session_id=str(row.id))
    return len(rows)
