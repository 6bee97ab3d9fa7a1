"""The session behind a plain model call: its history goes to the model, what is said is journaled.

Only a call that names a session has one (the header X-Nova-Session). Then the request holds what
is new, and nothing that the session knows already.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

from novacore import journal, kit, llm
from novacore.chat.calls_model import Caller, CallRequest
from novacore.chat.remembering import Remembering
from novacore.chat.reminding import chosen

OpenSession = Callable[[str, str], journal.Session]
"""Opens or makes a session of an account, by name or id."""


@dataclasses.dataclass(kw_only=True)
class CallSession:
    """What one call has of a session: history and reminders before it, the answer after it."""

    name: str
    """Empty: the call has reminders only."""
    owner: str
    """Whose session it is."""
    opened: Any = None
    """The session itself."""
    history: Sequence[llm.Message] = ()
    """What stands before the client's messages."""
    lead: str = ""
    """A note for the model, with what was recalled."""
    left_out: int = 0
    """Messages of the session that did not fit in the model's window."""
    history_tokens: int = 0
    """Our estimate of history and note."""
    new: Sequence[llm.Message] = ()
    """What the client says now; journaled before the call."""

    def tokens(self, percent: int) -> int:
        """What history and note cost a model's family, from above."""
        return -(-self.history_tokens * percent * 120 // 10_000)

    async def said(self, *, hold_id: str) -> None:
        """Journal what the client says; durable on return.

        The entries' ids follow from the hold's: where a call died and runs again under its hold,
        they are there already.
        """
        if self.name and self.new:
            entries = [
                journal.NewEntry(body=dict(each), id=str(kit.derived_id("said", hold_id, str(at))))
                for at, each in enumerate(self.new)
            ]
            await asyncio.wrap_future(self.opened.submit(*entries))

    def answered(self, finished: llm.Finished, *, outcome: str) -> journal.NewEntry:
        """The entry of the answer, as far as it came."""
        message = dict(finished.message)
        if outcome != "done":
            message["is_partial"] = True
        return journal.NewEntry(body=message)


class CallSessions:
    """Opens the sessions of calls.

    Args:
        remembering: finds what was said earlier.
        open_session: opens or makes a session by account and name.
        hits: how many things said earlier a call is reminded of.
        tokens_max: how much room those may take.
        score_min: how well something must fit.
    """

    def __init__(
        self,
        *,
        remembering: Remembering,
        open_session: OpenSession,
        hits: int,
        tokens_max: int,
        score_min: float,
    ) -> None:
        self._remembering = remembering
        self._open_session = open_session
        self._hits = hits
        self._tokens_max = tokens_max
        self._score_min = score_min

    async def open(
        self, request: CallRequest, *, body: llm.Body, caller: Caller, model: llm.CatalogModel
    ) -> CallSession:
        """The session that a request names, with as much history as fits in the model's window.

        Raises:
            SessionMissing: it can't be a session's name, or is not the caller's.
            JournalError: the journal does not answer.
        """
        made = await asyncio.to_thread(self._open, request, body, caller, model)
        if request.is_recalling:
            # What the model gets whole it need not be reminded of.
            seen_id = made.opened.id if made.opened is not None and not made.left_out else ""
            made.lead = await self._lead(made.owner, body, seen_id=seen_id)
            made.history_tokens += llm.count_tokens(made.lead)
        return made

    def _open(
        self, request: CallRequest, body: llm.Body, caller: Caller, model: llm.CatalogModel
    ) -> CallSession:
        owner = caller.session_owner
        made = CallSession(name=request.session, owner=owner)
        if request.session:
            made.opened = self._open_session(owner, request.session)
            past = list(made.opened.messages)
            new = [each for each in body.messages if each.get("role") not in _TOLD]
            if _is_unanswered(new, past):
                # A client tries again what failed: it was said once, and is journaled already.
                past = past[: -len(new)]
            else:
                made.new = new
            room = _room(body, model)
            made.history = _fitting(past, room=room)
            made.left_out = len(past) - len(made.history)
        made.history_tokens = sum(_tokens(each) for each in made.history)
        return made

    async def _lead(self, owner: str, body: llm.Body, *, seen_id: str) -> str:
        """What was said earlier that fits what is asked now; empty: nothing does."""
        asked = next(
            (
                reading.text
                for each in reversed(body.messages)
                if (reading := llm.read_message(each)).role == "user" and reading.text.strip()
            ),
            "",
        )
        if not asked:
            return ""
        found = await self._remembering.recall(
            owner, asked, session_id="", limit=self._hits, tokens_max=self._tokens_max
        )
        return chosen(
            found,
            limit=self._hits,
            score_min=self._score_min,
            is_seen=lambda hit: hit.session == seen_id,
        ).note


_TOLD: Final = ("system", "developer")


def _is_unanswered(new: Sequence[llm.Message], past: Sequence[llm.Message]) -> bool:
    """Whether what is said now is what the session ends with: nobody answered it."""
    tail = past[-len(new) :] if new else []
    return bool(tail) and [dict(each) for each in tail] == [dict(each) for each in new]


def _room(body: llm.Body, model: llm.CatalogModel) -> int:
    """How many tokens of history fit beside the request and its answer."""
    own = llm.input_tokens(body, tokens_percent=model.choice.tokens_percent)
    cap = min(body.output_tokens_wanted or model.output_tokens_max, model.window_tokens // 2)
    room = model.window_tokens - own - cap
    return room * 10_000 // (model.choice.tokens_percent * 120)


def _fitting(past: Sequence[llm.Message], *, room: int) -> Sequence[llm.Message]:
    """The newest messages that fit, from a person's word on: no result without its call."""
    first = len(past)
    while first and (room := room - _tokens(past[first - 1])) >= 0:
        first -= 1
    while first < len(past) and llm.read_message(past[first]).role not in ("user", "system"):
        first += 1
    return past[first:]


def _tokens(message: llm.Message) -> int:
    return llm.message_tokens(message)
