"""HNSW indexes of large owners, as files that never change: made anew, published, mapped, replaced.

A file holds one owner's vectors up to a row; what was stored since is searched exactly. The table
`published` names each file with the digest of its bytes, so that a changed file is never searched:
a wrong link in it would lead out of the mapped memory.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import xxhash

from novacore.tiers.errors import TierCorrupt, TierUnavailable
from novacore.tiers.sqlite_link import Connection

TABLES: Final = """
CREATE TABLE published (
    scope INTEGER PRIMARY KEY, file TEXT NOT NULL, digest BLOB NOT NULL, bytes INTEGER NOT NULL,
    through INTEGER NOT NULL, count INTEGER NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE generation (scope INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TRIGGER vector_gone AFTER DELETE ON vector BEGIN
    INSERT INTO generation VALUES (old.scope, 1)
        ON CONFLICT (scope) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER vector_changed AFTER UPDATE ON vector
WHEN old.vector IS NOT new.vector OR old.scope <> new.scope BEGIN
    INSERT INTO generation VALUES (old.scope, 1)
        ON CONFLICT (scope) DO UPDATE SET number = number + 1;
END;
"""
"""`generation` tells when rows of a scope were changed or deleted, rather than added."""

_SUFFIX: Final = ".usearch"
_CONNECTIVITY: Final = 16
_EXPANSION_ADD: Final = 64
_EXPANSION_SEARCH: Final = 96
_DIGEST_CHUNK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One index file, as the table names it."""

    scope: int
    file: str
    digest: bytes
    size: int
    through: int
    """The last row that is in it."""
    count: int
    """How many rows are in it."""
    generation: int
    """The scope's generation when it was made; with another one it is not used."""


def published(connection: Connection, scope: int) -> Published | None:
    """The scope's index that may be used now."""
    row = connection.execute(
        "SELECT p.file, p.digest, p.bytes, p.through, p.count, p.generation FROM published p"
        " WHERE p.scope = ?1"
        " AND p.generation = coalesce((SELECT number FROM generation WHERE scope = ?1), 0)",
        (scope,),
    ).fetchone()
    if row is None:
        return None
    file, digest, size, through, count, generation = row
    return Published(
        scope=scope,
        file=file,
        digest=digest,
        size=size,
        through=through,
        count=count,
        generation=generation,
    )


def publish(connection: Connection, each: Published) -> None:
    """Name a file as its scope's index."""
    connection.execute(
        "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            each.scope,
            each.file,
            each.digest,
            each.size,
            each.through,
            each.count,
            each.generation,
        ),
    )


class Builder:
    """An index in memory that grows until it is published, and goes on growing."""

    def __init__(self, *, scope: int, dimensions: int, generation: int) -> None:
        usearch: Any = import_module("usearch.index")
        self.scope = scope
        self.dimensions = dimensions
        self.generation = generation
        self.through = 0
        self._index: Any = usearch.Index(
            ndim=dimensions,
            metric="cos",
            dtype="f32",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
        )

    @classmethod
    def resumed(cls, folder: Path, facts: Published) -> "Builder":
        """One that goes on from a published index.

        Raises:
            TierCorrupt: the file is not what was published.
        """
        check(folder, facts)
        usearch: Any = import_module("usearch.index")
        index: Any = usearch.Index.restore(str(folder / facts.file), view=False)
        index.expansion_add = _EXPANSION_ADD
        found = cls(scope=facts.scope, dimensions=int(index.ndim), generation=facts.generation)
        found.through = facts.through
        found._index = index
        return found

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Add (row, vector), in order of rows."""
        import numpy as np  # noqa: PLC0415 - heavy

        keys = np.array([key for key, _ in rows], dtype=np.uint64)
        joined = b"".join(vector for _, vector in rows)
        vectors = np.frombuffer(joined, dtype="<f4").reshape(len(rows), self.dimensions)
        self._index.add(keys, vectors, copy=True, threads=1)
        self.through = rows[-1][0]

    def save(self, folder: Path) -> Published:
        """Write it as a new file, whole on disk before it has its name.

        Raises:
            TierUnavailable: it can't be written now.
        """
        name = f"{self.scope}-{uuid.uuid4().hex}{_SUFFIX}"
        half = folder / f"{name}.part"
        try:
            self._index.save(str(half))
        except RuntimeError as error:
            raise TierUnavailable(f"The vector tier's index can't be written: {error}.") from error
        half.chmod(0o600)
        handle = os.open(half, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        size, digest = digest_of(half)
        half.rename(folder / name)
        return Published(
            scope=self.scope,
            file=name,
            digest=digest,
            size=size,
            through=self.through,
            count=len(self._index),
            generation=self.generation,
        )


class Mapped:
    """A published index, mapped into memory after its bytes were checked.

    Raises:
        TierCorrupt: the file is not what was published.
    """

    def __init__(self, folder: Path, facts: Published) -> None:
        usearch: Any = import_module("usearch.index")
        check(folder, facts)
        self.facts = facts
        self._index: Any = usearch.Index.restore(str(folder / facts.file), view=True)
        self._index.expansion_search = _EXPANSION_SEARCH

    @property
    def dimensions(self) -> int:
        """Numbers in one vector."""
        return int(self._index.ndim)

    def search(self, vector: Any, count: int) -> tuple[Any, Any]:
        """(rows, cosine similarities) of about the nearest `count`, the nearest first."""
        found = self._index.search(vector, min(count, self.facts.count), threads=1)
        return found.keys.astype("int64"), 1.0 - found.distances

    def vectors(self, rows: Sequence[int]) -> Iterator[bytes | None]:
        """The bytes that it holds for these rows; None where it holds none."""
        import numpy as np  # noqa: PLC0415 - heavy

        for row in rows:
            found = self._index.get(np.uint64(row))
            yield None if found is None else found.astype("<f4").tobytes()


def check(folder: Path, facts: Published) -> None:
    """Raise `TierCorrupt` unless the file is, byte by byte, what was published."""
    try:
        is_same = digest_of(folder / facts.file) == (facts.size, facts.digest)
    except OSError as error:
        raise TierCorrupt(
            f"The vector tier's index can't be read: {error}.",
            hint="Run 'nova tiers rebuild vector'.",
        ) from error
    if not is_same:
        raise TierCorrupt(
            f"The vector tier's index {facts.file} is damaged.",
            hint="Run 'nova tiers rebuild vector'.",
        )


def digest_of(path: Path) -> tuple[int, bytes]:
    """(size, xxh3-128) of a file."""
    digest, size = xxhash.xxh3_128(), 0
    with path.open("rb") as file:
        while chunk := file.read(_DIGEST_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.digest()


def remove_unpublished(folder: Path, connection: Connection) -> None:
    """Delete the index files that no row of `published` names, and rows of another generation."""
    connection.execute(
        "DELETE FROM published WHERE generation <>"
        " coalesce((SELECT number FROM generation g WHERE g.scope = published.scope), 0)"
    )
    named = {file for (file,) in connection.execute("SELECT file FROM published").fetchall()}
    remove_files(folder, keep=named)


def remove_files(folder: Path, *, keep: set[str]) -> None:
    """Delete every index file but these."""
    for path in folder.glob(f"*{_SUFFIX}*"):
        if path.name not in keep:
            path.unlink(missing_ok=True)
