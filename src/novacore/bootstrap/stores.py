"""Where the journal is: in the data directory, in a database, or in plain JSON files."""

from novacore import journal, settings
from novacore.bootstrap.data_dir import prepare_data_dir


def open_journal(chosen: settings.Settings) -> journal.JournalStore:
    """The session store that `store` names: in the data directory, or in `database_url`.

    Raises:
        SettingsError: the data directory can't be made.
        JournalError: it can't hold a store, or what it holds is damaged.
    """
    path = prepare_data_dir(chosen)
    if chosen.store == "json":
        return journal.open_json(path, config=chosen.journal)
    if chosen.database_url:
        return journal.open_postgres(chosen.database_url, config=chosen.journal, folder=path)
    return journal.open_store(path, config=chosen.journal)
