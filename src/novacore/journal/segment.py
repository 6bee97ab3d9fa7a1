"""A sealed run of one session's entries: heads and bodies apart, each with an offset table.

    prefix | head offsets u32[n+1] | body offsets u32[n+1]
    | message indexes u32[m], left out where all entries are messages
    | heads | 0xdd count u32 (big-endian) | bodies | xxh3-128 of all before

The bodies, with the five bytes before them, are one MessagePack array: all messages decode in one
call. One hash over the whole proves every entry in it at once, its own checksum included; where it
does not match, each entry is checked by itself, so that a flipped byte costs one entry.
"""

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import xxhash

from novacore.journal import frame as frames
from novacore.journal.errors import Corrupt
from novacore.journal.frame import Frame

MAGIC = b"NOVASEG1"
# magic, format, flags, key id, count, messages, base position, session, heads size, bodies size
_PREFIX = struct.Struct("<8sHHIIIq16sQQ")
_HOLDS_DAMAGE = 1
"""Flag: an entry was damaged already when this was written, so that each is to be checked."""
_NONE: frozenset[int] = frozenset()
_HASH_SIZE = 16
# Heads are stored without the session id, which stands in the prefix.
_SESSION_END = 24
_HEAD_SIZE = frames.HEAD_SIZE - 16
_FLAGS_AT = frames.FLAGS_AT - 16
_POSITION_FIELD = 7
PREFIX_SIZE = _PREFIX.size
LEAST_SIZE = _HEAD_SIZE
"""The size in bytes of the smallest entry in a segment."""
_whole_hash = xxhash.xxh3_128_digest


def build(session: bytes, *, base: int, stored: Sequence[bytes], is_checked: bool = True) -> bytes:
    """A segment of whole frames at consecutive positions from `base`.

    Args:
        session: its id.
        base: the position of the first.
        stored: the frames.
        is_checked: False: a damaged frame is carried over as it is, to be found again.

    Raises:
        Corrupt: a frame is damaged, or another place's, so it must not be sealed.
    """
    heads: list[bytes] = []
    bodies: list[bytes] = []
    messages = array("I")
    flags = 0
    for index, raw in enumerate(stored):
        is_intact = frames.is_entry(raw, session=session, position=base + index)
        flags |= 0 if is_intact else _HOLDS_DAMAGE
        if is_checked and not is_intact:
            raise Corrupt(
                "An entry's checksum does not match, so it can't be sealed.",
                session_id=frames.session_text(session),
                position=base + index,
            )
        cut = frames.head_size(raw)
        heads.append(raw[:8] + raw[_SESSION_END:cut])
        bodies.append(raw[cut:])
        if raw[frames.FLAGS_AT] & frames.IS_MESSAGE:
            messages.append(index)
    return _join(session, base, heads, bodies, messages, flags=flags)


def _join(
    session: bytes,
    base: int,
    heads: list[bytes],
    bodies: list[bytes],
    messages: "array[int]",
    *,
    flags: int,
) -> bytes:
    head_block, body_block = b"".join(heads), b"".join(bodies)
    count = len(heads)
    prefix = _PREFIX.pack(
        MAGIC, 1, flags, 0, count, len(messages), base, session, len(head_block), len(body_block)
    )
    indexes = messages.tobytes() if len(messages) < count else b""
    parts = [
        prefix, _offsets(heads), _offsets(bodies), indexes, head_block,
        b"\xdd" + count.to_bytes(4, "big"), body_block,
    ]  # fmt: skip
    data = b"".join(parts)
    return data + _whole_hash(data)


def _offsets(blocks: list[bytes]) -> bytes:
    offsets = array("I", [0])
    total = 0
    for block in blocks:
        total += len(block)
        offsets.append(total)
    return offsets.tobytes()


class Layout(NamedTuple):
    """What the index says of a segment: enough to read it when its own prefix is damaged."""

    session: bytes
    base: int
    entries: int
    messages: int
    heads_size: int


def stated_size(prefix: bytes) -> int:
    """The size in bytes that a segment's own prefix states; a damaged one may state anything."""
    _, _, _, _, count, messages, _, _, heads_size, bodies_size = _PREFIX.unpack_from(prefix)
    indexes = 4 * messages if messages < count else 0
    return PREFIX_SIZE + 8 * (count + 1) + indexes + heads_size + 5 + bodies_size + _HASH_SIZE


def layout_of(data: bytes) -> Layout:
    """The layout that a segment's own prefix states.

    Raises:
        Corrupt: it has no prefix of ours.
    """
    if len(data) < _PREFIX.size or not data.startswith(MAGIC):
        raise Corrupt("A segment does not begin like one.")
    fields = _PREFIX.unpack_from(data)
    return Layout(fields[7], fields[6], fields[4], fields[5], fields[8])


def _own_layout(data: bytes, *, expected: Layout) -> tuple[Layout, bool]:
    """(what a whole segment states, whether all that was sealed into it was sound).

    Raises:
        Corrupt: it is not the one that is expected.
    """
    magic, _, flags, _, entries, messages, base, session, heads_size, _ = _PREFIX.unpack_from(data)
    if (magic, session, base) != (MAGIC, expected.session, expected.base):
        raise Corrupt(
            "A segment belongs to another place than the index says.",
            session_id=frames.session_text(expected.session),
            position=expected.base,
        )
    return Layout(session, base, entries, messages, heads_size), not flags & _HOLDS_DAMAGE


