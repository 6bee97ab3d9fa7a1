"""Accounts and usage in backups and moves: the rows of their database, and the keys that seal them.

They stand in a backup's stream as files, whole each time: `business.rows` in pieces, then `keys/…`.
The rows are taken before the journal's end is read, so the usage that they hold as counted is in
the journal of the same backup.
"""

import contextlib
import stat
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from novacore import bootstrap, database, journal, kit
from novacore.ops.errors import BackupDamaged, BackupUnwritten, CopyDiffers, PlaceRefused
from novacore.ops.postgres_tools import Server
from novacore.ops.records import File
from novacore.ops.scratch import own_folder

ROWS: Final = "business.rows"
KEYS: Final = "keys/"
_KEY_BYTES_MAX: Final = 65_536
_LOOKS: Final = "SELECT to_regclass('business_version')::text"


def has_business(place: str | Path) -> bool:
    """Whether a place holds accounts and usage: a file of them, or tables in a database.

    Raises:
        OpsError: the server can't be asked.
    """
    if isinstance(place, Path):
        return place.exists() and place.stat().st_size > 0
    server = Server(url=place, programs="", scratch=Path())
    return server.ask(_LOOKS)[0][0] is not None


class Spooled:
    """Files that lie in a folder for a while, read anew each time that they are gone through."""

    def __init__(self, folder: Path, others: Sequence[File]) -> None:
        self._folder = folder
        self._others = others

    def __iter__(self) -> Iterator[File]:
        for path in sorted(self._folder.glob("*.piece")):
            yield File(ROWS, path.read_bytes())
        yield from self._others


@contextlib.contextmanager
def spooled(
    place: str | Path, *, keys: Path, scratch: Path, others: Sequence[File] = ()
) -> Generator[Iterable[File]]:
    """What a backup keeps besides the journal, taken now.

    Args:
        place: the database of accounts and usage; nothing is taken where there is none.
        keys: the folder of the keys.
        scratch: where the rows lie until the backup is made: a private folder, gone afterwards.
        others: further small files.

    Raises:
        DatabaseError: the rows can't be read.
        BackupUnwritten: there is no room for them.
        PlaceRefused: the libraries of the server are not installed.
    """
    if not has_business(place):
        yield list(others)
        return
    with own_folder(scratch) as folder:
        with _opened(place) as opened:
            _spool(opened, folder)
        yield Spooled(folder, [*_keys(keys), *others])


def _keys(folder: Path) -> list[File]:
    found = [path for path in sorted(folder.glob("*")) if path.is_file() and path.name[0] != "."]
    return [File(KEYS + path.name, path.read_bytes()) for path in found]


def _spool(opened: database.Database, folder: Path) -> None:
    for number, piece in enumerate(database.dump(opened, bootstrap.FOLDERS)):
        path = folder / f"{number:09d}.piece"
        try:
            path.touch(mode=0o600)
            path.write_bytes(piece)
        except OSError as error:
            raise BackupUnwritten(
                f"Accounts and usage can't be written to {folder.parent}: {error.strerror}.",
                hint="Free some space there. What was backed up before is as it was.",
            ) from error


def check_business(files: Iterable[File], folder: Path, *, backup: str) -> int:
    """Bring rows into a scratch database, read them back, and compare; how many there are.

    Raises:
        BackupDamaged: they can't be read.
        CopyDiffers: what was read back is not what was written.
    """
    pieces = _pieces(files)
    if not pieces:
        return 0
    with _opened(folder / bootstrap.DATABASE_FILE) as opened:
        try:
            loaded = database.load(opened, pieces, folders=bootstrap.FOLDERS)
        except database.DatabaseError as error:
            raise BackupDamaged(error.message.rstrip("."), backup=backup) from error
        if database.sums_of(database.dump(opened, bootstrap.FOLDERS)) != loaded:
            raise CopyDiffers("rows of accounts and usage differ")
    return sum(count for count, _ in loaded.values())


