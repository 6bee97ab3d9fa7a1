"""Where rules act on a turn: on what a person says, and on what the model answers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from novacore import agent


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a policy says."""

    is_allowed: bool
    reason: str = ""
    """Why not, in words for the person."""
    version: str = ""
    """The version of the rules that decided; each decision can be replayed with it."""


class Policy(Protocol):
    """Rules over what goes in and out. Fails closed: an error refuses what was to be reviewed."""

    @property
    def name(self) -> str:
        """What status and documents call it."""
        ...

    @property
    def reads_output(self) -> bool:
        """False: answers are not shown to it, so streams may pass undecoded."""
        ...

    async def review_input(self, messages: Sequence[Mapping[str, Any]], /) -> Verdict:
        """About what a person says, before anything of it is journaled."""
        ...

    async def review_output(self, text: str, /) -> Verdict:
        """About an answer as far as it has come, before its newest part is shown or journaled."""
        ...


_ALLOWED: Final = Verdict(is_allowed=True, version="permissive")


class PermissivePolicy:
    """The policy that lets everything pass, and is called so."""

    name = "permissive"
    reads_output = False

    async def review_input(self, messages: Sequence[Mapping[str, Any]]) -> Verdict:
        """Always allowed."""
        return _ALLOWED

    async def review_output(self, text: str) -> Verdict:
        """Always allowed."""
        return _ALLOWED


class PolicyGate(agent.OpenGate):
    """The policy's place in the agent: in the answer's path, before it is shown or journaled.

    What a person says was reviewed before the turn began.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def reads_answers(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the policy does."""
        return self._policy.reads_output

    async def review_answer(self, text: str) -> agent.Verdict:
        """What the policy says of it."""
        verdict = await self._policy.review_output(text)
        return agent.Verdict(
            is_allowed=verdict.is_allowed, reason=verdict.reason, version=verdict.version
        )
