"""What every command begins with: the settings that hold, and a console to write to."""

import argparse
import dataclasses

from novacore import settings
from novacore.cli.console import Console, open_console


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """Settings and console of one command."""

    settings: settings.Settings
    console: Console


def open_context(arguments: argparse.Namespace) -> Context:
    """Read the settings that these arguments and the environment mean, and open the console.

    Raises:
        SettingsError: a setting is wrong.
    """
    chosen = settings.load(
        arguments.config, overrides=_overrides(arguments), workspace=arguments.workspace
    )
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
    if arguments.data_dir is not None:
        overrides["data_dir"] = arguments.data_dir
    if getattr(arguments, "plain", False):
        overrides["cli.plain"] = "true"
    return overrides
