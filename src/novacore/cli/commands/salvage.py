"""`nova salvage`: recover every readable entry of a damaged store into a new folder."""

import argparse
import dataclasses
from pathlib import Path

from novacore import journal
from novacore.cli.context import open_context
from novacore.cli.exits import DONE


def run(arguments: argparse.Namespace) -> int:
    """Recover, and say what could not be."""
    context = open_context(arguments)
    target = Path(arguments.new_dir).expanduser()
    report = journal.salvage(context.settings.data_dir, target)
    if arguments.json:
        context.console.json(dataclasses.asdict(report))
    else:
        context.console.lines(report.lines())
        context.console.line(
            f"Look at it with --data-dir {target}. Settings and models stay in "
            f"{context.settings.data_dir}: copy them over before you put it in the old place."
        )
    return DONE
