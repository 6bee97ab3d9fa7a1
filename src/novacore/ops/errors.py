"""What can go wrong with backups, restores and moves.

NovaError
└── OpsError
    ├── KeyUnusable         REFUSED      the key is missing, damaged or another one
    ├── BackupUnknown       REFUSED      no such backup, or none that reaches the wanted moment
    ├── PlaceRefused        REFUSED      the folder or database can't take what is to go there
    ├── BackupBusy          UNAVAILABLE  another process works on the backups
    ├── BackupUnwritten     UNAVAILABLE  the backups' disk is full, read-only or failing
    ├── BackupDamaged       CORRUPT      stored bytes of a backup are not what was written
    └── CopyDiffers         CORRUPT      a copy is not equal to what was copied
"""

from novacore.kit import ErrorKind, NovaError


class OpsError(NovaError):
    """A backup, restore or move could not be done."""


class KeyUnusable(OpsError):
    """The key of the backups is missing, damaged or another one."""


class BackupUnknown(OpsError):
    """There is no such backup."""


class PlaceRefused(OpsError):
    """The place can't take what is to go there."""


class BackupBusy(OpsError):
    """Another process works on these backups; try again when it is done."""

    kind = ErrorKind.UNAVAILABLE


class BackupUnwritten(OpsError):
    """The backup could not be written; the earlier ones are as they were."""

    kind = ErrorKind.UNAVAILABLE


class BackupDamaged(OpsError):
    """Stored bytes of a backup are not what was written."""

    kind = ErrorKind.CORRUPT

    def __init__(self, what: str, *, backup: str) -> None:
        super().__init__(
            f"Backup {backup}: {what}.",
            hint="'nova backup verify' shows which backups are sound; 'nova restore --from ID' "
            "uses another one.",
        )
        self.backup = backup


class CopyDiffers(OpsError):
    """A copy is not equal to what was copied; it is not used."""

    kind = ErrorKind.CORRUPT

    def __init__(self, what: str, *, session_id: str | None = None) -> None:
        super().__init__(
            f"The copy differs from its source: {what}.",
            hint="The source was not changed. Run 'nova verify', then try again into a new place.",
        )
        self.session_id = session_id
