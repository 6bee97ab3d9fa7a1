"""Keys pressed while the agent works: Esc and Ctrl+C stop it, the rest waits for the next prompt.

An arrow key begins with the same byte as Esc. So bytes go through a real parser, and a lone Esc
counts only after a short silence.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys


class KeyTyping:
    """Keys of a terminal while the agent works, without a prompt in between.

    Args:
        source: the terminal's input.
        escape_ms: how long a lone Esc is waited on.
    """

    def __init__(self, source: Input, *, escape_ms: int) -> None:
        self._source = source
        self._escape_ms = escape_ms
        self._reader: KeyReader | None = None
        self._on_interrupt: Callable[[], object] = _nothing

    @property
    def is_working(self) -> bool:
        """Whether `working` is open."""
        return self._reader is not None

    @contextlib.contextmanager
    def working(
        self, *, on_escape: Callable[[], object], on_interrupt: Callable[[], object]
    ) -> Iterator[None]:
        """While this is open, Esc and Ctrl+C are reported; other keys wait for the next prompt."""
        self._on_interrupt = on_interrupt
        self._reader = KeyReader(
            self._source,
            escape_ms=self._escape_ms,
            on_escape=on_escape,
            on_interrupt=on_interrupt,
        )
        try:
            with self._reader.listening():
                yield
        finally:
            self._reader = None

    def interrupt(self) -> None:
        """A Ctrl+C that came as a signal does what the key does."""
        if self._reader is not None:
            self._on_interrupt()

    async def choose(self, choices: str) -> str:
        """The next key that is one of these letters; empty outside of `working`."""
        return await self._reader.read_choice(choices) if self._reader else ""


class KeyReader:
    """Listens to a terminal between two prompts.

    Args:
        source: the terminal's input, which the prompt uses too.
        escape_ms: how long a lone Esc is waited on.
        on_escape: called for Esc.
        on_interrupt: called for Ctrl+C.
    """

    def __init__(
        self,
        source: Input,
        *,
        escape_ms: int,
        on_escape: Callable[[], object],
        on_interrupt: Callable[[], object],
    ) -> None:
        self._source = source
        self._escape_s = escape_ms / 1_000
        self._on_escape = on_escape
        self._on_interrupt = on_interrupt
        self._flush: asyncio.TimerHandle | None = None
        self._answer: asyncio.Future[str] | None = None
        self._choices = ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Keys are read while this is open; the terminal shows none of them."""
        with self._source.raw_mode(), self._source.attach(self._ready):
            try:
                yield
            finally:
                if self._flush is not None:
                    self._flush.cancel()

    async def read_choice(self, choices: str) -> str:
        """The next key pressed that is one of `choices`; only one may be awaited at a time."""
        self._answer = asyncio.get_running_loop().create_future()
        self._choices = choices
        try:
            return await self._answer
        finally:
            self._answer = None

    def _ready(self) -> None:
        self._take(self._source.read_keys())
        if self._flush is not None:
            self._flush.cancel()
        loop = asyncio.get_running_loop()
        self._flush = loop.call_later(self._escape_s, self._flush_keys)

    def _flush_keys(self) -> None:
        self._flush = None
        self._take(self._source.flush_keys())

    def _take(self, presses: list[KeyPress]) -> None:
        if any(press.key == Keys.ControlC for press in presses):
            self._on_interrupt()
            return
        if presses and all(press.key == Keys.Escape for press in presses):
            self._on_escape()
            return
        if self._answer is not None:
            letters = [each.data.lower() for each in presses if len(each.data) == 1]
            chosen = [letter for letter in letters if letter in self._choices]
            if chosen and not self._answer.done():
                self._answer.set_result(chosen[0])
            return
        store_typeahead(self._source, [each for each in presses if each.key != Keys.CPRResponse])


def _nothing() -> None:
    """No turn has begun yet."""
