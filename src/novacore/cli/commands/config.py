"""`nova config`: write, show and check settings."""

import argparse

from novacore import settings
from novacore.cli.context import Context, open_context


def run(arguments: argparse.Namespace) -> int:
    """Do the chosen action."""
    if arguments.action == "init":
        return _init(arguments)
    context = open_context(arguments)
    if arguments.action == "show":
        return _show(arguments, context)
    if arguments.action == "path":
        return _path(context)
    return _check(context)


def _init(arguments: argparse.Namespace) -> int:
    context = open_context(arguments)
    path = context.settings.user_file
    settings.write_template(path)
    context.console.line(f"Wrote {path}. Every setting is in it, commented out at its default.")
    return 0


def _show(arguments: argparse.Namespace, context: Context) -> int:
    shown = [each for each in context.settings.list_shown() if each.name.startswith(arguments.name)]
    if not shown:
        context.console.error(f"No setting begins with {arguments.name}.")
        return 1
    if arguments.json:
        context.console.json(
            {each.name: {"value": each.value, "origin": each.origin} for each in shown}
        )
        return 0
    for each in shown:
        origin = f"   ({each.origin})" if arguments.origin else ""
        context.console.line(f"{each.name} = {each.shown}{origin}")
    return 0


def _check(context: Context) -> int:
    files = context.settings.files
    read = ", ".join(str(path) for path in files) if files else "no file"
    context.console.line(f"The settings are right. Read: {read}, and the environment.")
    return 0


def _path(context: Context) -> int:
    chosen = context.settings
    if chosen.files and chosen.user_file not in chosen.files:
        context.console.lines(str(path) for path in chosen.files)
        return 0
    for path in (chosen.user_file, chosen.workspace / chosen.user_file.name):
        state = "" if path in chosen.files else "   (not there)"
        context.console.line(f"{path}{state}")
    return 0
