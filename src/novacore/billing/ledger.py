"""What usage entries come to: the ledger's lines and the sums over them. Pure: the same entries
in the same order always give the same lines and sums, which is what makes the ledger rebuildable.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from novacore.billing.usage import Usage

USED: Final = 0
CORRECTED: Final = 1


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger; the fields are its columns, in order."""

    hold_id: str
    line: int
    """USED, or CORRECTED: the difference to an estimate."""
    account_id: str
    day: str
    plan: str
    purpose: str
    model: str
    provider: str
    price_version: str
    agent_id: str
    key_id: str
    source: str
    outcome: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    messages: int
    ms: int
    over_tokens: int
    """What was used above the hold."""

    @property
    def tokens(self) -> int:
        """What is charged."""
        return self.input_tokens + self.output_tokens

    @property
    def agent_ms(self) -> int:
        """What counts against agent minutes."""
        return self.ms if self.agent_id else 0


NAMES: Final = Line.__struct_fields__
_DIFFERENCES: Final = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "messages", "ms",
    "over_tokens",
)  # fmt: skip


def row_of(line: Line) -> tuple[Any, ...]:
    """The line as a row."""
    return msgspec.structs.astuple(line)


def line_of(usage: Usage, *, estimate: Line | None = None) -> Line:
    """The line of a usage entry.

    Args:
        usage: the entry.
        estimate: for a correction, the line that it corrects; None: none was written.
    """
    line = Line(
        hold_id=usage.hold_id,
        line=CORRECTED if usage.is_correction else USED,
        account_id=usage.account_id,
        day=usage.day,
        plan=usage.plan,
        purpose=usage.purpose,
        model=usage.model,
        provider=usage.provider,
        price_version=usage.price_version,
        agent_id=usage.agent_id,
        key_id=usage.key_id,
        source=usage.source,
        outcome=usage.outcome,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        messages=usage.messages,
        ms=usage.ms,
        over_tokens=max(0, usage.tokens - usage.held_tokens) if usage.held_tokens else 0,
    )
    if not usage.is_correction or estimate is None:
        return line
    # On the estimate's day, model and agent, so that every sum moves by the difference alone.
    differences = {name: getattr(line, name) - getattr(estimate, name) for name in _DIFFERENCES}
    return msgspec.structs.replace(estimate, line=CORRECTED, source=usage.source, **differences)


@dataclasses.dataclass(kw_only=True, slots=True)
class Tallies:
    """Sums over lines, as the counters keep them."""

    counters: dict[tuple[str, str, str], list[int]] = dataclasses.field(default_factory=dict)
    """By account, day and subject: tokens, messages, agent ms, tokens over."""
    daily: dict[tuple[str, str, str, str], list[int]] = dataclasses.field(default_factory=dict)
    """By account, day, model and agent: calls, input, output, cache read and write, messages,
    agent ms."""

    def add(self, lines: Iterable[Line]) -> None:
        """Add lines."""
        for line in lines:
            sums = (line.tokens, line.messages, line.agent_ms, line.over_tokens)
            for subject in subjects_of(line):
                _add(self.counters, (line.account_id, line.day, subject), sums)
            calls = 1 if line.line == USED else 0
            _add(
                self.daily,
                (line.account_id, line.day, line.model, line.agent_id),
                (
                    calls, line.input_tokens, line.output_tokens, line.cache_read_tokens,
                    line.cache_write_tokens, line.messages, line.agent_ms,
                ),
            )  # fmt: skip


def subjects_of(line: Line) -> list[str]:
    """Whose counters a line moves: the account's, its key's, its agent's."""
    subjects = [""]
    if line.key_id:
        subjects.append(f"key:{line.key_id}")
    if line.agent_id:
        subjects.append(f"agent:{line.agent_id}")
    return subjects


def lines_of(usages: Iterable[Usage], *, known: Mapping[tuple[str, int], Line]) -> list[Line]:
    """The lines that entries add to those that are known: each hold's line once.

    Args:
        usages: entries in the journal's order.
        known: lines that are written already, by hold and number; at least those of these holds.
    """
    fresh: dict[tuple[str, int], Line] = {}
    for usage in usages:
        key = usage.hold_id, CORRECTED if usage.is_correction else USED
        if key in known or key in fresh:
            continue
        first = usage.hold_id, USED
        fresh[key] = line_of(usage, estimate=fresh.get(first) or known.get(first))
    return list(fresh.values())


def _add(into: dict[Any, list[int]], key: Any, numbers: tuple[int, ...]) -> None:
    found = into.get(key)
    if found is None:
        into[key] = list(numbers)
        return
    for place, number in enumerate(numbers):
        found[place] += number
