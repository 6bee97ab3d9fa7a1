"""What was erased stays erased: the list that is kept beside the backups, and applied to each copy.

Backups are immutable, so one that was made before an erasure still holds what was erased. A restore
puts tombstones in its place as it copies, so that not a byte of it reaches the new store.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from novacore import journal
from novacore.ops import folder as folders
from novacore.ops.catalog import written
from novacore.ops.errors import BackupDamaged

FILE_NAME = "erasures.jsonl"


class _Line(msgspec.Struct):
    at_us: int
    session: str
    positions: tuple[int, ...] | None


def note_erasures(folder: Path, erasures: Sequence[journal.Erased]) -> None:
    """Add erasures to the list beside the backups, durably; those that it has are not repeated.

    Without backups there is nothing to do.

    Raises:
        BackupUnwritten: the folder can't be written.
        BackupDamaged: the list that is there can't be read.
    """
    if not folder.is_dir() or not erasures:
        return
    with written(folder):
        handle = os.open(folder / "lock-erasures", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            known = _read(folder)
            wanted = {_key(each): each for each in (*known, *erasures)}
            if len(wanted) > len(known):
                lines = [msgspec.json.encode(_line(each)) for each in wanted.values()]
                folders.publish(folder / FILE_NAME, b"".join(line + b"\n" for line in lines))
        finally:
            os.close(handle)


def read_erasures(folder: Path) -> list[journal.Erased]:
    """The list beside the backups, oldest first; empty where there is none.

    Raises:
        BackupDamaged: it can't be read. Nothing is restored then: erased content might come back.
    """
    return _read(folder)


def _read(folder: Path) -> list[journal.Erased]:
    try:
        data = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return []
    try:
        lines = [msgspec.json.decode(line, type=_Line) for line in data.splitlines()]
    except msgspec.DecodeError as error:
        what = f"the list of erasures {FILE_NAME} can't be read"
        raise BackupDamaged(what, backup=folder.name) from error
    return [
        journal.Erased(
            number=number, session_id=line.session, positions=line.positions, at_us=line.at_us
        )
        for number, line in enumerate(lines, 1)
    ]


def merged(*lists: Iterable[journal.Erased]) -> list[journal.Erased]:
    """Several lists as one, each erasure once, in the order of their times."""
    found = {_key(each): each for erasures in lists for each in erasures}
    return sorted(found.values(), key=lambda each: each.at_us)


def _key(each: journal.Erased) -> tuple[object, ...]:
    return each.session_id, each.positions, each.at_us


def _line(each: journal.Erased) -> _Line:
    return _Line(at_us=each.at_us, session=each.session_id, positions=each.positions)
