"""`nova erase`: destroy a session, an agent's work or an owner's, for good and everywhere."""

import argparse
import dataclasses
import sys

from novacore import bootstrap, journal, ops
from novacore.cli import errors, places, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.progress import Bars
from novacore.cli.terminal.history import HISTORY_FILE, HistoryFile

_ERASURES_AT_ONCE = 1_000


def run(arguments: argparse.Namespace) -> int:
    """Say what would go, ask, erase it, and say where."""
    context = open_context(arguments)
    with bootstrap.open_store(context.settings) as opened:
        store = _of_owner(opened, arguments)
        target = _find(context, store, arguments)
        if not arguments.yes and not _is_sure(context, target):
            return FAILED
        before = store.feed().state().erasures
        with Bars(context.console) as bars:
            report = bootstrap.erase(
                store, target, timeout_ms=arguments.wait * 1_000, progress=bars.show
            )
        _forget_typed(context, store, target)
        holding = _note_for_backups(context, store, before)
    if arguments.json:
        context.console.json(
            {
                "is_complete": report.is_complete,
                **dataclasses.asdict(report),
                "backups": [
                    {"id": backup.id, "expires_at": sessions.iso_time(expires_us)}
                    for backup, expires_us in holding
                ],
            }
        )
    else:
        _tell(context, report, holding)
    return DONE if report.is_complete else FAILED


def _of_owner(store: bootstrap.MemoryStore, arguments: argparse.Namespace) -> bootstrap.MemoryStore:
    if arguments.owner is None and arguments.tenant is None:
        return store
    plain = journal.Scope()
    return store.for_owner(
        journal.Scope(
            tenant=plain.tenant if arguments.tenant is None else arguments.tenant,
            owner=plain.owner if arguments.owner is None else arguments.owner,
        )
    )


def _find(
    context: Context, store: bootstrap.MemoryStore, arguments: argparse.Namespace
) -> bootstrap.Target:
    name = arguments.session or arguments.session_named
    if arguments.session and arguments.session_named:
        raise errors.UsageWrong("Name the session once.")
    if name and arguments.agent:
        raise errors.UsageWrong("Erase a session or an agent, one at a time.")
    if name:
        workspace = str(context.settings.workspace)
        return bootstrap.find_session(
            store, sessions.find_session(store, name, workspace=workspace)
        )
    if arguments.agent:
        return bootstrap.find_agent(store, arguments.agent)
    if arguments.owner is None:
        raise errors.UsageWrong(
            "Say what to erase: a session, or --agent NAME, or --owner NAME.",
            hint="You yourself are --owner local.",
        )
    return bootstrap.find_owner(store)


def _is_sure(context: Context, target: bootstrap.Target) -> bool:
    if not sys.stdin.isatty():
        context.console.error(
            "Nothing was erased: there is no terminal to ask on.", hint="Add --yes to erase it."
        )
        return False
    name = target.what.split(" ", 1)[1]
    count = len(target.memories)
    also = f", and {count:,} memories that came from there," if count else ""
    context.console.write(
        f"Destroy all {target.entries:,} entries of {name}{also} for good? Type its name to go on: "
    )
    if sys.stdin.readline().strip() == name:
        return True
    context.console.line("Nothing was erased.")
    return False


def _forget_typed(context: Context, store: bootstrap.MemoryStore, target: bootstrap.Target) -> None:
    """Take typed lines out of the file that remembers them; it belongs to the local owner."""
    if store.scope == journal.Scope():
        path = context.settings.data_dir / HISTORY_FILE
        lines = HistoryFile(path, entries_max=context.settings.cli.history_entries_max)
        lines.forget(None if target.is_owner else target.said)


def _note_for_backups(
    context: Context, store: bootstrap.MemoryStore, before: int
) -> list[tuple[ops.Backup, int]]:
    """Tell the backups what was erased, so that no restore brings it back; (backup, expires at)
    of those that still hold it.
    """
    feed, chosen = store.feed(), context.settings
    while erased := feed.erasures(before, _ERASURES_AT_ONCE):
        ops.note_erasures(places.backup_folder(chosen), erased)
        before = erased[-1].number
    # What a killed verification of a backup left may hold it, in the clear.
    ops.remove_leftovers(chosen.data_dir / places.SCRATCH)
    catalog = places.peek_catalog(chosen)
    state = feed.state()
    return [
        (each, ops.expires_at_us(catalog, each, keep_days=chosen.ops.backup_keep_days))
        for each in catalog.list_backups()
        if each.journal == state.journal and each.erasures < state.erasures
    ]


def _tell(
    context: Context,
    report: bootstrap.ErasureReport,
    holding: list[tuple[ops.Backup, int]],
) -> None:
    console = context.console
    console.line(
        f"Erased {report.entries:,} entries of {report.what}: their content is destroyed, in forks "
        "too."
    )
    if report.memories:
        console.line(f"{report.memories:,} memories that came from there were forgotten.")
    reached = [each.name for each in report.reached if each.is_erased]
    if reached:
        console.line(f"Nothing of it is left in: {', '.join(reached)}.")
    for each in report.reached:
        if not each.is_erased:
            console.error(f"{each.name} may still hold it: {each.note}.")
    if report.forks:
        console.line(
            f"{len(report.forks):,} sessions branched off from it; what was said in them since "
            "is theirs and stays."
        )
    console.line("What remains: tombstones, with the entries' times, ids and salted digests.")
    for backup, expires_us in holding:
        until = sessions.local_time(expires_us)[:10]
        console.line(
            f"Backup {backup.id} still holds it until it is pruned after {until}; a restore "
            "leaves it out."
        )