class Segment:
    """A parsed segment. Nothing is decoded until asked for.

    Args:
        data: the stored bytes.
        layout: what the index says it holds.

    A byte that changed never raises here: `damaged` names the entries that it hit, and the rest
    stays readable. Where the offset tables are hit, entries are found by walking the heads.

    Where the segment is whole, what it says of itself counts more than the index.

    Raises:
        Corrupt: the segment is whole, but not the one that the index names.
    """

    def __init__(self, data: bytes, *, layout: Layout) -> None:
        self.session = layout.session
        self.base = layout.base
        self.data = data
        self.damaged: frozenset[int] = _NONE
        """Indexes (from 0) of entries that can't be trusted."""
        view = memoryview(data)
        self.is_whole = len(data) > _PREFIX.size + _HASH_SIZE and (
            _whole_hash(view[:-_HASH_SIZE]) == data[-_HASH_SIZE:]
        )
        if self.is_whole:
            layout, self.is_whole = _own_layout(data, expected=layout)
        self.layout = layout
        self.count = layout.entries
        self._lay_out(layout, view)
        if not self.is_whole:
            self._check_each()

    def _lay_out(self, layout: Layout, view: memoryview) -> None:
        heads_at = _PREFIX.size + 8 * (layout.entries + 1)
        table = 4 * (layout.entries + 1)
        self.head_offsets: Sequence[int] = _table(view[_PREFIX.size : _PREFIX.size + table])
        self.body_offsets: Sequence[int] = _table(view[_PREFIX.size + table : heads_at])
        self.messages: Sequence[int] = range(layout.entries)
        if layout.messages != layout.entries:
            self.messages = _table(view[heads_at : heads_at + 4 * layout.messages])
            heads_at += 4 * layout.messages
        self.heads = view[heads_at : heads_at + layout.heads_size]
        self.array = view[heads_at + layout.heads_size : -_HASH_SIZE]
        """The bodies as one MessagePack array."""
        self.bodies = self.array[5:]

    def _check_each(self) -> None:
        """Find the entries that a damaged segment still holds whole; the others are `damaged`."""
        damaged: list[int] = []
        found: list[tuple[int, int, int, int]] = []
        walked = (0, 0)
        for index in range(self.count):
            spans = self._spans(index, walked)
            good = next((span for span in spans if self._is_intact(index, span)), None)
            if good is None:
                damaged.append(index)
                good = spans[-1]
            found.append(good)
            walked = (good[1], good[3])
        self.head_offsets = [span[0] for span in found] + [found[-1][1] if found else 0]
        self.body_offsets = [span[2] for span in found] + [found[-1][3] if found else 0]
        self._spans_found = found
        self.damaged = frozenset(damaged)
        self.messages = [
            i
            for i, span in enumerate(found)
            if i in self.damaged or self.heads[span[0] + _FLAGS_AT] & frames.IS_MESSAGE
        ]

    def _spans(self, index: int, walked: tuple[int, int]) -> list[tuple[int, int, int, int]]:
        """Where an entry's head and body may be: by the tables, and by what came before it."""
        spans: list[tuple[int, int, int, int]] = []
        if len(self.head_offsets) > index + 1 and len(self.body_offsets) > index + 1:
            a, b = self.head_offsets[index : index + 2]
            c, d = self.body_offsets[index : index + 2]
            if a < b <= len(self.heads) and c <= d <= len(self.bodies):
                spans.append((a, b, c, d))
        at, body_at = walked
        if at + _HEAD_SIZE <= len(self.heads):
            sizes = struct.unpack_from("<HHI", self.heads, at + _HEAD_SIZE - 8)
            size, body_size = _HEAD_SIZE + sizes[0] + sizes[1], sizes[2]
            if at + size <= len(self.heads) and body_at + body_size <= len(self.bodies):
                spans.append((at, at + size, body_at, body_at + body_size))
        return spans or [(at, at, body_at, body_at)]

    def _is_intact(self, index: int, span: tuple[int, int, int, int]) -> bool:
        raw = self._join(self.heads[span[0] : span[1]], self.bodies[span[2] : span[3]])
        if len(raw) < frames.HEAD_SIZE or not frames.is_intact(raw):
            return False
        return frames.HEAD.unpack_from(raw)[_POSITION_FIELD] == self.base + index

    def head_of(self, index: int) -> memoryview:
        """Head, kind and actor of one entry, without the session that all share."""
        if not self.is_whole:
            span = self._spans_found[index]
            return self.heads[span[0] : span[1]]
        return self.heads[self.head_offsets[index] : self.head_offsets[index + 1]]

    def body_of(self, index: int) -> memoryview:
        """The encoded body of one entry."""
        if not self.is_whole:
            span = self._spans_found[index]
            return self.bodies[span[2] : span[3]]
        return self.bodies[self.body_offsets[index] : self.body_offsets[index + 1]]

    def raw(self, index: int) -> bytes:
        """One entry as a whole frame."""
        return self._join(self.head_of(index), self.body_of(index))

    def _join(self, head: memoryview, body: memoryview) -> bytes:
        return b"".join((head[:8], self.session, head[8:], body))

    def frame(self, index: int) -> Frame:
        """One entry's fields.

        Raises:
            Corrupt: it is damaged; names session and position.
        """
        if index in self.damaged:
            raise damaged_entry(self.session, self.base + index)
        return frames.parse(self.raw(index))

    def frames(self) -> Iterator[Frame]:
        """All entries' fields, in order; raises `Corrupt` at a damaged one."""
        return (self.frame(index) for index in range(self.count))


def damaged_entry(session: bytes, position: int) -> Corrupt:
    """The error for an entry whose bytes are not what was written."""
    name = frames.session_text(session)
    return Corrupt(
        f"Entry {position} of session {name} is damaged: "
        "its bytes are missing or not what was written.",
        session_id=name,
        position=position,
    )


def _table(data: memoryview) -> Sequence[int]:
    return data[: len(data) - len(data) % 4].cast("I")
