"""The command `nova`: the terminal as a way in.

It parses the command line, loads what the chosen command needs and no more, and turns errors into
plain words and an exit code. Start with `main`; the grammar is in `parser`, each command's work in
`commands`, the conversation in `commands.chat`.
"""

import contextlib
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from novacore import kit
from novacore.cli.exits import CANCELLED, FAILED, PIPE_CLOSED, USAGE, Ended
from novacore.cli.parser import build_parser

__all__ = ["main"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""The disk is full, or what took our output has gone: nothing is wrong with the program."""

_MODULES = {"import": "import_files", None: "chat"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `nova` with these arguments and return its exit code.

    0 done, 1 failed, 2 the command line or the settings are wrong, 130 cancelled.

    Args:
        arguments: without the program's name. None: those of this process.
    """
    try:
        return _let_out(_run(arguments))
    finally:
        if arguments is None:
            # What is left is Python's own end; a late Ctrl+C there would only print a traceback.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        chosen = build_parser().parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    name = "version" if chosen.version else _MODULES.get(chosen.command, chosen.command)
    try:
        command = importlib.import_module(f"novacore.cli.commands.{name}")
        return command.run(chosen)
    except KeyboardInterrupt:
        return CANCELLED
    except Ended as ended:
        return ended.exit_code
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    except kit.NovaError as error:
        return _report(error)
    except OSError as error:
        return _report_unwritten(error) if error.errno in _NO_ROOM else _report_defect(error)
    except Exception as error:  # noqa: BLE001 - the edge of the process: said in plain words
        return _report_defect(error)


def _let_out(code: int) -> int:
    """Write what is still held back, here, where it can be said that nobody takes it any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        return code or PIPE_CLOSED
    except OSError as error:
        _forget_output()
        return code or _report_unwritten(error)
    return code


def _report(error: kit.NovaError) -> int:
    from novacore import settings  # noqa: PLC0415 - loaded when there is something to say
    from novacore.cli import errors  # noqa: PLC0415 - as above

    if settings.wants_debug():
        traceback.print_exc()
    _say(error.message, error.hint)
    return USAGE if isinstance(error, settings.SettingsError | errors.UsageWrong) else FAILED


def _report_unwritten(error: OSError) -> int:
    _forget_output()
    _say(f"Something could not be written: {error.strerror}.", "")
    return FAILED


def _report_defect(error: Exception) -> int:
    try:
        from novacore import settings  # noqa: PLC0415 - loaded when there is something to say

        wants_debug = settings.wants_debug()
    except ImportError:  # a damaged installation: all there is to say is where
        wants_debug = True
    hint = "This is a defect of NovaCore. Run it again with NOVA_DEBUG=1 to see where it happened."
    if wants_debug:
        traceback.print_exc()
        hint = "This is a defect of NovaCore; please report what stands above."
    _say(f"{type(error).__name__}: {error}", hint)
    return FAILED


def _say(message: str, hint: str) -> None:
    """Plain words on the error stream; it may be unable to encode them."""
    told = f"nova: {message}\n" + (f"  {hint}\n" if hint else "")
    encoding = sys.stderr.encoding or "utf-8"
    with contextlib.suppress(OSError):  # then there is nobody left to tell
        sys.stderr.write(told.encode(encoding, "backslashreplace").decode(encoding))


def _forget_output() -> None:
    """The reader of our output has gone; let Python's own flush at exit find nothing wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
