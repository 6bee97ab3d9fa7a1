"""The vectors of an index: compared one by one while there are few, through a graph when many.

Rows are kept as float16: half the memory, and a cosine that is off by less than 0.001.
"""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from novacore.memory.recall.index import BLOCK
from novacore.memory.recall.segment import Floats, Ints

Halves = NDArray[np.float16]

_CONNECTIVITY: Final = 16
_EXPANSION_ADD: Final = 64
_EXPANSION_SEARCH: Final = 1_024
_FEW_ROWS: Final = 512
_POOL: Final = 4
_MORE: Final = 4
"""The graph is asked for so many times more than is wanted: what it finds is compared exactly."""
_FEW: Final = 4_096
"""Of so few allowed documents every one is compared, wherever it is."""


class Vectors:
    """One row a document, filled in as they are made.

    The oldest rows are woven into a graph once there are more than `exact_max`; the newest, at most
    so many, are always compared one by one.

    Args:
        identity: whose they are.
        exact_max: of the newest documents, how many are not in the graph.
    """

    def __init__(self, identity: str, *, exact_max: int) -> None:
        self.identity = identity
        self.count = 0
        self.graph: Graph | None = None
        """The approximate index over the oldest `woven` rows; None: there is none."""
        self.woven = 0
        self._exact_max = exact_max
        self._blocks: list[Halves] = []
        self._have = np.zeros(0, np.bool_)
        self._tail: Floats | None = None
        """The rows from `woven` on as float32, made when needed."""

    @property
    def dimensions(self) -> int:
        """Numbers in a row; 0: there is none yet."""
        return self._blocks[0].shape[1] if self._blocks else 0

    def grow(self, count: int) -> None:
        """Have room for so many documents; the new ones have no vector yet."""
        self.count = max(self.count, count)
        if len(self._have) < count:
            more = np.zeros(max(count, 2 * len(self._have)) - len(self._have), np.bool_)
            self._have = np.concatenate((self._have, more))

    def missing(self) -> Ints:
        """The documents without a vector."""
        return np.flatnonzero(~self._have[: self.count]).astype(np.int32)

    def put(self, numbers: Ints, rows: Floats) -> None:
        """Set the rows of some documents; shape (documents, dimensions)."""
        if not len(numbers):
            return
        while len(self._blocks) * BLOCK < self.count:
            self._blocks.append(np.zeros((BLOCK, rows.shape[1]), np.float16))
        homes = numbers // BLOCK
        for home in np.unique(homes):
            here = homes == home
            # A new block: whoever wrote the old one may still compare it by its identity.
            block = self._blocks[int(home)].copy()
            block[numbers[here] % BLOCK] = rows[here]
            self._blocks[int(home)] = block
        self._have[numbers] = True
        self._extend_tail(numbers)
        if self.graph is not None:
            old = numbers[numbers < self.woven]
            self.graph.add(old, self.rows(old))

    def clear(self, numbers: Ints) -> None:
        """Destroy the rows of some documents; they count as made."""
        if self._blocks:
            self.put(numbers, np.zeros((len(numbers), self.dimensions), np.float32))
        self._have[numbers] = True

    def forget(self, numbers: Ints) -> None:
        """Mark documents whose vectors are still to be made."""
        self._have[numbers] = False

    def rows(self, numbers: Ints) -> Floats:
        """The rows of some documents as float32; zeros where there is none."""
        made = np.zeros((len(numbers), self.dimensions), np.float32)
        if len(numbers) <= _FEW_ROWS:
            for row, number in enumerate(cast("list[int]", numbers.tolist())):
                home, at = divmod(number, BLOCK)
                if 0 <= home < len(self._blocks):
                    made[row] = self._blocks[home][at]
            return made
        homes = numbers // BLOCK
        for home in np.unique(homes):
            if 0 <= home < len(self._blocks):
                here = homes == home
                made[here] = self._blocks[home][numbers[here] % BLOCK]
        return made

    def block(self, at: int) -> Halves:
        """One block with all its room; it is never changed, only replaced."""
        return self._blocks[at]

    def load(self, at: int, rows: Halves) -> None:
        """Take over a block that was published, of documents that there is room for."""
        while len(self._blocks) <= at:
            self._blocks.append(np.zeros((BLOCK, rows.shape[1]), np.float16))
        if len(rows) < BLOCK:
            room = np.zeros((BLOCK - len(rows), rows.shape[1]), np.float16)
            rows = np.concatenate((rows, room))
        self._blocks[at] = rows
        self._have[at * BLOCK : min((at + 1) * BLOCK, self.count)] = True

    def load_graph(self, graph: "Graph", *, woven: int) -> None:
        """Take over a graph that was published."""
        self.graph, self.woven = graph, woven

    def weave(self, budget: int) -> None:
        """Put old rows into the graph, at most so many, while too many are outside of it."""
        wanted = min(self.count - self._exact_max - self.woven, budget)
        if wanted <= 0 or not self._blocks:
            return
        if self.graph is None:
            self.graph = Graph(self.dimensions)
        numbers = np.arange(self.woven, self.woven + wanted, dtype=np.int32)
        self.graph.add(numbers, self.rows(numbers))
        self.woven += wanted
        if self._tail is not None:
            self._tail = self._tail[wanted:]

    def cosines(self, query: Floats, numbers: Ints) -> Floats:
        """The cosine of some documents with a unit vector; 0 for the number -1."""
        return self.rows(numbers) @ query

    def nearest(self, query: Floats, count: int, *, allowed: NDArray[np.bool_]) -> Ints:
        """The allowed documents nearest to a unit vector, about `count`, best first."""
        total = int(np.count_nonzero(allowed))
        if not self._blocks or not total:
            return np.zeros(0, np.int32)
        if total <= _FEW:
            numbers = np.flatnonzero(allowed).astype(np.int32)
            return _best(numbers, self.cosines(query, numbers), count)
        tail = self._tail_rows() @ query
        numbers = np.flatnonzero(allowed[self.woven :]).astype(np.int32)
        found = _best(numbers + np.int32(self.woven), tail[numbers], count)
        if self.graph is None:
            return found
        wanted = min(self.woven, round(count * len(allowed) / total) + _MORE * count)
        old = self.graph.search(query, wanted)
        both = np.concatenate((found, old[allowed[old]]))
        return _best(both, self.cosines(query, both), count)

    def _tail_rows(self) -> Floats:
        if self._tail is None:
            self._tail = self.rows(np.arange(self.woven, self.count, dtype=np.int32))
        return self._tail

    def _extend_tail(self, numbers: Ints) -> None:
        if self._tail is None:
            return
        room = self.count - self.woven
        if len(self._tail) < room:
            fresh = np.arange(self.woven + len(self._tail), self.count, dtype=np.int32)
            self._tail = np.concatenate((self._tail, self.rows(fresh)))
        inside = numbers[numbers >= self.woven]
        self._tail[inside - self.woven] = self.rows(inside)


