"""`nova show`: what a session holds, now or as it was."""

import argparse

from novacore import journal
from novacore.cli import reading, sessions
from novacore.cli.console import Console
from novacore.cli.context import open_context
from novacore.cli.exits import DONE
from novacore.cli.opening import open_sessions


def run(arguments: argparse.Namespace) -> int:
    """Print the session."""
    context = open_context(arguments)
    with open_sessions(context) as store:
        session = sessions.find_session(
            store, arguments.session, workspace=str(context.settings.workspace)
        )
        transcript = session.open(arguments.at)
        if arguments.json:
            context.console.json(_as_json(session, transcript, entries=arguments.entries))
        elif arguments.entries:
            _show_entries(context.console, transcript)
        else:
            for position, message in zip(
                transcript.message_positions, transcript.decode_all(), strict=True
            ):
                context.console.lines(reading.render(message, position=position))
    return DONE


def _as_json(
    session: journal.Session, transcript: journal.Transcript, *, entries: bool
) -> dict[str, object]:
    shown: dict[str, object] = {
        **sessions.info_json(session.info),
        "position": transcript.position,
        "messages": [dict(message) for message in transcript.decode_all()],
    }
    if entries:
        shown["all_entries"] = [sessions.entry_json(entry) for entry in transcript.entries]
    return shown


def _show_entries(console: Console, transcript: journal.Transcript) -> None:
    for entry in transcript.entries:
        when = sessions.local_time(entry.recorded_at_us)
        body = "(erased)" if entry.is_erased else reading.body_line(entry)
        console.line(f"{entry.position:>6}  {when}  {entry.kind:<8}  {body}")
