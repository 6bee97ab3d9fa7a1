"""Exact search: an owner's vectors as one matrix in memory, kept as long as it is used."""

from collections.abc import Sequence
from typing import Any, Final

from novacore.tiers.sqlite_link import Connection

_ROWS_AT_ONCE: Final = 8_192


class Matrix:
    """Unit vectors of one scope with a row above `after`, with their row and session.

    Args:
        scope: the scope's number.
        dimensions: numbers in one vector; others are passed over.
        after: rows up to this one are left out, because an index holds them.
        generation: the scope's generation; with another one it is of no use.
    """

    def __init__(self, scope: int, *, dimensions: int, after: int, generation: int) -> None:
        import numpy as np  # noqa: PLC0415 - heavy

        self.scope = scope
        self.dimensions = dimensions
        self.after = after
        self.generation = generation
        self.through = after
        self._count = 0
        self._rows: Any = np.empty(0, dtype=np.int64)
        self._sessions: Any = np.empty(0, dtype=np.int64)
        self._vectors: Any = np.empty((0, dimensions), dtype=np.float32)

    def __len__(self) -> int:
        return self._count

    def catch_up(self, connection: Connection) -> None:
        """Read the rows that were added since."""
        while rows := connection.execute(
            "SELECT id, session, vector FROM vector WHERE scope = ? AND id > ? ORDER BY id LIMIT ?",
            (self.scope, self.through, _ROWS_AT_ONCE),
        ).fetchall():
            self.through = rows[-1][0]
            self._append([row for row in rows if _fits(row[2], self.dimensions)])

    def _append(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        ids, sessions, vectors = decoded(rows, self.dimensions)
        end = self._count + len(rows)
        if end > len(self._rows):
            self._grow(max(end, self._count * 5 // 4))
        self._rows[self._count : end] = ids
        self._sessions[self._count : end] = sessions
        self._vectors[self._count : end] = vectors
        self._count = end

    def _grow(self, size: int) -> None:
        import numpy as np  # noqa: PLC0415 - heavy

        old, held = self._count, (self._rows, self._sessions, self._vectors)
        self._rows = np.empty(size, dtype=np.int64)
        self._sessions = np.empty(size, dtype=np.int64)
        self._vectors = np.empty((size, self.dimensions), dtype=np.float32)
        for new, before in zip((self._rows, self._sessions, self._vectors), held, strict=True):
            new[:old] = before[:old]

    def search(
        self, vector: Any, count: int, *, sessions: Sequence[int] | None, without: int | None
    ) -> list[tuple[float, int]]:
        """(similarity, row) of the nearest, the nearest first."""
        used = slice(0, self._count)
        return nearest(
            self._vectors[used] @ vector,
            self._rows[used],
            self._sessions[used],
            count=count,
            sessions=sessions,
            without=without,
        )


def decoded(rows: Sequence[Any], dimensions: int) -> tuple[Any, Any, Any]:
    """(rows, sessions, unit vectors) of (row, session, vector) as SQLite gives them."""
    import numpy as np  # noqa: PLC0415 - heavy

    joined = b"".join(row[2] for row in rows)
    vectors = np.frombuffer(joined, dtype="<f4").reshape(len(rows), dimensions)
    return (
        np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)),
        np.fromiter((row[1] for row in rows), dtype=np.int64, count=len(rows)),
        unit(vectors),
    )


def unit(vectors: Any) -> Any:
    """The vectors at length 1; one of zeros stays."""
    import numpy as np  # noqa: PLC0415 - heavy

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def nearest(
    scores: Any,
    rows: Any,
    held: Any,
    *,
    count: int,
    sessions: Sequence[int] | None,
    without: int | None,
) -> list[tuple[float, int]]:
    """(similarity, row) of the highest scores, the highest first; equal ones by row.

    Args:
        scores: one for each row.
        rows: the rows.
        held: the session of each row.
        count: at most so many.
        sessions: only of these; None: of all.
        without: not of this session.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    if sessions is not None or without is not None:
        wanted = np.ones(len(rows), dtype=bool)
        if sessions is not None:
            wanted &= np.isin(held, np.asarray(sessions, dtype=np.int64))
        if without is not None:
            wanted &= held != without
        scores, rows = scores[wanted], rows[wanted]
    if count < len(rows):
        lowest = np.partition(scores, len(rows) - count)[len(rows) - count]
        near = scores >= lowest
        scores, rows = scores[near], rows[near]
    order = np.lexsort((rows, -scores))[:count]
    return [(float(scores[at]), int(rows[at])) for at in order]


def _fits(vector: object, dimensions: int) -> bool:
    return isinstance(vector, bytes) and len(vector) == dimensions * 4
