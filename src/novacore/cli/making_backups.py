"""Making a backup as the command line does: of the journal, of accounts and usage, and of settings.

The same is done before a newer release changes an older database, whichever command meets it.
"""

from collections.abc import Callable, Sequence

from novacore import bootstrap, journal, kit, ops, settings
from novacore.cli import places
from novacore.cli.console import Console


def back_up(
    chosen: settings.Settings,
    source: journal.Replica,
    catalog: ops.Catalog,
    *,
    steps: ops.Steps,
    is_full: bool = False,
    server: ops.Server | None = None,
) -> ops.Verified:
    """Make a backup of everything, and restore it as a test.

    Raises:
        OpsError, DatabaseError, JournalError: it was not made; what was there before is.
    """
    scratch = chosen.data_dir / places.SCRATCH
    bootstrap.note_erased_accounts(catalog.folder, bootstrap.read_erased_accounts(chosen.data_dir))
    with ops.spooled(
        bootstrap.business_place(chosen),
        keys=chosen.data_dir / bootstrap.KEYS_FOLDER,
        scratch=scratch,
        others=_settings_file(chosen),
    ) as files:
        return ops.back_up(
            source,
            catalog,
            clock=kit.SystemClock(),
            scratch=scratch,
            full_days=chosen.ops.backup_full_days,
            is_full=is_full,
            files=files,
            config=chosen.journal,
            server=server,
            steps=steps,
        )


def before_upgrade(chosen: settings.Settings, console: Console) -> Callable[[], None]:
    """What is called before a newer release changes an older database: a backup that counts."""

    def make() -> None:
        console.line("An older release made these accounts; they are backed up before they change.")
        with bootstrap.open_replica(chosen) as source:
            catalog = places.new_catalog(chosen)
            done = back_up(chosen, source, catalog, steps=lambda _: lambda _done, _total: None)
        console.line(f"Backup {done.backup.id} was made and verified: {catalog.folder}.")

    return make


def _settings_file(chosen: settings.Settings) -> Sequence[ops.File]:
    try:
        text = settings.without_secrets(chosen.user_file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()
    return [ops.File(settings.FILE_NAME, text.encode())] if text else ()
