"""Operations: backups that count, restores to any moment, and moves between stores.

All of it stands on one thing, the journal's exact copy: the same bytes, in order. It knows where
nothing lies by default; folders, keys and stores are given. Start with `back_up`, then `restore`.
"""

from novacore.ops.age import backup_age_s, expires_at_us
from novacore.ops.backup import make_backup
from novacore.ops.business import (
    has_business,
    move_business,
    place_in,
    restore_business,
    spooled,
    verify_business,
)
from novacore.ops.catalog import Catalog
from novacore.ops.erasures import note_erasures, read_erasures
from novacore.ops.errors import (
    BackupBusy,
    BackupDamaged,
    BackupUnknown,
    BackupUnwritten,
    CopyDiffers,
    KeyUnusable,
    OpsError,
    PlaceRefused,
)
from novacore.ops.key import Key, make_key, read_key
from novacore.ops.migrate import compare, migrate
from novacore.ops.model import PHYSICAL, Backup, Copied, Moment, Progress, Verified
from novacore.ops.physical import make_physical
from novacore.ops.postgres_tools import Server
from novacore.ops.prune import Pruned, prune
from novacore.ops.records import File
from novacore.ops.restore import choose_backup, restore, restore_store
from novacore.ops.run import Steps, back_up
from novacore.ops.scratch import remove_leftovers
from novacore.ops.verify import verify_backup

__all__ = [
    "PHYSICAL",
    "Backup",
    "BackupBusy",
    "BackupDamaged",
    "BackupUnknown",
    "BackupUnwritten",
    "Catalog",
    "Copied",
    "CopyDiffers",
    "File",
    "Key",
    "KeyUnusable",
    "Moment",
    "OpsError",
    "PlaceRefused",
    "Progress",
    "Pruned",
    "Server",
    "Steps",
    "Verified",
    "back_up",
    "backup_age_s",
    "choose_backup",
    "compare",
    "expires_at_us",
    "has_business",
    "make_backup",
    "make_key",
    "make_physical",
    "migrate",
    "move_business",
    "note_erasures",
    "place_in",
    "prune",
    "read_erasures",
    "read_key",
    "remove_leftovers",
    "restore",
    "restore_business",
    "restore_store",
    "spooled",
    "verify_backup",
    "verify_business",
]
