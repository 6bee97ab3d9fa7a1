"""Appends that wait for a server, in a file of their own: durable, in order, kept over a kill.

One line each: the xxh3-64 of what follows, a space, JSON. A process holds a lock on its own file;
one that nobody holds was left by a process that ended, and is taken over.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import xxhash

from novacore import kit
from novacore.journal import wire
from novacore.journal.errors import QueueFull, StorageFailed

_SUFFIX: Final = ".jsonl"
_REFUSED: Final = "refused.txt"
LIMIT: Final = "remote.spool_bytes_max"


class SpoolFile:
    """What this process keeps for a server that is away. For one thread at a time.

    Args:
        folder: of this server and account; made when missing.
        size_max: in bytes.

    Raises:
        StorageFailed: the folder can't be made or written to.
    """

    def __init__(self, folder: Path, *, size_max: int) -> None:
        self.folder = folder
        self._size_max = size_max
        self._size = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = folder / f"{uuid.uuid4().hex}{_SUFFIX}"
            self._handle = _open_locked(self._path, os.O_CREAT | os.O_EXCL)
            kit.sync_folder(folder)
        except OSError as error:
            raise _failed(folder, error) from error
        assert self._handle is not None

    def add(self, appends: Sequence[wire.Append]) -> None:
        """Keep these; they are on the disk when this returns.

        Raises:
            QueueFull: that would be more than is kept at most; nothing was written.
            StorageFailed: the disk is full or failing.
        """
        data = b"".join(map(_line, appends))
        if self._size + len(data) > self._size_max:
            size = self._size + len(data)
            raise QueueFull(limit=LIMIT, size=size, size_max=self._size_max)
        try:
            _write_all(self._file, data, at=self._size)
            os.fdatasync(self._file)
        except OSError as error:
            raise _failed(self.folder, error) from error
        self._size += len(data)

    def clear(self) -> None:
        """Everything was sent."""
        try:
            os.ftruncate(self._file, 0)
            os.fdatasync(self._file)
        except OSError as error:
            raise _failed(self.folder, error) from error
        self._size = 0

    def refuse(self, append: wire.Append, *, why: str) -> Path:
        """Keep what the server will never take, for a person to look at; returns the file."""
        path = self.folder / _REFUSED
        told = {"why": why, "append": append}
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                _write_all(handle, msgspec.json.encode(told) + b"\n", at=None)
                os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise _failed(self.folder, error) from error
        return path

    def take_over(self) -> Iterator[tuple[Path, list[wire.Append]]]:
        """What ended processes left, each file with its appends; it is removed once it is sent."""
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            handle = None if path == self._path else _open_locked(path, 0)
            if handle is None:
                continue
            try:
                yield path, list(_appends(path.read_bytes()))
                path.unlink(missing_ok=True)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Let go of the file; it stays where something waits in it. Idempotent."""
        if self._handle is None:
            return
        if not self._size:
            self._path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = None

    @property
    def _file(self) -> int:
        if self._handle is None:
            raise StorageFailed("The spool was closed.")
        return self._handle


def _open_locked(path: Path, flags: int) -> int | None:
    """A file with its lock; None: another process has it, or it is gone."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _write_all(handle: int, data: bytes, *, at: int | None) -> None:
    view = memoryview(data)
    while view:
        count = os.write(handle, view) if at is None else os.pwrite(handle, view, at)
        view = view[count:]
        at = None if at is None else at + count


def _line(append: wire.Append) -> bytes:
    told = msgspec.json.encode(append)
    return b"%016x %b\n" % (xxhash.xxh3_64_intdigest(told), told)


def _appends(data: bytes) -> Iterator[wire.Append]:
    """The whole lines; one that was cut short by a kill was never acknowledged."""
    for line in data.splitlines():
        checksum, _, told = line.partition(b" ")
        if checksum != b"%016x" % xxhash.xxh3_64_intdigest(told):
            return
        yield msgspec.json.decode(told, type=wire.Append)


def _failed(folder: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"What waits for the server can't be kept in {folder}: {error.strerror}.",
        hint="Free some disk space and try again; nothing was written.",
    )
