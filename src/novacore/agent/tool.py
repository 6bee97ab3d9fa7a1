"""What a tool is: a description for the model, what it touches, and a coroutine that runs it."""

import dataclasses
import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from novacore import llm


class Access(enum.Enum):
    """What a tool does to the world; it decides on questions and on what may run side by side."""

    NOTHING = "nothing"
    """Touches only the agent's own things: notes, jobs, kept output. Needs no question."""
    READ = "read"
    """Reads files. Needs no question."""
    WRITE = "write"
    """Changes the file that its subject names."""
    COMMAND = "command"
    """May do anything."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """What one call is about; permission patterns are compared with it."""

    kind: Literal["none", "path", "command", "text"]
    """path: `text` is relative to the workspace, or absolute outside it; links are resolved."""
    text: str = ""
    """The path, the command or other text."""


NO_SUBJECT = Subject(kind="none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolOutcome:
    """What a tool gave back; it becomes the tool message that the model reads."""

    text: str
    """For the model. Never empty when journaled: nothing is said as "(no output)"."""
    is_error: bool = False
    """True: the tool failed, and `text` says why and what would help."""
    blob: str = ""
    """Where the whole output is kept when `text` is cut; empty: `text` is all."""


class Tool(Protocol):
    """A tool that the model may call.

    `run` gets arguments that fit the schema. What goes wrong is an outcome with `is_error`, not an
    exception; a NovaError or OSError that escapes is turned into one. Cancelling the task must end
    what the tool started; it may still return what it has by then.
    """

    @property
    def spec(self) -> llm.ToolSpec:
        """Name, description and schema, as the model is told."""
        ...

    @property
    def access(self) -> Access:
        """What it touches."""
        ...

    def subject(self, arguments: Mapping[str, Any]) -> Subject:
        """What this call is about.

        Raises:
            OutsideWorkspace: it names a path that this tool may not touch.
        """
        ...

    async def run(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Do it."""
        ...

    async def close(self) -> None:
        """End what is still running. May be called more than once."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class FunctionTool:
    """A tool made of one coroutine function."""

    spec: llm.ToolSpec
    """What the model is told."""
    function: Callable[[Mapping[str, Any]], Awaitable[ToolOutcome]]
    """Does it."""
    access: Access = Access.NOTHING
    """What it touches."""
    subject_of: Callable[[Mapping[str, Any]], Subject] = lambda _arguments: NO_SUBJECT
    """What a call is about."""
    on_close: Callable[[], Awaitable[None]] | None = None
    """Ends what outlives the calls; None: nothing does."""

    def subject(self, arguments: Mapping[str, Any]) -> Subject:
        """What this call is about."""
        return self.subject_of(arguments)

    async def run(self, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Call the function."""
        return await self.function(arguments)

    async def close(self) -> None:
        """End what outlives the calls."""
        if self.on_close:
            await self.on_close()


def failed(text: str) -> ToolOutcome:
    """An outcome that tells the model what went wrong."""
    return ToolOutcome(text=text, is_error=True)
