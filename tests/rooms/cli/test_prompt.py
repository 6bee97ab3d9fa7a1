"""Typing at a terminal: what each key does, at the prompt and while the agent works."""

import asyncio
import os
import pty
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import DummyCompleter
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output import DummyOutput

from novacore.cli.terminal.interrupts import Interrupts, Leave
from novacore.cli.terminal.prompt import PromptTyping

ESCAPE_MS = 30


class Keyboard:
    """A terminal's input that a test types on, and a clock for Ctrl+C."""

    def __init__(self, source, *, escape_ms: int = ESCAPE_MS) -> None:
        self.source = source
        self.now_s = 100.0
        self.typing = PromptTyping(
            completer=DummyCompleter(),
            history=InMemoryHistory(),
            escape_ms=escape_ms,
            interrupts=Interrupts(now_s=lambda: self.now_s),
            source=source,
            target=DummyOutput(),
        )


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    with create_pipe_input() as source:
        yield Keyboard(source)


async def settled(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own time limit is the end of patience."""
    while not holds():  # noqa: ASYNC110 - what is waited for is outside
        await asyncio.sleep(0.005)


async def test_enter_sends(keyboard: Keyboard) -> None:
    keyboard.source.send_text("hello\r")

    assert await keyboard.typing.read() == "hello"


async def test_control_j_and_escape_enter_begin_a_new_line(keyboard: Keyboard) -> None:
    keyboard.source.send_text("one\ntwo\x1b\rthree\r")

    assert await keyboard.typing.read() == "one\ntwo\nthree"


async def test_a_line_that_a_program_sends_in_one_piece_is_sent(keyboard: Keyboard) -> None:
    keyboard.source.send_text("hello\n")

    assert await keyboard.typing.read() == "hello"


async def test_control_j_alone_begins_a_new_line_even_at_the_end(keyboard: Keyboard) -> None:
    reading = asyncio.ensure_future(keyboard.typing.read())
    keyboard.source.send_text("one")
    await settled(lambda: keyboard.typing._session.default_buffer.text == "one")
    await asyncio.sleep(0.05)
    keyboard.source.send_text("\n")
    await settled(lambda: keyboard.typing._session.default_buffer.text == "one\n")
    keyboard.source.send_text("two\r")

    assert await reading == "one\ntwo"


async def test_pasted_lines_are_one_message(keyboard: Keyboard) -> None:
    keyboard.source.send_text("\x1b[200~one\ntwo\x1b[201~\r")

    assert await keyboard.typing.read() == "one\ntwo"


async def test_control_d_on_an_empty_line_leaves(keyboard: Keyboard) -> None:
    keyboard.source.send_text("\x04")

    with pytest.raises(Leave):
        await keyboard.typing.read()


async def test_control_c_clears_the_line(keyboard: Keyboard) -> None:
    keyboard.source.send_text("half a thou\x03again\r")

    assert await keyboard.typing.read() == "again"


async def test_control_c_twice_on_an_empty_line_leaves(keyboard: Keyboard) -> None:
    keyboard.source.send_text("\x03\x03")

    with pytest.raises(Leave):
        await keyboard.typing.read()


async def test_a_second_control_c_after_a_while_is_a_first_one_again(keyboard: Keyboard) -> None:
    reading = asyncio.ensure_future(keyboard.typing.read())
    keyboard.source.send_text("\x03")
    await settled(lambda: bool(keyboard.typing._hint))
    keyboard.now_s += 10
    keyboard.source.send_text("\x03still here\r")

    assert await reading == "still here"


async def test_an_interrupt_signal_at_the_prompt_does_what_the_key_does(keyboard: Keyboard) -> None:
    reading = asyncio.ensure_future(keyboard.typing.read())
    await settled(lambda: keyboard.typing._session.app.is_running)
    keyboard.typing.interrupt()
    keyboard.typing.interrupt()

    with pytest.raises(Leave):
        await reading


class Pressed:
    """Counts what is reported while the agent works."""

    def __init__(self) -> None:
        self.escapes = 0
        self.interrupts = 0

    def escape(self) -> None:
        self.escapes += 1

    def interrupt(self) -> None:
        self.interrupts += 1


async def test_escape_is_reported_while_the_agent_works(keyboard: Keyboard) -> None:
    pressed = Pressed()
    with keyboard.typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
        keyboard.source.send_text("\x1b")
        await settled(lambda: pressed.escapes == 1)


@pytest.mark.parametrize("keys", ["\x1b[A", "\x1bOB", "\x1b[1;5C", "\x1b[3~", "\x1bx"])
async def test_keys_that_begin_like_escape_are_not_escape(keyboard: Keyboard, keys: str) -> None:
    pressed = Pressed()
    with keyboard.typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
        keyboard.source.send_text(keys)
        await asyncio.sleep(3 * ESCAPE_MS / 1_000)
        keyboard.source.send_text("\x03")
        await settled(lambda: pressed.interrupts == 1)

    assert pressed.escapes == 0


async def test_an_arrow_key_that_arrives_in_two_pieces_is_not_escape() -> None:
    pressed = Pressed()
    with create_pipe_input() as source:
        typing = Keyboard(source, escape_ms=5_000).typing
        with typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
            source.send_text("\x1b")
            await asyncio.sleep(0.05)
            source.send_text("[A")
            await asyncio.sleep(0.05)
            source.send_text("\x03")
            await settled(lambda: pressed.interrupts == 1)

    assert pressed.escapes == 0


async def test_between_prompts_the_terminal_neither_echoes_nor_edits() -> None:
    terminal, ours = pty.openpty()
    with os.fdopen(ours) as file:
        source = Vt100Input(file)
        with Keyboard(source).typing.opened():
            flags = termios.tcgetattr(ours)[3]
            assert not flags & (termios.ECHO | termios.ICANON)
        assert termios.tcgetattr(ours)[3] & termios.ECHO
    os.close(terminal)


async def test_control_c_is_reported_while_the_agent_works(keyboard: Keyboard) -> None:
    pressed = Pressed()
    with keyboard.typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
        keyboard.source.send_text("\x03")
        await settled(lambda: pressed.interrupts == 1)
        keyboard.typing.interrupt()

    assert pressed.interrupts == 2
    assert pressed.escapes == 0


async def test_what_is_typed_while_the_agent_works_waits_for_the_prompt(keyboard: Keyboard) -> None:
    pressed = Pressed()
    with keyboard.typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
        keyboard.source.send_text("ahead")
        await asyncio.sleep(0.05)
    keyboard.source.send_text(" of time\r")

    assert await keyboard.typing.read() == "ahead of time"


async def test_a_question_takes_the_first_key_that_is_an_answer(keyboard: Keyboard) -> None:
    pressed = Pressed()
    with keyboard.typing.working(on_escape=pressed.escape, on_interrupt=pressed.interrupt):
        choosing = asyncio.ensure_future(keyboard.typing.choose("yn"))
        await asyncio.sleep(0.01)
        keyboard.source.send_text("\rqY")

        assert await choosing == "y"


async def test_outside_a_turn_nobody_answers(keyboard: Keyboard, tmp_path: Path) -> None:
    assert await keyboard.typing.choose("yn") == ""
