"""What can go wrong in the terminal.

NovaError
└── CLIError
    ├── CommandUnknown   no such command in the conversation
    ├── ArgumentWrong    a command got something that it can't use
    ├── OutputTaken      there is a file already where one should be written
    └── UsageWrong       options that make no sense together: exit code 2
        ├── NotOnServer      the command works on the data directory, and a server is named
        ├── TaskMissing      `nova run` got an empty task
        └── ExportUnclear    `nova export` got no session, or one and --all
"""

from pathlib import Path

from novacore import kit


class CLIError(kit.NovaError):
    """The terminal could not do what was asked."""


class CommandUnknown(CLIError):
    """There is no such command."""

    def __init__(self, name: str, *, nearest: str = "") -> None:
        hint = f"Did you mean {nearest}?" if nearest else "/help lists the commands."
        super().__init__(f"There is no command {name}.", hint=hint)
        self.name = name
        self.nearest = nearest


class ArgumentWrong(CLIError):
    """A command got something that it can't use."""


class OutputTaken(CLIError):
    """There is a file already where one should be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is there already.", hint="Name another file, or move it away first."
        )
        self.path = path


class UsageWrong(CLIError):
    """The command line makes no sense."""


class NotOnServer(UsageWrong):
    """The command works on the data directory here, and a server is named."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`nova {command}` works on the data directory here, and a server is named.",
            hint="Run it on the server, or add --server '' to mean the data directory.",
        )
        self.command = command


class TaskMissing(UsageWrong):
    """The task is empty."""


class ExportUnclear(UsageWrong):
    """Name one session to export, or say --all."""
