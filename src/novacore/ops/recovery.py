"""A server recovered from physical backups, for as long as the journal is copied out of it.

It listens on a socket in a private folder only, takes no settings of the server that was backed up,
and dies with this process. PostgreSQL refuses to run as root; then it runs as `postgres`, or as
`nobody`.
"""

import io
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from novacore import journal
from novacore.ops.catalog import Catalog
from novacore.ops.errors import BackupDamaged, OpsError, PlaceRefused
from novacore.ops.model import Backup
from novacore.ops.physical import BASE, WAL
from novacore.ops.postgres_tools import Server
from novacore.ops.records import File
from novacore.ops.scratch import own_folder, unprivileged

_READY_S, _LOOK_S, _STOP_S = 600.0, 0.1, 30.0
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
port = 5432
hba_file = '{folder}/hba.conf'
restore_command = 'cp "{folder}/wal/%f" "%p"'
hot_standby = off
archive_mode = off
ssl = off
fsync = off
shared_preload_libraries = ''
max_wal_senders = 0
logging_collector = off
"""
# Runs before the server, in its process: drops root, asks the kernel for a signal when we end, and
# becomes the server.
_BECOME = """
import ctypes, os, signal, sys
user, group = int(sys.argv[1]), int(sys.argv[2])
if user >= 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
os.execv(sys.argv[3], sys.argv[3:])
"""


@contextmanager
def recovered(
    catalog: Catalog, line: Sequence[Backup], server: Server
) -> Generator[journal.Replica]:
    """The journal of a server recovered from a line of physical backups, up to their end.

    Raises:
        PlaceRefused: the server's programs are not there.
        BackupDamaged: the server could not be recovered; says what it said.
    """
    program = server.find_program("postgres")
    user = unprivileged()
    with own_folder(server.scratch, user=user) as folder:
        for part in line:
            _unpack(catalog, part, folder)
        _configure(folder)
        if user is not None:
            _give(folder, user)
        with _running(program, folder, user) as process:
            url = _url_at(server.url, folder)
            _wait(url, process, folder, backup=line[-1].id)
            with journal.open_replica(url) as replica:
                yield replica


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Write a base backup's files; nothing outside the folder, and nothing but files and folders.

    Not by tarfile's own filter: the first releases of Python 3.11 have none.
    """
    for member in archive:
        parts = Path(member.name).parts
        if member.name.startswith("/") or ".." in parts or not (member.isfile() or member.isdir()):
            raise OpsError(f"The base backup holds {member.name!r}, which no database has.")
        target = folder.joinpath(*parts)
        if member.isdir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
        target.chmod(0o600)


def _unpack(catalog: Catalog, part: Backup, folder: Path) -> None:
    (folder / "wal").mkdir(exist_ok=True)
    with closing(catalog.read(part)) as records:
        if part.is_full:
            pieces = _Pieces(each.content for each in _files(records) if each.name == BASE)
            with tarfile.open(fileobj=io.BufferedReader(pieces), mode="r|") as archive:
                _extract(archive, folder / "data")
            pieces.drain()
            return
        for file in _files(records):
            if file.name.startswith(WAL):
                (folder / "wal" / Path(file.name).name).write_bytes(file.content)


def _files(records: Iterator[object]) -> Iterator[File]:
    return (each for each in records if isinstance(each, File))


def _configure(folder: Path) -> None:
    data = folder / "data"
    data.chmod(0o700)
    for name in ("postmaster.pid", "standby.signal", "postgresql.auto.conf"):
        (data / name).unlink(missing_ok=True)
    (data / "postgresql.conf").write_text(_SETTINGS.format(folder=folder))
    (folder / "hba.conf").write_text("local all all trust\n")
    (data / "recovery.signal").touch()


def _give(folder: Path, user: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)


@contextmanager
def _running(
    program: str, folder: Path, user: pwd.struct_passwd | None
) -> Generator[subprocess.Popen[bytes]]:
    uid, gid = (user.pw_uid, user.pw_gid) if user else (-1, -1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _BECOME, str(uid), str(gid), program, "-D", folder / "data"],
            stdout=log, stderr=log, cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()


def _url_at(url: str, folder: Path) -> str:
    """The same database on the recovered server."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    query = f"host={quote(str(folder), safe='')}&port=5432"
    if options := [each for each in parts.query.split("&") if each.startswith("options=")]:
        query += f"&{options[0]}"
    return f"postgresql://{user}{parts.path}?{query}"


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path, *, backup: str) -> None:
    """Until it takes connections, which is when recovery has ended."""
    import psycopg  # noqa: PLC0415 - optional

    until_s = time.monotonic() + _READY_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.Error as error:
            if process.poll() is None and time.monotonic() < until_s:
                time.sleep(_LOOK_S)
                continue
            said = (folder / "log").read_text("utf-8", "replace").strip()[-2_000:]
            if "incompatible with server" in said:
                raise PlaceRefused(
                    f"The programs in use are of another version of PostgreSQL: {said}",
                    hint="Name those of the server's version with ops.postgres_programs.",
                ) from error
            what = f"no server could be recovered from it: {said or error}"
            raise BackupDamaged(what, backup=backup) from error


class _Pieces(io.RawIOBase):
    """Pieces of bytes as one file to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = memoryview(piece)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def drain(self) -> None:
        """Read what the archive left, so that the end of the part is checked."""
        for _ in self._pieces:
            pass
