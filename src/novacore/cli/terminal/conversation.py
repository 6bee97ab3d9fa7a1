"""The conversation: read a line, obey a command or let the agent answer, again and again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

from novacore import agent, kit, llm
from novacore.cli import reading
from novacore.cli.opening import Notices, say
from novacore.cli.terminal import slash
from novacore.cli.terminal.desk import Opened
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
        interrupts: when Ctrl+C means leave.
        notices: what a server's going and coming has to say.
    """

    def __init__(
        self,
        room: slash.Room,
        *,
        typing: Typing,
        interrupts: Interrupts,
        notices: Notices | None = None,
    ) -> None:
        self._notices = notices or Notices()
        self._room = room
        self._typing = typing
        self._view = room.view
        self._interrupts = interrupts
        self._turn: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.was_interrupted = False
        """The person left by a second Ctrl+C while the agent worked."""

    async def run(self) -> None:
        """Talk until the person leaves."""
        with contextlib.suppress(Leave):
            while True:
                say(self._notices, self._room.console.error)
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
                await self._obey(typed)
            else:
                await self._answer(line)
        except kit.NovaError as error:
            self._room.console.error(error.message, hint=error.hint)

    async def _obey(self, line: str) -> None:
        """Do a command; Esc and Ctrl+C give it up where it waits for something."""
        task = asyncio.ensure_future(slash.obey(self._room, line))
        with self._typing.working(on_escape=task.cancel, on_interrupt=task.cancel):
            await _over(task)
        if task.cancelled():
            self._room.console.line("Given up.")
        else:
            task.result()

    async def _answer(self, line: str) -> None:
        running = self._room.desk.need_agent()
        self._is_stopping = False
        self._view.begin()
        turn = self._turn = asyncio.ensure_future(self._show(running, _encodable(line)))
        with self._typing.working(
            on_escape=lambda: self._stop(running), on_interrupt=lambda: self._interrupt(running)
        ):
            async with _ticking(self._view):
                await _over(turn)
            self._view.end_line()
        # What stopped the answer does not count towards leaving the prompt that follows.
        self._interrupts.forget()
        if turn.cancelled():
            raise Leave
        turn.result()
        await self._room.desk.learn()
        if not self._room.console.is_plain:
            self._room.console.line()

    async def _show(self, running: agent.Agent, line: str) -> None:
        self._room.turns += 1
        async with events_of(running, line) as events:
            async for event in events:
                self._view.show(event)

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


def greet(room: slash.Room, opened: Opened | None) -> None:
    """Say what is open: model, folder, and the session that is resumed."""
    desk, console = room.desk, room.console
    info = desk.model.info
    console.line(f"nova: {reading.model_line(info)}")
    if desk.settings.server_url:
        console.line(f"Sessions are on {desk.settings.server_url}; tools run here.")
    if info.notice:
        console.line(info.notice, style="yellow")
    if info.is_builtin and not llm.is_builtin_installed(desk.settings.data_dir):
        console.line("It is not installed yet: `nova model install` does that.", style="yellow")
    for path in desk.settings.files:
        if path != desk.settings.user_file:
            console.line(f"Settings are also read from {path}.", style="dim")
    if opened is None:
        console.line(f"A fresh session in {desk.workspace}. /help lists the commands.")
    else:
        slash.show_opened(room, opened, how="Resumed")
        console.line("/clear begins a fresh session, /help lists the commands.", style="dim")


def events_of(
    running: agent.Agent, line: str
) -> contextlib.AbstractAsyncContextManager[AsyncIterator[agent.AgentEvent]]:
    """The events of one turn; leaving them early cancels it."""
    return contextlib.aclosing(cast("AsyncGenerator[agent.AgentEvent]", running.run(line)))


async def _over(task: asyncio.Task[None]) -> None:
    """Wait until a task is over, and end it where we are cancelled ourselves."""
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


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
