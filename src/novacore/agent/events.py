"""What an agent reports while a turn runs. The last event of every turn is `TurnFinished`."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from novacore.agent.tool import ToolOutcome
from novacore.agent.view import View
from novacore.kit import NovaError
from novacore.llm import (
    Retrying,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

FinishReason: TypeAlias = Literal["end", "step_limit", "cancelled", "failed"]
"""Why a turn ended: the model was done, the limit was reached, the user stopped it, an error."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TurnStarted:
    """The user's message is in the journal."""

    position: int
    """Where."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepStarted:
    """A model call begins."""

    step: int
    """From 1."""
    steps_max: int
    """The limit of this turn."""
    context_tokens: int
    """Estimated tokens of the request, system prompt and tools included."""
    window_tokens: int
    """The model's window."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MessageRecorded:
    """A message is durable in the journal."""

    position: int
    """Where."""
    message: Mapping[str, Any]
    """The message as journaled."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolStarted:
    """A tool call was allowed and runs."""

    call: ToolCall


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolFinished:
    """A tool call has its result, which is in the journal. Calls that never ran have one too."""

    call: ToolCall
    outcome: ToolOutcome
    elapsed_ms: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewMade:
    """The requests from here on leave something out; the journal keeps everything."""

    view: View


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repaired:
    """Calls and results did not pair; the mend is in the journal."""

    count: int
    """How many mends."""
    why: str
    """What was wrong, in one sentence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UsageNoted:
    """A model call is over and its usage is in the journal."""

    usage: Usage
    purpose: str
    """answer or summary."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the user should know that is no failure, in one or two plain sentences."""

    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TurnFinished:
    """The turn is over and the history is valid."""

    reason: FinishReason
    steps: int
    """Model calls made for answers."""
    error: NovaError | None = None
    """What failed, where the reason is `failed`."""


AgentEvent: TypeAlias = (
    TurnStarted
    | StepStarted
    | TextDelta
    | ThinkingDelta
    | ToolCallDelta
    | Retrying
    | MessageRecorded
    | ToolStarted
    | ToolFinished
    | ViewMade
    | Repaired
    | UsageNoted
    | Notice
    | TurnFinished
)