def _best(numbers: Ints, near: Floats, count: int) -> Ints:
    if len(near) > _POOL * count:
        kept = np.argpartition(-near, count)[:count]
        numbers, near = numbers[kept], near[kept]
    return numbers[np.argsort(-near, kind="stable")[:count]]


class Graph:
    """An approximate index (HNSW, by usearch) over unit vectors."""

    def __init__(self, dimensions: int) -> None:
        from usearch.index import Index as USearch  # noqa: PLC0415 - loads in 0.1 s

        self._index: Any = USearch(
            ndim=dimensions,
            metric="ip",
            dtype="f16",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
        )

    def __len__(self) -> int:
        return len(self._index)

    def add(self, numbers: Ints, rows: Floats) -> None:
        """Add rows that are not all zero; a number that is there is replaced."""
        keys = numbers.astype(np.uint64)
        for key in keys[self._index.contains(keys)] if len(keys) else ():
            self._index.remove(int(key))
        real = np.abs(rows).max(axis=1, initial=0) > 0
        if real.any():
            self._index.add(keys[real], rows[real], threads=1)

    def search(self, query: Floats, count: int) -> Ints:
        """The numbers of the nearest rows, best first."""
        if not len(self._index):
            return np.zeros(0, np.int32)
        found = self._index.search(query, min(count, len(self._index)), threads=1)
        return np.asarray(found.keys).astype(np.int32)

    def save(self) -> bytes:
        """All of it as a file's content."""
        return bytes(self._index.save())

    def load(self, content: bytes) -> None:
        """Read back what `save` gave."""
        self._index.load(content)
