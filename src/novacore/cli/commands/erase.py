"""`nova erase`: destroy what a session holds, for good."""

import argparse
import sys

from novacore import bootstrap
from novacore.cli import sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED


def run(arguments: argparse.Namespace) -> int:
    """Ask, then erase."""
    context = open_context(arguments)
    with bootstrap.open_store(context.settings) as store:
        session = sessions.find_session(
            store, arguments.session, workspace=str(context.settings.workspace)
        )
        count = session.open().position
        if not arguments.yes and not _is_sure(context, session.name, count=count):
            return FAILED
        erased = store.erase(session.id)
    context.console.line(
        f"Erased {erased:,} entries of {session.name}: their content is destroyed, in forks too."
    )
    return DONE


def _is_sure(context: Context, name: str, *, count: int) -> bool:
    if not sys.stdin.isatty():
        context.console.error(
            "Nothing was erased: there is no terminal to ask on.", hint="Add --yes to erase it."
        )
        return False
    context.console.write(
        f"Destroy all {count:,} entries of {name} for good? Type its name to go on: "
    )
    if sys.stdin.readline().strip() == name:
        return True
    context.console.line("Nothing was erased.")
    return False
