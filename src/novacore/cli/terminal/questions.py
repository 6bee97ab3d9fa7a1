"""Asks whether a call may run, and takes one key for an answer."""

import asyncio
from collections.abc import Awaitable, Callable

from novacore import agent
from novacore.cli import text
from novacore.cli.terminal import folds
from novacore.cli.terminal.turn_view import TurnView

Choose = Callable[[str], Awaitable[str]]

UNATTENDED = (
    "Nobody is there to allow this: the run has no terminal. "
    "Rules in agent.permissions_allow can allow it beforehand."
)


class Questions:
    """Asks one question at a time, however many calls wait.

    Args:
        view: where questions are shown.
        choose: gives one of the letters it is called with; empty where nobody can answer.
    """

    def __init__(self, view: TurnView, *, choose: Choose) -> None:
        self._view = view
        self._choose = choose
        self._turn = asyncio.Lock()

    async def ask(self, question: agent.Question) -> agent.Answer:
        """The person's answer. Where nobody can answer, it is no."""
        async with self._turn:
            call = question.call
            line = folds.call_line(call.name, call.arguments, call.raw)
            self._view.remark(f"May it run?  {text.clean(line)}", style="bold yellow")
            self._view.remark(question.reason)
            return await self._answer(question)

    async def _answer(self, question: agent.Question) -> agent.Answer:
        width = 0
        while True:
            rule = question.rules[width % len(question.rules)]
            wider = ", w for a wider rule" if len(question.rules) > 1 else ""
            self._view.remark(f"y yes, n no; s this session, a always: {rule}{wider}")
            letter = await self._choose("ynsaw" if wider else "ynsa")
            if letter == "w":
                width += 1
                continue
            answer = _ANSWERS.get(letter)
            if answer is None:
                self._view.remark(UNATTENDED, style="yellow")
                return agent.Answer(effect="deny", message=UNATTENDED)
            effect, scope, said = answer
            self._view.remark(said.format(rule=rule))
            return agent.Answer(effect=effect, scope=scope, rule=rule if scope != "once" else "")


_ANSWERS: dict[str, tuple] = {
    "y": ("allow", "once", "Yes, this once."),
    "n": ("deny", "once", "No."),
    "s": ("allow", "session", "Yes, in this session: {rule}"),
    "a": ("allow", "always", "Yes, always in this folder: {rule}"),
}


async def refuse(_question: agent.Question) -> agent.Answer:
    """The answer of a run that nobody attends: no."""
    return agent.Answer(effect="deny", message=UNATTENDED)
