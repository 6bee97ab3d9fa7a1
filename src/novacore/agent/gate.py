"""Where later rooms act on a turn: a `Gate` for rules, a `Meter` for limits. Bootstrap fills them.

The defaults here are for a person's own machine, and are named for what they do: nothing.
"""

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from novacore.agent.history import USAGE, Session
from novacore.journal import Appended, NewEntry
from novacore.llm import Finished, ModelInfo, Usage


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a gate says."""

    is_allowed: bool
    reason: str = ""
    """Why not, for the user and the model."""
    version: str = ""
    """The version of the rules that decided."""


ALLOWED = Verdict(is_allowed=True)


class Gate(Protocol):
    """Rules over what goes in and out.

    Fails closed: an error while a message is reviewed fails the turn, one while a call is reviewed
    refuses the call, one while an answer is reviewed refuses what was to be shown of it.
    """

    @property
    def reads_answers(self) -> bool:
        """False: answers are not shown to it."""
        ...

    async def review_message(self, message: Mapping[str, Any]) -> Verdict:
        """About a user's message, before it is journaled."""
        ...

    async def review_call(self, name: str, arguments: Mapping[str, Any]) -> Verdict:
        """About a tool call, after the permissions allowed it."""
        ...

    async def review_answer(self, text: str) -> Verdict:
        """About an answer as far as it has come, before its newest part is shown or journaled.

        What is refused is never journaled as an answer; what had passed is, as a partial one.
        """
        ...


class OpenGate:
    """The gate that lets everything pass."""

    reads_answers = False

    async def review_message(self, message: Mapping[str, Any]) -> Verdict:
        """Always allowed."""
        return ALLOWED

    async def review_call(self, name: str, arguments: Mapping[str, Any]) -> Verdict:
        """Always allowed."""
        return ALLOWED

    async def review_answer(self, text: str) -> Verdict:
        """Always allowed."""
        return ALLOWED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hold:
    """Room reserved for one model call."""

    id: str
    """Written into the call's usage entry; empty: nobody counts."""
    output_tokens_max: int | None = None
    """The cap that was granted; None: the model's own."""
    input_tokens_max: int | None = None
    """The input that was granted, and bounds what a fallback is sent; None: nothing does."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeCall:
    """A model call that is over, as its usage entry tells of it."""

    model: ModelInfo
    """Who answered."""
    finished: Finished
    """What came, whole or in part."""
    purpose: str
    """answer or summary."""
    ms: int
    """How long it took."""

    def body(self, hold: Hold) -> dict[str, Any]:
        """The body of the usage entry where nobody counts for an account."""
        body = {
            "model": self.model.name,
            "provider": self.model.provider,
            **dataclasses.asdict(self.finished.usage),
            "ms": self.ms,
            "purpose": self.purpose,
            "stop_reason": self.finished.stop_reason,
        }
        return body | ({"hold": hold.id} if hold.id else {})


class Meter(Protocol):
    """Counts model calls. Fails closed: without a hold there is no call.

    One hold, one model call, one usage entry.
    """

    async def reserve(self, *, model: ModelInfo, input_tokens: int, purpose: str) -> Hold:
        """Room for one call.

        Raises:
            NovaError: there is none; the turn fails with this error.
        """
        ...

    def submit(
        self, hold: Hold, call: MadeCall, *, session: Session, entries: tuple[NewEntry, ...]
    ) -> "Future[Appended]":
        """Append what a call gave, and behind it what it cost, in one append."""
        ...

    async def settle(self, hold: Hold, usage: Usage) -> None:
        """The call is over and its usage is journaled."""
        ...

    async def release(self, hold: Hold) -> None:
        """There was no call after all."""
        ...


class FreeMeter:
    """The meter that counts nothing and refuses nothing."""

    async def reserve(self, *, model: ModelInfo, input_tokens: int, purpose: str) -> Hold:
        """Always granted."""
        return Hold(id="")

    def submit(
        self, hold: Hold, call: MadeCall, *, session: Session, entries: tuple[NewEntry, ...]
    ) -> "Future[Appended]":
        """Notes what the call cost, for the person's own eyes."""
        return session.submit(*entries, NewEntry(kind=USAGE, body=call.body(hold)))

    async def settle(self, hold: Hold, usage: Usage) -> None:
        """Nothing to settle."""

    async def release(self, hold: Hold) -> None:
        """Nothing to release."""
