"""What a delta channel's value is rebuilt from: a stored value, and the writes since.

Such a channel stores its value only now and then. Where a pruning took the checkpoints in between
away, the oldest one that is left holds what they had, as its `history`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from novacore.adapters.langgraph import packing
from novacore.adapters.langgraph.fold import Row
from novacore.adapters.langgraph.thread import Thread


@dataclasses.dataclass(kw_only=True, slots=True)
class History:
    """One channel up to a checkpoint, the checkpoint's own writes not included."""

    writes: list[tuple[str, packing.Typed]] = dataclasses.field(default_factory=list)
    """(task, serialised value), oldest first."""
    seed: int | None = None
    """Where the value stands that they were written to; None: it began empty."""


def history_of(thread: Thread, row: Row, channels: Iterable[str]) -> dict[str, History]:
    """For each channel, what its value in a checkpoint is rebuilt from.

    Cost: linear in the checkpoints back to the one that stored the value.
    """
    found = {channel: History() for channel in channels}
    missing = set(found)
    _take_kept(thread, row, found, missing)
    at = thread.find(row.namespace, row.parent) if row.parent else None
    while at is not None and missing:
        for task, position, place in reversed(at.sorted_writes()):
            channel, typed = thread.write_of(position, place)
            if channel in missing:
                found[channel].writes.insert(0, (task, typed))
        values = thread.values(at)
        for channel in [each for each in missing if each in values]:
            found[channel].seed = values[channel]
            missing.discard(channel)
        _take_kept(thread, at, found, missing)
        at = thread.find(at.namespace, at.parent) if at.parent else None
    return found


def _take_kept(thread: Thread, row: Row, found: dict[str, History], missing: set[str]) -> None:
    """What a pruning left with the checkpoint stands for all that came before it."""
    kept = thread.body(row).get("history", {})
    for channel in [each for each in missing if each in kept]:
        before: Mapping[str, Any] = kept[channel]
        older = [(task, packing.unpack_typed(packed)) for task, packed in before["writes"]]
        found[channel].writes[:0] = older
        seed = before["seed"]
        found[channel].seed = seed if seed is None or seed >= 0 else row.position + seed
        missing.discard(channel)
