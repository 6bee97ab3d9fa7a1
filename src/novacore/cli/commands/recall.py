"""`nova recall`: find what was said, and what is remembered."""

import argparse
import datetime as dt
from typing import Any

from novacore import memory
from novacore.cli import text
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE
from novacore.cli.moments import read_moment
from novacore.cli.opening import open_sessions

_LINES_MAX = 6
_INDENT = "    "


def run(arguments: argparse.Namespace) -> int:
    """Ask, and show the hits, best first."""
    context = open_context(arguments)
    with open_sessions(context) as store:
        hits = store.recall(
            arguments.text,
            limit=arguments.limit,
            session=arguments.session,
            project=arguments.project,
            agent=arguments.agent,
            kind=arguments.kind,
            tag=arguments.tag or None,
            tier=arguments.term or None,
            since_us=None if arguments.since is None else read_moment(arguments.since),
            until_us=None if arguments.until is None else read_moment(arguments.until),
        )
    if arguments.json:
        context.console.json([_as_json(hit) for hit in hits])
    elif not hits:
        context.console.line("Nothing was said about this.")
    else:
        for hit in hits:
            _show(context, hit, is_explained=arguments.explain)
    return DONE


def _as_json(hit: memory.Hit) -> dict[str, Any]:
    return {
        "score": round(hit.score, 6),
        "session": str(hit.session),
        "session_id": hit.session.id,
        "workspace": hit.session.workspace,
        "position": hit.position,
        "id": hit.entry.id,
        "kind": hit.kind,
        "speaker": hit.speaker,
        "said_at_us": hit.said_at_us,
        "text": hit.text,
        "message": dict(hit.message),
        "sources": [{"session_id": each, "position": at} for each, at in hit.sources],
        "before": [_neighbour(each) for each in hit.before],
        "after": [_neighbour(each) for each in hit.after],
        "parts": dict(hit.parts),
    }


def _neighbour(each: memory.Neighbour) -> dict[str, Any]:
    return {"position": each.position, "message": dict(each.message)}


def _show(context: Context, hit: memory.Hit, *, is_explained: bool) -> None:
    console = context.console
    said_at = dt.datetime.fromtimestamp(hit.said_at_us / 1_000_000).astimezone()
    who = text.clean(hit.speaker) or hit.kind
    place = f"{text.clean(hit.session)} {hit.position}"
    console.line(f"{hit.score:.2f}  {said_at:%Y-%m-%d %H:%M}  {who}  ({place})")
    lines = text.clean(hit.text).strip().splitlines()
    for line in lines[:_LINES_MAX]:
        console.line(_INDENT + line)
    if len(lines) > _LINES_MAX:
        console.line(f"{_INDENT}({len(lines) - _LINES_MAX:,} more lines)")
    if is_explained:
        ranked = sorted(hit.parts.items(), key=lambda part: -abs(part[1]))
        console.line(_INDENT + ", ".join(f"{name} {part:+.2f}" for name, part in ranked))
