"""Commands that build, test or ship something, and how they ended: from calls and their results."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from novacore import llm
from novacore.memory.facts.finding import PROJECT, Finding

_TOOLS: Final = frozenset(("bash", "shell", "sh", "terminal", "run_command", "execute_command"))
_ARGUMENTS: Final = ("command", "cmd")
_COMMAND: Final = re.compile(
    r"(?:uv run |poetry run |python3? -m |npx |sudo )?"
    r"(?:make|pytest|tox|nox|unittest|ruff|mypy|pyright"
    r"|cargo|go (?:test|build|vet)|gradle|\./gradlew|mvn|cmake|ninja|tsc|eslint|vitest|jest"
    r"|(?:npm|yarn|pnpm) (?:run |ci|test|install|build)|pip install|docker (?:build|compose)"
    r"|terraform|helm|kubectl apply|alembic|git push|playwright)\b"
)
_EXIT: Final = re.compile(r"\bexit (?:code|status):? (\d{1,3})\b", re.IGNORECASE)
_COMMAND_CHARS_MAX: Final = 120
_EXIT_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was called and has no result yet."""

    text: str
    call_id: str


def commands_of(reading: llm.Reading) -> list[Command]:
    """The commands that a message calls and whose outcome is worth knowing."""
    found: list[Command] = []
    for call in reading.tool_calls:
        if call.name.casefold() not in _TOOLS or call.arguments is None:
            continue
        text = next((call.arguments.get(name) for name in _ARGUMENTS), None)
        if isinstance(text, str) and _is_worth(text):
            found.append(Command(" ".join(text.split()), call.id))
    return found


def outcomes_of(reading: llm.Reading, waiting: Sequence[Command]) -> list[Finding]:
    """How commands ended whose results a message brings; only where it says so."""
    by_id = {command.call_id: command for command in waiting}
    found: list[Finding] = []
    for result in reading.tool_results:
        command = by_id.get(result.call_id)
        code = None if command is None else _exit_code(result)
        if command is None or code is None:
            continue
        outcome = "succeeded" if code == 0 else f"failed with exit code {code}"
        found.append(
            Finding(
                subject=PROJECT,
                predicate="outcome",
                object=outcome,
                text=f"`{command.text}` {outcome}.",
                topic=f"outcome:{command.text}",
                confidence=0.95,
                tags=("command",),
                outcome="success" if code == 0 else "failure",
            )
        )
    return found


def _is_worth(text: str) -> bool:
    """One short command that builds, tests or ships; not several, whose end says little."""
    text = text.strip()
    is_one = not re.search(r"[\n;|]|&&", text)
    return is_one and len(text) <= _COMMAND_CHARS_MAX and _COMMAND.match(text) is not None


def _exit_code(result: llm.ToolResult) -> int | None:
    """The exit code that a result names at its beginning or end; None: it names none."""
    for part in (result.text[:_EXIT_CHARS], result.text[-_EXIT_CHARS:]):
        match = _EXIT.search(part)
        if match:
            code = int(match.group(1))
            return None if result.is_error and code == 0 else code
    return None
