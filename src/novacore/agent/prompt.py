"""The system prompt: who the agent is, where it works, the workspace's rules and notes.

It is made afresh before every request, so that rules that change hold from the next request on,
and stays the same text as long as nothing changed, so that a provider's cache stays good.
"""

import dataclasses
import datetime as dt
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from novacore.agent.config import Config
from novacore.agent.notebook import Note, note_line
from novacore.agent.output import decoded, size
from novacore.kit import Clock

_WHO = (
    "You are Nova, an agent that helps a person with the files and commands of a workspace. Look "
    "before you change something, do what was asked and no more, check that it works, and say "
    "plainly what you did and what you could not do."
)
_WHO_CHATS = "You are Nova, a helpful assistant. Answer briefly and plainly."
_TOOLS = (
    "Independent tool calls may be made together in one answer. A call that failed says why: mend "
    "it or try another way. What was cut from an output can be read with read_output."
)
_SMALL_WINDOW_TOKENS = 8_192


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Seen:
    """What tells whether a file changed."""

    stamp: tuple[int, int, int]
    text: str


class PromptMaker(Protocol):
    """Makes a system prompt."""

    def take_notes(self, notes: Sequence[Note], /) -> None:
        """What earlier sessions noted for this one."""
        ...

    def look(self) -> None:
        """Look at the files that the prompt is made of, if any. For a thread: it may wait."""
        ...

    def text(self, *, with_tools: bool, window_tokens: int) -> str:
        """The prompt as of the last look; the same text while nothing changed. Never waits."""
        ...


class Prompt:
    """Makes the system prompt of one agent.

    Args:
        workspace: the folder; rules files are looked for in it.
        config: who the agent is, and the limits.
        clock: gives the day.
    """

    def __init__(self, workspace: Path, *, config: Config, clock: Clock) -> None:
        self._workspace = workspace
        self._config = config
        self._clock = clock
        self._rules: dict[str, _Seen] = {}
        self._notes: Sequence[Note] = ()

    def take_notes(self, notes: Sequence[Note]) -> None:
        """The notes of earlier sessions; those of this one are in its messages already."""
        self._notes = notes

    def look(self) -> None:
        """See `PromptMaker`. Cost: one `stat` of each rules file; one that changed is read."""
        for name in self._config.rules_files:
            self._look_at(name)

    def text(self, *, with_tools: bool, window_tokens: int) -> str:
        """See `PromptMaker`."""
        if window_tokens <= _SMALL_WINDOW_TOKENS and not with_tools:
            return self._config.system_prompt or _WHO_CHATS
        parts = [self._config.system_prompt or _WHO]
        if with_tools:
            parts += [_TOOLS, self._facts()]
        if window_tokens > _SMALL_WINDOW_TOKENS:
            parts += [part for part in (self._rules_text(), self._notes_text()) if part]
        return "\n\n".join(parts)

    def _facts(self) -> str:
        today = dt.datetime.fromtimestamp(self._clock.now_us() / 1_000_000, tz=dt.UTC)
        return (
            f"Workspace: {self._workspace}\nSystem: {platform.system()} {platform.machine()}\n"
            f"Day: {today:%Y-%m-%d}"
        )

    def _rules_text(self) -> str:
        room = self._config.rules_bytes_max
        parts: list[str] = []
        for name in self._config.rules_files:
            text = self._rules_of(name)
            if not text or room <= 0:
                continue
            raw = text.encode("utf-8", "replace")
            cut = (
                "" if len(raw) <= room else f"\n[{name} goes on: agent.rules_bytes_max is reached]"
            )
            parts.append(f'<rules file="{name}">\n{decoded(raw[:room])}{cut}\n</rules>')
            room -= len(raw)
        if not parts:
            return ""
        return "The workspace's rules; follow them:\n" + "\n".join(parts)

    def _rules_of(self, name: str) -> str:
        known = self._rules.get(name)
        return "" if known is None else known.text

    def _look_at(self, name: str) -> None:
        path = self._workspace / name
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._rules.get(name)
            if known is None or known.stamp != stamp:
                # One byte more than fits tells that it was cut; a huge file is never read whole.
                with path.open("rb") as file:
                    raw = file.read(self._config.rules_bytes_max + 1)
                self._rules[name] = _Seen(stamp=stamp, text=decoded(raw).strip())
        except OSError:
            self._rules.pop(name, None)

    def _notes_text(self) -> str:
        room = self._config.notes_bytes_max
        lines: list[str] = []
        for note in reversed(self._notes):
            line = note_line(note)
            room -= size(line) + 1
            if room < 0:
                break
            lines.insert(0, line)
        if not lines:
            return ""
        more = len(self._notes) - len(lines)
        head = "Notes from earlier sessions in this workspace"
        head += f" ({more:,} older ones: use recall):" if more else ":"
        return "\n".join([head, *lines])
