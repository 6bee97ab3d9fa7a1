"""The published index: immutable files named by their content, and a list of them.

A list is replaced atomically and names the journal's position that its files reach. Files that no
list names are removed after a grace, so that a reader with an older list still finds its own. A
damaged or missing file makes the whole index worth nothing: it is made anew from the journal.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import xxhash

from novacore import journal
from novacore.memory.recall import segment as segments
from novacore.memory.recall.analysis import ANALYSIS_VERSION
from novacore.memory.recall.errors import IndexCorrupt
from novacore.memory.recall.index import BLOCK, Index
from novacore.memory.recall.segment import Segment
from novacore.memory.recall.vectors import Graph, Halves, Vectors

FORMAT: Final = 1
_LIST: Final = "index.json"
_GRACE_S: Final = 60.0
_GRAPH_GROWN: Final = 1.25


@dataclass(frozen=True, kw_only=True)
class Position:
    """Up to where the journal is in an index."""

    journal: str
    epoch: str
    sequence: int
    erasures: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is published."""

    format: int
    analysis: int
    position: Position
    documents: int
    segments: tuple[str, ...]
    embedder: str
    dimensions: int
    blocks: tuple[str, ...]
    missing: tuple[int, ...]
    """Documents whose vectors are still to be made."""
    graph: str = ""
    """The file of the approximate index; empty: there is none."""
    woven: int = 0
    """How many of the oldest documents are in it."""

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it names."""
        graph = (self.graph,) if self.graph else ()
        return (*self.segments, *self.blocks, *graph)


def folder_of(root: Path, scope: journal.Scope) -> Path:
    """The folder of one owner's index: nobody else's words are in it."""
    named = f"{scope.tenant}\0{scope.owner}".encode("utf-8", "surrogatepass")
    return root / hashlib.sha256(named).hexdigest()[:32]


def read_listing(folder: Path) -> Listing | None:
    """What is published; None: nothing, or nothing that this version can use."""
    try:
        found = msgspec.json.decode((folder / _LIST).read_bytes(), type=Listing)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    is_ours = found.format == FORMAT and found.analysis == ANALYSIS_VERSION
    return found if is_ours else None


def load(folder: Path, listing: Listing, *, vectors: Vectors | None) -> Index:
    """The published index.

    Raises:
        IndexCorrupt: a file is missing or damaged.
    """
    index = Index()
    for name in listing.segments:
        index.load(segments.decode(_read(folder / name)))
    if index.count != listing.documents:
        raise IndexCorrupt
    if vectors is not None and listing.embedder == vectors.identity and listing.dimensions:
        vectors.grow(index.count)
        for at, name in enumerate(listing.blocks):
            raw = _read(folder / name)
            if xxhash.xxh3_128_digest(raw[16:]) != raw[:16]:
                raise IndexCorrupt
            rows = np.frombuffer(raw[16:], np.float16).reshape(-1, listing.dimensions)
            vectors.load(at, rows)
        vectors.forget(np.array(listing.missing, np.int32))
        if listing.graph:
            graph = Graph(listing.dimensions)
            graph.load(_read(folder / listing.graph))
            vectors.load_graph(graph, woven=listing.woven)
    if vectors is not None:
        vectors.grow(index.count)
    return index


class Publisher:
    """Writes an owner's index; remembers what it wrote, so that nothing is written twice.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[int, tuple[object, str]] = {}
        """By a segment's or block's identity: it, kept alive, and its file."""
        self._graph = ("", 0)

    def publish(
        self,
        index: Index,
        *,
        vectors: Vectors | None,
        position: Position,
        must_rewrite: bool = False,
    ) -> Listing:
        """Write what is new, then the list, then remove what nobody needs.

        Args:
            index: the documents.
            vectors: their vectors.
            position: where in the journal they end.
            must_rewrite: something was erased: no older file may stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        there = {path.name for path in self.folder.iterdir()}
        kept: dict[int, tuple[object, str]] = {}
        named = [self._keep(part, there, kept) for part in index.segments]
        blocks: list[str] = []
        missing: tuple[int, ...] = ()
        if vectors is not None and vectors.dimensions:
            count = -(-index.count // BLOCK)
            blocks = [
                self._keep(vectors.block(at), there, kept, rows=index.count - at * BLOCK)
                for at in range(count)
            ]
            missing = tuple(vectors.missing().tolist())
            self._write_graph(vectors, there, must_rewrite=must_rewrite)
        self._written = kept
        listing = Listing(
            format=FORMAT,
            analysis=ANALYSIS_VERSION,
            position=position,
            documents=index.count,
            segments=tuple(named),
            embedder=vectors.identity if vectors else "",
            dimensions=vectors.dimensions if vectors else 0,
            blocks=tuple(blocks),
            missing=missing,
            graph=self._graph[0],
            woven=self._graph[1],
        )
        _write(self.folder / _LIST, msgspec.json.encode(asdict(listing)))
        remove_unlisted(self.folder, listing.files, at_once=must_rewrite)
        return listing

    def _keep(
        self,
        thing: Segment | Halves,
        there: set[str],
        kept: dict[int, tuple[object, str]],
        *,
        rows: int = 0,
    ) -> str:
        """Write a segment, or a block's first rows, under its digest, unless it is there."""
        known = self._written.get(id(thing))
        is_segment = isinstance(thing, Segment)
        is_whole = is_segment or rows >= BLOCK
        if is_whole and known is not None and known[0] is thing and known[1] in there:
            kept[id(thing)] = known
            return known[1]
        content = segments.encode(thing) if is_segment else _framed(thing[:rows])
        name = hashlib.sha256(content).hexdigest()[:40] + (".seg" if is_segment else ".vec")
        if name not in there:
            _write(self.folder / name, content)
            there.add(name)
        if is_whole:
            kept[id(thing)] = (thing, name)
        return name

    def _write_graph(self, vectors: Vectors, there: set[str], *, must_rewrite: bool) -> None:
        """The graph is large and its bytes differ each time: written only when it grew by much."""
        name, woven = self._graph
        if vectors.graph is None:
            self._graph = ("", 0)
            return
        is_fresh = name in there and vectors.woven < _GRAPH_GROWN * woven
        if must_rewrite or not is_fresh:
            content = vectors.graph.save()
            name = hashlib.sha256(content).hexdigest()[:40] + ".ann"
            _write(self.folder / name, content)
            self._graph = (name, vectors.woven)

    def note_graph(self, listing: Listing) -> None:
        """The graph that was loaded from what is published."""
        self._graph = (listing.graph, listing.woven)


def remove_unlisted(folder: Path, listed: Iterable[str], *, at_once: bool = False) -> None:
    """Remove files that no list names any more; young ones are left for slow readers."""
    kept = {*listed, _LIST}
    for path in folder.iterdir():
        if path.name in kept:
            continue
        with contextlib.suppress(FileNotFoundError):
            if at_once or time.time() - path.stat().st_mtime > _GRACE_S:
                path.unlink()


def wipe(folder: Path) -> None:
    """Remove everything that is published."""
    if folder.is_dir():
        (folder / _LIST).unlink(missing_ok=True)
        remove_unlisted(folder, (), at_once=True)


def _framed(rows: Halves) -> bytes:
    body = np.ascontiguousarray(rows).tobytes()
    return xxhash.xxh3_128_digest(body) + body


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all. Not synced: what a power cut takes is made anew from the journal."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise IndexCorrupt from error
