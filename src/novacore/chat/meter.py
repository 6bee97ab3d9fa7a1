"""The agent's meter over holds: each model call of a turn has its own."""

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from novacore import agent, billing, journal, llm
from novacore.chat.metering import MeteredCall, Metering

MakeAdmission = Callable[[str, int, llm.ModelInfo], billing.Admission]
"""Told purpose, input tokens and model; gives the admission of a further call of a turn."""
Began = Callable[[MeteredCall], Awaitable[None]]
"""Told of each call before it is made."""


class TurnMeter:
    """Counts the calls of one session's turns, one turn at a time.

    Args:
        metering: where holds come from.
    """

    def __init__(self, metering: Metering) -> None:
        self._metering = metering
        self._first: MeteredCall | None = None
        self._calls: dict[str, MeteredCall] = {}
        self._admission: MakeAdmission | None = None
        self._began: Began | None = None
        self.stop_reason = ""
        """Why the last answer ended, in the model's words."""
        self.input_tokens = 0
        self.output_tokens = 0

    def begin(self, first: MeteredCall, *, admission: MakeAdmission, began: Began) -> None:
        """A turn begins; its first call has its hold already."""
        self._first, self._admission, self._began = first, admission, began
        self._calls = {first.hold.id: first}
        self.stop_reason = ""
        self.input_tokens = self.output_tokens = 0

    async def end(self, error: BaseException | None = None) -> None:
        """The turn is over: close what is still open."""
        calls, self._calls = list(self._calls.values()), {}
        first, self._first = self._first, None
        if first is not None:
            await first.release()
        for call in calls:
            await call.end(error)

    def note(self, output_tokens: int) -> None:
        """So much of the running answer has come."""
        for call in self._calls.values():
            if not call.is_closed:
                call.note(output_tokens)

    async def reserve(self, *, model: llm.ModelInfo, input_tokens: int, purpose: str) -> agent.Hold:
        """See `agent.Meter`."""
        assert self._admission is not None, "no turn was begun"
        assert self._began is not None, "no turn was begun"
        told = self._admission(purpose, input_tokens, model)
        first, call = self._first, None
        if first is not None and purpose == "answer":
            self._first, call = None, first
            call.answers(told.model)
        if call is None:
            call = self._metering.call(told)
            await call.begin()
            self._calls[call.hold.id] = call
        await self._began(call)
        call.sent()
        return agent.Hold(
            id=call.hold.id,
            output_tokens_max=call.hold.output_tokens_max,
            input_tokens_max=call.hold.input_tokens if call.hold.messages else None,
        )

    def submit(
        self,
        hold: agent.Hold,
        call: agent.MadeCall,
        *,
        session: agent.Session,
        entries: tuple[journal.NewEntry, ...],
    ) -> "Future[journal.Appended]":
        """See `agent.Meter`."""
        metered = self._calls[hold.id]
        finished = call.finished
        outcome = "done"
        if finished.is_partial:
            outcome = "stopped" if finished.stop_reason == "cancelled" else "broken"
        if call.purpose == "answer":
            self.stop_reason = finished.stop_reason
        self.input_tokens += finished.usage.input_tokens
        self.output_tokens += finished.usage.output_tokens
        told = metered.entry(finished.usage, outcome=outcome, provider=call.model.provider)
        own: Any = session
        return metered.submit(own, *entries, told)

    async def settle(self, hold: agent.Hold, usage: llm.Usage) -> None:
        """See `agent.Meter`: the journal has it, the ledger follows."""
        await self._calls[hold.id].end()

    async def release(self, hold: agent.Hold) -> None:
        """See `agent.Meter`.

        The turn's first hold stays, for what is asked in place of a call that cost nothing: it
        counts the message, and answers for its Idempotency-Key. The turn's end gives it back.
        """
        call = self._calls[hold.id]
        if call.hold.messages and not call.is_closed:
            self._first = call
            return
        await call.release()
        await call.end()
