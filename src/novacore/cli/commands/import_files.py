"""`nova import`: bring in session files of other agents, or exported ones."""

import argparse
import dataclasses
from pathlib import Path

from novacore import bootstrap, journal
from novacore.cli.context import open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Show the plan, and carry it out unless only the plan is wanted."""
    context = open_context(arguments)
    with bootstrap.open_store(context.settings) as store:
        plan = journal.plan_import([Path(file) for file in arguments.files], store=store)
        if not arguments.dry_run:
            journal.run_import(plan, store=store)
    if arguments.json:
        context.console.json({"dry_run": arguments.dry_run, **dataclasses.asdict(plan)})
    else:
        context.console.lines(plan.lines())
    return DONE
