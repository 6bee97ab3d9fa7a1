"""`nova restore`: bring a backup back, as it was at any moment, into a new place."""

import argparse
import contextlib
import dataclasses
import datetime as dt
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from novacore import bootstrap, journal, ops, settings
from novacore.cli import errors, places
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE
from novacore.cli.progress import Bars

_KEPT = ("models", settings.FILE_NAME)
"""What is no part of a journal, and goes on in the place of a replaced one."""


def run(arguments: argparse.Namespace) -> int:
    """Restore into a new place; in the place of the data directory only when told."""
    context = open_context(arguments)
    chosen = context.settings
    at = places.parse_moment(arguments.at)
    if arguments.replace:
        _check_replaceable(chosen)
        place: str | Path = _beside(chosen, "restoring")
    else:
        place = places.parse_place(arguments.into, chosen)
    if arguments.replace:
        # What a killed one left may be of another moment; nobody uses a folder of this name.
        shutil.rmtree(place, ignore_errors=True)
    if arguments.backup and journal.is_url(arguments.backup):
        origin = places.shown_place(arguments.backup)
        done = _restore_store(context, arguments.backup, place=place, at=at)
    else:
        catalog = places.open_catalog(chosen)
        backup = ops.choose_backup(catalog, at=at, backup=arguments.backup or "")
        origin = f"backup {backup.id}"
        done = _restore(context, catalog, backup, place=place, at=at)
    aside = _swap(chosen, Path(place)) if arguments.replace else None
    _report(context, arguments, done, origin=origin, place=place, aside=aside)
    return DONE


def _restore_store(
    context: Context, origin: str, *, place: str | Path, at: ops.Moment
) -> ops.Copied:
    """From a database that was brought back by other means: with the erasures that are known."""
    chosen = context.settings
    folder = places.backup_folder(chosen)
    known = [*journal.read_erasures(chosen.data_dir), *ops.read_erasures(folder)]
    erased = _erased_accounts(chosen, folder)
    with (
        bootstrap.open_place(chosen, origin) as source,
        bootstrap.open_place(chosen, place) as target,
        Bars(context.console) as bars,
    ):
        return ops.restore_store(
            source,
            target,
            at=at,
            erasures=known,
            owners=erased,
            progress=lambda count, total: bars.show("restoring", count, total),
            before_end=lambda: _take_business(chosen, origin, place=place, erased=erased),
        )


def _take_business(
    chosen: settings.Settings, origin: str, *, place: str | Path, erased: Collection[str]
) -> None:
    keys = chosen.data_dir / bootstrap.KEYS_FOLDER
    with ops.spooled(origin, keys=keys, scratch=chosen.data_dir / places.SCRATCH) as files:
        _restore_business(chosen, list(files), place=place, erased=erased)


def _erased_accounts(chosen: settings.Settings, backups: Path) -> set[str]:
    return {
        *bootstrap.read_erased_accounts(chosen.data_dir),
        *bootstrap.read_erased_accounts(backups),
    }


def _restore(
    context: Context, catalog: ops.Catalog, backup: ops.Backup, *, place: str | Path, at: ops.Moment
) -> ops.Copied:
    chosen = context.settings
    known = journal.read_erasures(chosen.data_dir)
    erased = _erased_accounts(chosen, catalog.folder)
    with contextlib.suppress(ops.BackupUnwritten):
        # Read-only backups can be restored from, too.
        ops.note_erasures(catalog.folder, known)
    with bootstrap.open_place(chosen, place) as target, Bars(context.console) as bars:
        done, files = ops.restore(
            catalog,
            target,
            backup=backup,
            at=at,
            erasures=known,
            owners=erased,
            server=places.find_server(chosen),
            progress=lambda count, total: bars.show("restoring", count, total),
            before_end=lambda files: _restore_business(chosen, files, place=place, erased=erased),
        )
    if isinstance(place, Path):
        for file in files:
            written = place / file.name
            if file.name == settings.FILE_NAME and not written.exists():
                written.touch(mode=0o600)
                written.write_bytes(file.content)
    return done


def _restore_business(
    chosen: settings.Settings,
    files: Sequence[ops.File],
    *,
    place: str | Path,
    erased: Collection[str],
) -> None:
    """Accounts and usage beside the journal, but nobody who was deleted since."""
    folder = place if isinstance(place, Path) else chosen.data_dir
    ops.restore_business(
        files, ops.place_in(place), keys=folder / bootstrap.KEYS_FOLDER, erased=erased
    )
    if isinstance(place, Path):
        bootstrap.note_erased_accounts(place, erased)


def _beside(chosen: settings.Settings, what: str) -> Path:
    return chosen.data_dir.with_name(f"{chosen.data_dir.name}.{what}")


def _check_replaceable(chosen: settings.Settings) -> None:
    if chosen.database_url:
        raise errors.UsageWrong(
            "A database is not replaced.",
            hint="Restore into a new one with --into, then set database_url to it.",
        )
    if users := places.find_users(chosen.data_dir):
        listed = ", ".join(map(str, users))
        raise errors.ArgumentWrong(
            f"The data directory {chosen.data_dir} is in use by process {listed}.",
            hint="Stop it first, then restore again.",
        )


def _swap(chosen: settings.Settings, restored: Path) -> Path | None:
    """Put what was restored in the place of the data directory; the old one is moved aside."""
    _check_replaceable(chosen)
    data_dir = chosen.data_dir
    aside: Path | None = None
    if data_dir.exists():
        now = dt.datetime.now(tz=dt.UTC)
        aside = _beside(chosen, f"replaced-{now:%Y%m%dT%H%M%SZ}")
        data_dir.rename(aside)
    restored.rename(data_dir)
    for name in _KEPT:
        if aside is not None and (aside / name).exists():
            (aside / name).replace(data_dir / name)
    return aside


def _report(
    context: Context,
    arguments: argparse.Namespace,
    done: ops.Copied,
    *,
    origin: str,
    place: str | Path,
    aside: Path | None,
) -> None:
    shown = str(context.settings.data_dir) if arguments.replace else places.shown_place(place)
    if arguments.json:
        facts = {"place": shown, "aside": str(aside) if aside else None, "from": origin}
        context.console.json(facts | dataclasses.asdict(done))
        return
    context.console.line(
        f"Restored {done.sessions:,} sessions up to sequence {done.sequence:,} from "
        f"{origin}; {done.erasures:,} erasures were applied."
    )
    if arguments.replace:
        context.console.line(f"It is in use: {shown}. What was there is in {aside}.")
    elif journal.is_url(str(place)):
        context.console.line(f"To use it, set database_url to {shown} with its password.")
    else:
        context.console.line(f"To use it: nova --data-dir {shown}")
    context.console.line("The tiers are rebuilt at the next start; 'nova tiers status' shows it.")
