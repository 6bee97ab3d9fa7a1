"""What a thread's entries come to: its checkpoints, and what was written to each."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import writes_sort_key

CHECKPOINT = "checkpoint"
VALUE = "checkpoint_value"
WRITES = "checkpoint_writes"
REWRITE = "checkpoint_rewrite"
INDEX = "checkpoint_index"
_INDEX_ROWS_MAX = 500

Key = tuple[str, str]
"""(namespace, checkpoint id)"""


@dataclasses.dataclass(kw_only=True, slots=True)
class Row:
    """One checkpoint: where it is, and what was written to it."""

    namespace: str
    id: str
    position: int
    digest: str
    parent: str | None
    times: int = 1
    """How often it was put, each time anew."""
    writes: dict[tuple[str, int], tuple[str, int, int]] = dataclasses.field(default_factory=dict)
    """(task, index) → (path of the task, position of the entry, place in it)"""

    def sorted_writes(self) -> list[tuple[str, int, int]]:
        """(task, position, place) in the order in which a run applies them."""
        by_order = sorted(self.writes, key=lambda key: writes_sort_key(self.writes[key][0], *key))
        return [(task, *self.writes[task, index][1:]) for task, index in by_order]


@dataclasses.dataclass(kw_only=True, slots=True)
class Fold:
    """What the entries of one part of a thread come to."""

    rows: dict[str, dict[str, Row]] = dataclasses.field(default_factory=dict)
    """Checkpoints by namespace and id."""
    early: dict[Key, list[tuple[int, Mapping[str, Any]]]] = dataclasses.field(default_factory=dict)
    """Writes to a checkpoint that is not there yet."""
    touched: dict[Key, int] = dataclasses.field(default_factory=dict)
    """Checkpoints that changed since the last index, and the position that changed them last."""

    def add(self, kind: str, position: int, body: Mapping[str, Any]) -> None:
        if kind == CHECKPOINT:
            self._add_checkpoint(position, body)
        elif kind == WRITES:
            row = self.rows.get(body["ns"], {}).get(body["id"])
            if row is None:
                self.early.setdefault((body["ns"], body["id"]), []).append((position, body))
            else:
                _add_writes(row, position, body)
                self.touched[row.namespace, row.id] = position

    def _add_checkpoint(self, position: int, body: Mapping[str, Any]) -> None:
        rows = self.rows.setdefault(body["ns"], {})
        old = rows.get(body["id"])
        row = rows[body["id"]] = Row(
            namespace=body["ns"], id=body["id"], position=position, digest=body["digest"],
            parent=body["parent"], times=old.times + 1 if old else 1,
            writes=old.writes if old else {},
        )  # fmt: skip
        for where, written in self.early.pop((body["ns"], body["id"]), ()):
            _add_writes(row, where, written)
        self.touched[row.namespace, row.id] = position

    def early_positions(self) -> list[int]:
        """Where the writes are whose checkpoint is not there yet."""
        return [at for found in self.early.values() for at, _ in found]

    def index_rows(self) -> tuple[list[Any], bool]:
        """(the checkpoints that changed since the last index, whether these are all)"""
        chosen = sorted(self.touched, key=self.touched.__getitem__)[:_INDEX_ROWS_MAX]
        rows = (self.rows[namespace][checkpoint_id] for namespace, checkpoint_id in chosen)
        return [_packed(row) for row in rows], len(chosen) == len(self.touched)

    def take_index(self, rows: Sequence[Any], *, before: int) -> None:
        """These checkpoints need no mention in the next index, unless they changed since."""
        for namespace, checkpoint_id, *_ in rows:
            if self.touched.get((namespace, checkpoint_id), before) < before:
                del self.touched[namespace, checkpoint_id]

    def load_index(self, rows: Sequence[Any]) -> None:
        """Take checkpoints over as an index has them."""
        for each in rows:
            row = _unpacked(each)
            self.rows.setdefault(row.namespace, {})[row.id] = row


def _add_writes(row: Row, position: int, body: Mapping[str, Any]) -> None:
    """The first write of a task to a place stands; special ones (index below 0) are replaced."""
    for place, (index, _, _) in enumerate(body["writes"]):
        key = (body["task"], index)
        if index < 0 or key not in row.writes:
            row.writes[key] = (body["path"], position, place)


def _packed(row: Row) -> list[Any]:
    writes = [[task, index, *where] for (task, index), where in row.writes.items()]
    return [row.namespace, row.id, row.position, row.digest, row.parent, row.times, writes]


def _unpacked(packed: Sequence[Any]) -> Row:
    namespace, checkpoint_id, position, digest, parent, times, writes = packed
    return Row(
        namespace=namespace, id=checkpoint_id, position=position, digest=digest, parent=parent,
        times=times, writes={(task, index): tuple(where) for task, index, *where in writes},
    )  # fmt: skip
