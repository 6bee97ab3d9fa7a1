"""The lines that were typed, kept in a file that only its owner can read."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

HISTORY_FILE = "history"
"""The file's name in the data directory."""
_SLACK = 2


class HistoryFile(History):
    """One JSON text per line, newest last; unreadable lines are passed by.

    Several processes may add to it. When it has grown to twice its size, the oldest half is
    dropped; a line that another process adds in that moment may be lost.

    Args:
        path: the file; made with mode 0600 when the first line is kept.
        entries_max: how many lines are kept; 0 keeps none.
    """

    def __init__(self, path: Path, *, entries_max: int) -> None:
        super().__init__()
        self._path = path
        self._entries_max = entries_max

    def load_history_strings(self) -> Iterable[str]:
        """The lines, newest first."""
        lines = self._read()
        if len(lines) > _SLACK * self._entries_max:
            lines = lines[-self._entries_max :]
            self._rewrite(lines)
        return lines[::-1][: self._entries_max]

    def store_string(self, string: str) -> None:
        """Keep one line."""
        if not self._entries_max:
            return
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(string) + "\n")

    def forget(self, said: Iterable[str] | None) -> None:
        """Destroy lines that say the same as one of these; None: all of them."""
        lines = self._read()
        gone = None if said is None else {each.strip() for each in said}
        kept = [] if gone is None else [line for line in lines if line.strip() not in gone]
        if len(kept) == len(lines):
            return
        with self._path.open("r+b") as file:
            # What the file system keeps of a replaced file is blank.
            file.write(b"\n" * self._path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        self._rewrite(kept)

    def _read(self) -> list[str]:
        try:
            raw = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        lines: list[str] = []
        for line in raw.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, str):
                lines.append(value)
        return lines

    def _rewrite(self, lines: list[str]) -> None:
        fresh = self._path.with_suffix(f".{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        fresh.replace(self._path)
