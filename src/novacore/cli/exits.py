"""What the exit code of `nova` says."""

DONE = 0
FAILED = 1
USAGE = 2
"""The command line or the settings are wrong."""
CANCELLED = 130
PIPE_CLOSED = 141
"""Whoever read our output went away."""
