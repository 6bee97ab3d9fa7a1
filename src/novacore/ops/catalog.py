"""The folder of the backups: immutable files, each published whole, and a list beside them.

    <id>.part       the stream: compressed and encrypted (`sealed.py`, `records.py`)
    <id>.json       what it holds and how it continues another one; signed with the key
    <id>.verified   when it was restored and found equal; signed
    erasures.jsonl  the list of erasures: names and positions, no content, not encrypted

A part without its manifest is none: it is what a kill left, and the next backup removes it.
"""

import dataclasses
import fcntl
import hashlib
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import msgspec

from novacore import kit
from novacore.ops import folder as folders
from novacore.ops.errors import (
    BackupBusy,
    BackupDamaged,
    BackupUnknown,
    BackupUnwritten,
    KeyUnusable,
)
from novacore.ops.key import Key
from novacore.ops.model import Backup
from novacore.ops.records import Record, read_records
from novacore.ops.sealed import SealedWriter, read_sealed

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_NOTE = """This folder holds backups of a NovaCore journal, made by 'nova backup'.
Copy the whole folder to keep them elsewhere; change nothing in it. The key that reads them is kept
in another place. 'nova backup list' shows them, 'nova restore' brings one back.
"""


class _Manifest(msgspec.Struct):
    format: int
    backup: Backup


class _Mark(msgspec.Struct):
    sha256: str
    verified_at_us: int


_Told = TypeVar("_Told", _Manifest, _Mark)


