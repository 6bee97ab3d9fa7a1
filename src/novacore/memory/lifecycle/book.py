"""One owner's memories in the journal: kept up with what anybody appends, changed by appending."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from novacore import journal
from novacore.memory.errors import MemoriesBusy
from novacore.memory.lifecycle import entries
from novacore.memory.lifecycle.fold import Fold, Record

TRIES_MAX: Final = 100
"""How often a change is tried when others append in between."""
BATCH_MAX: Final = 500
"""Most entries in one append."""


class Store(Protocol):
    """The part of a session store that memories need."""

    def session(self, name: str, *, workspace: str = "") -> journal.Session:
        """The session of that name, created when there is none."""
        ...

    def get_session(self, name_or_id: str, *, workspace: str | None = None) -> journal.Session:
        """The session of that name; raises `SessionUnknown`."""
        ...

    def erase(self, session_id: str, *, positions: Sequence[int] | None = None) -> int:
        """Destroy entries for good."""
        ...

    def feed(self) -> journal.Feed:
        """What tells of changes and erasures."""
        ...


Build = Callable[[Fold, str], Sequence[journal.NewEntry]]
"""Makes the entries of a change from what is known, and the session's id."""


class Book:
    """The fold of one owner's memories, and the way to change them. Safe between threads.

    Args:
        store: the owner's sessions.
        expires_at_us: when a record fades.
        name: of the session that holds them.
    """

    def __init__(
        self,
        store: Store,
        *,
        expires_at_us: Callable[[Record], int | None],
        name: str = entries.SESSION_NAME,
    ) -> None:
        self._store = store
        self._name = name
        self._feed = store.feed()
        self._expires_at_us = expires_at_us
        self._reading = threading.RLock()
        self._writing = threading.Lock()
        self._session: journal.Session | None = None
        self._fold = Fold(expires_at_us)
        self._mark: object = object()
        self._erasures = 0
        self.damaged: tuple[int, ...] = ()
        """Positions of entries whose bytes are damaged: what they said is not shown."""

    @contextmanager
    def read(self) -> Generator[Fold]:
        """The memories now. Nobody else changes them while the block runs."""
        with self._reading:
            self._refresh()
            yield self._fold

    def change(self, build: Build) -> int:
        """Append what `build` makes of the memories as they are; returns how many entries.

        Where somebody appended in between, it is built again from what is known then.

        Raises:
            MemoriesBusy: that happened again and again; nothing was written.
        """
        with self._writing:
            for _ in range(TRIES_MAX):
                with self.read() as fold:
                    session, position = self._session, fold.position
                    drafts = build(fold, session.id if session else "")
                if not drafts:
                    return 0
                if session is None:
                    # The ids of entries hold the session's: make it, and build them again.
                    self._made_session()
                    continue
                try:
                    session.append(*drafts, expected=position)
                except (journal.PositionConflict, journal.IdConflict):
                    continue
                except journal.SessionUnknown:
                    self._session, self._mark = None, object()
                    continue
                return len(drafts)
        raise MemoriesBusy

    def append(self, *drafts: journal.NewEntry) -> None:
        """Append what conflicts with nothing."""
        self._made_session().append(*drafts)

    def destroy(self) -> int:
        """Destroy what forgotten memories left; returns how many entries it was."""
        with self.read() as fold:
            session, left = self._session, sorted(fold.unfinished)
        if session is None or not left:
            return 0
        return self._store.erase(session.id, positions=left)

    @property
    def session_id(self) -> str:
        """The id of the session that holds the memories; empty: there is none yet."""
        with self.read():
            return "" if self._session is None else self._session.id

    def _made_session(self) -> journal.Session:
        with self._reading:
            self._refresh()
            if self._session is None:
                self._session = self._store.session(self._name, workspace=entries.WORKSPACE)
            return self._session

    def _refresh(self) -> None:
        # The mark is taken first: what changes from here on is seen the next time.
        mark = self._feed.mark()
        if mark == self._mark:
            return
        self._follow_erasures()
        transcript = self._opened()
        if transcript is None:
            self._session, self._fold = None, Fold(self._expires_at_us)
        elif transcript.position != self._fold.position:
            self._catch_up(transcript)
        self._mark = mark

    def _follow_erasures(self) -> None:
        number = self._feed.state().erasures
        while self._erasures < number and self._session is not None:
            found = self._feed.erasures(self._erasures)
            if not found:
                break
            for erased in found:
                is_ours = erased.session_id == self._session.id
                if is_ours and self._fold.is_touched_by(erased.positions):
                    self._fold = Fold(self._expires_at_us)
            self._erasures = found[-1].number
        self._erasures = max(self._erasures, number)

    def _opened(self) -> journal.Transcript | None:
        if self._session is not None:
            try:
                return self._session.open()
            except journal.SessionUnknown:
                self._fold = Fold(self._expires_at_us)
        try:
            self._session = self._store.get_session(self._name, workspace=entries.WORKSPACE)
            return self._session.open()
        except journal.SessionUnknown:
            return None

    def _catch_up(self, transcript: journal.Transcript) -> None:
        if transcript.position < self._fold.position:
            self._fold = Fold(self._expires_at_us)
        damaged = transcript.damaged
        found = transcript.entries
        wanted = range(self._fold.position, len(found))
        left_out = frozenset(damaged)
        self._fold.add([found[at] for at in wanted if at not in left_out])
        self._fold.position = len(found)
        self.damaged = tuple(damaged)
