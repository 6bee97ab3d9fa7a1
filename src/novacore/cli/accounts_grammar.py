"""The grammar of `nova users`, `nova agents` and `nova keys`: their actions and options."""

import argparse
from collections.abc import Callable, Mapping, Sequence

_Build = Callable[[argparse.ArgumentParser], None]


def add_actions(
    parser: argparse.ArgumentParser,
    actions: Mapping[str, tuple[str, _Build]],
    *,
    parents: Sequence[argparse.ArgumentParser],
) -> None:
    """Add the actions of one command.

    Args:
        parser: of the command.
        actions: what each does, and what adds its options.
        parents: what every action takes, too.
    """
    found = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (about, build) in actions.items():
        action = found.add_parser(name, help=about, parents=list(parents), allow_abbrev=False)
        build(action)
        action.add_argument("--json", action="store_true", help="print JSON")


def _email(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL", help="the address of the account")


def _create_user(parser: argparse.ArgumentParser) -> None:
    _email(parser)
    parser.add_argument("--plan", metavar="P", help="the plan; otherwise that of new accounts")
    parser.add_argument("--admin", action="store_true", help="make it an administrator")
    parser.add_argument("--name", default="", metavar="TEXT", help="what the person is called")
    parser.add_argument("--api-key", action="store_true", help="make an API key and print it once")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from the input"
    )
    parser.epilog = "Without a password, a link is printed by which the person sets one."


def _list_users(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "search", nargs="?", default="", help="how a word of the address or the name begins"
    )
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N; 50")


def _set_plan(parser: argparse.ArgumentParser) -> None:
    _email(parser)
    parser.add_argument("plan", metavar="PLAN", help="the plan")


def _set_role(parser: argparse.ArgumentParser) -> None:
    _email(parser)
    parser.add_argument("role", choices=("user", "admin"), help="the role")


def _owner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--owner", metavar="EMAIL", help="whose agent; needed where there are several people"
    )


def _create_agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the agent is called")
    _owner(parser)
    parser.add_argument(
        "--scope",
        action="append",
        metavar="S",
        help="what it may do: chat, models, memory, usage; repeatable; all",
    )
    parser.add_argument("--tokens-per-day", type=int, metavar="N", help="a limit of its own")
    parser.add_argument("--requests-per-minute", type=int, metavar="N", help="a limit of its own")


def _one_agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id, or its name")
    _owner(parser)


def _rotate_agent(parser: argparse.ArgumentParser) -> None:
    _one_agent(parser)
    parser.add_argument(
        "--overlap", type=int, default=0, metavar="MINUTES", help="the old key works so long; 0"
    )


def _nothing(_parser: argparse.ArgumentParser) -> None:
    return


USERS: Mapping[str, tuple[str, _Build]] = {
    "create": ("make an account with a confirmed address", _create_user),
    "list": ("list accounts, newest first", _list_users),
    "invite": ("mail an invitation to register, and print its link", _email),
    "verify": ("confirm an address without a letter", _email),
    "set-plan": ("put an account on a plan", _set_plan),
    "set-role": ("make somebody an administrator, or no longer", _set_role),
    "disable": ("switch an account off; its sign-ins and keys end at once", _email),
    "enable": ("switch an account on again", _email),
    "reset-link": ("print a link by which the person sets a new password", _email),
}

AGENTS: Mapping[str, tuple[str, _Build]] = {
    "create": ("make an agent and print its key once", _create_agent),
    "list": ("list a person's agents", _owner),
    "revoke": ("end an agent, and erase what it stored", _one_agent),
    "rotate": ("replace an agent's key and print the new one once", _rotate_agent),
}

KEYS: Mapping[str, tuple[str, _Build]] = {
    "rotate": ("sign access tokens with a fresh key; nobody is signed out", _nothing),
}
