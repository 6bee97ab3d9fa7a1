"""Usage that nobody waits for: what ends at nearly the same time is appended in one go.

One append of twenty entries costs the journal little more than one of one. What a kill takes from
here was only gathered: its hold is open, and is closed by an estimate.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from novacore import billing, journal

GATHER_S: Final = 0.02
"""How long an entry waits for others."""
GATHERED_MAX: Final = 64
"""So many do not wait any longer, whatever the time."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The usage of one call that has ended."""

    entry: journal.NewEntry
    hold: billing.Hold


Append = Callable[[journal.Session, Sequence[Ended]], None]


class Gathering:
    """Gathers by session. For one thread: that of the event loop.

    Args:
        append: given a session and what belongs to it, in order; must not wait.
    """

    def __init__(self, append: Append) -> None:
        self._append = append
        self._sessions: dict[str, journal.Session] = {}
        self._ended: dict[str, list[Ended]] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, session: journal.Session, ended: Ended) -> None:
        """Append it with the next go, soon."""
        self._sessions[session.id] = session
        self._ended.setdefault(session.id, []).append(ended)
        self._count += 1
        if self._count >= GATHERED_MAX:
            self.send()
            return
        loop = asyncio.get_running_loop()
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(GATHER_S, self.send)

    def send(self) -> None:
        """Append everything now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sessions, ended = self._sessions, self._ended
        self._sessions, self._ended, self._count = {}, {}, 0
        for session_id, session in sessions.items():
            self._append(session, ended[session_id])
