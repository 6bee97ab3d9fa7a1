"""What chat has of memory: what was said earlier is found, and what was said now is learnt.

`InThreads` does it in this process. A server hands it to a process of its own, which is told what
to find and gives `Found` back: see `bootstrap`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from novacore import journal, kit

LearnFrom = Callable[[str, str], None]
"""Told account and session after an answer: uses, facts and time are taken in."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Something said earlier, or a memory made of it, that fits what is said now."""

    score: float
    """How well, 0 to 1."""
    session: str
    """The id of the session it is in."""
    position: int
    """Where in the session."""
    text: str
    """The words."""
    speaker: str
    """Who said it; empty: not known."""
    said_at_us: int
    """When, µs UTC."""
    sources: tuple[tuple[str, int], ...]
    """(session id, position) of what it rests on: itself, or what a memory was made from."""
    is_here: bool
    """All of that stands in the conversation that asks."""


class Remembering(Protocol):
    """Memory as turns use it. Both ways are never in the way of a turn: they raise nothing."""

    async def recall(
        self, account_id: str, text: str, *, session_id: str, limit: int, tokens_max: int
    ) -> Sequence[Found]:
        """What fits a text, best first, more than is shown; nothing where recall is away.

        Args:
            account_id: whose memory.
            text: what is said now.
            session_id: the conversation that asks; empty: none.
            limit: how many are to be shown at most.
            tokens_max: how much room they may take.
        """
        ...

    async def learn(self, account_id: str, session_id: str) -> None:
        """Take in what was said in a session; what can't be now is with its next turn."""
        ...


class InThreads:
    """Remembers in threads of this process.

    Args:
        store_of: one account's sessions and recall.
        learn: see `LearnFrom`.
    """

    def __init__(self, store_of: Callable[[str], Any], *, learn: LearnFrom) -> None:
        self._store_of = store_of
        self._learn = learn

    async def recall(
        self, account_id: str, text: str, *, session_id: str, limit: int, tokens_max: int
    ) -> Sequence[Found]:
        """See `Remembering`."""
        return await asyncio.to_thread(
            lambda: find(
                self._store_of(account_id),
                text,
                session_id=session_id,
                limit=limit,
                tokens_max=tokens_max,
            )
        )

    async def learn(self, account_id: str, session_id: str) -> None:
        """See `Remembering`."""
        with contextlib.suppress(kit.NovaError):
            await asyncio.to_thread(self._learn, account_id, session_id)


def find(
    store: Any, text: str, *, session_id: str, limit: int, tokens_max: int
) -> tuple[Found, ...]:
    """What a store's recall finds; see `Remembering.recall`. Waits for the journal.

    Args:
        store: the account's sessions, with recall.
        text: what is said now.
        session_id: the conversation that asks; empty: none.
        limit: how many are to be shown at most.
        tokens_max: how much room they may take.
    """
    if not limit or not tokens_max:
        return ()
    # Whoever looks for a session that is not there says so.
    with contextlib.suppress(kit.NovaError):
        # What stands beside a hit is not shown, and must not take the room of hits.
        hits = store.recall(text, limit=2 * limit, tokens_max=tokens_max, neighbours=0)
        asking = store.get_session(session_id).open() if hits and session_id else None
        return tuple(_found(hit, asking) for hit in hits)
    return ()


def _found(hit: Any, asking: journal.Transcript | None) -> Found:
    sources = tuple((str(session), int(position)) for session, position in hit.sources)
    return Found(
        score=float(hit.score),
        session=hit.session.id,
        position=hit.position,
        text=hit.text,
        speaker=hit.speaker,
        said_at_us=hit.said_at_us,
        sources=sources,
        # A memory is here where everything that it was made from is.
        is_here=asking is not None
        and bool(sources)
        and all(_is_in(asking.entries, *each) for each in sources),
    )


def _is_in(entries: Sequence[journal.Entry], session_id: str, position: int) -> bool:
    # A fork has its parent's entries as the parent's.
    return position < len(entries) and entries[position].session_id == session_id
