"""`nova keys`: the keys that sign access tokens."""

import argparse

from novacore import bootstrap
from novacore.cli.context import open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Rotate; there is no other action."""
    context = open_context(arguments)
    with bootstrap.open_accounts(context.settings) as accounts:
        key_id = accounts.identity.rotate_keys()
        minutes = accounts.identity.config.access_minutes
    if arguments.json:
        context.console.json({"id": key_id})
        return DONE
    context.console.line(f"Access tokens are signed with the key {key_id} from now on.")
    context.console.line(f"The key before is accepted for {minutes} more minutes.")
    return DONE
