"""What every command begins with: the settings that hold, and a console to write to."""

import argparse
import dataclasses
from typing import Final

from novacore import settings
from novacore.cli import errors
from novacore.cli.console import Console, open_console

_HERE_ONLY: Final = (
    "backup", "erase", "mcp", "migrate", "restore", "salvage", "serve", "tiers", "work",
)  # fmt: skip
"""Commands that would do something else than they seem to where a server is named."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """Settings and console of one command."""

    settings: settings.Settings
    console: Console


def open_context(arguments: argparse.Namespace) -> Context:
    """Read the settings that these arguments and the environment mean, and open the console.

    Raises:
        SettingsError: a setting is wrong.
        NotOnServer: a server is named, and the command works on the data directory.
    """
    chosen = settings.load(
        arguments.config, overrides=_overrides(arguments), workspace=arguments.workspace
    )
    command = getattr(arguments, "command", None)
    if chosen.server_url and command in _HERE_ONLY:
        raise errors.NotOnServer(command)
    return Context(settings=chosen, console=open_console(chosen))


def _overrides(arguments: argparse.Namespace) -> dict[str, str]:
    overrides: dict[str, str] = {}
    for given in (*arguments.set_top, *getattr(arguments, "set_command", [])):
        key, equals, value = given.partition("=")
        if not equals:
            raise settings.SettingsError(
                f"--set {given} has no value.", hint="Write it as --set llm.model=NAME."
            )
        overrides[key.strip()] = value
    if arguments.server is not None:
        overrides["server_url"] = arguments.server
    if arguments.key_file is not None:
        overrides["server_key_file"] = arguments.key_file
    if arguments.data_dir is not None:
        overrides["data_dir"] = arguments.data_dir
    if getattr(arguments, "plain", False):
        overrides["cli.plain"] = "true"
    return overrides
