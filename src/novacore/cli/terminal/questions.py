"""Asks whether a call may run, and takes one key for an answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from novacore import agent, llm
from novacore.cli.terminal.turn_view import TurnView

Choose = Callable[[str], Awaitable[str]]

_LINES_MAX = 12
_KEYS = {"y": "yes", "n": "no", "s": "this session", "a": "always"}
_MORE = {"v": "view all"}
_WIDER = {"w": "wider"}

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
            with self._view.waiting():
                self._view.remark(f"May it run?  {question.call.name}", style="bold yellow")
                is_whole = self._show_call(question.call, lines_max=_LINES_MAX)
                self._view.remark(question.reason)
                return await self._answer(question, is_whole=is_whole)

    async def _answer(self, question: agent.Question, *, is_whole: bool) -> agent.Answer:
        width = 0
        while True:
            rule = question.rules[width % len(question.rules)]
            keys = _KEYS | ({} if is_whole else _MORE) | (_WIDER if question.rules[1:] else {})
            self._view.remark(f"s and a cover {rule}")
            self._view.remark("  ".join(f"{key} {word}" for key, word in keys.items()))
            letter = await self._choose("".join(keys))
            if letter == "w":
                width += 1
            elif letter == "v":
                is_whole = self._show_call(question.call, lines_max=None)
            else:
                return self._answered(letter, rule=rule)

    def _answered(self, letter: str, *, rule: str) -> agent.Answer:
        match letter:
            case "y":
                self._view.remark("Yes, this once.")
                return agent.Answer(effect="allow")
            case "s":
                self._view.remark(f"Yes, in this session: {rule}")
                return agent.Answer(effect="allow", scope="session", rule=rule)
            case "a":
                self._view.remark(f"Yes, always in this folder: {rule}")
                return agent.Answer(effect="allow", scope="always", rule=rule)
            case "n":
                self._view.remark("No.")
                return agent.Answer(effect="deny")
            case _:
                self._view.remark(UNATTENDED, style="yellow")
                return agent.Answer(effect="deny", message=UNATTENDED)

    def _show_call(self, call: llm.ToolCall, *, lines_max: int | None) -> bool:
        """Write what would be done, commands whole; False: something was left out."""
        is_whole = True
        for name, value in (call.arguments or {"arguments": call.raw}).items():
            written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines = written.rstrip("\n").split("\n")
            limit = None if name == "command" else lines_max
            shown = lines[:limit]
            is_whole = is_whole and len(shown) == len(lines)
            for index, line in enumerate(shown):
                self._view.remark(f"  {name}: {line}" if index == 0 else f"    {line}", style="")
            if len(shown) < len(lines):
                self._view.remark(f"    … {len(lines) - len(shown):,} more lines")
        return is_whole
