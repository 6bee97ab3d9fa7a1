"""Blobs as files: large texts, images and outputs, addressed by the SHA-256 of their content.

    blobs/<owner>/<first two hex>/<digest>: "NOVABLB1" | format u32 | key id u32 | content

They are written whole, fsynced and renamed before the entry that names them is committed. Owners
have folders of their own, so that one owner's erase can't touch, or reveal, another's blob.
"""

import hashlib
import os
import struct
import time
from collections.abc import Container
from pathlib import Path

from novacore.journal.errors import Corrupt, StorageFailed

_GONE = ".gone"
_PARTIAL_S = 3_600
_HEADER = struct.pack("<8sII", b"NOVABLB1", 1, 0)


class BlobFolder:
    """The blobs of one data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, scope: tuple[str, str], digest: bytes, content: bytes) -> None:
        """Store a blob durably; one that is there already, and sound, stays as it is.

        Raises:
            StorageFailed: the disk is full or failing.
        """
        path = self._path(scope, digest)
        try:
            if _holds(path, content):
                # The one who wrote it may have been killed before its name was durable.
                _sync_folder(path.parent)
                return
            is_written = False
            while not is_written:
                self._make_folders(path.parent)
                is_written = _write_whole(path, _HEADER + content)
        except OSError as error:
            raise StorageFailed(
                f"A blob of {len(content)} bytes could not be stored: {error.strerror}.",
                hint="Free some disk space and try again; nothing was written.",
            ) from error

    def _make_folders(self, folder: Path) -> None:
        """Make the folders of a blob, each name durable in the one above."""
        for each in (self._folder, folder.parent, folder):
            if not each.exists():
                each.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(each.parent)

    def remove(self, scope: tuple[str, str], digest: bytes) -> None:
        """Destroy a blob that no entry names; one that is gone is no error."""
        _send_away(self._path(scope, digest), digest.hex())

    def read(self, scope: tuple[str, str], digest: bytes) -> bytes:
        """A blob's content.

        Raises:
            Corrupt: it is missing, or its content is not what its address says.
        """
        return read_blob(self._path(scope, digest), digest)

    def keep_only(self, named: Container[tuple[str, bytes]]) -> None:
        """Destroy every file but the blobs that are `named` as (owner folder, digest).

        Half-written files go too. A file is renamed before it is overwritten, so that a kill in
        between leaves no address with other content, and a writer whose half-written file goes
        away notices and writes it again.
        """
        for path in sorted(self._folder.glob("*/*/*")):
            digest = path.name.split(".")[1] if path.name.startswith(".") else path.name
            is_named = (path.parts[-3], _digest_of(digest)) in named
            if path.name.endswith(_GONE):
                _destroy(path)
            elif not is_named or (path.name != digest and _is_old(path)):
                _send_away(path, digest)

    def _path(self, scope: tuple[str, str], digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / owner_folder(scope) / name[:2] / name


def read_blob(path: Path, digest: bytes) -> bytes:
    """A blob's content from its file; raises `Corrupt` as `BlobFolder.read` does."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Corrupt(f"Blob sha256:{digest.hex()} is missing.") from error
    content = raw[len(_HEADER) :]
    if not raw.startswith(_HEADER) or hashlib.sha256(content).digest() != digest:
        raise Corrupt(f"Blob sha256:{digest.hex()} is damaged: its content changed.")
    return content


def owner_folder(scope: tuple[str, str]) -> str:
    """The folder name of an owner's blobs: a digest, since tenant and owner are opaque texts."""
    tenant, owner = scope[0].encode(), scope[1].encode()
    return hashlib.sha256(b"%d:%b%b" % (len(tenant), tenant, owner)).hexdigest()[:32]


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == _HEADER + content
    except FileNotFoundError:
        return False


def _write_whole(path: Path, data: bytes) -> bool:
    """Write a file so that it is either there whole or not at all; False: not at all.

    That is when an erase took the half-written file away.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except FileNotFoundError:
        return False
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return True


def _digest_of(name: str) -> bytes:
    try:
        return bytes.fromhex(name)
    except ValueError:
        return b""


def _is_old(path: Path) -> bool:
    """True for a half-written file that no writer can still be busy with."""
    try:
        return time.time() - path.stat().st_mtime > _PARTIAL_S
    except FileNotFoundError:
        return False


def _send_away(path: Path, digest: str) -> None:
    """Rename a file, so that no address has other content while it is overwritten; destroy it."""
    gone = path.with_name(f".{digest}.{os.urandom(4).hex()}{_GONE}")
    try:
        path.rename(gone)
    except FileNotFoundError:
        return
    _destroy(gone)


def _destroy(path: Path) -> None:
    """Overwrite a file with zeros and delete it."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
