"""`nova demo`: a server with people, conversations and a month of usage, for trying out."""

import argparse
import asyncio
from typing import Final

from novacore import settings
from novacore.cli import errors
from novacore.cli.commands import serve
from novacore.cli.context import open_context
from novacore.cli.demo import filling
from novacore.cli.exits import DONE

MARKER: Final = "demo.txt"
"""The file by which a data directory is known to be a demonstration's."""


def run(arguments: argparse.Namespace) -> int:
    """Fill the demonstration's own data directory where that is to be done, then serve it."""
    arguments = _at_home(arguments)
    context = open_context(arguments)
    chosen, console = context.settings, context.console
    passwords = [filling.fresh_password() for _ in filling.PEOPLE]
    marker = chosen.data_dir / MARKER
    if marker.exists():
        filling.renew_passwords(chosen, passwords=passwords)
    else:
        _refuse_used(chosen)
        asyncio.run(filling.fill(chosen, passwords=passwords, tell=console.line))
        marker.touch(mode=0o600)
        marker.write_text("This data directory holds the demonstration of `nova demo`.\n", "utf-8")
    console.line(f"The demonstration is in {chosen.data_dir}. Sign in as")
    for person, password in zip(filling.PEOPLE, passwords, strict=True):
        role = "administrator" if person.is_admin else "user"
        console.line(f"  {person.email}  {password}  ({role})")
    if arguments.fill_only:
        return DONE
    return serve.run(arguments)


def _at_home(arguments: argparse.Namespace) -> argparse.Namespace:
    """The arguments with a data directory of the demonstration's own."""
    changed = argparse.Namespace(**vars(arguments))
    if changed.data_dir is None:
        usual = open_context(arguments).settings.data_dir
        changed.data_dir = str(usual.with_name(f"{usual.name}-demo"))
    given = ("store=journal", "server_url=")
    # Plans limit, unless somebody says otherwise: what they do is to be seen.
    changed.set_command = ["billing.limits=on", *getattr(arguments, "set_command", []), *given]
    return changed


def _refuse_used(chosen: settings.Settings) -> None:
    """Leave a data directory, or a database, alone that somebody uses.

    Raises:
        ArgumentWrong: it holds something, or a database is set.
    """
    folder = chosen.data_dir
    if chosen.database_url:
        raise errors.ArgumentWrong(
            "The demonstration is kept in a folder, and database_url names a database.",
            hint="Run it without NOVA_DATABASE_URL, and without that line in nova.toml.",
        )
    if folder.is_dir() and any(each.name != settings.FILE_NAME for each in folder.iterdir()):
        raise errors.ArgumentWrong(
            f"{folder} holds something else than a demonstration.",
            hint="Name an empty folder with --data-dir, or remove this one: an unfinished "
            "demonstration is not gone on with.",
        )
