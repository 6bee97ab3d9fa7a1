"""Rows of a damaged SQLite file, read page by page, without its trees, checksums or library.

Every leaf page of a table is read by itself, from the main file and from each frame of the
write-ahead log, whether SQLite would still believe that frame or not. So what comes out may be old,
double or garbage: whoever reads it must know what is true by other means, as a checksum of its own.

Source: https://www.sqlite.org/fileformat2.html, sections 1.3 (header), 1.6 (b-tree pages),
1.7 (overflow), 2.1 (records), 4.1 (write-ahead log).
"""

import os
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

TABLE_LEAF = 0x0D
_HEADER = b"SQLite format 3\x00"
_LOG_HEADER, _FRAME_HEADER = 32, 24
_PAYLOAD_MAX = 1 << 30
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Value = None | int | float | bytes | str
PageReader = Callable[[int], bytes]
"""Gives a page by its number; empty where there is none."""


class Row(NamedTuple):
    """One row of some table."""

    key: int
    values: tuple[Value, ...]


class Page(NamedTuple):
    """One image of a page."""

    number: int
    data: bytes
    readers: tuple[PageReader, ...]
    """Where its overflow pages may be found, the likeliest first."""


class DamagedFile:
    """The pages of a main file and of its write-ahead log; either may be missing."""

    def __init__(self, main: BinaryIO | None, log: BinaryIO | None, *, page_size: int) -> None:
        self._main = main
        self._log = log
        self.page_size = _stated_size(main, log) or page_size
        self._images: list[tuple[int, int]] = []
        self._commits: list[int] = []
        self._newest: dict[int, int] = {}
        self._list_images()

    def _list_images(self) -> None:
        """Note which page each frame of the log holds, and which frames end a commit."""
        if self._log is None:
            return
        step = _FRAME_HEADER + self.page_size
        size = os.fstat(self._log.fileno()).st_size
        for at in range(_LOG_HEADER, size - _FRAME_HEADER, step):
            number, pages = struct.unpack(">II", os.pread(self._log.fileno(), 8, at))
            index = len(self._images)
            self._images.append((number, at + _FRAME_HEADER))
            self._newest[number] = index
            if pages:
                self._commits.append(index)

    def pages(self) -> Iterator[Page]:
        """Every image of every page: the main file's first, then the log's, oldest first."""
        if self._main is not None:
            size = os.fstat(self._main.fileno()).st_size
            for number in range(1, -(-size // self.page_size) + 1):
                yield Page(number, self.main_page(number), (self.main_page, self.newest_page))
        commits = iter(self._commits)
        end = next(commits, -1)
        for index, (number, at) in enumerate(self._images):
            while 0 <= end < index:
                end = next(commits, -1)
            readers = (self._as_of(end if end >= 0 else index), self.newest_page, self.main_page)
            yield Page(number, self._image(at), readers)

    def main_page(self, number: int) -> bytes:
        """A page of the main file."""
        if self._main is None or number < 1:
            return b""
        place = (number - 1) * self.page_size
        return self._padded(os.pread(self._main.fileno(), self.page_size, place))

    def newest_page(self, number: int) -> bytes:
        """A page's last image in the log, else that of the main file."""
        index = self._newest.get(number)
        return self.main_page(number) if index is None else self._image(self._images[index][1])

    def _as_of(self, end: int) -> PageReader:
        """The pages as they were when frame `end` of the log had been written."""

        def read(number: int) -> bytes:
            newest = self._newest.get(number)
            if newest is None or newest <= end:
                return self.newest_page(number)
            for index in range(end, -1, -1):
                if self._images[index][0] == number:
                    return self._image(self._images[index][1])
            return self.main_page(number)

        return read

    def _image(self, at: int) -> bytes:
        if self._log is None:
            return b""
        return self._padded(os.pread(self._log.fileno(), self.page_size, at))

    def _padded(self, data: bytes) -> bytes:
        """A page that the file's end cuts off, filled up with zeros."""
        return data.ljust(self.page_size, b"\0") if data else b""


@contextmanager
def open_damaged(main: Path, log: Path, *, page_size: int) -> Generator[DamagedFile]:
    """The pages of a main file and its log, opened for reading only.

    Args:
        main: the main file; it may be missing.
        log: the write-ahead log; it may be missing.
        page_size: the size of a page where neither file says it.
    """
    with ExitStack() as files:
        opened = [
            files.enter_context(path.open("rb")) if path.is_file() else None for path in (main, log)
        ]
        yield DamagedFile(opened[0], opened[1], page_size=page_size)


def _stated_size(main: BinaryIO | None, log: BinaryIO | None) -> int | None:
    """The page size that a header states; None: there is none that can be believed."""
    if main is not None:
        head = os.pread(main.fileno(), 18, 0)
        if head.startswith(_HEADER) and len(head) == 18:
            size = int.from_bytes(head[16:18], "big")
            size = 1 << 16 if size == 1 else size
            if size in _PAGE_SIZES:
                return size
    if log is not None:
        head = os.pread(log.fileno(), 12, 0)
        size = int.from_bytes(head[8:12], "big")
        if head[:3] == b"\x37\x7f\x06" and size in _PAGE_SIZES:
            return size
    return None


def rows_of(page: Page) -> Iterator[tuple[Row, ...]]:
    """The rows on one image of a table's leaf page, each as every reading of it that differs.

    Cells that make no sense are left out. Several readings: the row has overflow pages, and these
    are found in more than one place.
    """
    data = page.data
    head = 100 if page.number == 1 else 0
    if len(data) < head + 8 or data[head] != TABLE_LEAF:
        return
    (count,) = struct.unpack_from(">H", data, head + 3)
    for index in range(min(count, (len(data) - head - 8) // 2)):
        (at,) = struct.unpack_from(">H", data, head + 8 + 2 * index)
        try:
            found = _read_cell(page, at)
        except (IndexError, struct.error, UnicodeDecodeError, ValueError):
            continue
        if found:
            yield found


def _read_cell(page: Page, at: int) -> tuple[Row, ...]:
    size, at = varint(page.data, at)
    key, at = varint(page.data, at)
    if not 0 < size <= _PAYLOAD_MAX:
        return ()
    key = key - (1 << 64) if key >> 63 else key
    found: dict[tuple[Value, ...], Row] = {}
    for payload in payloads(page, at, size):
        values = record(payload)
        found.setdefault(values, Row(key, values))
    return tuple(found.values())


def payloads(page: Page, at: int, size: int) -> Iterator[bytes]:
    """A payload of `size` bytes that begins at `at` on a leaf page, by each way to its overflow."""
    local = local_size(size, len(page.data))
    start = page.data[at : at + local]
    if len(start) < local:
        return
    if local == size:
        yield start
        return
    (first,) = struct.unpack_from(">I", page.data, at + local)
    for reader in page.readers:
        rest = _overflow(reader, first, size - local)
        if rest is not None:
            yield start + rest


def local_size(size: int, usable: int) -> int:
    """How many bytes of a payload stand on the leaf page itself."""
    if size <= usable - 35:
        return size
    least = (usable - 12) * 32 // 255 - 23
    wanted = least + (size - least) % (usable - 4)
    return wanted if wanted <= usable - 35 else least


def _overflow(reader: PageReader, number: int, size: int) -> bytes | None:
    """The bytes of an overflow chain; None: it ends too early or runs in a circle."""
    parts: list[bytes] = []
    seen: set[int] = set()
    while size > 0:
        data = reader(number)
        if number in seen or len(data) < 5:
            return None
        seen.add(number)
        part = data[4 : 4 + size]
        parts.append(part)
        size -= len(part)
        (number,) = struct.unpack_from(">I", data)
    return b"".join(parts)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(an integer of one to nine bytes, where it ends)."""
    value = 0
    for index in range(at, at + 8):
        byte = data[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    return value << 8 | data[at + 8], at + 9


def record(payload: bytes) -> tuple[Value, ...]:
    """The values of a record.

    Raises:
        ValueError: its lengths do not fit together.
        IndexError, UnicodeDecodeError: it is no record.
    """
    head_size, at = varint(payload, 0)
    types: list[int] = []
    while at < head_size:
        kind, at = varint(payload, at)
        types.append(kind)
    if at != head_size:
        raise ValueError("the head of a record does not end where it says")
    values: list[Value] = []
    for kind in types:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise ValueError("a record does not end where it says")
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind < 12:
        raise ValueError("a value of an unknown kind")
    end = at + (kind - 12) // 2
    if end > len(payload):
        raise ValueError("a value is longer than its record")
    raw = payload[at:end]
    return (raw.decode() if kind % 2 else raw), end
