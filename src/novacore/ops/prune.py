"""Pruning: backups that are older than they are kept go, and with them what was erased since.

A line of backups goes as one: an incremental one without its full one is of no use. The newest line
goes only after a new full backup was made and verified, so that there always is one that counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from novacore.ops.catalog import Catalog
from novacore.ops.model import DAY_US, Backup


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What pruning did."""

    removed: tuple[Backup, ...]
    """The backups that are gone."""
    made: Backup | None
    """The full backup that was made and verified before; None: none was needed."""


def prune(
    catalog: Catalog, *, keep_days: int, now_us: int, make_full: Callable[[], Backup]
) -> Pruned:
    """Remove every line of backups whose full one is older than `keep_days`.

    The restorable past does not get shorter: the journal only grows, and every full backup reaches
    any moment of it. What was erased is in no backup any more once `keep_days` have passed.

    Args:
        catalog: the backups.
        keep_days: how long they are kept; 0: only a fresh full one stays.
        now_us: the time, µs UTC.
        make_full: makes a full backup and verifies it; called where the newest line would go.

    Raises:
        BackupBusy, BackupUnwritten: not now.
        OpsError: the new full backup could not be made or verified; nothing was removed.
    """
    known = catalog.list_backups()
    limit_us = now_us - keep_days * DAY_US
    created = {each.id: each.created_at_us for each in known}
    expired = [each for each in known if created.get(each.full, 0) <= limit_us]
    if not expired:
        return Pruned(removed=(), made=None)
    newest = catalog.newest()
    made = make_full() if newest is None or newest in expired else None
    with catalog.locked():
        for each in reversed(expired):
            catalog.remove(each.id)
    return Pruned(removed=tuple(expired), made=made)
