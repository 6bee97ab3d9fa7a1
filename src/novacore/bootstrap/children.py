"""Processes beside the program: they get their settings on their input, and end when that does."""

import contextlib
import subprocess
import sys

from novacore import settings
from novacore.bootstrap import asked


def start_child(
    module: str, chosen: settings.Settings, *, answers: bool = False
) -> "subprocess.Popen[bytes] | None":
    """Start a process that runs a module and knows these settings; None: there is no room for one.

    Args:
        module: what it runs, as `python -m` takes it.
        chosen: the first line of its input; see `asked`.
        answers: its output is read by whoever asked for it.
    """
    try:
        process = subprocess.Popen(
            # -P: nothing of the folder that we stand in is imported.
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl+C in the terminal is not for it. A session of its own would give it a share of
            # the processors of its own, whatever its niceness.
            process_group=0,
        )
    except OSError:
        return None
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it ended at once, which whoever needs it finds out
        process.stdin.write(asked.encode(chosen))
        process.stdin.flush()
    return process
