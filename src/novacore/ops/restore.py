"""Restoring: backups copied back into a new store, up to any moment that they reach."""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Sequence

from novacore import journal
from novacore.ops.catalog import Catalog
from novacore.ops.copying import Copying, new_epoch
from novacore.ops.erasures import merged, read_erasures
from novacore.ops.errors import BackupUnknown, PlaceRefused
from novacore.ops.model import PHYSICAL, Backup, Copied, Moment, Progress, unseen
from novacore.ops.physical import BASE, WAL
from novacore.ops.postgres_tools import Server
from novacore.ops.records import File
from novacore.ops.recovery import recovered
from novacore.ops.source import read_journal


def choose_backup(catalog: Catalog, *, at: Moment, backup: str = "") -> Backup:
    """The backup that a restore begins from.

    Args:
        catalog: the backups.
        at: the moment; its end: the newest.
        backup: the id of one; empty: the newest verified one that reaches the moment, or, where
            none was ever verified, the newest.

    Raises:
        BackupUnknown: there is none, or it does not reach the moment.
    """
    if backup:
        found = catalog.get_backup(backup)
        if not _reaches(found, at):
            raise BackupUnknown(_too_late(found), hint="Choose an earlier moment.")
        return found
    known = catalog.list_backups()
    candidates = [each for each in known if each.is_verified] or known
    if not candidates:
        raise BackupUnknown(
            f"There are no backups in {catalog.folder}.",
            hint="Name their folder with --set ops.backup_dir=DIR.",
        )
    reaching = [each for each in candidates if _reaches(each, at)]
    if not reaching:
        raise BackupUnknown(_too_late(candidates[-1]), hint="Choose an earlier moment.")
    return reaching[-1]


def _reaches(backup: Backup, at: Moment) -> bool:
    if at.sequence is not None:
        return backup.sequence >= at.sequence
    return at.at_us is None or backup.created_at_us >= at.at_us


def _too_late(backup: Backup) -> str:
    return (
        f"The newest backup that counts, {backup.id}, reaches sequence {backup.sequence}; the "
        "moment asked for is later."
    )


def restore(
    catalog: Catalog,
    target: journal.Replica,
    *,
    backup: Backup,
    at: Moment,
    erasures: Sequence[journal.Erased] = (),
    owners: Collection[str] = (),
    server: Server | None = None,
    progress: Progress = unseen,
    before_end: Callable[[list[File]], None] | None = None,
) -> tuple[Copied, list[File]]:
    """Copy a backup and those that it continues into an empty store, and open a new epoch.

    The store then holds what the journal held at the moment: every entry up to it, byte for byte,
    and no later one. What was erased, at any time, is a tombstone. A restore that was killed goes
    on when it is called again; until it is complete, nobody can open the store.

    Args:
        catalog: the backups.
        target: where to; empty, or such a restore begun before.
        backup: the one that reaches the moment, from `choose_backup`.
        at: the moment.
        erasures: a list of erasures that is newer than the one beside the backups.
        owners: owners that were erased for good; nothing of theirs comes back.
        server: where a physical backup finds PostgreSQL's programs and room to recover in.
        progress: told of entries done.
        before_end: given the files; called before anybody can open the store.

    Returns:
        What was copied, and the files kept with the newest backup of the line.

    Raises:
        KeyUnusable, BackupDamaged: the backups can't be read.
        StoreUnusable, PlaceRefused: the store can't take them.
    """
    catalog.line_of(backup)  # a broken line is found before the target is touched
    listed = merged(read_erasures(catalog.folder), erasures)
    target.begin_copy(backup.journal)
    done, files = copy_line(
        catalog, target, backup=backup, at=at, erasures=listed, owners=owners, server=server,
        progress=progress,
    )  # fmt: skip
    if before_end is not None:
        before_end(files)
    epoch = new_epoch()
    target.end_copy(epoch)
    return dataclasses.replace(done, epoch=str(epoch)), files


def copy_line(
    catalog: Catalog,
    target: journal.Replica,
    *,
    backup: Backup,
    at: Moment,
    erasures: Sequence[journal.Erased],
    owners: Collection[str] = (),
    server: Server | None,
    progress: Progress,
) -> tuple[Copied, list[File]]:
    """Copy a backup and those that it continues into a store that a copy was begun in."""
    copying = Copying(
        target, until=at, erasures=erasures, owners=owners, progress=progress,
        total=backup.sequence,
    )  # fmt: skip
    line = catalog.line_of(backup)
    if backup.kind == PHYSICAL:
        return _copy_recovered(catalog, line, copying, target, server=server)
    files: list[File] = []
    for part in line:
        with contextlib.closing(catalog.read(part)) as records:
            kept = copying.add_all(records)
        files = kept or files
        if copying.is_full:
            break
    return copying.finish(), files


def _copy_recovered(
    catalog: Catalog,
    line: Sequence[Backup],
    copying: Copying,
    target: journal.Replica,
    *,
    server: Server | None,
) -> tuple[Copied, list[File]]:
    """Copy the journal out of a server that is recovered from physical backups."""
    if server is None:
        raise PlaceRefused(
            "A physical backup needs PostgreSQL's programs and the name of its database.",
            hint="Set database_url as it was, and ops.postgres_programs.",
        )
    with recovered(catalog, line, server) as source:
        copied = _copy_store(source, copying, target)
    return copied, _first_files(catalog, line[-1])


def _first_files(catalog: Catalog, part: Backup) -> list[File]:
    """The files of ours in a physical backup, which stand before those of the server."""
    found: list[File] = []
    with contextlib.closing(catalog.read(part)) as records:
        for record in records:
            if not isinstance(record, File) or record.name == BASE or record.name.startswith(WAL):
                break
            found.append(record)
    return found


def _copy_store(source: journal.Replica, copying: Copying, target: journal.Replica) -> Copied:
    after = target.state().sequence
    copying.add_all(read_journal(source, after=after, until=source.state().sequence))
    return copying.finish()


def restore_store(
    source: journal.Replica,
    target: journal.Replica,
    *,
    at: Moment,
    erasures: Sequence[journal.Erased] = (),
    owners: Collection[str] = (),
    progress: Progress = unseen,
    before_end: Callable[[], None] | None = None,
) -> Copied:
    """Copy a store that was brought back by other means, as by pgBackRest, and open a new epoch.

    The copy is as exact as that of a backup: up to the moment, without what was erased.

    Args:
        source: the store; it is only read.
        target: where to; empty, or such a copy begun before.
        at: the moment; the source must reach it.
        erasures: the newest list of erasures.
        owners: owners that were erased for good; nothing of theirs is copied.
        progress: told of entries done.
        before_end: called before anybody can open the target.

    Raises:
        BackupUnknown: the source ends before the moment.
        StoreUnusable, PlaceRefused: the target can't take it.
    """
    state = source.state()
    if at.sequence is not None and at.sequence > state.sequence:
        raise BackupUnknown(
            f"That store ends at sequence {state.sequence}; the moment asked for is later."
        )
    target.begin_copy(state.journal)
    listed = merged(source.erasures(), erasures)
    copying = Copying(
        target, until=at, erasures=listed, owners=owners, progress=progress,
        total=state.sequence,
    )  # fmt: skip
    done = _copy_store(source, copying, target)
    if before_end is not None:
        before_end()
    epoch = new_epoch()
    target.end_copy(epoch)
    return dataclasses.replace(done, epoch=str(epoch))
