"""`nova fork`: branch a session; the original stays as it is."""

import argparse

from novacore.cli import sessions
from novacore.cli.context import open_context
from novacore.cli.exits import DONE
from novacore.cli.opening import open_sessions


def run(arguments: argparse.Namespace) -> int:
    """Make the fork and say its name."""
    context = open_context(arguments)
    with open_sessions(context) as store:
        session = sessions.find_session(
            store, arguments.session, workspace=str(context.settings.workspace)
        )
        fork = session.fork(at=arguments.at, name=arguments.name)
        shared = fork.open().position
    context.console.line(
        f"Made {fork.name}: it shares the first {shared:,} entries of {session.name}, "
        f"which stays as it is."
    )
    return DONE
