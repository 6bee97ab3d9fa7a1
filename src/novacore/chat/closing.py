"""Closing holds whose owner is gone: by an estimate, and with what had arrived of the answer."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable

from novacore import billing, journal, kit, llm
from novacore.chat.ledger import Ledger
from novacore.chat.spool import Spool
from novacore.chat.usage import usage_entry
from novacore.chat.usage_feed import UsageFeed
from novacore.chat.usage_sessions import UsageSessions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partial:
    """What is known of a call whose owner is gone."""

    session: journal.Session
    """The conversation it was made for."""
    entries: tuple[journal.NewEntry, ...]
    """The partial answer; empty where nothing had arrived."""
    output_tokens: int
    """Estimated tokens of what had arrived."""


FindPartial = Callable[[billing.ExpiredHold], Awaitable[Partial | None]]
"""Told a hold; gives what its stream's log holds, or None."""


async def _nothing(_hold: billing.ExpiredHold) -> Partial | None:
    return None


class Closer:
    """Closes expired holds. An entry that comes first wins: the journal refuses the other.

    Args:
        ledger: says which have expired, by the database's clock.
        feed: reads the journal up to its head before, and after.
        sessions: where usage stands that belongs to no conversation.
        spool: what waits there is no orphan.
    """

    def __init__(
        self, *, ledger: Ledger, feed: UsageFeed, sessions: UsageSessions, spool: Spool
    ) -> None:
        self._ledger = ledger
        self._feed = feed
        self._sessions = sessions
        self._spool = spool
        self.find_partial: FindPartial = _nothing
        """Gives what had arrived of a call; set by whoever keeps stream logs."""

    async def close_expired(self, account_id: str | None) -> int:
        """Close the expired holds of an account (None: of all); returns how many there were.

        What the journal already tells of them is settled first, so that an estimate is only
        written where there is nothing better.
        """
        if not await asyncio.to_thread(self._ledger.expired_holds, account_id):
            return 0
        await asyncio.to_thread(self._feed.drain)
        waiting = self._spool.holds()
        found = await asyncio.to_thread(self._ledger.expired_holds, account_id)
        orphans = [hold for hold in found if hold.id not in waiting]
        for hold in orphans:
            await kit.to_end(self.close(hold))
        if orphans:
            await asyncio.to_thread(self._feed.drain)
        return len(orphans)

    async def close(self, hold: billing.ExpiredHold) -> None:
        """Append the estimate of one hold, unless its real usage is known."""
        partial = await self.find_partial(hold)
        output_tokens = hold.output_tokens_seen
        entries: tuple[journal.NewEntry, ...] = ()
        if partial is None:
            session = await asyncio.to_thread(self._sessions.get, hold.account_id, hold.day)
        else:
            session, entries = partial.session, partial.entries
            output_tokens = max(output_tokens, partial.output_tokens)
        usage = llm.Usage(
            input_tokens=hold.input_tokens, output_tokens=output_tokens, source="estimate"
        )
        told = usage_entry(hold, usage, outcome="expired")
        # Known with other content: whoever made the call, or another closer, was first.
        with contextlib.suppress(journal.IdConflict):
            await asyncio.wrap_future(session.submit(*entries, told))
        self._feed.wake()
