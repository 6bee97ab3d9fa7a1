"""The entries of a session that lives on a server, fetched in pages as they are read, and kept."""

import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from novacore.journal import frame as frames
from novacore.journal.errors import EntryErased, SessionUnknown
from novacore.journal.frame import Frame
from novacore.journal.segment import damaged_entry

PAGE_ENTRIES: Final = 256
"""How many entries are asked for at once, from a multiple of it on."""

Fetch = Callable[[int, int], tuple[int, list[bytes]]]
"""Gives (position of the first, entries) from a position on, at most so many, at least one."""


class Pages:
    """The stored entries of one session, by position. Safe between threads.

    Args:
        fetch: asks the server.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._stored: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def add(self, first: int, stored: Iterable[bytes]) -> None:
        """Keep entries that came from the server."""
        self._stored.update(enumerate(stored, first))

    def get(self, position: int, *, end: int) -> bytes:
        """One entry; what is fetched with it ends before position `end`."""
        found = self._stored.get(position)
        if found is not None:
            return found
        with self._lock:
            at = max(position - position % PAGE_ENTRIES, 0)
            while position not in self._stored:
                # A page of large entries comes in several parcels.
                while at in self._stored and at < position:
                    at += 1
                first, stored = self._fetch(at, min(end - at, PAGE_ENTRIES))
                self.add(first, stored)
                at = first + len(stored)
        return self._stored[position]


class RemoteRun:
    """Consecutive entries of one session: a `transcript.Run` over pages.

    Args:
        session: the id of the session that they were appended to.
        base: the position of the first.
        count: how many.
        messages: indexes of those that are messages, rising.
        damaged: indexes of those whose stored bytes are damaged.
        pages: where the entries come from.
    """

    def __init__(
        self,
        session: bytes,
        *,
        base: int,
        count: int,
        messages: Sequence[int],
        damaged: frozenset[int],
        pages: Pages,
    ) -> None:
        self.session = session
        self.base = base
        self.count = count
        self.messages: Sequence[int] = array("I", messages)
        self.damaged = damaged
        self.pages = pages
        self._is_message = frozenset(messages)

    def body_of(self, index: int) -> memoryview:
        """The encoded body of one entry."""
        raw = memoryview(self._checked(index))
        return raw[frames.head_size(raw) :]

    def frame(self, index: int) -> Frame:
        """The fields of one entry; raises `Corrupt` where it is damaged."""
        return frames.parse_unchecked(self._checked(index))

    def raw(self, index: int) -> bytes:
        """One entry as a whole frame, damaged or not."""
        position = self.base + index
        try:
            return self.pages.get(position, end=self.base + self.count)
        except SessionUnknown as error:
            raise self._erased(position) from error

    def _checked(self, index: int) -> bytes:
        position = self.base + index
        if index in self.damaged:
            raise damaged_entry(self.session, position)
        raw = self.raw(index)
        if not frames.is_entry(raw, session=self.session, position=position):
            raise damaged_entry(self.session, position)
        # What was a message when the session was opened, and was erased before it was fetched.
        if index in self._is_message and raw[frames.FLAGS_AT] & frames.IS_ERASED:
            raise self._erased(position)
        return raw

    def _erased(self, position: int) -> EntryErased:
        return EntryErased(session_id=frames.session_text(self.session), position=position)
