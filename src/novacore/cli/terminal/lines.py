"""Typing in plain lines, without cursor movement: for screen readers, pipes and files."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from novacore.cli.console import Console
from novacore.cli.terminal.interrupts import Interrupts, Leave

_CHUNK_BYTES = 65_536


class LineTyping:
    """Reads lines from a file descriptor; a line that ends with a backslash goes on in the next.

    Ctrl+C comes as a signal: it stops a turn, twice it leaves.

    Args:
        console: where prompts are written.
        interrupts: shared with the rest of the conversation.
        can_ask: a person is there to answer questions; otherwise they get no answer.
        descriptor: where lines come from.
    """

    def __init__(
        self, console: Console, *, interrupts: Interrupts, can_ask: bool, descriptor: int = 0
    ) -> None:
        self._console = console
        self._interrupts = interrupts
        self._can_ask = can_ask
        self._descriptor = descriptor
        self._lines: asyncio.Queue[str | None] | None = None
        self._on_interrupt: Callable[[], object] | None = None

    def opened(self) -> contextlib.AbstractContextManager[object]:
        """Nothing to do: the terminal itself keeps lines that are typed ahead."""
        return contextlib.nullcontext()

    async def read(self) -> str:
        """The next message or command."""
        lines: list[str] = []
        while True:
            if self._can_ask:
                self._console.write("... " if lines else "> ")
            line = await self._next()
            if line is None:
                if lines:
                    return "\n".join(lines)
                raise Leave
            if not line.endswith("\\"):
                return "\n".join([*lines, line])
            lines.append(line[:-1])

    @contextlib.contextmanager
    def working(
        self, *, on_escape: Callable[[], object], on_interrupt: Callable[[], object]
    ) -> Iterator[None]:
        """While this is open, Ctrl+C is reported; lines wait."""
        del on_escape  # a line-based terminal tells of no single key
        self._on_interrupt = on_interrupt
        try:
            yield
        finally:
            self._on_interrupt = None

    def interrupt(self) -> None:
        """A Ctrl+C: reported while the agent works, else asked for twice to leave."""
        if self._on_interrupt is not None:
            self._on_interrupt()
        elif self._interrupts.press():
            self._queue().put_nowait(None)
        else:
            self._console.write("\nCtrl+C again to leave.\n> ")

    async def choose(self, choices: str) -> str:
        """The first letter of the next line that is one of these; empty where nobody can answer."""
        while self._can_ask:
            self._console.write(f"Type one of {', '.join(choices)} and Enter: ")
            line = await self._next()
            if line is None:
                return ""
            letter = line.strip()[:1].lower()
            if letter and letter in choices:
                return letter
        return ""

    async def _next(self) -> str | None:
        return await self._queue().get()

    def _queue(self) -> "asyncio.Queue[str | None]":
        if self._lines is None:
            self._lines = asyncio.Queue()
            threading.Thread(
                target=self._pump, args=(asyncio.get_running_loop(), self._lines), daemon=True
            ).start()
        return self._lines

    def _pump(self, loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str | None]") -> None:
        """Read until the end, in a thread of its own: a read that waits can't be cancelled.

        `os.read` rather than `sys.stdin`, whose lock would be held while the process ends.
        """
        rest = b""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            while chunk := self._read_chunk():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, _decoded(line))
            if rest:
                loop.call_soon_threadsafe(lines.put_nowait, _decoded(rest))
            loop.call_soon_threadsafe(lines.put_nowait, None)

    def _read_chunk(self) -> bytes:
        try:
            return os.read(self._descriptor, _CHUNK_BYTES)
        except OSError:
            return b""


def _decoded(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")
