"""`nova sessions`: list sessions, newest activity first."""

import argparse

from novacore.cli import sessions
from novacore.cli.context import open_context
from novacore.cli.exits import DONE
from novacore.cli.opening import open_sessions


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    context = open_context(arguments)
    folder = str(context.settings.workspace) if arguments.here else None
    with open_sessions(context) as store:
        found = store.list_sessions(
            workspace=folder, name=arguments.search or None, limit=context.settings.journal.list_max
        )
    if not arguments.all:
        found = [each for each in found if not sessions.is_reserved(each)]
    found = found[: arguments.limit]
    if arguments.names:
        context.console.write("".join(f"{each.name}\n" for each in found))
    elif arguments.json:
        context.console.json([sessions.info_json(each) for each in found])
    elif not found:
        context.console.line("No sessions." if not arguments.search else "No session of that name.")
    else:
        context.console.table(
            ("name", "messages", "last used", "folder"),
            [
                (
                    each.name,
                    f"{each.messages:,}",
                    sessions.local_time(each.updated_at_us),
                    each.workspace or "-",
                )
                for each in found
            ],
        )
    return DONE
