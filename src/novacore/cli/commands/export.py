"""`nova export`: write a session as JSON Lines that `nova import` reads back."""

import argparse
import sys
from pathlib import Path

from novacore import bootstrap, journal
from novacore.cli import sessions
from novacore.cli.context import open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Write it to a new private file, or to the output."""
    context = open_context(arguments)
    with bootstrap.open_store(context.settings) as store:
        session = sessions.find_session(
            store, arguments.session, workspace=str(context.settings.workspace)
        )
        if arguments.output is None:
            journal.export_session(session, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return DONE
        path = Path(arguments.output).expanduser()
        with sessions.new_file(path) as file:
            journal.export_session(session, file)
    context.console.line(f"Wrote {session.name} to {path}.")
    return DONE
