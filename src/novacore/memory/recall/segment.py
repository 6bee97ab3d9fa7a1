"""A run of documents in the index: immutable arrays, built once, merged, written and read whole.

The same documents give the same arrays in every process, so a file's name can be its content's
digest. Numbers of documents, terms and names are those of the whole index, not of the segment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from novacore.memory.recall.errors import IndexCorrupt

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]

COLUMNS: Final[Mapping[str, Any]] = {
    "sequence": np.int64,
    "said_at": np.int64,
    "session": np.int32,
    "position": np.int32,
    "speaker": np.int32,
    "actor": np.int32,
    "project": np.int32,
    "kind": np.int32,
    "tier": np.int32,
    "length": np.int32,
    "before": np.int32,
    "flags": np.uint8,
    "confidence": np.float32,
    "key": np.int32,
    "digest": np.int64,
}
"""What is kept of each document, and as which type."""

NAMES: Final = ("term", "session", "project", "speaker", "actor", "kind", "tier", "tag", "key")
"""The lists of texts that the numbers stand for."""

_MAGIC: Final = b"NOVARCL1"
_COUNT_MAX: Final = 255


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Documents `first` to `first + count`, with their postings."""

    first: int
    count: int
    columns: Mapping[str, NDArray[Any]]
    names: Mapping[str, Sequence[str]]
    """Per list, the texts that were first seen here."""
    terms: Ints
    """Numbers of the terms that occur, rising."""
    offsets: Longs
    """Where each term's postings begin; one more than terms."""
    documents: Ints
    """Per posting, the document."""
    counts: NDArray[np.uint8]
    """Per posting, how often the term is in it; at most 255."""
    tokens: Ints
    """Every document's terms in their order, one after the other."""
    starts: Longs
    """Where each document's terms begin; one more than documents."""
    tags: Ints
    """Pairs of document and tag."""

    @property
    def end(self) -> int:
        """The number after the last document's."""
        return self.first + self.count

    def postings(self, term: int) -> tuple[Ints, NDArray[np.uint8]] | None:
        """The documents with a term and how often; None: it does not occur here."""
        at = int(np.searchsorted(self.terms, term))
        if at == len(self.terms) or self.terms[at] != term:
            return None
        part = slice(int(self.offsets[at]), int(self.offsets[at + 1]))
        return self.documents[part], self.counts[part]


def build(
    first: int,
    *,
    columns: Mapping[str, Sequence[Any]],
    names: Mapping[str, Sequence[str]],
    tokens: Sequence[Sequence[int]],
    tags: Sequence[tuple[int, int]] = (),
) -> Segment:
    """A segment of new documents.

    Args:
        first: the number of the first.
        columns: every one of `COLUMNS`, as long as there are documents.
        names: per list, the texts first seen here.
        tokens: per document, the numbers of its terms in their order.
        tags: pairs of document and tag.
    """
    lengths = np.fromiter((len(each) for each in tokens), dtype=np.int64, count=len(tokens))
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    flat = np.fromiter((term for each in tokens for term in each), dtype=np.int32, count=starts[-1])
    return _with_postings(
        first,
        columns={name: np.asarray(columns[name], dtype=kind) for name, kind in COLUMNS.items()},
        names={name: tuple(names.get(name, ())) for name in NAMES},
        tokens=flat,
        starts=starts,
        tags=np.asarray(tags, dtype=np.int32).reshape(-1, 2),
    )


def merge(parts: Sequence[Segment]) -> Segment:
    """One segment of several that follow each other."""
    starts = [parts[0].starts]
    for part in parts[1:]:
        starts.append(part.starts[1:] + starts[-1][-1])
    return _with_postings(
        parts[0].first,
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in COLUMNS},
        names={name: tuple(text for part in parts for text in part.names[name]) for name in NAMES},
        tokens=np.concatenate([part.tokens for part in parts]),
        starts=np.concatenate(starts),
        tags=np.concatenate([part.tags for part in parts]),
    )


def without(
    segment: Segment, *, dead: NDArray[np.bool_], names: Mapping[str, Sequence[str]]
) -> Segment:
    """The segment with the words of some documents destroyed; all keep their numbers.

    Args:
        segment: what to rewrite.
        dead: per document of the segment, whether its words go.
        names: the lists of texts to keep instead of the segment's.
    """
    lengths = np.diff(segment.starts)
    kept = ~np.repeat(dead, lengths)
    lengths = np.where(dead, 0, lengths)
    columns = {name: np.array(column) for name, column in segment.columns.items()}
    for name in ("length", "flags", "confidence", "digest"):
        columns[name][dead] = 0
    for name in ("speaker", "actor", "project", "tier", "key"):
        columns[name][dead] = -1
    columns["said_at"][dead] = 0
    return _with_postings(
        segment.first,
        columns=columns,
        names=names,
        tokens=segment.tokens[kept],
        starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        tags=segment.tags[~dead[segment.tags[:, 0] - segment.first]],
    )


def _with_postings(
    first: int,
    *,
    columns: Mapping[str, NDArray[Any]],
    names: Mapping[str, Sequence[str]],
    tokens: Ints,
    starts: Longs,
    tags: Ints,
) -> Segment:
    count = len(starts) - 1
    owners = np.repeat(np.arange(count, dtype=np.int64), np.diff(starts))
    keys, counts = np.unique(tokens.astype(np.int64) * max(count, 1) + owners, return_counts=True)
    terms, places = np.unique(keys // max(count, 1), return_index=True)
    return Segment(
        first=first,
        count=count,
        columns=columns,
        names=names,
        terms=terms.astype(np.int32),
        offsets=np.append(places, len(keys)).astype(np.int64),
        documents=(keys % max(count, 1) + first).astype(np.int32),
        counts=np.minimum(counts, _COUNT_MAX).astype(np.uint8),
        tokens=tokens,
        starts=starts,
        tags=tags,
    )


_ARRAYS: Final = ("terms", "offsets", "documents", "counts", "tokens", "starts", "tags")


def encode(segment: Segment) -> bytes:
    """A segment as a file's content: the same segment, the same bytes."""
    body = msgspec.msgpack.encode(
        {
            "first": segment.first,
            "count": segment.count,
            "columns": {name: segment.columns[name].tobytes() for name in COLUMNS},
            "names": {name: list(segment.names[name]) for name in NAMES},
            "arrays": {name: _raw(getattr(segment, name)) for name in _ARRAYS},
        }
    )
    return _MAGIC + xxhash.xxh3_128_digest(body) + body


def decode(content: bytes) -> Segment:
    """The segment that `encode` wrote.

    Raises:
        IndexCorrupt: it is not whole.
    """
    head = len(_MAGIC) + 16
    body = memoryview(content)[head:]
    is_whole = content.startswith(_MAGIC)
    if not is_whole or xxhash.xxh3_128_digest(body) != content[len(_MAGIC) : head]:
        raise IndexCorrupt
    found = msgspec.msgpack.decode(body)
    arrays = {name: _array(raw) for name, raw in found["arrays"].items()}
    return Segment(
        first=found["first"],
        count=found["count"],
        columns={
            name: np.frombuffer(found["columns"][name], dtype=kind)
            for name, kind in COLUMNS.items()
        },
        names={name: tuple(found["names"][name]) for name in NAMES},
        **arrays,
    )


def _raw(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()


def _array(raw: Sequence[Any]) -> NDArray[Any]:
    kind, shape, content = raw
    return np.frombuffer(content, dtype=np.dtype(kind)).reshape(shape)
