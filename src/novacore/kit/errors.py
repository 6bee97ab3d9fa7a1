"""The root of every error that NovaCore raises.

NovaError
├── kit.SettingInvalid
└── one tree per room, drawn at the top of that room's errors.py
"""

import enum
import inspect


class ErrorKind(enum.Enum):
    """Who can do something about an error; it decides on retries and on alerts."""

    REFUSED = "refused"
    """The caller can mend it: not found, conflict, bad input, a limit. Retrying can't help."""
    UNAVAILABLE = "unavailable"
    """Something we need is not there now. Retrying later may help."""
    CORRUPT = "corrupt"
    """An invariant of ours is broken. Stop, and look."""


class NovaError(Exception):
    """Something went wrong in NovaCore.

    A subclass sets `kind`; the first line of its docstring is its message where none is given.
    Facts belong in typed attributes, what to do about it in `hint`.

    Args:
        message: what was wrong and what was expected. Empty: the class's first docstring line.
        hint: what the reader can do about it. Empty: nothing is known that helps.
    """

    kind: ErrorKind = ErrorKind.REFUSED

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        if not message:
            message = (inspect.getdoc(type(self)) or type(self).__name__).split("\n", 1)[0]
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
