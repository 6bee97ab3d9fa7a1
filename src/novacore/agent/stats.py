"""Counts over a session, from its entries alone."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from novacore import journal, llm
from novacore.agent.history import REPAIR, USAGE, VIEW, Transcript


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stats:
    """What happened in a session so far."""

    messages: Mapping[str, int]
    """How many messages per role: user, assistant, tool."""
    tool_calls: Mapping[str, int]
    """How many calls per tool, most used first."""
    tool_errors: int
    """How many calls failed or were refused."""
    model_calls: int
    """How many answers and summaries were asked for."""
    input_tokens: int
    """Everything sent, cached or not."""
    output_tokens: int
    """Everything that came back."""
    cache_read_tokens: int
    """The part of the input that a provider had in its cache."""
    estimated_calls: int
    """For how many model calls the provider gave no count and the estimate stands."""
    views: int
    """How often something was left out of a request."""
    repairs: int
    """How often calls and results had to be mended."""
    damaged: int
    """Entries that can't be read; 'nova verify' names them."""
    first_us: int | None
    """When the first entry was said, µs UTC; None: there is none."""
    last_us: int | None
    """When the last entry was said, µs UTC."""


def stats_of(transcript: Transcript) -> Stats:
    """The counts of a session at one moment. Cost: reads every entry."""
    roles: collections.Counter[str] = collections.Counter()
    tools: collections.Counter[str] = collections.Counter()
    sums: collections.Counter[str] = collections.Counter()
    times: list[int] = []
    entries = transcript.entries
    for position in range(transcript.position):
        try:
            entry = entries[position]
        except journal.Corrupt:
            sums["damaged"] += 1
            continue
        times.append(entry.said_at_us)
        if entry.is_erased:
            continue
        if entry.kind == journal.MESSAGE:
            reading = llm.read_message(cast(Mapping[str, Any], entry.body))
            roles[reading.role] += 1
            tools.update(call.name for call in reading.tool_calls)
            sums["errors"] += sum(result.is_error for result in reading.tool_results)
        elif entry.kind == USAGE:
            _add_usage(sums, entry)
        elif entry.kind in (VIEW, REPAIR):
            sums[entry.kind] += "mode" not in entry.body or "lead" in entry.body
    return Stats(
        messages=dict(roles),
        tool_calls=dict(tools.most_common()),
        tool_errors=sums["errors"],
        model_calls=sums["calls"],
        input_tokens=sums["input_tokens"],
        output_tokens=sums["output_tokens"],
        cache_read_tokens=sums["cache_read_tokens"],
        estimated_calls=sums["estimated"],
        views=sums[VIEW],
        repairs=sums[REPAIR],
        damaged=sums["damaged"],
        first_us=min(times, default=None),
        last_us=max(times, default=None),
    )


def _add_usage(sums: collections.Counter[str], entry: journal.Entry) -> None:
    sums["calls"] += 1
    sums["estimated"] += entry.body.get("source") == "estimate"
    for name in ("input_tokens", "output_tokens", "cache_read_tokens"):
        value = entry.body.get(name, 0)
        sums[name] += value if isinstance(value, int) else 0
