"""`nova export`: write sessions as JSON Lines that `nova import` reads back."""

import argparse
import sys
from pathlib import Path
from typing import BinaryIO

from novacore import journal
from novacore.cli import errors, sessions
from novacore.cli.context import open_context
from novacore.cli.exits import DONE
from novacore.cli.opening import open_sessions


def run(arguments: argparse.Namespace) -> int:
    """Write one session or all, to a new private file or to the output."""
    context = open_context(arguments)
    if bool(arguments.session) == arguments.all:
        raise errors.ExportUnclear
    with open_sessions(context) as store:
        session = None
        if not arguments.all:
            workspace = str(context.settings.workspace)
            session = sessions.find_session(store, arguments.session, workspace=workspace)
        if arguments.output is None:
            _export(store, session, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return DONE
        path = sessions.free_place(arguments.output, folder=Path.cwd())
        count = _export(store, session, path)
    what = "all sessions" if session is None else session.name
    context.console.line(f"Wrote {what}, {count:,} entries, to {path}.")
    return DONE


def _export(store: journal.Store, session: journal.Session | None, out: BinaryIO | Path) -> int:
    if session is None:
        return journal.export_store(store, out)
    return journal.export_session(session, out)
