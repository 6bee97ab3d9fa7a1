"""Where salvage looks: through SQLite where that still works, in its raw pages, in the segments.

Each way gives what it can to `Finds`, which decides what to believe.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal import sqlite_pages
from novacore.journal.errors import Corrupt
from novacore.journal.salvage_finds import Finds
from novacore.journal.segment import Layout, Segment
from novacore.journal.sqlite_file import KEY_SHIFT, PAGE_BYTES, POSITION_MAX, Connection
from novacore.journal.sqlite_pages import Page, Row

_BLOCK = 64 * 1024 * 1024
_SIZES = struct.Struct("<HHI")
# What stands in every frame behind checksum and session: format, flags, version, key id 0.
_FRAME = re.compile(rb"(?s)(?=\x01[\x00-\x02]..\x00\x00\x00\x00)")
_FRAME_AT = 24
_BODY_MAX = 17 * 1024 * 1024


class Extent(NamedTuple):
    """What a row of the index says of a segment."""

    key: int
    entries: int
    messages: int
    heads_size: int
    offset: int
    size: int


def scan_sql(path: Path, finds: Finds) -> tuple[list[Extent], str | None]:
    """What SQLite itself still gives of a copy of the main file, log beside it.

    Returns:
        The segments that it lists, and what it complained about; None: nothing.
    """
    extents: list[Extent] = []
    takers: dict[str, Callable[[tuple[Any, ...]], object]] = {
        "SELECT * FROM session ORDER BY key": lambda row: finds.put_session(row[0], row),
        "SELECT * FROM tail ORDER BY key": lambda row: finds.put_tail(*row, is_listed=True),
        "SELECT * FROM segment ORDER BY key": lambda row: extents.append(Extent(*row)),
        "SELECT * FROM entry ORDER BY sequence": lambda row: finds.put_listed(*row),
    }
    complaint: str | None = None
    try:
        connection = cast("Connection", apsw.Connection(str(path)))
    except apsw.Error as error:
        return extents, str(error)
    for statement, take in takers.items():
        # From both ends, so that one bad page in the middle hides little.
        for order in ("", " DESC"):
            try:
                for row in connection.execute(statement + order):
                    take(row)
                break
            except (apsw.Error, UnicodeDecodeError, TypeError, AttributeError) as error:
                complaint = str(error)
    connection.close(True)
    return extents, complaint


def scan_pages(main: Path, log: Path, finds: Finds) -> list[Extent]:
    """Every row of ours on any page of the main file and the log; the segments that these list."""
    extents: dict[Extent, None] = {}
    with sqlite_pages.open_damaged(main, log, page_size=PAGE_BYTES) as damaged:
        for page in damaged.pages():
            for readings in sqlite_pages.rows_of(page):
                any(_take(row, finds, extents) for row in readings)
            for raw in _carve(page, finds):
                finds.put(raw)
    return list(extents)


def _take(row: Row, finds: Finds, extents: dict[Extent, None]) -> bool:
    """Take a row for what its columns look like; False: another reading may be better."""
    values = row.values
    kinds = tuple(type(value) for value in values[1:])
    if kinds == (bytes,):
        raw = cast("bytes", values[1])
        return len(raw) >= frames.HEAD_SIZE and (
            finds.is_seen(raw[:8]) or finds.put_tail(row.key, raw)
        )
    if kinds == (int, int):
        finds.put_listed(row.key, *cast("tuple[int, int]", values[1:]))
        return True
    if kinds == (int, int, int, int, int):
        extents[Extent(row.key, *cast("tuple[int, int, int, int, int]", values[1:]))] = None
        return True
    return finds.put_session(row.key, values)


def _carve(page: Page, finds: Finds) -> Iterator[bytes]:
    """Entries of a page that its own pointers don't lead to, found by what a frame looks like."""
    data = page.data
    for match in _FRAME.finditer(data, _FRAME_AT):
        at = match.start() - _FRAME_AT
        sizes_at = at + frames.HEAD_SIZE - _SIZES.size
        if sizes_at + _SIZES.size > len(data) or finds.is_seen(data[at : at + 8]):
            continue
        kind_size, actor_size, body_size = _SIZES.unpack_from(data, sizes_at)
        size = frames.HEAD_SIZE + kind_size + actor_size + body_size
        # The record's own head: its size, a NULL for the key, the frame's type and length.
        head = 2 + _varint_size(12 + 2 * size)
        if at < head or kind_size > 64 or actor_size > 1024 or body_size > _BODY_MAX:
            continue
        for payload in sqlite_pages.payloads(page, at - head, size + head):
            yield payload[head:]


def _varint_size(value: int) -> int:
    return min(9, max(1, -(-value.bit_length() // 7)))


def scan_segments(path: Path, extents: list[Extent], finds: Finds) -> int:
    """Every entry of the segments: of those listed, and of those found by how they begin.

    Returns:
        How many entries of them are damaged.
    """
    if not path.is_file():
        return 0
    damaged: set[tuple[bytes, int]] = set()
    with path.open("rb") as file:
        size = path.stat().st_size
        whole: set[int] = set()
        for extent in _begun(file.fileno(), size):
            data = _read(file.fileno(), extent.offset, extent.size)
            if _take_segment(data, segments.layout_of(data), finds, damaged):
                whole.add(extent.offset)
        for extent in extents:
            session = finds.keys.get(extent.key >> KEY_SHIFT)
            if extent.offset in whole or session is None or not _is_possible(extent, size):
                continue
            layout = Layout(
                session, extent.key & POSITION_MAX, extent.entries, extent.messages,
                extent.heads_size,
            )  # fmt: skip
            _take_segment(_read(file.fileno(), extent.offset, extent.size), layout, finds, damaged)
    return sum(finds.get(*place) is None for place in damaged)


def _begun(file: int, size: int) -> Iterator[Extent]:
    """The extents whose beginning says what they are."""
    overlap = segments.PREFIX_SIZE
    for start in range(0, size, _BLOCK):
        block = _read(file, start, min(_BLOCK, size - start) + overlap)
        for match in re.finditer(re.escape(segments.MAGIC), block):
            if match.start() >= _BLOCK:
                continue
            prefix = block[match.start() : match.start() + overlap]
            layout, stated = segments.layout_of(prefix), segments.stated_size(prefix)
            extent = Extent(
                layout.base, layout.entries, layout.messages, layout.heads_size,
                start + match.start(), stated,
            )  # fmt: skip
            if _is_possible(extent, size):
                yield extent


def _is_possible(extent: Extent, file_size: int) -> bool:
    """False for numbers that no segment of this file can have."""
    least = extent.entries * segments.LEAST_SIZE
    return (
        0 <= extent.offset < file_size
        and 0 < extent.size <= file_size
        and extent.entries > 0
        and 0 <= extent.messages <= extent.entries
        and least <= extent.heads_size <= extent.size
        and least <= extent.size
    )


def _take_segment(
    data: bytes, layout: Layout, finds: Finds, damaged: set[tuple[bytes, int]]
) -> bool:
    """Take what a segment holds; True: it is whole."""
    try:
        found = Segment(data, layout=layout)
    except (Corrupt, struct.error, IndexError):
        return False
    for index in range(found.count):
        place = (layout.session, layout.base + index)
        raw = b"" if index in found.damaged else found.raw(index)
        if not raw or not (finds.is_seen(raw[:8]) or finds.put(raw)):
            damaged.add(place)
    return found.is_whole


def _read(file: int, offset: int, size: int) -> bytes:
    """An extent; filled up with zeros where the file ends before it does."""
    return os.pread(file, size, offset).ljust(size, b"\0")
