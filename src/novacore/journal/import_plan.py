"""What an import would do, and what it did: one step per session found in a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Action = Literal["create", "extend", "fork", "known", "skip", "refuse"]
"""create, extend or fork a session; add nothing, as all is known; leave out; refuse the file."""

_VERBS: dict[str, str] = {
    "create": "new session",
    "extend": "continues",
    "fork": "new fork",
    "known": "nothing new in",
    "skip": "left out",
    "refuse": "refused",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportStep:
    """What happens to one session of one file."""

    source: str
    """The file."""
    action: Action
    """What is done with it."""
    session: str = ""
    """The name of the session that it goes into."""
    session_id: str = ""
    """That session's id."""
    workspace: str = ""
    """That session's workspace."""
    messages: int = 0
    """Messages that are added."""
    entries: int = 0
    """Entries of all kinds that are added."""
    known: int = 0
    """Messages of the file that were there already: folded."""
    forked_from: str = ""
    """For a fork: the name of the session that it branches off from."""
    forked_at: int = 0
    """For a fork: how many entries it shares with that session."""
    note: str = ""
    """Why it was refused or left out, and what else is worth knowing."""

    def line(self) -> str:
        """The step in one line."""
        parts = [f"{self.source}: {_VERBS[self.action]}"]
        if self.session:
            parts.append(f" {self.session}")
        if self.action == "fork":
            parts.append(f" of {self.forked_from}, sharing {self.forked_at} entries")
        if self.messages or self.action in ("create", "extend", "fork"):
            parts.append(f": {self.messages} messages")
        if self.known and self.action in ("extend", "known"):
            parts.append(f" ({self.known} were there already)")
        if self.note:
            parts.append(
                f": {self.note}" if self.action in ("refuse", "skip") else f"; {self.note}"
            )
        return "".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Steps:
    steps: Sequence[ImportStep]
    """One per session of a file, in the order in which they are done."""

    @property
    def messages(self) -> int:
        """Messages that are added in all."""
        return sum(step.messages for step in self.steps)

    @property
    def refused(self) -> list[ImportStep]:
        """The files that can't be imported, with the reason as their note."""
        return [step for step in self.steps if step.action == "refuse"]

    def lines(self) -> Iterator[str]:
        """The steps for a person, a line each, and a line that sums them up."""
        yield from (step.line() for step in self.steps)
        counts = dict.fromkeys(_VERBS, 0)
        for step in self.steps:
            counts[step.action] += 1
        yield (
            f"{counts['create']} new sessions, {counts['extend']} continued, "
            f"{counts['fork']} forks, {counts['known']} with nothing new, "
            f"{counts['refuse']} refused; {self.messages} messages."
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPlan(_Steps):
    """What an import would do. `dataclasses.asdict` makes it JSON."""

    files: Sequence[str]
    """The files, in the order in which they are taken."""
    workspace: str = ""
    """The workspace of sessions that name none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport(_Steps):
    """What an import did. `dataclasses.asdict` makes it JSON."""

    @property
    def is_complete(self) -> bool:
        """True when no file was refused."""
        return not self.refused
