"""The journal as exact bytes, for backups, restores and moves: the one in use, or any other."""

from pathlib import Path

from novacore import journal, settings
from novacore.bootstrap.data_dir import prepare_data_dir


def open_replica(chosen: settings.Settings) -> journal.Replica:
    """The journal in use, as exact bytes.

    Raises:
        SettingsError: the data directory can't be made, or sessions are kept as plain JSON files.
        StoreUnfinished: a restore or migration into it is not complete.
        JournalError: it can't be opened.
    """
    path = prepare_data_dir(chosen)
    if chosen.store != "journal":
        raise settings.SettingsError(
            "Sessions are kept as plain JSON files (store = json), which have no backups.",
            hint=f"Copy the folder {path / 'sessions'}, or use the journal (store = journal).",
        )
    place = chosen.database_url or path
    opened = journal.open_replica(place, config=chosen.journal, folder=path)
    if opened.standing == journal.COPYING:
        opened.close()
        raise journal.StoreUnfinished
    return opened


def open_place(chosen: settings.Settings, place: str | Path) -> journal.Replica:
    """A folder or database that a copy is to be made in, with the journal's limits.

    Raises:
        JournalError: it can't hold a journal.
    """
    return journal.open_replica(place, config=chosen.journal)
