"""What can go wrong in the agent room.

NovaError
└── AgentError
    ├── TurnRunning      REFUSED  a turn is running on this agent
    ├── AgentClosed      REFUSED  the agent was closed
    ├── MessageRefused   REFUSED  what was given to `run` is no user message
    ├── ContextTooLarge  REFUSED  the running round alone is larger than the model's window
    ├── RuleInvalid      REFUSED  a permission rule that can't be read
    ├── ToolUnusable     REFUSED  two tools of one name, or a schema that can't be checked
    ├── GateRefused      REFUSED  a gate stopped the turn
    └── OutsideWorkspace REFUSED  a path outside the workspace

A tool that fails raises none of these to the caller: the model is told in the tool's result.
"""

from novacore.kit import NovaError


class AgentError(NovaError):
    """The agent could not do what was asked."""


class TurnRunning(AgentError):
    """A turn is running; wait for it or cancel it."""


class AgentClosed(AgentError):
    """The agent was closed."""


class MessageRefused(AgentError):
    """A turn begins with a user message: a text, or a mapping with role user."""


class ContextTooLarge(AgentError):
    """What must be sent is larger than the model's window."""

    def __init__(self, *, needed_tokens: int, limit_tokens: int) -> None:
        super().__init__(
            f"The running round needs about {needed_tokens:,} tokens; {limit_tokens:,} fit.",
            hint="Send a shorter message, choose a model with a larger window (llm.model), "
            "or start a new session.",
        )
        self.needed_tokens = needed_tokens
        self.limit_tokens = limit_tokens


class RuleInvalid(AgentError):
    """A permission rule is "tool" or "tool(pattern)"."""

    def __init__(self, message: str = "", *, rule: str) -> None:
        super().__init__(message, hint='Write it as "bash(git status *)" or "write_file(src/**)".')
        self.rule = rule


class ToolUnusable(AgentError):
    """A tool can't be offered to the model."""


class GateRefused(AgentError):
    """A rule stopped this turn."""

    def __init__(self, reason: str = "", *, version: str = "") -> None:
        super().__init__(reason)
        self.version = version
        """The version of the rules that decided; empty where they name none."""


class OutsideWorkspace(AgentError):
    """The path is outside the workspace."""

    def __init__(self, *, path: str, workspace: str) -> None:
        super().__init__(
            f"{path} is outside the workspace {workspace}.",
            hint="Set agent.workspace_confined to false to let file tools leave it.",
        )
        self.path = path
        self.workspace = workspace
