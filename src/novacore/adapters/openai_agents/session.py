"""A session of openai-agents in a session of the journal."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, cast

from agents.items import TResponseInputItem
from agents.memory import SessionABC
from agents.memory.session_settings import SessionSettings, resolve_session_limit

from novacore import journal
from novacore.adapters.errors import ThreadBusy
from novacore.adapters.plain import plain

WORKSPACE = "openai-agents"
ITEM = "item"
POPPED = "item_popped"
CLEARED = "items_cleared"
_BATCH_ENTRIES = 500
_ATTEMPTS_MAX = 32


class JournalSession(SessionABC):
    """The items of one conversation, each an entry of the journal; for `Runner.run(session=…)`.

    Items come back equal, in order. What `add_items` was given is durable when it returns, all of
    it or nothing (up to 500 items). `pop_item` and `clear_session` take items out of the session
    by one entry each: the journal still has them, until they are erased with `store.erase`.
    Several tasks, threads and processes may use one session. The store stays yours to close.

    Args:
        session_id: the session's name in the journal.
        store: the journal, as `novacore.open` gives it.
        workspace: where the session is listed; sessions of one name in two workspaces are two.
        session_settings: how many items a run gets, for instance; None: all.

    Example:
        >>> import asyncio, novacore
        >>> from novacore.adapters.openai_agents import JournalSession
        >>> async def talk(store):
        ...     session = JournalSession("ada", store)
        ...     await session.add_items([{"role": "user", "content": "hello"}])
        ...     return await session.get_items()
        >>> with novacore.open("agents") as store:
        ...     asyncio.run(talk(store))
        [{'role': 'user', 'content': 'hello'}]
    """

    def __init__(
        self,
        session_id: str,
        store: journal.Store,
        *,
        workspace: str = WORKSPACE,
        session_settings: SessionSettings | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self._store = store
        self._workspace = workspace
        self._fold: _Fold | None = None
        self._lock = threading.Lock()

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The items, oldest first.

        Args:
            limit: only the newest so many; None: what the settings say, else all.
        """
        wanted = resolve_session_limit(limit, self.session_settings)
        return await asyncio.to_thread(self._items, wanted)

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add items at the end; durable on return.

        Raises:
            EntryRefused: an item holds what JSON can't, or is over a limit; nothing was added.
        """
        entries = [_entry(plain(item)) for item in items]
        for start in range(0, len(entries), _BATCH_ENTRIES):
            await self._append(entries[start : start + _BATCH_ENTRIES], expected=journal.ANY)

    async def pop_item(self) -> TResponseInputItem | None:
        """Take the newest item out of the session and return it; None: there is none.

        Raises:
            ThreadBusy: others kept writing to the session.
        """
        for _ in range(_ATTEMPTS_MAX):
            last, position = await asyncio.to_thread(self._last)
            if last is None:
                return None
            entry = journal.NewEntry(kind=POPPED, body={"position": last[0]})
            try:
                await self._append([entry], expected=position)
            except journal.PositionConflict:
                continue
            return last[1]
        raise ThreadBusy(self.session_id)

    async def clear_session(self) -> None:
        """Take all items out of the session."""
        last, position = await asyncio.to_thread(self._last)
        if last is not None:
            entry = journal.NewEntry(kind=CLEARED, body={"before": position})
            await self._append([entry], expected=journal.ANY)

    async def _append(self, entries: list[journal.NewEntry], *, expected: int) -> None:
        def submit() -> Future[journal.Appended]:
            return self._refreshed().session.submit(*entries, expected=expected)

        await asyncio.wrap_future(await asyncio.to_thread(submit))

    def _items(self, limit: int | None) -> list[TResponseInputItem]:
        fold = self._refreshed()
        with self._lock:
            live = fold.live if limit is None else fold.live[max(0, len(fold.live) - limit) :]
            found = (fold.item(position) for position in live)
            return [item for item in found if item is not None]

    def _last(self) -> tuple[tuple[int, TResponseInputItem] | None, int]:
        """(position and content of the newest item, how many entries there are)"""
        fold = self._refreshed()
        with self._lock:
            for position in reversed(fold.live):
                item = fold.item(position)
                if item is not None:
                    return (position, item), fold.position
            return None, fold.position

    def _refreshed(self) -> "_Fold":
        """The session as it is now; a new one where it was erased."""
        while True:
            with self._lock:
                if self._fold is None:
                    session = self._store.session(self.session_id, workspace=self._workspace)
                    self._fold = _Fold(session)
                try:
                    self._fold.refresh()
                except journal.SessionUnknown:
                    self._fold = None
                    continue
                return self._fold


class _Fold:
    """Which entries of a session are its items now; kept up from where it stopped."""

    def __init__(self, session: journal.Session) -> None:
        self.session = session
        self.position = 0
        self.live: list[int] = []
        self._transcript: journal.Transcript | None = None

    def refresh(self) -> None:
        """Take in what was appended since, by whomever."""
        transcript = self.session.open()
        if transcript is self._transcript:
            return
        self._transcript = transcript
        entries = transcript.entries
        for position in range(self.position, transcript.position):
            self.position = position + 1
            frame = entries.frame(position)
            if frame.is_erased:
                continue
            if frame.kind in (journal.MESSAGE, ITEM):
                self.live.append(position)
            elif frame.kind == POPPED:
                self._drop(entries[position].body["position"])
            elif frame.kind == CLEARED:
                before = entries[position].body["before"]
                self.live = [at for at in self.live if at >= before]

    def _drop(self, position: int) -> None:
        """Forget an item; it is nearly always the last one."""
        if self.live and self.live[-1] == position:
            self.live.pop()
        elif position in self.live:
            self.live.remove(position)

    def item(self, position: int) -> TResponseInputItem | None:
        """An item, decoded afresh; None: it was erased."""
        assert self._transcript is not None
        entry = self._transcript.entries[position]
        return None if entry.is_erased else cast(TResponseInputItem, dict(entry.body))


def _entry(item: Mapping[str, Any]) -> journal.NewEntry:
    """What somebody said is a message, which is shown and recalled; calls and results are items."""
    is_message = "role" in item and item.get("type", "message") == "message"
    return journal.NewEntry(
        kind=journal.MESSAGE if is_message else ITEM, body=item, actor=str(item.get("role", ""))
    )
