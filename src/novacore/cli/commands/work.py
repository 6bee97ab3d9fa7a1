"""`nova work`: carry out work behind the request, without serving anything."""

import argparse
import dataclasses
import signal
import threading

from novacore import bootstrap, workers
from novacore.cli import making_backups, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED


def run(arguments: argparse.Namespace) -> int:
    """Work until a signal says to stop, or tell how work stands."""
    context = open_context(arguments)
    chosen = context.settings
    platform = bootstrap.open_platform(
        chosen,
        announce=context.console.line,
        before_upgrade=making_backups.before_upgrade(chosen, context.console),
    )
    try:
        if arguments.status:
            return _show_status(context, platform, as_json=arguments.json)
        if arguments.retry_dead:
            count = workers.retry_dead(platform)
            context.console.line(f"{count:,} that were given up are tried again.")
            return DONE
        return _work(context, platform)
    finally:
        platform.close()


def _work(context: Context, platform: bootstrap.Platform) -> int:
    ending = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ending.set())
    with bootstrap.projecting(platform.chosen):
        running = workers.start(platform)
        context.console.line("Working (Ctrl+C ends it).")
        ending.wait()
        context.console.line("Stopping when what was begun is finished.")
        is_finished = running.stop()
    if not is_finished:
        context.console.error(
            "Some work was not finished in time.", hint="It goes on with the next start."
        )
        return FAILED
    return DONE


def _show_status(context: Context, platform: bootstrap.Platform, *, as_json: bool) -> int:
    status = workers.get_status(platform)
    if as_json:
        context.console.json(dataclasses.asdict(status))
        return DONE
    console = context.console
    console.line(
        f"State: {status.state}. Waiting: {status.waiting:,}, of them tried in vain: "
        f"{status.retrying:,}. Given up: {status.dead:,}."
    )
    if status.problem:
        console.line(f"Last problem: {status.problem}")
    rows = [
        (
            each.name,
            each.state if each.state != "none" else "no data",
            sessions.local_time(each.done_at_us) if each.done_at_us else "no data",
            sessions.local_time(each.next_at_us),
            each.told,
        )
        for each in status.runs
    ]
    console.table(("schedule", "last run", "last done", "next", "told"), rows)
    alive = [each for each in status.executors if each.is_alive]
    console.line(f"Processes that work: {len(alive):,}.")
    return DONE
