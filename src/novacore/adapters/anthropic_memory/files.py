"""The files of one memory folder in one session: each write an entry, the newest one counts."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from anthropic.lib.tools import ToolError

from novacore import journal

WORKSPACE = "anthropic-memory"
FILE = "file"
REMOVED = "file_removed"
_ATTEMPTS_MAX = 32


class Files:
    """Paths with their texts, folded from the journal. Safe between threads and processes.

    Args:
        store: the owner's sessions.
        name: of the session.
        text_bytes_max: the largest file.
    """

    def __init__(self, store: journal.Store, name: str, *, text_bytes_max: int) -> None:
        self._store = store
        self._name = name
        self._text_bytes_max = text_bytes_max
        self._lock = threading.RLock()
        self._begin()

    def read(self) -> Mapping[str, str]:
        """Every path with its text."""
        with self._lock:
            self._refresh()
            return {path: self._text(places[-1]) for path, places in self._places.items()}

    def change(self, make: Callable[[Mapping[str, str]], Mapping[str, str | None]]) -> None:
        """Write what `make` makes of the files as they are; durable on return, all or nothing.

        Args:
            make: given every path with its text, gives those that change; None: removed.

        Raises:
            ToolError: others kept writing, or a text is too large; nothing was changed.
        """
        with self._lock:
            for _ in range(_ATTEMPTS_MAX):
                changed = make(self.read())
                entries = [self._entry(path, text) for path, text in changed.items() if text is not
                           None]  # fmt: skip
                removed = [path for path, text in changed.items() if text is None]
                if removed:
                    entries.append(journal.NewEntry(kind=REMOVED, body={"paths": removed}))
                try:
                    self._session().append(*entries, expected=self._position)
                except journal.PositionConflict:
                    continue
                except journal.SessionUnknown:
                    self._begin()
                    continue
                self._refresh()
                self._clean()
                return
        raise ToolError("Others kept changing the memory directory; nothing was changed. Try again")

    def _entry(self, path: str, text: str) -> journal.NewEntry:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self._text_bytes_max:
            raise ToolError(
                f"File {path} would have {size} bytes; at most {self._text_bytes_max}. "
                "Split it into several files"
            )
        return journal.NewEntry(kind=FILE, body={"path": path, "text": text}, actor="assistant")

    def _begin(self) -> None:
        self._opened: journal.Session | None = None
        self._transcript: journal.Transcript | None = None
        self._position = 0
        self._places: dict[str, list[int]] = {}
        self._leftovers: list[int] = []

    def _session(self) -> journal.Session:
        if self._opened is None:
            self._opened = self._store.session(self._name, workspace=WORKSPACE)
        return self._opened

    def _refresh(self) -> None:
        try:
            transcript = self._session().open()
        except journal.SessionUnknown:
            self._begin()
            transcript = self._session().open()
        if transcript is self._transcript:
            return
        self._transcript = transcript
        for position in range(self._position, transcript.position):
            self._position = position + 1
            entry = transcript.entries[position]
            if not entry.is_erased:
                self._take_in(entry.kind, cast(Mapping[str, Any], entry.body), position)

    def _take_in(self, kind: str, body: Mapping[str, Any], position: int) -> None:
        if kind == FILE:
            self._places.setdefault(body["path"], []).append(position)
        elif kind == REMOVED:
            for path in cast(Iterable[str], body["paths"]):
                self._leftovers += self._places.pop(path, [])

    def _clean(self) -> None:
        """Erase what removed files held, all their versions; also what a kill left."""
        if self._leftovers:
            self._store.erase(self._session().id, positions=self._leftovers)
            self._leftovers = []

    def _text(self, position: int) -> str:
        assert self._transcript is not None
        entry = self._transcript.entries[position]
        return "" if entry.is_erased else str(entry.body["text"])