def restore_business(
    files: Iterable[File], place: str | Path, *, keys: Path, erased: Collection[str]
) -> int | None:
    """Bring accounts and usage back, brought up to this release's form, and the keys beside.

    Accounts that were deleted since are left out, with every row of theirs. A key file that is
    there already stays.

    Args:
        files: those of a backup.
        place: an empty database, or one that a restore that was killed began.
        keys: the folder for the keys.
        erased: accounts that were deleted, ever.

    Returns:
        How many rows; None: the backup holds none.

    Raises:
        BackupDamaged: they are not what was written.
        PlaceRefused: the database holds other accounts.
        DatabaseTooNew: a newer release made the backup.
    """
    files = list(files)
    pieces = _pieces(files)
    if not pieces:
        return None
    with _opened(place) as opened:
        rows = _load(opened, pieces, erased=erased)
    for file in files:
        if file.name.startswith(KEYS):
            _restore_key(keys, file)
    return rows


def _load(
    opened: database.Database, pieces: Sequence[bytes], *, erased: Collection[str] = ()
) -> int:
    try:
        loaded = database.load(opened, pieces, folders=bootstrap.FOLDERS, erased=erased)
        database.upgrade(opened, bootstrap.FOLDERS)
    except database.DatabaseUnusable as error:
        raise PlaceRefused(error.message, hint=error.hint) from error
    return sum(count for count, _ in loaded.values())


def _restore_key(folder: Path, file: File) -> None:
    name = file.name.removeprefix(KEYS)
    if not name or name != Path(name).name or name.startswith("."):
        raise BackupDamaged(f"it names a key {file.name!r}, which no folder has", backup="")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / name).exists():
        with kit.replaced(folder / name) as target:
            target.write(file.content)


def move_business(
    source: str | Path, target: str | Path, *, keys: Path, target_keys: Path, scratch: Path
) -> int | None:
    """Copy accounts and usage into another database, compare them, and copy the keys.

    Whoever serves them is stopped first: on SQLite nobody can write meanwhile, but what a server
    writes afterwards would stay behind.

    Returns:
        How many rows; None: there are none.

    Raises:
        PlaceRefused: the target holds other accounts.
        CopyDiffers: the copy is not equal; the source is as it was.
    """
    if not has_business(source):
        return None
    with _opened(source) as here, here.begin(), _opened(target) as there:
        with spooled(source, keys=keys, scratch=scratch) as files:
            told = list(files)
            pieces = _pieces(told)
            rows = _load(there, pieces)
            database.upgrade(there, bootstrap.FOLDERS)
        if database.sums_of(database.dump(there, bootstrap.FOLDERS)) != database.sums_of(pieces):
            raise CopyDiffers("rows of accounts and usage differ")
        if target_keys != keys:
            for file in told:
                if file.name.startswith(KEYS):
                    _restore_key(target_keys, file)
    return rows


def verify_business(place: str | Path, *, keys: Path) -> list[str]:
    """What is wrong with the database of accounts and usage, and with its keys; nothing: sound.

    Raises:
        DatabaseTooNew: a newer release wrote it.
    """
    if not has_business(place):
        return []
    problems: list[str] = []
    with _opened(place) as opened, opened.read() as connection:
        database.find_heads(connection, bootstrap.FOLDERS)
        if opened.is_sqlite:
            found = connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars().all()
            problems += [f"{bootstrap.DATABASE_FILE}: {each}" for each in found if each != "ok"]
    for path in keys.glob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            problems.append(f"{path} can be read by others (mode {mode:04o})")
    return problems


def _pieces(files: Iterable[File]) -> list[bytes]:
    return [file.content for file in files if file.name == ROWS]


@contextlib.contextmanager
def _opened(place: str | Path) -> Generator[database.Database]:
    try:
        opened = database.Database(place)
    except ImportError as error:
        raise PlaceRefused(
            "There are accounts and usage here, and the libraries that read them are missing.",
            hint="Install them with: pip install 'novacore[server]'",
        ) from error
    try:
        yield opened
    finally:
        opened.close()


def place_in(place: str | Path) -> str | Path:
    """Where accounts and usage lie beside a journal: in its database, or a file of its folder."""
    return place if journal.is_url(str(place)) else Path(place) / bootstrap.DATABASE_FILE
