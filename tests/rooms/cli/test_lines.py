"""Typing in plain lines: pipes, files and screen readers."""

import asyncio
import io
import os
from collections.abc import Iterator

import pytest

from novacore.cli.console import Console
from novacore.cli.terminal.interrupts import Interrupts, Leave
from novacore.cli.terminal.lines import LineTyping


class Pipe:
    """Lines that a test writes to a descriptor."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.out = io.StringIO()
        self.now_s = 10.0

    def typing(self, *, can_ask: bool = True) -> LineTyping:
        return LineTyping(
            Console(self.out, self.out),
            interrupts=Interrupts(now_s=lambda: self.now_s),
            can_ask=can_ask,
            descriptor=self.reader,
        )

    def send(self, raw: bytes) -> None:
        os.write(self.writer, raw)

    def end(self) -> None:
        os.close(self.writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for descriptor in (made.writer, made.reader):
        try:
            os.close(descriptor)
        except OSError:
            continue


async def test_each_line_is_a_message_and_the_end_leaves(pipe: Pipe) -> None:
    typing = pipe.typing()
    pipe.send("one\r\ntwo 日本\nthree".encode())
    pipe.end()

    assert [await typing.read() for _ in range(3)] == ["one", "two 日本", "three"]
    with pytest.raises(Leave):
        await typing.read()


async def test_a_backslash_at_the_end_goes_on_in_the_next_line(pipe: Pipe) -> None:
    pipe.send(b"one\\\ntwo\nthree\\\n")
    pipe.end()
    typing = pipe.typing()

    assert await typing.read() == "one\ntwo"
    assert await typing.read() == "three"
    assert "... " in pipe.out.getvalue()


async def test_bytes_that_are_no_text_do_not_end_the_conversation(pipe: Pipe) -> None:
    pipe.send(b"\xff\xfe\n")

    assert await pipe.typing().read() == "\ufffd\ufffd"


async def test_a_question_is_answered_by_a_line(pipe: Pipe) -> None:
    pipe.send(b"maybe\n Yes\n")

    assert await pipe.typing().choose("yn") == "y"


async def test_nobody_answers_where_there_is_no_person(pipe: Pipe) -> None:
    assert await pipe.typing(can_ask=False).choose("yn") == ""
    assert pipe.out.getvalue() == ""


async def test_the_end_of_input_answers_nothing(pipe: Pipe) -> None:
    pipe.end()

    assert await pipe.typing().choose("yn") == ""


async def test_two_interrupts_at_the_prompt_leave(pipe: Pipe) -> None:
    typing = pipe.typing()
    reading = asyncio.ensure_future(typing.read())
    await asyncio.sleep(0)
    typing.interrupt()
    assert "again to leave" in pipe.out.getvalue()
    typing.interrupt()

    with pytest.raises(Leave):
        await reading


async def test_an_interrupt_while_the_agent_works_stops_it(pipe: Pipe) -> None:
    typing = pipe.typing()
    came: list[str] = []
    with typing.working(
        on_escape=lambda: came.append("escape"), on_interrupt=lambda: came.append("interrupt")
    ):
        typing.interrupt()

    assert came == ["interrupt"]
