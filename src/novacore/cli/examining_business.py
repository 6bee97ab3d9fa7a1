"""What `nova doctor` says of accounts and usage: whether they are sound, and can be opened."""

from collections.abc import Iterator

from novacore import bootstrap, kit, ops, settings
from novacore.cli.examining import Finding, State

_NAME = "accounts"


def examine_business(chosen: settings.Settings) -> Iterator[Finding]:
    """The database of accounts and usage; nothing where there is none."""
    place = bootstrap.business_place(chosen)
    try:
        if chosen.store != "journal" or not ops.has_business(place):
            return
        problems = ops.verify_business(place, keys=chosen.data_dir / bootstrap.KEYS_FOLDER)
    except kit.NovaError as error:
        yield Finding(name=_NAME, state=State.WRONG, what=error.message, mend=error.hint)
        return
    for each in problems:
        yield Finding(
            name=_NAME,
            state=State.WRONG,
            what=each,
            mend="Restore a backup with `nova restore`; for a key: chmod 600 on its file.",
        )
    if not problems:
        where = "on the server" if chosen.database_url else f"in {place}"
        yield Finding(name=_NAME, state=State.OK, what=f"Accounts and usage are sound, {where}.")
