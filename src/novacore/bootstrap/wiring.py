"""Which implementation serves which setting."""

from novacore import journal, settings
from novacore.bootstrap.data_dir import prepare_data_dir


def open_store(chosen: settings.Settings) -> journal.JournalStore:
    """The session store that `store` names, in the data directory.

    Raises:
        SettingsError: the data directory can't be made.
        JournalError: it can't hold a store, or what it holds is damaged.
    """
    path = prepare_data_dir(chosen)
    return journal.open_store(path, config=chosen.journal)
