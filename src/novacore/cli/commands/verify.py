"""`nova verify`: check that what is stored is what was written."""

import argparse
import dataclasses

from novacore import bootstrap, journal, ops
from novacore.cli import sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.opening import open_sessions


def run(arguments: argparse.Namespace) -> int:
    """Recompute everything and say what is wrong. Damage that keeps the store from opening is a
    finding too, not an error of the command.
    """
    context = open_context(arguments)
    try:
        with open_sessions(context) as store:
            if arguments.session:
                workspace = str(context.settings.workspace)
                wanted = sessions.find_session(store, arguments.session, workspace=workspace).id
                report = store.verify(wanted)
            else:
                # Who holds the data directory answers for everybody's words in it.
                report = store.verify(all_owners=not context.settings.server_url)
    except journal.Corrupt as error:
        report = journal.VerifyReport(
            sessions=0,
            entries=0,
            blobs=0,
            problems=[
                journal.Problem(
                    what=error.message, session_id=error.session_id, position=error.position
                )
            ],
        )
    if not arguments.session and not context.settings.server_url:
        report = _with_business(context, report)
    if arguments.json:
        context.console.json({"is_sound": report.is_sound, **dataclasses.asdict(report)})
    else:
        _show(context, report)
    return DONE if report.is_sound else FAILED


def _with_business(context: Context, report: journal.VerifyReport) -> journal.VerifyReport:
    """The same, with what is wrong about accounts and usage."""
    chosen = context.settings
    keys = chosen.data_dir / bootstrap.KEYS_FOLDER
    found = ops.verify_business(bootstrap.business_place(chosen), keys=keys)
    problems = [*report.problems, *(journal.Problem(what=each) for each in found)]
    return dataclasses.replace(report, problems=problems)


def _show(context: Context, report: journal.VerifyReport) -> None:
    console = context.console
    checked = f"{report.sessions:,} sessions, {report.entries:,} entries, {report.blobs:,} blobs"
    if report.is_sound:
        console.line(f"Sound: {checked} are what was written.")
        return
    for problem in report.problems:
        place = ""
        if problem.session_id is not None:
            at = "" if problem.position is None else f", position {problem.position}"
            place = f" (session {problem.session_id}{at})"
        console.line(f"- {problem.what}{place}")
    console.error(
        f"{len(report.problems):,} problems; checked {checked}.",
        hint="Stop other nova processes and copy the data directory first. Then "
        "`nova salvage NEW_DIR` saves every readable entry; use it with --data-dir NEW_DIR.",
    )
