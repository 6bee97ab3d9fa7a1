"""Where accounts and usage lie, and the list of accounts that were deleted for good.

That list lies outside of the databases, like that of erasures: whoever restores an older backup
reads it, so that nobody who was deleted comes back.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from novacore import kit, settings

DATABASE_FILE: Final = "business.db"
"""The file of accounts, usage and chat metadata in the data directory."""
KEYS_FOLDER: Final = "keys"
"""The folder of the keys that sign and seal; mode 0700."""
ERASED_FILE: Final = "erased-accounts.jsonl"
"""The list of deleted accounts, in the data directory and beside the backups: ids alone."""


class _Line(msgspec.Struct):
    account: str


def business_place(chosen: settings.Settings) -> str | Path:
    """The database of accounts and usage: a URL, or a file that may not be there."""
    return chosen.database_url or chosen.data_dir / DATABASE_FILE


def note_erased_accounts(folder: Path, accounts: Iterable[str]) -> None:
    """Add accounts to the list in a folder, durably; without them or the folder there is
    nothing to do.

    Raises:
        OSError: the folder can't be written; the list is as it was.
    """
    added = list(accounts)
    if not added or not folder.is_dir():
        return
    handle = os.open(folder / "lock-erased-accounts", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        known = read_erased_accounts(folder)
        wanted = list(dict.fromkeys((*known, *added)))
        if len(wanted) > len(known):
            with kit.replaced(folder / ERASED_FILE) as file:
                for account in wanted:
                    file.write(msgspec.json.encode(_Line(account=account)) + b"\n")
    finally:
        os.close(handle)


def read_erased_accounts(folder: Path) -> list[str]:
    """The list in a folder; empty where there is none.

    Raises:
        SettingsError: it can't be read. Nothing is restored then: somebody might come back.
    """
    try:
        data = (folder / ERASED_FILE).read_bytes()
        return [msgspec.json.decode(line, type=_Line).account for line in data.splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise settings.SettingsError(
            f"The list of deleted accounts {folder / ERASED_FILE} can't be read.",
            hint="Bring back the copy that lies beside the backups or in the data directory.",
        ) from error
