"""How `nova` ends: what the exit code says, and the way out when a signal asks for it."""

import signal

DONE = 0
FAILED = 1
USAGE = 2
"""The command line or the settings are wrong."""
CANCELLED = 130
PIPE_CLOSED = 141
"""Whoever read our output went away."""


class Ended(BaseException):
    """A signal asked the program to end.

    No `Exception`: nothing on the way may take it for a failure of its own and go on.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.exit_code = 128 + number
