"""`nova` without a command: talk to the agent."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable

from novacore import bootstrap, journal
from novacore.cli.context import Context, open_context
from novacore.cli.exits import CANCELLED, DONE
from novacore.cli.opening import Notices, open_to_work
from novacore.cli.terminal import folds, slash
from novacore.cli.terminal.completing import PromptCompleter
from novacore.cli.terminal.conversation import Conversation, greet
from novacore.cli.terminal.desk import Desk, Opened, fresh_name
from novacore.cli.terminal.history import HISTORY_FILE, HistoryFile
from novacore.cli.terminal.interrupts import Interrupts
from novacore.cli.terminal.lines import LineTyping
from novacore.cli.terminal.prompt import PromptTyping, Typing
from novacore.cli.terminal.questions import Questions
from novacore.cli.terminal.signals import acting_on, leaving_on
from novacore.cli.terminal.turn_view import TurnView

OpenTyping = Callable[[Context, Desk, Interrupts], Typing]


def run(arguments: argparse.Namespace) -> int:
    """Talk until the person leaves."""
    context = open_context(arguments)
    with open_to_work(context) as (store, working, notices):
        return asyncio.run(talk(arguments, working, store=store, notices=notices))


async def talk(
    arguments: argparse.Namespace,
    context: Context,
    *,
    store: journal.Store,
    notices: Notices | None = None,
    open_typing: OpenTyping | None = None,
) -> int:
    """Open what a conversation needs, hold it, close everything.

    Args:
        arguments: which session.
        context: settings and console.
        store: where sessions are; the caller closes it.
        notices: what a server's going and coming has to say; shown between turns.
        open_typing: gives the place that the person's words come from. None: the terminal.
    """
    chosen, console = context.settings, context.console
    interrupts, kept = Interrupts(), folds.Folds()
    view = TurnView(console, config=chosen.cli, kept=kept)
    model = await bootstrap.open_model(chosen)
    desk = Desk(chosen, store=store, model=model)
    typing = (open_typing or _open_typing)(context, desk, interrupts)
    desk.ask = Questions(view, choose=typing.choose).ask
    room = slash.Room(desk=desk, console=console, view=view, kept=kept)
    conversation = Conversation(
        room, typing=typing, interrupts=interrupts, notices=notices or Notices()
    )
    with acting_on(signal.SIGINT, conversation.interrupt), typing.opened():
        try:
            with leaving_on(signal.SIGTERM, signal.SIGHUP):
                greet(room, await _open_session(arguments, desk))
                await conversation.run()
        finally:
            await desk.close()
    return CANCELLED if conversation.was_interrupted else DONE


async def _open_session(arguments: argparse.Namespace, desk: Desk) -> Opened | None:
    """The session to begin with; None: a fresh one, which its first message makes."""
    if arguments.session:
        return await desk.open_session(
            desk.store.session(arguments.session, workspace=desk.workspace)
        )
    if arguments.new or not desk.settings.cli.resume:
        await desk.begin_fresh(fresh_name(desk.store, workspace=desk.workspace))
        return None
    last = desk.store.last_session(desk.workspace)
    return await desk.open_session(last) if last is not None else None


def _open_typing(context: Context, desk: Desk, interrupts: Interrupts) -> Typing:
    console, config = context.console, context.settings.cli
    if console.is_plain or not sys.stdin.isatty():
        can_ask = sys.stdin.isatty() and sys.stdout.isatty()
        return LineTyping(console, interrupts=interrupts, can_ask=can_ask)
    return PromptTyping(
        completer=PromptCompleter(
            commands={name: command.about for name, command in slash.COMMANDS.items()},
            list_words=lambda name: slash.words_after(desk, name),
            workspace=context.settings.workspace,
        ),
        history=HistoryFile(
            context.settings.data_dir / HISTORY_FILE, entries_max=config.history_entries_max
        ),
        escape_ms=config.escape_ms,
        interrupts=interrupts,
        has_color=console.has_color,
    )