class Catalog:
    """The backups in one folder.

    Args:
        folder: where they are; made, mode 0700, when the first one is written.
        key: theirs; None: what is listed is not proven to be ours, and can't be read.
    """

    def __init__(self, folder: Path, *, key: Key | None = None) -> None:
        self.folder = folder
        self.key = key

    def list_backups(self) -> list[Backup]:
        """Those whose manifests are what was written, oldest first; `list_damaged` has the rest."""
        return sorted(self._scan()[0], key=lambda each: (each.created_at_us, each.id))

    def list_damaged(self) -> list[BackupDamaged]:
        """Those whose manifests can't be believed, with what is wrong."""
        return self._scan()[1]

    def _scan(self) -> tuple[list[Backup], list[BackupDamaged]]:
        found: list[Backup] = []
        damaged: list[BackupDamaged] = []
        paths = self.folder.glob("*.json")
        for name in sorted(path.stem for path in paths if _ID.fullmatch(path.stem)):
            try:
                found.append(self._read(name))
            except BackupDamaged as error:
                damaged.append(error)
        return found, damaged

    def newest(self, *, journal_id: str = "", epoch: str = "", kind: str = "") -> Backup | None:
        """The newest verified one, of that journal, epoch and kind where they are given."""
        wanted = [
            each
            for each in self.list_backups()
            if each.is_verified
            and each.journal == (journal_id or each.journal)
            and each.epoch == (epoch or each.epoch)
            and each.kind == (kind or each.kind)
        ]
        return wanted[-1] if wanted else None

    def get_backup(self, backup: str) -> Backup:
        """One of them.

        Raises:
            BackupUnknown: there is none of that id.
            BackupDamaged: its manifest is not what was written.
        """
        if not _ID.fullmatch(backup) or not self._path(backup, "json").exists():
            raise BackupUnknown(
                f"There is no backup {backup!r} in {self.folder}.",
                hint="'nova backup list' shows them.",
            )
        return self._read(backup)

    def line_of(self, backup: Backup) -> list[Backup]:
        """A backup and those that it continues, the full one first.

        Raises:
            BackupDamaged: one of them is missing, or they don't fit together.
        """
        line = [backup]
        while line[0].previous:
            try:
                before = self.get_backup(line[0].previous)
            except BackupUnknown as error:
                what = f"backup {line[0].previous}, which it continues, is missing"
                raise BackupDamaged(what, backup=backup.id) from error
            if (before.sequence, before.journal) != (line[0].after, line[0].journal):
                raise BackupDamaged(f"it does not continue {before.id}", backup=line[0].id)
            line.insert(0, before)
        return line

    def read(self, backup: Backup) -> Generator[Record]:
        """What a backup's part says, and the check that it is what was written.

        Raises:
            KeyUnusable: it was made with another key.
            BackupDamaged: the part is missing, or not what was written.
        """
        if self.key is None:
            raise KeyUnusable("Without its key no backup can be read.")
        if self.key.id != backup.key_id:
            raise KeyUnusable(
                f"Backup {backup.id} says that it was made with key {backup.key_id}; the key "
                f"given is {self.key.id}.",
                hint="Name the right one with ops.backup_key_file.",
            )
        try:
            with self._path(backup.id, "part").open("rb") as opened:
                file = _Hashed(opened)
                pieces = read_sealed(cast("BinaryIO", file), key=self.key, backup=backup.id)
                yield from read_records(pieces, backup=backup.id)
                if file.rest_and_digest() != backup.sha256:
                    raise BackupDamaged("its part has another SHA-256", backup=backup.id)
        except FileNotFoundError as error:
            raise BackupDamaged("its part is missing", backup=backup.id) from error
        except OSError as error:
            what = f"its part can't be read: {error.strerror}"
            raise BackupDamaged(what, backup=backup.id) from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """The only one that changes these backups; what a kill left is removed first.

        Raises:
            BackupBusy: another process is at it.
            BackupUnwritten: the folder can't be written.
        """
        with written(self.folder):
            folders.make(self.folder)
            note = self.folder / "README.txt"
            if not note.exists():
                folders.publish(note, _NOTE.encode())
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupBusy from None
            self._remove_leftovers()
            yield
        finally:
            os.close(handle)

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob("*.part"):
            if not path.with_suffix(".json").exists():
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.partial"):
            path.unlink(missing_ok=True)

    @contextmanager
    def new_part(self, backup: str) -> Generator[SealedWriter]:
        """The part of a new backup; it is there, durably, when this ends. Call it locked."""
        if self.key is None:
            raise KeyUnusable("Without a key no backup can be made.")
        with written(self.folder), kit.replaced(self._path(backup, "part")) as file:
            yield SealedWriter(file, key=self.key, backup=backup)

    def publish(self, backup: Backup) -> None:
        """Make a new backup one of these, durably. Call it locked, after its part is there."""
        self._write(backup.id, "json", msgspec.json.encode(_Manifest(format=1, backup=backup)))

    def mark_verified(self, backup: Backup, *, at_us: int) -> Backup:
        """Note that it was restored and found equal; from now on it counts."""
        mark = msgspec.json.encode(_Mark(sha256=backup.sha256, verified_at_us=at_us))
        self._write(backup.id, "verified", mark)
        return dataclasses.replace(backup, verified_at_us=at_us)

    def remove(self, backup: str) -> None:
        """Delete one, its manifest first, so that no half of it counts. Call it locked."""
        with written(self.folder):
            for kind in ("json", "verified", "part"):
                self._path(backup, kind).unlink(missing_ok=True)
            kit.sync_folder(self.folder)

    def _path(self, backup: str, kind: str) -> Path:
        return self.folder / f"{backup}.{kind}"

    def _write(self, backup: str, kind: str, body: bytes) -> None:
        key = self.key
        if key is None:
            raise KeyUnusable("Without a key nothing can be signed.")
        signature = key.sign(f"{kind} {backup} ".encode() + body)
        with written(self.folder):
            folders.publish(self._path(backup, kind), body + f"\n{signature}\n".encode())

    def _read(self, backup: str) -> Backup:
        told = self._signed(backup, "json", _Manifest)
        if told.format != 1 or told.backup.id != backup:
            raise BackupDamaged("its manifest is of a kind unknown here", backup=backup)
        found = told.backup
        if self._path(backup, "verified").exists():
            mark = self._signed(backup, "verified", _Mark)
            if mark.sha256 == found.sha256:
                found = dataclasses.replace(found, verified_at_us=mark.verified_at_us)
        return found

    def _signed(self, backup: str, kind: str, shape: type[_Told]) -> _Told:
        """What a small file says. Its signature is checked where its key is the one we have."""
        try:
            raw = self._path(backup, kind).read_bytes()
            body, signature, end = raw.split(b"\n")
            told = msgspec.json.decode(body, type=shape)
        except (OSError, ValueError) as error:
            raise BackupDamaged(f"its file .{kind} can't be read", backup=backup) from error
        key = self.key
        if isinstance(told, _Manifest) and key is not None and told.backup.key_id != key.id:
            return told  # another key's: reading the part says so
        if key is not None:
            expected = key.sign(f"{kind} {backup} ".encode() + body)
            if signature != expected.encode() or end:
                raise BackupDamaged(f"its file .{kind} was changed", backup=backup)
        return told


@contextmanager
def written(folder: Path) -> Generator[None]:
    """Turn what the file system says about writing here into an error of ours."""
    try:
        yield
    except OSError as error:
        raise BackupUnwritten(
            f"The backups in {folder} can't be written: {error.strerror}.",
            hint="Free some space there, or name another folder with ops.backup_dir. What was "
            "backed up before is as it was.",
        ) from error


class _Hashed:
    """A file that is read once, and the SHA-256 of all of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def rest_and_digest(self) -> str:
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()
