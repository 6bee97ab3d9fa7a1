"""`nova migrate`: move everything into another store, proven equal, and back."""

import argparse
import dataclasses
from pathlib import Path

from novacore import bootstrap, ops, settings
from novacore.cli import errors, places
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE
from novacore.cli.progress import Bars


def run(arguments: argparse.Namespace) -> int:
    """Copy the store in use, compare every session, and close the old one to appends."""
    context = open_context(arguments)
    if arguments.cancel:
        return _cancel(context)
    chosen = context.settings
    place = places.parse_place(arguments.to, chosen)
    _refuse_served(chosen)
    shown = places.shown_place(place)
    with (
        bootstrap.open_replica(chosen) as source,
        bootstrap.open_place(chosen, place) as target,
        Bars(context.console) as bars,
    ):
        done = ops.migrate(
            source,
            target,
            place=shown,
            steps=lambda what: lambda count, total: bars.show(what, count, total),
            before_end=lambda: _move_business(chosen, place),
        )
    if arguments.json:
        context.console.json({"place": shown, **dataclasses.asdict(done)})
    else:
        _say(context, done, place=place, shown=shown)
    return DONE


def _refuse_served(chosen: settings.Settings) -> None:
    """A server goes on taking registrations while the journal is moved; they would stay behind."""
    found = bootstrap.business_place(chosen)
    users = places.find_users(chosen.data_dir, names=(bootstrap.DATABASE_FILE,))
    if isinstance(found, Path) and users:
        raise errors.ArgumentWrong(
            f"The accounts are in use by process {', '.join(map(str, users))}.",
            hint="Stop the server first, then move.",
        )


def _move_business(chosen: settings.Settings, place: str | Path) -> None:
    keys = chosen.data_dir / bootstrap.KEYS_FOLDER
    folder = place if isinstance(place, Path) else chosen.data_dir
    ops.move_business(
        bootstrap.business_place(chosen),
        ops.place_in(place),
        keys=keys,
        target_keys=folder / bootstrap.KEYS_FOLDER,
        scratch=chosen.data_dir / places.SCRATCH,
    )
    if isinstance(place, Path):
        bootstrap.note_erased_accounts(place, bootstrap.read_erased_accounts(chosen.data_dir))


def _cancel(context: Context) -> int:
    """Take appends here again; whether the new place was used, nobody here can know."""
    with bootstrap.open_replica(context.settings) as source:
        place = source.moved_to
        if place:
            source.mark_moved("")
    if not place:
        raise errors.UsageWrong("This journal was not moved, so there is nothing to cancel.")
    context.console.line(
        f"The journal takes appends here again. Remove the copy at {place}: from now on the two "
        "differ, and what was appended there, if anything, is not here."
    )
    return DONE


def _say(context: Context, done: ops.Copied, *, place: str | Path, shown: str) -> None:
    context.console.line(
        f"Moved {done.sessions:,} sessions, {done.sequence:,} entries, to {shown}; every session "
        "was compared by its digest and is equal."
    )
    if isinstance(place, Path):
        context.console.line(
            f"To use it: nova --data-dir {shown}, with database_url empty. The old place takes no "
            "appends any more."
        )
    else:
        context.console.line(
            "To use it, set database_url in nova.toml or NOVA_DATABASE_URL, with the password. "
            "The old place takes no appends any more and can be removed."
        )
