"""The list of erasures: a file beside the journal that no backup holds.

A restored backup is told the list again, and projections follow it as they follow the entries. It
names sessions and positions, never content. An erasure's number is its line, from 1.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from novacore.journal import frame as frames
from novacore.journal.errors import Corrupt
from novacore.journal.model import Erased
from novacore.journal.store import Erasure

FILE_NAME = "erasures.jsonl"


def note(path: Path, erasures: Sequence[Erasure], *, at_us: int) -> None:
    """Add erasures to the list, durably, before they are carried out."""
    lines = [
        json.dumps(
            {
                "at_us": at_us if each.at_us is None else each.at_us,
                "session": frames.session_text(each.session),
                "positions": None if each.positions is None else sorted(each.positions),
            }
        )
        for each in erasures
    ]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, "".join(f"{line}\n" for line in lines).encode())
        os.fsync(handle)
    finally:
        os.close(handle)


class ErasureList:
    """Reads the list, the new part of it only.

    Args:
        path: the file; may be missing.
        alone: holds off erasures under way, so that each one listed was carried out.
    """

    def __init__(self, path: Path, *, alone: Callable[[], AbstractContextManager[None]]) -> None:
        self._path = path
        self._alone = alone
        self._size = 0
        self._found: list[Erased] = []

    def count(self) -> int:
        """How many erasures there were."""
        return len(self._refreshed())

    def read(self, after: int, limit: int) -> list[Erased]:
        """Up to `limit` erasures with a number above `after`, in order."""
        return self._refreshed()[after : after + max(0, limit)]

    def _refreshed(self) -> list[Erased]:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return self._found
        if size != self._size:
            with self._alone():
                data = self._path.read_bytes()
            lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
            self._found = [_erased(index + 1, line) for index, line in enumerate(lines)]
            self._size = size
        return self._found


def _erased(number: int, line: bytes) -> Erased:
    try:
        found = cast("dict[str, Any]", json.loads(line))
        positions = found["positions"]
        return Erased(
            number=number,
            session_id=found["session"],
            positions=None if positions is None else tuple(positions),
            at_us=found.get("at_us", 0),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"Line {number} of the list of erasures can't be read.") from error
