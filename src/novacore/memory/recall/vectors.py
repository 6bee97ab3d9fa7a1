"""The vectors of an index: compared one by one while there are few, through a graph when many.

Rows are kept as float16: half the memory, and a cosine that is off by less than 0.001.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from novacore.memory.recall.index import BLOCK
from novacore.memory.recall.segment import Floats, Ints

Halves = NDArray[np.float16]

_CONNECTIVITY: Final = 16
_EXPANSION_ADD: Final = 64
_EXPANSION_SEARCH: Final = 96


class Vectors:
    """One row a document, filled in as they are made.

    Args:
        identity: whose they are.
        exact_max: up to so many documents `nearest` compares all.
    """

    def __init__(self, identity: str, *, exact_max: int) -> None:
        self.identity = identity
        self.count = 0
        self._exact_max = exact_max
        self._blocks: list[Halves] = []
        self._have = np.zeros(0, np.bool_)
        self._matrix: Floats | None = None
        self._graph: Graph | None = None

    @property
    def dimensions(self) -> int:
        """Numbers in a row; 0: there is none yet."""
        return self._blocks[0].shape[1] if self._blocks else 0

    @property
    def is_exact(self) -> bool:
        """True: all rows are compared."""
        return self.count <= self._exact_max

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
            self._blocks[home][numbers[here] % BLOCK] = rows[here]
        self._have[numbers] = True
        if self._matrix is not None:
            self._matrix = self._extended(self._matrix, numbers)
        if self._graph is not None:
            self._graph.add(numbers, self.rows(numbers))

    def clear(self, numbers: Ints) -> None:
        """Destroy the rows of some documents; they count as made."""
        if self._blocks:
            zeros = np.zeros((len(numbers), self.dimensions), np.float32)
            self._graph = self._matrix = None
            self.put(numbers, zeros)
        self._have[numbers] = True

    def forget(self, numbers: Ints) -> None:
        """Mark documents whose vectors are still to be made."""
        self._have[numbers] = False

    def rows(self, numbers: Ints) -> Floats:
        """The rows of some documents as float32; zeros where there is none."""
        made = np.zeros((len(numbers), self.dimensions), np.float32)
        homes = numbers // BLOCK
        for home in np.unique(homes):
            if 0 <= home < len(self._blocks):
                here = homes == home
                made[here] = self._blocks[home][numbers[here] % BLOCK]
        return made

    def block(self, at: int) -> Halves:
        """One block of rows, as it is written."""
        return self._blocks[at][: max(0, min(BLOCK, self.count - at * BLOCK))]

    def load(self, at: int, rows: Halves) -> None:
        """Take over a block that was published."""
        first = at * BLOCK
        self.grow(first + len(rows))
        self.put(np.arange(first, first + len(rows), dtype=np.int32), rows.astype(np.float32))

    def cosines(self, query: Floats) -> Floats:
        """The cosine of every document with a unit vector; shape (count,)."""
        if not self._blocks:
            return np.zeros(self.count, np.float32)
        if self._matrix is None:
            self._matrix = np.concatenate(self._blocks).astype(np.float32)
        if len(self._matrix) < self.count:
            self._matrix = self._extended(self._matrix, np.zeros(0, np.int32))
        return self._matrix[: self.count] @ query

    def nearest(self, query: Floats, count: int, *, allowed: NDArray[np.bool_]) -> Ints:
        """The allowed documents nearest to a unit vector, about `count`, best first.

        Exact where there are few, or few are allowed; else through the graph.
        """
        numbers = np.flatnonzero(allowed).astype(np.int32)
        if not self._blocks or not len(numbers):
            return np.zeros(0, np.int32)
        if self.is_exact or len(numbers) <= self._exact_max:
            near = self.cosines(query)[numbers] if self.is_exact else self.rows(numbers) @ query
            return numbers[np.argsort(-near, kind="stable")[:count]]
        wanted = min(self.count, round(count * self.count / len(numbers)) + count)
        found = self.graph().search(query, wanted)
        return found[allowed[found]][:count]

    def graph(self) -> "Graph":
        """The approximate index over all rows; built where it is not there yet."""
        if self._graph is None:
            self._graph = Graph(self.dimensions)
            for at in range(len(self._blocks)):
                numbers = np.arange(at * BLOCK, min((at + 1) * BLOCK, self.count), dtype=np.int32)
                self._graph.add(numbers, self.rows(numbers))
        return self._graph

    def _extended(self, matrix: Floats, numbers: Ints) -> Floats:
        """The matrix with room for every block and with some rows set."""
        room = len(self._blocks) * BLOCK
        if room > len(matrix):
            added = [block.astype(np.float32) for block in self._blocks[len(matrix) // BLOCK :]]
            matrix = np.concatenate([matrix, *added])
        matrix[numbers] = self.rows(numbers)
        return matrix


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
        real = np.abs(rows).max(axis=1, initial=0) > 0
        numbers, rows = numbers[real], rows[real]
        if not len(numbers):
            return
        known = self._index.contains(numbers.astype(np.uint64))
        if known.any():
            self._index.remove(numbers[known].astype(np.uint64))
        self._index.add(numbers.astype(np.uint64), rows, threads=1)

    def search(self, query: Floats, count: int) -> Ints:
        """The numbers of the nearest rows, best first."""
        if not len(self._index):
            return np.zeros(0, np.int32)
        found = self._index.search(query, min(count, len(self._index)), threads=1)
        return np.asarray(found.keys).astype(np.int32)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        self._index.save(str(path))

    def load(self, path: Path) -> None:
        """Read it back."""
        self._index.load(str(path))
