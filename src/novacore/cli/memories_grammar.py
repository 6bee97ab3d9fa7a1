"""The grammar of `nova memories`: its actions and their options."""

import argparse
from collections.abc import Callable, Sequence

_Build = Callable[[argparse.ArgumentParser], None]


def add_actions(
    parser: argparse.ArgumentParser, *, parents: Sequence[argparse.ArgumentParser]
) -> None:
    """Add every action of `nova memories`.

    Args:
        parser: of the command.
        parents: what every action takes, too.
    """
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (about, build) in ACTIONS.items():
        action = actions.add_parser(name, help=about, parents=list(parents), allow_abbrev=False)
        build(action)
        if name != "export":
            action.add_argument("--json", action="store_true", help="print JSON")


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", metavar="TEXT", help="that say this")
    parser.add_argument("--type", action="append", default=[], metavar="T", help="of this type")
    parser.add_argument("--term", action="append", default=[], metavar="T", help="of this term")
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="with this tag")
    parser.add_argument("--agent", metavar="NAME", help="of this agent")
    parser.add_argument("--project", metavar="NAME", help="of this project")
    parser.add_argument("--pinned", action="store_true", help="pinned ones")
    parser.add_argument("--all", action="store_true", help="faded, closed and merged ones, too")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N; 50")
    parser.add_argument("--after", default="", metavar="PLACE", help="go on behind a page")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="its id, or a part that no other has")


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to remember; - reads it")
    parser.add_argument(
        "--fact", nargs=3, metavar=("SUBJECT", "PREDICATE", "OBJECT"),
        help='a fact in parts: user "lives in" Oslo',
    )  # fmt: skip
    parser.add_argument("--since", metavar="TIME", help="when the fact began to hold; now")
    parser.add_argument("--until", metavar="TIME", help="when it ended")
    parser.add_argument("--term", default="long", metavar="T", help="short, intermediate or long")
    _fields(parser, type_default="note")
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="a tag")
    parser.add_argument("--agent", default="", metavar="NAME", help="for this agent only")
    parser.add_argument("--pin", action="store_true", help="it never fades")


def _edit(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--text", metavar="TEXT", help="what it says from now on")
    _fields(parser, type_default=None)


def _fields(parser: argparse.ArgumentParser, *, type_default: str | None) -> None:
    parser.add_argument(
        "--type", default=type_default, metavar="T",
        help="lesson, task, conversation, error, reflection, achievement, fact or note",
    )  # fmt: skip
    parser.add_argument("--confidence", type=float, metavar="X", help="how sure, 0 to 1")
    parser.add_argument("--emotion", type=float, metavar="X", help="how it felt, -1 to 1")
    parser.add_argument("--project", metavar="NAME", help="what it is about")
    parser.add_argument("--outcome", metavar="O", help="success, failure or neutral")


def _tag(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("tags", nargs="*", metavar="TAG", help="a tag to add")
    parser.add_argument("--remove", action="append", default=[], metavar="TAG", help="take away")


def _pin(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--off", action="store_true", help="let it fade again")


def _share(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("agents", nargs="+", metavar="AGENT", help="may read it")
    parser.add_argument("--off", action="store_true", help="may not any more")


def _merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="two or more")
    parser.add_argument("--text", metavar="TEXT", help="what the new one says; what they said")


def _forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="which")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="to read; not to import again")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here; else to the output")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="as `nova memories export` wrote it")


def _facts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", metavar="TEXT", help="that say this")
    parser.add_argument("--as-of", metavar="TIME", help="that held then; now")
    parser.add_argument("--known-at", metavar="TIME", help="as it was known then; now")
    parser.add_argument("--subject", metavar="NAME", help="only about this; user is you")
    parser.add_argument("--history", action="store_true", help="what no longer holds, too")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most N; 100")


def _learn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", metavar="SESSION", help="only this one; all")


def _nothing(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments."""


ACTIONS: dict[str, tuple[str, _Build]] = {
    "list": ("memories, newest first", _list),
    "show": ("one memory with all that is known of it", _one),
    "add": ("remember something", _add),
    "edit": ("change what a memory says or how sure it is", _edit),
    "tag": ("add and remove tags", _tag),
    "pin": ("keep a memory from fading", _pin),
    "promote": ("raise a memory to the next term", _one),
    "demote": ("lower a memory to the term before", _one),
    "share": ("let other agents read an agent's memory", _share),
    "merge": ("make one memory of several", _merge),
    "forget": ("destroy memories for good", _forget),
    "export": ("write memories as JSON Lines or Markdown", _export),
    "import": ("bring exported memories in", _import),
    "facts": ("what is known, and since when", _facts),
    "learn": ("read sessions for facts that they state", _learn),
    "advance": ("let time pass: promote what is used, let fade what is not", _nothing),
}
"""Every action: what it does, and what adds its options."""
