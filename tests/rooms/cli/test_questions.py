"""Asking whether a call may run."""

import asyncio
import io

import pytest

from novacore import agent, llm, settings
from novacore.cli.console import Console
from novacore.cli.terminal.folds import Folds
from novacore.cli.terminal.questions import UNATTENDED, Questions
from novacore.cli.terminal.turn_view import TurnView

RULES = ("bash(=git push)", "bash(git *)", "bash")


def question(**arguments) -> agent.Question:
    return agent.Question(
        call=llm.ToolCall(id="c", name="bash", arguments=arguments, raw="{}"),
        subject=agent.Subject(kind="command", text="git push"),
        reason="No rule allows it.",
        rules=RULES,
    )


class Asked:
    """Questions that are answered with these letters, one after the other."""

    def __init__(self, letters: str) -> None:
        self.out = io.StringIO()
        self.offered: list[str] = []
        self._letters = list(letters)
        view = TurnView(Console(self.out, self.out), config=settings.CLIConfig(), kept=Folds())
        self.questions = Questions(view, choose=self._choose)

    async def _choose(self, choices: str) -> str:
        self.offered.append(choices)
        await asyncio.sleep(0)
        return self._letters.pop(0) if self._letters else ""


@pytest.mark.parametrize(
    ("letters", "answer"),
    [
        ("y", agent.Answer(effect="allow", scope="once")),
        ("n", agent.Answer(effect="deny", scope="once")),
        ("s", agent.Answer(effect="allow", scope="session", rule=RULES[0])),
        ("a", agent.Answer(effect="allow", scope="always", rule=RULES[0])),
        ("wa", agent.Answer(effect="allow", scope="always", rule=RULES[1])),
        ("wwws", agent.Answer(effect="allow", scope="session", rule=RULES[0])),
        ("", agent.Answer(effect="deny", message=UNATTENDED)),
    ],
)
async def test_one_key_answers(letters: str, answer: agent.Answer) -> None:
    assert await Asked(letters).questions.ask(question(command="git push")) == answer


async def test_a_command_is_shown_whole_however_long_it_is() -> None:
    asked = Asked("y")
    command = "\n".join(f"rm -rf part-{i}" for i in range(50))

    await asked.questions.ask(question(command=command))

    for i in range(50):
        assert f"rm -rf part-{i}\n" in asked.out.getvalue()


async def test_other_long_arguments_are_cut_and_shown_whole_on_request() -> None:
    asked = Asked("vy")
    content = "\n".join(f"text {i}" for i in range(50))

    await asked.questions.ask(question(path="a", content=content))

    first, _more, second = asked.out.getvalue().partition("more lines")
    assert "text 49" not in first
    assert "text 49" in second
    assert asked.offered == ["ynsavw", "ynsaw"]


async def test_questions_are_asked_one_at_a_time() -> None:
    asked = Asked("yn")

    both = await asyncio.gather(
        asked.questions.ask(question(command="one")), asked.questions.ask(question(command="two"))
    )

    assert [each.effect for each in both] == ["allow", "deny"]
    assert asked.out.getvalue().index("Yes, this once.") < asked.out.getvalue().index("two")
