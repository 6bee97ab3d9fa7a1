"""The conversation: read a line, obey a command or let the agent answer, again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from novacore import agent, kit
from novacore.cli import reading
from novacore.cli.console import Console
from novacore.cli.terminal import folds, recap, slash
from novacore.cli.terminal.desk import Desk, Opened
from novacore.cli.terminal.interrupts import Interrupts, Leave
from novacore.cli.terminal.prompt import Typing
from novacore.cli.terminal.turn_view import TurnView

_TICK_S = 0.25
_BARE_LEAVE = ("exit", "quit")


class Conversation:
    """One person, one agent, until the person leaves.

    Args:
        room: what commands work on.
        typing: where the person's words come from.
        view: where a turn is shown.
        interrupts: when Ctrl+C means leave.
    """

    def __init__(
        self, room: slash.Room, *, typing: Typing, view: TurnView, interrupts: Interrupts
    ) -> None:
        self._room = room
        self._typing = typing
        self._view = view
        self._interrupts = interrupts
        self._turn: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.was_interrupted = False
        """The person left by a second Ctrl+C while the agent worked."""

    async def run(self) -> None:
        """Talk until the person leaves."""
        with contextlib.suppress(Leave):
            while True:
                line = await self._typing.read()
                await self._take(line)

    async def _take(self, line: str) -> None:
        typed = line.strip()
        if not typed:
            return
        if typed in _BARE_LEAVE:
            raise Leave
        try:
            if typed.startswith("/") and "\n" not in typed:
                await slash.obey(self._room, typed)
            else:
                await self._answer(line)
        except kit.NovaError as error:
            self._room.console.error(error.message, hint=error.hint)

    async def _answer(self, line: str) -> None:
        running = await self._room.desk.need_agent()
        self._is_stopping = False
        self._view.begin()
        self._turn = asyncio.ensure_future(self._show(running, _encodable(line)))
        with self._typing.working(
            on_escape=lambda: self._stop(running), on_interrupt=lambda: self._interrupt(running)
        ):
            async with _ticking(self._view):
                try:
                    await self._turn
                except asyncio.CancelledError:
                    if self._is_ended():
                        raise
                    raise Leave from None
                finally:
                    self._view.end_line()

    async def _show(self, running: agent.Agent, line: str) -> None:
        stats = self._room.stats
        stats.turns += 1
        async with contextlib.aclosing(running.run(line)) as events:
            async for event in events:
                self._view.show(event)
                if isinstance(event, agent.TurnFinished):
                    stats.steps += event.steps
                elif isinstance(event, agent.ToolFinished):
                    stats.calls += 1
        came, went = self._view.tokens
        stats.input_tokens += came
        stats.output_tokens += went

    def interrupt(self) -> None:
        """A Ctrl+C that came as a signal."""
        self._typing.interrupt()

    def _stop(self, running: agent.Agent) -> None:
        self._is_stopping = True
        running.cancel()

    def _interrupt(self, running: agent.Agent) -> None:
        if self._interrupts.press() and self._is_stopping and self._turn is not None:
            self.was_interrupted = True
            self._turn.cancel()
            return
        self._stop(running)

    def _is_ended(self) -> bool:
        """Somebody cancelled us, rather than a second Ctrl+C the turn."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0


def greet(desk: Desk, opened: Opened | None, *, console: Console, kept: folds.Folds) -> None:
    """Say what is open: model, folder, and the session that is resumed."""
    console.line(f"nova: {reading.model_line(desk.model.info)}")
    if desk.model.info.notice:
        console.line(desk.model.info.notice, style="yellow")
    for path in desk.settings.files:
        if path != desk.settings.user_file:
            console.line(f"Settings are also read from {path}.", style="dim")
    if opened is None:
        console.line(f"A fresh session in {desk.workspace}. /help lists the commands.")
        return
    console.line(f"Resumed {opened.line()}. /clear begins a fresh one, /help lists the commands.")
    recap.show(
        opened.transcript,
        console=console,
        kept=kept,
        messages_max=desk.settings.cli.resume_messages,
    )


@contextlib.asynccontextmanager
async def _ticking(view: TurnView) -> AsyncIterator[None]:
    """Let the view show how the time passes."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            view.tick()

    ticker = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        ticker.cancel()


def _encodable(line: str) -> str:
    """`line` without lone surrogates, which no provider accepts."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
