"""Writing checkpoints anew, to another thread or in place of all that a thread had.

Copying, pruning and the deletion of runs are this one thing. The new entries count only once the
last of them is there, so that a kill in between leaves a thread as it was; what they replace is
erased afterwards, bytes and all.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from novacore import journal
from novacore.adapters.langgraph import packing
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.fold import CHECKPOINT, REWRITE, VALUE, WRITES, Row
from novacore.adapters.langgraph.history import history_of
from novacore.adapters.langgraph.thread import Thread

_BATCH_BYTES = 8 * 1024 * 1024


class Rewriting:
    """Checkpoints on their way to where they will stand. Both threads are locked meanwhile.

    Args:
        source: where they are.
        target: where they go; may be the same.
        delta_channels: tells which channels of a checkpoint are rebuilt from writes.
        config: the limits.
    """

    def __init__(
        self,
        source: Thread,
        *,
        target: Thread,
        delta_channels: Callable[[Row], Sequence[str]],
        config: Config,
    ) -> None:
        self._source = source
        self._target = target
        self._delta_channels = delta_channels
        self._config = config
        self._token = str(uuid.uuid4())
        self._begin = target.position
        self._next = target.position
        self._batch: list[journal.NewEntry] = []
        self._batch_bytes = 0
        self._moved: dict[int, int] = {}
        self._last: dict[tuple[str, str], packing.Before] = {}

    def run(self, rows: Sequence[Row], *, early: Sequence[int], cut: bool) -> int:
        """Append the rows, oldest first, and make them count; returns where they begin.

        Args:
            rows: the checkpoints.
            early: positions of writes to checkpoints that are not there yet.
            cut: they take the place of everything before them.

        Raises:
            PositionConflict: somebody else wrote to the target; it is as it was.
        """
        wanted = {(row.namespace, row.id) for row in rows}
        for row in rows:
            self._add_row(row, is_first=(row.namespace, row.parent) not in wanted)
        for position in early:
            self._add(WRITES, dict(self._source.read(position)))
        self._add(REWRITE, {"cut": self._begin if cut else 0})
        self._flush()
        return self._begin

    def _add_row(self, row: Row, *, is_first: bool) -> None:
        body = dict(self._source.body(row))
        body["values"] = {
            channel: self._move(at, channel, row=row)
            for channel, at in self._source.values(row).items()
        }
        body.pop("history", None)
        history = self._history(row) if is_first else {}
        if history:
            body["history"] = history
        self._add(CHECKPOINT, body, actor=self._source.actor(row))
        for position in dict.fromkeys(at for _, at, _ in row.writes.values()):
            self._add(WRITES, dict(self._source.read(position)))

    def _history(self, row: Row) -> dict[str, Any]:
        """What a checkpoint's delta channels are rebuilt from, where its parents stay behind."""
        found = history_of(self._source, row, self._delta_channels(row))
        return {
            channel: {
                "seed": None if each.seed is None else self._move(each.seed, channel, row=row),
                "writes": [[task, packing.pack_typed(typed)] for task, typed in each.writes],
            }
            for channel, each in found.items()
            if each.writes or each.seed is not None
        }

    def _move(self, position: int, channel: str, *, row: Row) -> int:
        """The new position of a value, which is appended once."""
        if position in self._moved:
            return self._moved[position]
        typed = self._source.bytes_at(position)
        last = self._last.get((row.namespace, channel))
        value = packing.make_value(typed, last, config=self._config)
        version = self._source.read(position).get("version")
        body = {"channel": channel, "version": version, **value.body()}
        at = self._moved[position] = self._add(VALUE, body)
        self._last[row.namespace, channel] = packing.Before(
            position=at, value=value, data=bytes(typed[1])
        )
        return at

    def _add(self, kind: str, body: dict[str, Any], *, actor: str = "") -> int:
        entry = journal.NewEntry(kind=kind, body=body | {"rewrite": self._token}, actor=actor)
        self._batch.append(entry)
        self._batch_bytes += sum(len(part) for part in body.get("parts", ()))
        position = self._next
        self._next += 1
        is_full = self._batch_bytes >= _BATCH_BYTES
        if is_full or len(self._batch) >= self._config.batch_entries:
            self._flush()
        return position

    def _flush(self) -> None:
        """Append what has gathered, at exactly the place that its positions were counted from."""
        if self._batch:
            expected = self._next - len(self._batch)
            self._target.session.append(*self._batch, expected=expected)
            self._batch, self._batch_bytes = [], 0
