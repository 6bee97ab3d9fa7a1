"""Typing on a terminal: several lines, history, completion, and keys while the agent works."""

import contextlib
import math
import time
from collections.abc import Callable
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from novacore.cli.terminal.interrupts import Interrupts, Leave
from novacore.cli.terminal.keys import KeyTyping

PROMPT = "> "
_AT_ONCE_S = 0.02
_LEAVE_HINT = "Ctrl+C again to leave"


class Typing(Protocol):
    """Where a person's words come from."""

    def opened(self) -> contextlib.AbstractContextManager[object]:
        """Open this around the whole conversation: what is typed ahead waits for the prompt."""
        ...

    async def read(self) -> str:
        """The next message or command.

        Raises:
            Leave: there will be no more.
        """
        ...

    def working(
        self, *, on_escape: Callable[[], object], on_interrupt: Callable[[], object]
    ) -> contextlib.AbstractContextManager[None]:
        """While this is open, Esc and Ctrl+C are reported; what else is typed waits."""
        ...

    def interrupt(self) -> None:
        """A Ctrl+C that came as a signal."""
        ...

    async def choose(self, choices: str) -> str:
        """One of these letters, while `working` is open; empty where nobody can answer."""
        ...


class PromptTyping:
    """Typing with prompt_toolkit. Enter sends, Esc then Enter or Ctrl+J begins a new line.

    Args:
        completer: completes commands, names and paths.
        history: what was typed before.
        escape_ms: how long a lone Esc is waited on.
        interrupts: shared with the rest of the conversation.
        source: the terminal's input. None: that of the process.
        target: the terminal's output. None: that of the process.
        has_color: styles may be used.
    """

    def __init__(
        self,
        *,
        completer: Completer,
        history: History,
        escape_ms: int,
        interrupts: Interrupts,
        source: Input | None = None,
        target: Output | None = None,
        has_color: bool = True,
    ) -> None:
        self._source = source or create_input()
        self._interrupts = interrupts
        self._keys = KeyTyping(self._source, escape_ms=escape_ms)
        self._hint = ""
        self._typed_s = -math.inf
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            multiline=True,
            completer=completer,
            complete_while_typing=Condition(self._is_command),
            history=history,
            # Without colour a suggestion could not be told from what was typed.
            auto_suggest=AutoSuggestFromHistory() if has_color else None,
            key_bindings=self._bindings(),
            prompt_continuation="  ",
            # Not a toolbar: prompt_toolkit hides it while it may not ask where the cursor is.
            rprompt=self._shown_hint,
            style=Style([("rprompt", "#888888"), ("auto-suggestion", "#888888")])
            if has_color
            else Style([("", "nounderline")]),
            input=self._source,
            output=target or _output(),
        )
        self._session.app.ttimeoutlen = escape_ms / 1_000
        self._session.app.timeoutlen = 0.5

    def opened(self) -> contextlib.AbstractContextManager[object]:
        """Keep the terminal's own line editing off between prompts too: it would echo what is
        typed ahead, and turn its Enter into a new line.
        """
        return self._source.raw_mode()

    async def read(self) -> str:
        """The next message or command, as typed."""
        self._hint = ""
        try:
            return await self._session.prompt_async(handle_sigint=False)
        except EOFError:
            raise Leave from None

    def working(
        self, *, on_escape: Callable[[], object], on_interrupt: Callable[[], object]
    ) -> contextlib.AbstractContextManager[None]:
        """While this is open, Esc and Ctrl+C are reported; other keys wait for the next prompt."""
        return self._keys.working(on_escape=on_escape, on_interrupt=on_interrupt)

    def interrupt(self) -> None:
        """A Ctrl+C that came as a signal does what the key does."""
        if self._keys.is_working:
            self._keys.interrupt()
        elif self._session.app.is_running:
            self._session.app.key_processor.feed(KeyPress(Keys.ControlC))
            self._session.app.key_processor.process_keys()

    async def choose(self, choices: str) -> str:
        """The next key that is one of these letters."""
        return await self._keys.choose(choices)

    def _is_command(self) -> bool:
        return self._session.default_buffer.document.text.startswith("/")

    def _shown_hint(self) -> FormattedText:
        return FormattedText([("class:rprompt", self._hint)])

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add("enter")
        def _send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @bindings.add("escape", "enter")
        def _new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @bindings.add("c-j")
        def _line_feed(event: KeyPressEvent) -> None:
            if self._ends_a_line(event):
                event.current_buffer.validate_and_handle()
            else:
                event.current_buffer.insert_text("\n")

        @bindings.add("c-c")
        def _interrupt(event: KeyPressEvent) -> None:
            self._take_interrupt(event)

        @bindings.add("<any>")
        def _type(event: KeyPressEvent) -> None:
            self._interrupts.forget()
            self._hint = ""
            self._typed_s = time.monotonic()
            event.current_buffer.insert_text(event.data)

        return bindings

    def _ends_a_line(self, event: KeyPressEvent) -> bool:
        """Whether a line feed came in one piece with the text before it, and nothing after it.

        So programs send lines to a terminal; a person's Ctrl+J comes alone.
        """
        is_last = not event.key_processor.input_queue
        return is_last and time.monotonic() - self._typed_s < _AT_ONCE_S

    def _take_interrupt(self, event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.text:
            buffer.reset()
            self._interrupts.forget()
            return
        if self._interrupts.press():
            event.app.exit(exception=EOFError())
            return
        self._hint = _LEAVE_HINT


def _output() -> Output:
    """The terminal, without being asked where its cursor is: not every one answers."""
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output
