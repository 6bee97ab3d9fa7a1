"""Streams whose producer is gone: what had arrived is appended as a partial answer, once."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from novacore import billing, journal, kit, llm
from novacore.chat.closing import Partial
from novacore.chat.errors import StreamsUnavailable
from novacore.chat.session_rows import SessionRows
from novacore.chat.streams.log import StreamLog
from novacore.chat.streams.model import STEP, TERMINAL, StreamEvent, StreamHead
from novacore.chat.usage import usage_entry
from novacore.chat.usage_feed import UsageFeed
from novacore.chat.usage_sessions import UsageSessions

_HOLD: Final = (
    "id", "account_id", "day", "plan", "purpose", "model", "price_version", "input_tokens",
    "output_tokens_max", "messages", "agent_id", "key_id", "admitted_at_us", "lease_until_us",
)  # fmt: skip


def step_of(hold: billing.Hold) -> dict[str, Any]:
    """What a stream's log keeps of a call before it is made: enough to close its hold."""
    return {name: getattr(hold, name) for name in _HOLD}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LostCall:
    """The last call of a stream that did not come to its end."""

    hold: billing.Hold
    text: str
    """What had arrived of the answer."""


def lost_call(events: Sequence[StreamEvent]) -> LostCall | None:
    """The call that a stream's log breaks off in; None: it ended, or made none."""
    if any(each.name in TERMINAL for each in events):
        return None
    steps = [at for at, each in enumerate(events) if each.name == STEP]
    if not steps:
        return None
    told = events[steps[-1]].data
    try:
        hold = billing.Hold(**{name: told[name] for name in _HOLD})
    except KeyError:
        return None
    pieces = (str(each.data.get("text", "")) for each in events[steps[-1] :] if _is_text(each))
    return LostCall(hold=hold, text="".join(pieces))


def _is_text(event: StreamEvent) -> bool:
    return event.name == "delta"


def partial_entries(lost: LostCall) -> tuple[journal.NewEntry, ...]:
    """The partial answer; the same one whoever appends it. Nothing arrived: no answer."""
    if not lost.text:
        return ()
    body: Mapping[str, Any] = {
        "role": "assistant",
        "content": lost.text,
        "is_partial": True,
        "stop_reason": "broken",
    }
    answer_id = str(kit.derived_id("answer", lost.hold.id))
    return (journal.NewEntry(body=body, actor=lost.hold.model[:200], id=answer_id),)


class Recovering:
    """Ends what dead producers left.

    Args:
        streams: the logs.
        rows: which streams answer where.
        sessions: finds an account's session.
        feed: settles what is appended.
    """

    def __init__(
        self, *, streams: StreamLog, rows: SessionRows, sessions: UsageSessions, feed: UsageFeed
    ) -> None:
        self._streams = streams
        self._rows = rows
        self._sessions = sessions
        self._feed = feed

    async def is_dead(self, stream: str) -> bool:
        """Whether nobody writes a stream any more, and whoever did had not let go of its session.

        Raises:
            StreamsUnavailable: it can't be told now.
        """
        if self._streams.is_here(stream):
            return False
        return not (await self._streams.read(stream)).is_alive

    async def recover(self, stream: str, *, owner: str, session_id: str) -> None:
        """Append what had arrived, close the hold by estimate, and free the session."""
        head = await self._streams.find(stream)
        if head is not None and (head.account, head.session) == (owner, session_id):
            events = (await self._streams.read(stream)).events
            lost = lost_call(events)
            if lost is not None:
                await kit.to_end(self._append(head, lost))
        await asyncio.to_thread(self.free, owner, session_id, stream)

    async def _append(self, head: StreamHead, lost: LostCall) -> None:
        owner = head.account
        session = await asyncio.to_thread(self._sessions.find, owner, head.session)
        if session is None:
            # It was erased; what the call cost still counts, by its expired hold.
            return
        usage = llm.Usage(
            input_tokens=lost.hold.input_tokens,
            output_tokens=llm.count_tokens(lost.text),
            source="estimate",
        )
        told = usage_entry(lost.hold, usage, outcome="expired")
        # Known with other content: the producer had told it, or another worker was first.
        with contextlib.suppress(journal.IdConflict):
            await asyncio.wrap_future(session.submit(*partial_entries(lost), told))
        self._feed.wake()

    async def recover_all(self) -> int:
        """Look after every session that a dead stream still claims; returns how many there were."""
        count = 0
        for facts in await asyncio.to_thread(self._rows.active):
            stream = facts.active_stream
            with contextlib.suppress(StreamsUnavailable):
                if stream is not None and await self.is_dead(stream):
                    await self.recover(stream, owner=facts.account_id, session_id=facts.id)
                    count += 1
        return count

    def free(
        self, owner: str, session_id: str, stream: str, *, session: journal.Session | None = None
    ) -> None:
        """The stream answers in the session no more; `session`: it, where it is open already."""
        session = session or self._sessions.find(owner, session_id)
        info = None
        if session is not None:
            with contextlib.suppress(journal.SessionUnknown):
                info = session.info
        messages, at_us = (info.messages, info.updated_at_us) if info is not None else (0, 0)
        self._rows.let_go(session_id, stream, messages=messages, at_us=at_us)

    async def find_partial(self, hold: billing.ExpiredHold) -> Partial | None:
        """What a stream's log holds of an expired hold's call; see `closing.Closer`."""
        try:
            heads = [
                each
                for each in await self._streams.heads()
                if each.account in (hold.account_id, hold.agent_id)
            ]
            for head in heads:
                lost = lost_call((await self._streams.read(head.stream)).events)
                if lost is not None and lost.hold.id == hold.id:
                    return await self._partial(head, lost)
        except StreamsUnavailable:
            # The call is closed without its words rather than kept open for them.
            return None
        return None

    async def _partial(self, head: StreamHead, lost: LostCall) -> Partial | None:
        session = await asyncio.to_thread(self._sessions.find, head.account, head.session)
        if session is None:
            return None
        return Partial(
            session=session,
            entries=partial_entries(lost),
            output_tokens=llm.count_tokens(lost.text),
        )
