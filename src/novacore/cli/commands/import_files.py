"""`nova import`: bring in session files of other agents, or exported ones."""

import argparse
import dataclasses
from pathlib import Path

from novacore import journal, memory
from novacore.cli.context import open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.opening import open_sessions, projecting


def run(arguments: argparse.Namespace) -> int:
    """Show the plan, or carry it out and say what was done."""
    context = open_context(arguments)
    paths = [Path(file).expanduser() for file in arguments.files]
    with open_sessions(context) as store:
        done = plan = journal.plan_import(store, paths, workspace=str(context.settings.workspace))
        if not arguments.dry_run:
            with projecting(context):
                done = journal.run_import(store, plan)
            memory.adopt_imported(store, store.memories)
    if arguments.json:
        context.console.json({"dry_run": arguments.dry_run, **dataclasses.asdict(done)})
    else:
        context.console.lines(done.lines())
    for step in done.refused:
        context.console.error(f"{step.source} was refused: {step.note}")
    return FAILED if done.refused else DONE
