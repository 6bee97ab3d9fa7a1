"""Usage that the journal could not take yet: kept in a folder until it can.

A call that was made is never given back because accounting failed after it. What could not be
appended waits here, survives this process, and is appended again; ids make that safe.
"""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from novacore import journal, kit

_SUFFIX: Final = ".usage"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiting:
    """One append that is still to be done."""

    hold: str
    owner: str
    session: str
    """The session's id."""
    entries: tuple[journal.NewEntry, ...]


class Spool:
    """Appends that wait, in a folder and in memory. Safe between threads.

    Args:
        folder: made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: dict[str, Waiting] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def load(self) -> None:
        """Take in what an earlier process left."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            found = _read(path)
            if found is not None:
                with self._lock:
                    self._waiting[found.hold] = found

    def remember(self, waiting: Waiting) -> None:
        """Keep an append in memory, at once; `write` makes it outlive the process."""
        with self._lock:
            self._waiting[waiting.hold] = waiting

    def write(self, waiting: Waiting) -> None:
        """Keep an append that waits on the disk too, where the disk can take it."""
        body = {
            "hold": waiting.hold,
            "owner": waiting.owner,
            "session": waiting.session,
            "entries": [_plain(each) for each in waiting.entries],
        }
        try:
            with self._writing:
                if waiting.hold not in self.holds():
                    return
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with kit.replaced(self._folder / f"{waiting.hold}{_SUFFIX}") as file:
                    text, mark = journal.encode_exact(body)
                    file.write(f"{mark}\n{text}".encode())
        except OSError:
            # The disk that failed the journal may fail this too. Then memory has to do; if the
            # process ends before the disk is mended, the hold expires and is closed by estimate.
            return

    def waiting(self) -> list[Waiting]:
        """Everything that waits."""
        with self._lock:
            return list(self._waiting.values())

    def holds(self) -> frozenset[str]:
        """The holds whose usage waits; they must not be given back."""
        with self._lock:
            return frozenset(self._waiting)

    def done(self, hold: str) -> None:
        """It was appended."""
        with self._writing:
            with self._lock:
                self._waiting.pop(hold, None)
            (self._folder / f"{hold}{_SUFFIX}").unlink(missing_ok=True)


def _plain(entry: journal.NewEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "body": dict(entry.body),
        "actor": entry.actor,
        "said_at_us": entry.said_at_us,
        "id": entry.id,
        "version": entry.version,
    }


def _read(path: Path) -> Waiting | None:
    try:
        mark, _, text = path.read_bytes().decode().partition("\n")
        body = cast("Mapping[str, Any]", journal.decode_exact(text, mark=mark))
        entries = tuple(
            journal.NewEntry(**each) for each in cast("Sequence[dict[str, Any]]", body["entries"])
        )
        return Waiting(
            hold=str(body["hold"]),
            owner=str(body["owner"]),
            session=str(body["session"]),
            entries=entries,
        )
    except (OSError, ValueError, KeyError, TypeError):
        # A file cut by a failing disk: the hold it was for expires and is closed by estimate.
        return None
