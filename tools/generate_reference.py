"""Writes the reference pages that come from the code: settings, limits, command line, HTTP API.

`generate_reference.py` writes them (`make reference`); a test renders them again and compares, so
that a page can't drift from what the program does.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from novacore import settings
from novacore.cli import parser as command_line

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make reference` from the code; edit it there. -->"


def render() -> dict[str, str]:
    """The text of each generated page, by file name."""
    return {
        "cli.md": _page(_cli()),
        "http.md": _page(_http()),
        "limits.md": _page(_limits()),
        "settings.md": _page(_settings()),
    }


def _page(lines: Iterator[str]) -> str:
    return f"{NOTE}\n\n" + "\n".join(lines) + "\n"


def _table(*headings: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield (
        "A setting stands in `nova.toml` under the heading of its room, or in the environment "
        "under the name in the second column; a flag or `--set NAME=VALUE` wins over both. Where "
        "a value comes from: `nova config show --origin`. A wrong name is an error that tells the "
        "nearest right one. What bounds something is also listed in [limits](limits.md).\n"
    )
    described = settings.describe()
    for room in dict.fromkeys(info.room for info in described):
        rows = [
            (
                f"`{info.name}`",
                f"`{info.env}`",
                info.kind,
                "secret" if info.is_secret else _value(info.default),
                info.doc,
            )
            for info in described
            if info.room == room
        ]
        yield f"## {_section(room)}\n"
        yield from _table("Setting", "Variable", "Expects", "Default", "Meaning", rows=rows)


def _section(room: str) -> str:
    return f"`[{room}]`" if room else "Top of the file"


def _value(value: Any) -> str:
    if value in ("", None, (), {}):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{each}`" for each in value)
    if isinstance(value, dict):
        return ", ".join(f"`{name} = {each}`" for name, each in value.items())
    return f"`{value}`"


def _limits() -> Iterator[str]:
    yield "# Limits\n"
    yield (
        "Everything has a bound, and each bound is a [setting](settings.md) with a unit in its "
        "name. A value outside its range is refused at the start, with the range.\n"
    )
    rows = [
        (
            f"`{info.name}`",
            _value(info.default),
            info.unit,
            f"{_bound(info.minimum)} to {_bound(info.maximum)}",
            info.doc,
        )
        for info in settings.describe()
        if info.is_limit
    ]
    yield from _table("Limit", "Default", "Unit", "Range", "Meaning", rows=rows)


def _bound(value: float | None) -> str:
    if value is None:
        return "any"
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,}"


def _http() -> Iterator[str]:
    """From the server's own description, as `tools/web.py client` keeps it; a test compares."""
    document = json.loads((ROOT / "web" / "openapi.json").read_text())
    yield "# The HTTP API\n"
    yield (
        "A server tells all of this at `/openapi.json`, with schemas and examples. Requests carry "
        "`Authorization: Bearer` with an API key or an access token where the third column says "
        "so. Errors, limits and headers are the same everywhere: [the edge]"
        "(../explanation/the-edge.md).\n"
    )
    rows: dict[str, list[tuple[str, ...]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["other"])[0]
            about = operation.get("description", "").split("\n")[0] or operation["summary"]
            who = "signed in" if "security" in operation else "anybody"
            rows.setdefault(tag, []).append((f"`{method.upper()} {path}`", about, who))
    for tag in sorted(rows):
        yield f"## {tag}\n"
        yield from _table("Request", "Does", "Who", rows=rows[tag])


def _cli() -> Iterator[str]:
    parser = command_line.build_parser()
    yield "# The command `nova`\n"
    yield from _command(parser, known=frozenset())
    known = frozenset(_spelling(action) for action in parser._actions if action.option_strings)
    for name, command in _subcommands(parser):
        yield f"## `nova {name}`\n"
        yield from _command(command, known=known)
        for action, inner in _subcommands(command):
            yield f"### `nova {name} {action}`\n"
            yield from _command(inner, known=known)


def _subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # argparse offers no other way to its own table
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _command(parser: argparse.ArgumentParser, *, known: frozenset[str]) -> Iterator[str]:
    """One command: what it does, then its arguments and options, but for those `known` already."""
    helps = dict[str, str]()
    rows: list[tuple[str, ...]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in action._choices_actions}
        elif action.help != argparse.SUPPRESS and _spelling(action) not in known:
            rows.append((f"`{_spelling(action)}`", action.help or ""))
    if parser.description:
        yield parser.description + "\n"
    if rows:
        yield from _table("Argument", "Meaning", rows=rows)
    if helps:
        prog = parser.prog
        listed = [(f"`{prog} {name}`", text) for name, text in helps.items()]
        yield from _table("Command", "Does", rows=listed)
    if parser.epilog:
        yield parser.epilog + "\n"


def _spelling(action: argparse.Action) -> str:
    """How the argument is typed: `-w, --workspace DIR`, `SESSION`, `[SESSION]`, `FILE …`."""
    choices = "|".join(str(each) for each in action.choices or ())
    metavar = action.metavar if isinstance(action.metavar, str) else choices
    shown = metavar or action.dest.upper()
    if action.option_strings:
        takes_value = action.nargs != 0
        return ", ".join(action.option_strings) + (f" {shown}" if takes_value else "")
    return {"?": f"[{shown}]", "+": f"{shown} …", "*": f"[{shown} …]"}.get(str(action.nargs), shown)


def main() -> int:
    """Write the pages that changed and name them."""
    for name, text in render().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
