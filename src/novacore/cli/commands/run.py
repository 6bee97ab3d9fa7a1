"""`nova run`: do one task and exit."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from typing import Any

from prompt_toolkit.input import create_input

from novacore import agent, bootstrap, journal, kit, llm, settings
from novacore.cli import errors
from novacore.cli.console import Console
from novacore.cli.context import Context, open_context
from novacore.cli.exits import CANCELLED, DONE, FAILED
from novacore.cli.opening import open_to_work
from novacore.cli.terminal import folds
from novacore.cli.terminal.conversation import events_of
from novacore.cli.terminal.desk import fresh_name
from novacore.cli.terminal.interrupts import Interrupts
from novacore.cli.terminal.keys import KeyTyping
from novacore.cli.terminal.questions import Questions
from novacore.cli.terminal.signals import acting_on, leaving_on
from novacore.cli.terminal.turn_view import TurnView

_EXITS = {"end": DONE, "step_limit": FAILED, "failed": FAILED, "cancelled": CANCELLED}


def run(arguments: argparse.Namespace) -> int:
    """Do the task; the answer goes to the output, everything else to the error stream."""
    context = open_context(arguments)
    task = _read_task(arguments.task)
    try:
        with open_to_work(context) as (store, working, _):
            return asyncio.run(_Run(arguments, working, store=store).do(task))
    except settings.SettingsError:
        raise
    except kit.NovaError as error:
        if arguments.json:
            context.console.json({"reason": "failed", "text": "", "error": _error_json(error)})
        raise


def _read_task(given: str) -> str:
    raw = sys.stdin.buffer.read() if given == "-" else given.encode("utf-8", "surrogateescape")
    task = raw.decode("utf-8", "replace").strip()
    if not task:
        raise errors.TaskMissing
    return task


class _Run:
    """One task, from the question to the exit code."""

    def __init__(
        self, arguments: argparse.Namespace, context: Context, *, store: journal.Store
    ) -> None:
        self._context = context
        self._store = store
        self._is_json = arguments.json
        self._name = arguments.session or ""
        self._interrupts = Interrupts()
        self._text = ""
        self._finished: agent.TurnFinished | None = None
        quiet = Console(_Nowhere(), _Nowhere())
        aside = Console(
            sys.stderr,
            sys.stderr,
            is_terminal=sys.stderr.isatty(),
            has_color=context.console.has_color and sys.stderr.isatty(),
            is_plain=context.console.is_plain or not sys.stderr.isatty(),
            columns_max=context.settings.cli.width_columns_max,
        )
        self._view = TurnView(
            quiet if self._is_json else context.console,
            aside=quiet if self._is_json else aside,
            config=context.settings.cli,
            kept=folds.Folds(),
            whole="`nova show`",
        )

    async def do(self, task: str) -> int:
        """Open everything, let the agent work, close everything."""
        started_s = time.monotonic()
        chosen = self._context.settings
        folder = str(chosen.workspace)
        typing = self._open_typing()
        questions = Questions(self._view, choose=typing.choose) if typing else None
        model = await bootstrap.open_model(chosen)
        try:
            session = self._store.session(
                self._name or fresh_name(self._store, workspace=folder), workspace=folder
            )
            running = bootstrap.open_agent(
                chosen,
                model=model,
                store=self._store,
                session=session,
                ask=questions.ask if questions else None,
            )
            try:
                await self._work(running, task, typing=typing)
            finally:
                await running.close()
            await self._learn(session)
        finally:
            await model.close()
        assert self._finished is not None
        if self._is_json:
            elapsed_ms = round((time.monotonic() - started_s) * 1_000)
            self._context.console.json(self._outcome(session, model.info, elapsed_ms=elapsed_ms))
        return _EXITS[self._finished.reason]

    async def _learn(self, session: journal.Session) -> None:
        """Keep what the task stated. Where that fails the task is done all the same."""
        config = self._context.settings.memory
        try:
            await asyncio.to_thread(bootstrap.learn, self._store, session, config=config)
        except kit.NovaError as error:
            self._context.console.error(
                f"What was stated is not remembered yet: {error.message}",
                hint="The session's next turn makes up for it.",
            )

    async def _work(self, running: agent.Agent, task: str, *, typing: KeyTyping | None) -> None:
        def interrupt() -> None:
            if self._interrupts.press():
                raise KeyboardInterrupt
            running.cancel()

        listening = contextlib.nullcontext()
        if typing is not None:
            listening = typing.working(on_escape=running.cancel, on_interrupt=interrupt)
        ending = leaving_on(signal.SIGTERM, signal.SIGHUP)
        with ending, acting_on(signal.SIGINT, interrupt), listening:
            async with events_of(running, task) as events:
                async for event in events:
                    self._take(event)
            self._view.end_line()

    def _take(self, event: agent.AgentEvent) -> None:
        self._view.show(event)
        if isinstance(event, agent.TurnFinished):
            self._finished = event
        elif isinstance(event, agent.MessageRecorded):
            read = llm.read_message(event.message)
            if read.role == "assistant":
                self._text = read.text

    def _open_typing(self) -> KeyTyping | None:
        """Keys, where a person sits at both ends of a terminal."""
        if self._is_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        if os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
            return None  # in the background: touching the terminal would stop us
        return KeyTyping(create_input(), escape_ms=self._context.settings.cli.escape_ms)

    def _outcome(
        self, session: journal.Session, info: llm.ModelInfo, *, elapsed_ms: int
    ) -> dict[str, Any]:
        finished = self._finished
        assert finished is not None
        came, went = self._view.tokens
        return {
            "reason": finished.reason,
            "text": self._text,
            "session": session.name,
            "session_id": session.id,
            "workspace": session.workspace,
            "model": info.name,
            "provider": info.provider,
            "steps": finished.steps,
            "usage": {"input_tokens": came, "output_tokens": went},
            "elapsed_ms": elapsed_ms,
            "error": _error_json(finished.error) if finished.error is not None else None,
        }


class _Nowhere:
    """A stream that keeps nothing."""

    encoding = "utf-8"

    def write(self, text: str, /) -> int:
        return len(text)

    def flush(self) -> None:
        return


def _error_json(error: kit.NovaError) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "kind": error.kind.value,
        "message": error.message,
        "hint": error.hint,
    }
