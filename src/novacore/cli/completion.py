"""Completion scripts for shells, written from the same grammar that parses the command line.

Commands and options stand in the script; names of sessions are asked of `nova` when needed.
"""

import argparse
import dataclasses
import shlex
from collections.abc import Iterator
from typing import cast

from novacore.cli.parser import COMMANDS, build_parser

SHELLS = ("bash", "zsh", "fish")
_FILES = ("FILE", "DIR", "NEW_DIR")
_SESSIONS = ("SESSION", "NAME")
_ASK_NAMES = "nova sessions --names 2>/dev/null"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Option:
    flags: tuple[str, ...]
    about: str
    wants: str
    """The name of its value; empty: it takes none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Command:
    name: str
    """Empty: `nova` itself."""
    about: str
    options: tuple[_Option, ...]
    words: tuple[str, ...]
    """The words that may follow: actions or choices."""
    wants: str
    """The name of its argument; empty: it takes none."""


def render_completion(shell: str) -> str:
    """The script for one of `SHELLS`, to be sourced by that shell."""
    commands = list(_list_commands())
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


def _list_commands() -> Iterator[_Command]:
    parser = build_parser()
    yield _read("", "", parser)
    commands = next(each for each in _actions_of(parser) if each.dest == "command")
    choices = cast("dict[str, argparse.ArgumentParser]", commands.choices)
    for name, (about, _build) in COMMANDS.items():
        yield _read(name, about, choices[name])


def _read(name: str, about: str, parser: argparse.ArgumentParser) -> _Command:
    options: dict[tuple[str, ...], _Option] = {}
    words: list[str] = []
    wants = ""
    for action in _actions_of(parser):
        if action.option_strings:
            option = _read_option(action)
            options.setdefault(option.flags, option)
        elif action.choices is not None:
            words += [str(each) for each in action.choices]
            for inner in _parsers_in(action) if name else ():
                options = {each.flags: each for each in _read("", "", inner).options} | options
        else:
            wants = str(action.metavar or action.dest)
    return _Command(
        name=name, about=about, options=tuple(options.values()), words=tuple(words), wants=wants
    )


def _read_option(action: argparse.Action) -> _Option:
    takes = action.nargs != 0
    metavar = str(action.metavar or action.dest.upper()) if takes else ""
    return _Option(flags=tuple(action.option_strings), about=action.help or "", wants=metavar)


def _parsers_in(action: argparse.Action) -> list[argparse.ArgumentParser]:
    choices = action.choices
    return list(choices.values()) if isinstance(choices, dict) else []


def _actions_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no public way to read a grammar back


def _bash(commands: list[_Command]) -> str:
    cases: list[str] = []
    for command in commands:
        flags = [flag for option in command.options for flag in option.flags]
        words = " ".join([*command.words, *flags])
        cases.append(f'    "{command.name}") words="{words}"; wants="{_kind(command.wants)}" ;;')
    values = _values(commands)
    file_flags = "|".join(sorted(flag for flag, kind in values.items() if kind == "file"))
    name_flags = "|".join(sorted(flag for flag, kind in values.items() if kind == "session"))
    names = "|".join(command.name for command in commands if command.name)
    body = "\n".join(cases)
    return f"""# Completion of nova for bash: eval "$(nova completion bash)"
_nova() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="" words="" wants="" word IFS=$' \\t\\n'
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in {names}) command="$word"; break ;; esac
  done
  COMPREPLY=()
  case "$command" in
{body}
  esac
  IFS=$'\\n'
  case "$before" in
    {file_flags}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    {name_flags}) COMPREPLY=($(compgen -W "$({_ASK_NAMES})" -- "$current")); return ;;
  esac
  if [[ "$current" != -* && "$wants" == file ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  elif [[ "$current" != -* && "$wants" == session ]]; then
    COMPREPLY=($(compgen -W "$({_ASK_NAMES})" -- "$current"))
  else
    COMPREPLY=($(IFS=' '; compgen -W "$words" -- "$current"))
  fi
}}
complete -o filenames -F _nova nova
"""


def _zsh(commands: list[_Command]) -> str:
    top = commands[0]
    described = "\n".join(f"    {shlex.quote(f'{c.name}:{c.about}')}" for c in commands[1:])
    cases: list[str] = []
    for command in commands[1:]:
        lines = [_zsh_option(option) for option in command.options]
        if command.words:
            lines.append(f"'1:{command.name}:({' '.join(command.words)})'")
        elif command.wants:
            lines.append(f"'*:{command.wants.lower()}:{_zsh_values(command.wants)}'")
        cases.append(f"      {command.name}) _arguments {' '.join(lines)} ;;")
    options = " ".join(_zsh_option(option) for option in top.options)
    body = "\n".join(cases)
    return f"""#compdef nova
# Completion of nova for zsh: source <(nova completion zsh), or save it as _nova in $fpath
_nova_sessions() {{ compadd -- ${{(f)"$({_ASK_NAMES})"}} }}
_nova() {{
  local -a commands
  commands=(
{described}
  )
  _arguments -C {options} '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
{body}
      esac ;;
  esac
}}
if [[ "$funcstack[1]" == _nova ]]; then _nova "$@"; else compdef _nova nova; fi
"""


def _zsh_option(option: _Option) -> str:
    about = option.about.replace("[", "(").replace("]", ")").replace(":", ";")
    value = f":{option.wants.lower()}:{_zsh_values(option.wants)}" if option.wants else ""
    return " ".join(shlex.quote(f"{flag}[{about}]{value}") for flag in option.flags)


def _zsh_values(wants: str) -> str:
    return {"file": "_files", "session": "_nova_sessions"}.get(_kind(wants), " ")


def _fish(commands: list[_Command]) -> str:
    lines = ["# Completion of nova for fish: nova completion fish | source", "complete -c nova -f"]
    for command in commands:
        seen = f"__fish_seen_subcommand_from {command.name}" if command.name else ""
        when = f" -n {shlex.quote(seen or '__fish_use_subcommand')}"
        if command.name:
            about = shlex.quote(command.about)
            lines.append(f"complete -c nova -n __fish_use_subcommand -a {command.name} -d {about}")
            if command.words:
                lines.append(f"complete -c nova{when} -a {shlex.quote(' '.join(command.words))}")
            elif _kind(command.wants) == "file":
                lines.append(f"complete -c nova{when} -F")
            elif _kind(command.wants) == "session":
                lines.append(f"complete -c nova{when} -a '({_ASK_NAMES})'")
        lines += [f"complete -c nova{when} {_fish_option(option)}" for option in command.options]
    return "\n".join(lines) + "\n"


def _fish_option(option: _Option) -> str:
    parts = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    ]
    if option.wants:
        parts.append("-r")
    if _kind(option.wants) == "file":
        parts.append("-F")
    elif _kind(option.wants) == "session":
        parts.append(f"-a '({_ASK_NAMES})'")
    return " ".join([*parts, f"-d {shlex.quote(option.about)}"])


def _values(commands: list[_Command]) -> dict[str, str]:
    """What kind of value each option takes, where a shell can help with it."""
    kinds: dict[str, str] = {}
    for command in commands:
        for option in command.options:
            if _kind(option.wants):
                kinds |= {flag: _kind(option.wants) for flag in option.flags}
    return kinds


def _kind(wants: str) -> str:
    if wants in _FILES:
        return "file"
    return "session" if wants in _SESSIONS else ""
