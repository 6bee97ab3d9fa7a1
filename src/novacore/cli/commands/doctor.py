"""`nova doctor`: look at everything a working NovaCore needs, and say how to mend what is wrong."""

import argparse
import asyncio
import dataclasses

from novacore.cli import examining, examining_backups, examining_business, examining_database
from novacore.cli.context import Context, open_context
from novacore.cli.examining import Finding, State
from novacore.cli.exits import DONE, FAILED

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "red"}


def run(arguments: argparse.Namespace) -> int:
    """Examine, report, and say by the exit code whether something needs mending."""
    context = open_context(arguments)
    findings = [*examining.examine_place(context.settings)]
    findings += examining_database.examine_database(context.settings)
    findings += examining.examine_store(context.settings)
    findings += examining.examine_tiers(context.settings)
    findings += examining_business.examine_business(context.settings)
    findings.append(examining_backups.examine_backups(context.settings))
    findings.append(asyncio.run(examining.examine_model(context.settings)))
    is_well = all(each.state is not State.WRONG for each in findings)
    if arguments.json:
        listed = [{**dataclasses.asdict(each), "state": each.state.value} for each in findings]
        context.console.json({"is_well": is_well, "findings": listed})
    else:
        for each in findings:
            _show(context, each)
    return DONE if is_well else FAILED


def _show(context: Context, finding: Finding) -> None:
    console = context.console
    state = console.styled(f"{finding.state.value:<7}", _STYLES[finding.state])
    console.write(f"{state} ")
    console.line(f"{finding.name}: {finding.what}")
    if finding.mend:
        console.line(f"        {finding.mend}")
