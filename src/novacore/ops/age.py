"""How old the newest backup is that counts: the number to alert on."""

from novacore.ops.catalog import Catalog
from novacore.ops.errors import BackupDamaged, BackupUnknown
from novacore.ops.model import DAY_US, Backup


def backup_age_s(catalog: Catalog, *, now_us: int) -> float | None:
    """Seconds since the newest verified backup was begun; None: there is none.

    What was appended in these seconds exists once only. The metric of that name is this number.

    Args:
        catalog: the backups; without its key their marks are believed.
        now_us: the time, µs UTC.
    """
    newest = catalog.newest()
    return None if newest is None else max(0.0, (now_us - newest.created_at_us) / 1_000_000)


def expires_at_us(catalog: Catalog, backup: Backup, *, keep_days: int) -> int:
    """When a backup is to be removed, µs UTC: its line goes as one, by the age of its full one."""
    try:
        full = catalog.get_backup(backup.full)
    except (BackupDamaged, BackupUnknown):
        full = backup  # of no use any more; it goes by its own age
    return full.created_at_us + keep_days * DAY_US
