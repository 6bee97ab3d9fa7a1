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
from novacore.memory.recall.vectors import Halves, Vectors

FORMAT: Final = 1
_LIST: Final = "index.json"
_GRACE_S: Final = 60.0


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
        for at, name in enumerate(listing.blocks):
            raw = _read(folder / name)
            if xxhash.xxh3_128_digest(raw[16:]) != raw[:16]:
                raise IndexCorrupt
            rows = np.frombuffer(raw[16:], np.float16).reshape(-1, listing.dimensions)
            vectors.load(at, rows)
        vectors.forget(np.array(listing.missing, np.int32))
    if vectors is not None:
        vectors.grow(index.count)
    return index


def publish(folder: Path, index: Index, *, vectors: Vectors | None, position: Position) -> Listing:
    """Write what is new, then the list, then remove what nobody needs."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    there = {path.name for path in folder.iterdir()}
    named = [_keep(folder, segments.encode(part), ".seg", there) for part in index.segments]
    blocks: list[str] = []
    missing: tuple[int, ...] = ()
    if vectors is not None and vectors.dimensions:
        count = -(-index.count // BLOCK)
        blocks = [_keep(folder, _framed(vectors.block(at)), ".vec", there) for at in range(count)]
        missing = tuple(vectors.missing().tolist())
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
    )
    _write(folder / _LIST, msgspec.json.encode(asdict(listing)))
    return listing


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


def _keep(folder: Path, content: bytes, ending: str, there: set[str]) -> str:
    """Write a file under its content's digest, unless it is there."""
    name = hashlib.sha256(content).hexdigest()[:40] + ending
    if name not in there:
        _write(folder / name, content)
        there.add(name)
    return name


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
