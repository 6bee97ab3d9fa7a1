"""Where backups and stores lie, as the command line speaks of them: folders, databases, moments."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from novacore import journal, ops, settings
from novacore.cli import errors

SQLITE = "sqlite:"
SCRATCH = "scratch"
"""The folder of the data directory that backups are restored into as a test."""


def backup_folder(chosen: settings.Settings) -> Path:
    """The folder of the backups.

    Raises:
        ArgumentWrong: it lies in the data directory, with which it would be lost.
    """
    data_dir = chosen.data_dir
    folder = data_dir.with_name(f"{data_dir.name}-backups")
    if chosen.ops.backup_dir:
        folder = Path(chosen.ops.backup_dir).expanduser().absolute()
    if _is_inside(folder, data_dir):
        raise errors.ArgumentWrong(
            f"The backups' folder {folder} lies in the data directory and would be lost with it.",
            hint="Name another one with ops.backup_dir, best on another disk.",
        )
    return folder


def key_file(chosen: settings.Settings) -> Path:
    """The file of the backups' key.

    Raises:
        ArgumentWrong: it lies beside the backups, where whoever has them has the key.
    """
    path = chosen.data_dir.with_name(f"{chosen.data_dir.name}-backup.key")
    if chosen.ops.backup_key_file:
        path = Path(chosen.ops.backup_key_file).expanduser().absolute()
    if _is_inside(path, backup_folder(chosen)):
        raise errors.ArgumentWrong(
            f"The key {path} lies in the backups' folder: whoever has that has the key.",
            hint="Name another place with ops.backup_key_file.",
        )
    return path


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve() == folder.resolve() or folder.resolve() in path.resolve().parents


def open_catalog(chosen: settings.Settings) -> ops.Catalog:
    """The backups, with their key.

    Raises:
        KeyUnusable: the key is missing or damaged.
    """
    return ops.Catalog(backup_folder(chosen), key=ops.read_key(key_file(chosen)))


def peek_catalog(chosen: settings.Settings) -> ops.Catalog:
    """The backups, to be listed; without their key where it is missing."""
    path = key_file(chosen)
    key = ops.read_key(path) if path.exists() else None
    return ops.Catalog(backup_folder(chosen), key=key)


def new_catalog(chosen: settings.Settings) -> ops.Catalog:
    """The backups, to add one to; the first one makes the key.

    Raises:
        KeyUnusable: there are backups, and their key is missing or damaged.
    """
    path, folder = key_file(chosen), backup_folder(chosen)
    if path.exists() or any(folder.glob("*.json")):
        return open_catalog(chosen)
    return ops.Catalog(folder, key=ops.make_key(path))


def find_server(chosen: settings.Settings) -> ops.Server | None:
    """The PostgreSQL server that holds the journal; None: the journal is in a folder."""
    if not chosen.database_url:
        return None
    return ops.Server(
        url=chosen.database_url,
        programs=str(Path(chosen.ops.postgres_programs).expanduser())
        if chosen.ops.postgres_programs
        else "",
        scratch=chosen.data_dir / SCRATCH,
    )


def parse_moment(text: str | None) -> ops.Moment:
    """The moment that a person named: a sequence, or a time; nothing: the end.

    Raises:
        ArgumentWrong: it is neither.
    """
    if text is None:
        return ops.Moment()
    if text.isdecimal():
        return ops.Moment(sequence=int(text))
    try:
        moment = dt.datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise errors.ArgumentWrong(
            f"{text!r} is neither a sequence nor a time.",
            hint='Write a time as "2026-11-22 14:30" (this machine\'s zone) or '
            "2026-11-22T14:30:00Z.",
        ) from None
    return ops.Moment(at_us=round(moment.timestamp() * 1_000_000))


def parse_place(text: str, chosen: settings.Settings) -> str | Path:
    """A folder, or the URL of a database, that a copy is to be made in.

    Raises:
        ArgumentWrong: a folder that holds something else, or lies among the backups.
    """
    if journal.is_url(text):
        return text
    folder = Path(text.removeprefix(SQLITE)).expanduser().absolute()
    if not text.removeprefix(SQLITE) or "://" in text:
        raise errors.ArgumentWrong(
            f"{text!r} is no place for a journal.",
            hint="Name a folder, or a database as postgresql://user@host/database.",
        )
    if _is_inside(folder, backup_folder(chosen)):
        raise errors.ArgumentWrong(f"{folder} lies among the backups.", hint="Name another folder.")
    # What was killed at its first step left empty files, and nothing else.
    others = folder.is_dir() and any(_holds_something(path) for path in folder.iterdir())
    if others and not (folder / "journal.db").exists():
        raise errors.ArgumentWrong(
            f"{folder} holds other files, and no journal.", hint="Name a new folder."
        )
    return folder


def shown_place(place: str | Path) -> str:
    """A place as it may be shown: a database without user's password and options."""
    if isinstance(place, Path):
        return str(place)
    parts = urlsplit(place)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, "", ""))


def find_users(
    folder: Path, names: Sequence[str] = ("journal.db", "segments.dat", "business.db")
) -> list[int]:
    """The processes, other than this one, that have files of a folder open, where that is told."""
    wanted = {str(folder.resolve() / name) for name in names}
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            opened = {os.readlink(handle) for handle in (process / "fd").iterdir()}
        except OSError:
            continue
        if opened & wanted and int(process.name) != os.getpid():
            found.append(int(process.name))
    return sorted(found)


def _holds_something(path: Path) -> bool:
    return path.is_dir() or path.stat().st_size > 0
