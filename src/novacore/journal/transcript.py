"""A session as it was at one moment: immutable, every message addressable, decoded on demand.

A transcript is a list of parts (sealed segments and the newest entries), each a run of consecutive
positions. A fork's transcript begins with its parents' parts, cut where it left them.
"""

import uuid
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol, cast, overload

import msgspec

from novacore.journal import frame as frames
from novacore.journal import segment as segments
from novacore.journal.errors import Corrupt, EntryErased
from novacore.journal.frame import Frame
from novacore.journal.model import Entry, Message
from novacore.journal.value import ExtensionHook, may_name_blobs


class Run(Protocol):
    """Consecutive entries of one session; `Segment` and `Tail` are runs."""

    session: bytes
    base: int
    count: int
    damaged: frozenset[int]

    @property
    def messages(self) -> Sequence[int]:
        """Indexes of the entries that are messages, rising."""
        ...

    def body_of(self, index: int) -> bytes | memoryview:
        """The encoded body of one entry."""
        ...

    def frame(self, index: int) -> Frame:
        """The fields of one entry; raises `Corrupt` where it is damaged."""
        ...

    def raw(self, index: int) -> bytes:
        """One entry as a whole frame, damaged or not."""
        ...


class Tail:
    """The newest entries of a session, one frame each.

    Args:
        session: its id.
        base: the position of the first.
        stored: the frames.
        before: the run so far, to which `stored` adds; its entries are not checked again.
    """

    def __init__(
        self, session: bytes, *, base: int, stored: Sequence[bytes], before: "Tail | None" = None
    ) -> None:
        self.session = session
        self.base = base
        checked = before.count if before else 0
        added = list(enumerate(stored, checked))
        damaged = frozenset(
            index
            for index, raw in added
            if not frames.is_entry(raw, session=session, position=base + index)
        )
        at, bit = frames.FLAGS_AT, frames.IS_MESSAGE
        messages = (index for index, raw in added if index in damaged or raw[at] & bit)
        self.stored: Sequence[bytes] = [*before.stored, *stored] if before else stored
        self.count = len(self.stored)
        self.damaged: frozenset[int] = before.damaged | damaged if before else damaged
        self.messages: Sequence[int] = array("I", before.messages if before else ())
        self.messages.extend(messages)

    def body_of(self, index: int) -> memoryview:
        """The encoded body of one entry."""
        raw = memoryview(self.stored[index])
        return raw[frames.head_size(raw) :]

    def frame(self, index: int) -> Frame:
        """The fields of one entry."""
        if index in self.damaged:
            raise segments.damaged_entry(self.session, self.base + index)
        return frames.parse(self.stored[index])

    def raw(self, index: int) -> bytes:
        """One entry as a whole frame."""
        return self.stored[index]


class Part:
    """The first `take` entries of a run, as a transcript uses them."""

    __slots__ = ("messages", "run", "take")

    def __init__(self, run: Run, *, take: int, messages: Sequence[int] | None = None) -> None:
        self.run = run
        self.take = take
        if messages is None:
            messages = run.messages
            if take < run.count:
                messages = messages[: bisect_left(messages, take)]
        self.messages = messages

    @property
    def damaged(self) -> list[int]:
        """Indexes of damaged entries within what is used."""
        return [index for index in sorted(self.run.damaged) if index < self.take]


class BodyDecoder:
    """Turns encoded bodies into messages; `read_blob` brings back texts that live in blobs."""

    def __init__(self, read_blob: Callable[[bytes], bytes]) -> None:
        hook = ExtensionHook(read_blob)
        self.one = msgspec.msgpack.Decoder(Message, ext_hook=hook).decode
        self.many = msgspec.msgpack.Decoder(list[Message], ext_hook=hook).decode


class Transcript(Sequence[Message]):
    """The messages of a session at one moment. Cheap to make, safe to share between threads.

    Indexing and iterating give messages. `entries` gives entries of every kind. What is erased is
    no message any more and shows in `gaps`; reading a damaged message raises `Corrupt`, and
    `without_damage()` gives a transcript that leaves such entries out.
    """

    def __init__(
        self, session_id: str, parts: Sequence[Part], *, decoder: BodyDecoder, generation: int = 0
    ) -> None:
        self.session_id = session_id
        self.generation = generation
        """Changes when anything in the store was erased: what was made of an older one may hold
        what is gone."""
        self._parts = tuple(parts)
        self._decoder = decoder
        self._ends = list(accumulate(len(part.messages) for part in self._parts))
        self._position_ends = list(accumulate(part.take for part in self._parts))

    @property
    def parts(self) -> tuple[Part, ...]:
        """The runs that it is made of, oldest first."""
        return self._parts

    @property
    def position(self) -> int:
        """How many entries there are: the position that the next one will have."""
        return self._position_ends[-1] if self._position_ends else 0

    @property
    def messages(self) -> "Transcript":
        """The messages, lazily: the transcript itself."""
        return self

    @property
    def entries(self) -> "Entries":
        """The entries of every kind, lazily."""
        return Entries(self._parts, ends=self._position_ends, decoder=self._decoder)

    @property
    def damaged(self) -> list[int]:
        """Positions of entries whose bytes are not what was written; empty when all are sound."""
        return [part.run.base + index for part in self._parts for index in part.damaged]

    @property
    def gaps(self) -> list[int]:
        """Positions of entries that were erased."""
        return [
            part.run.base + index
            for part in self._parts
            for index in range(part.take)
            if index not in part.run.damaged and part.run.frame(index).is_erased
        ]

    @property
    def message_positions(self) -> list[int]:
        """The position of each message, rising."""
        return [part.run.base + index for part in self._parts for index in part.messages]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._range(start, stop)
            return [self[i] for i in range(start, stop, step)]
        part, at = self._find(index)
        return self._decode_one(part.run, part.messages[at])

    def __iter__(self) -> Iterator[Message]:
        for part in self._parts:
            for index in part.messages:
                yield self._decode_one(part.run, index)

    def decode_all(self) -> list[Message]:
        """All messages, decoded in as few calls as there are parts: half the cost of one by one."""
        return self._range(0, len(self))

    def entry_at(self, index: int) -> Entry:
        """The entry that message `index` is."""
        part, at = self._find(index)
        return entry_of(part.run.frame(part.messages[at]), self._decoder)

    def first(self, count: int) -> "Transcript":
        """The transcript as it was when it had `count` entries."""
        parts: list[Part] = []
        left = count
        for part in self._parts:
            if left <= 0:
                break
            parts.append(Part(part.run, take=min(part.take, left)))
            left -= part.take
        return Transcript(self.session_id, parts, decoder=self._decoder, generation=self.generation)

    def holder_of(self, position: int) -> bytes:
        """The id of the session that the entry was appended to: this one, or one it forked from."""
        return self._parts[bisect_right(self._position_ends, position)].run.session

    def without_damage(self) -> "Transcript":
        """The same transcript without the messages whose bytes, or blobs, are damaged.

        Its `entries` are the same: each kind of entry may be damaged, and reading one that is
        raises `Corrupt`.
        """
        parts = [
            Part(
                part.run,
                take=part.take,
                messages=[i for i in part.messages if self._is_readable(part.run, i)],
            )
            for part in self._parts
        ]
        if sum(len(part.messages) for part in parts) == len(self):
            return self
        return Transcript(self.session_id, parts, decoder=self._decoder, generation=self.generation)

    def _is_readable(self, run: Run, index: int) -> bool:
        if index in run.damaged:
            return False
        if not may_name_blobs(run.body_of(index)):
            return True
        try:
            self._decode_one(run, index)
        except Corrupt:
            return False
        return True

    def _find(self, index: int) -> tuple[Part, int]:
        size = len(self)
        at = index + size if index < 0 else index
        if not 0 <= at < size:
            raise IndexError(f"message {index} of {size}")
        which = bisect_right(self._ends, at)
        return self._parts[which], at - (self._ends[which - 1] if which else 0)

    def _decode_one(self, run: Run, index: int) -> Message:
        if index in run.damaged:
            raise segments.damaged_entry(run.session, run.base + index)
        body, position = run.body_of(index), run.base + index
        return decode(self._decoder.one, body, session=run.session, position=position)

    def _range(self, start: int, stop: int) -> list[Message]:
        found: list[Message] = []
        before = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            first, last = max(start, before) - before, min(stop, end) - before
            if first < last:
                found.extend(self._decode_run(part, first, last))
            before = end
        return found

    def _decode_run(self, part: Part, first: int, last: int) -> list[Message]:
        """Messages `first` to `last` of a part: in one call where they lie side by side."""
        run, indexes = part.run, part.messages
        low, high = indexes[first], indexes[last - 1] + 1
        side_by_side = isinstance(run, segments.Segment) and run.is_whole
        if not side_by_side or (high - low) > 2 * (last - first):
            return [self._decode_one(run, index) for index in indexes[first:last]]
        sealed = cast("segments.Segment", run)
        if high - low == sealed.count:
            data: bytes | memoryview = sealed.array
        else:
            span = sealed.bodies[sealed.body_offsets[low] : sealed.body_offsets[high]]
            data = b"".join((b"\xdd", (high - low).to_bytes(4, "big"), span))
        try:
            found = self._decoder.many(data)
        except (msgspec.DecodeError, Corrupt):
            # One by one: that names the entry that can't be read, if it is one of those asked for.
            return [self._decode_one(run, index) for index in indexes[first:last]]
        if high - low == last - first:
            return found
        return [found[index - low] for index in indexes[first:last]]


class Entries(Sequence[Entry]):
    """A transcript's entries of every kind, decoded on demand."""

    def __init__(self, parts: Sequence[Part], *, ends: Sequence[int], decoder: BodyDecoder) -> None:
        self._parts = parts
        self._ends = ends
        self._decoder = decoder

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        run, at = self._find(index)
        return entry_of(run.frame(at), self._decoder)

    def raw(self, index: int) -> bytes:
        """The whole stored frame of one entry."""
        run, at = self._find(index)
        return run.raw(at)

    def frame(self, index: int) -> Frame:
        """The stored fields of one entry; raises `Corrupt` where it is damaged."""
        run, at = self._find(index)
        return run.frame(at)

    def _find(self, index: int) -> tuple[Run, int]:
        size = len(self)
        at = index + size if index < 0 else index
        if not 0 <= at < size:
            raise IndexError(f"entry {index} of {size}")
        which = bisect_right(self._ends, at)
        return self._parts[which].run, at - (self._ends[which - 1] if which else 0)


def entry_of(stored: Frame, decoder: BodyDecoder) -> Entry:
    """The entry that a stored frame is."""
    body = decode(decoder.one, stored.body, session=stored.session, position=stored.position)
    return Entry(
        sequence=stored.sequence,
        session_id=frames.session_text(stored.session),
        position=stored.position,
        id=str(uuid.UUID(bytes=stored.id)),
        kind=stored.kind,
        said_at_us=stored.said_at_us,
        recorded_at_us=stored.recorded_at_us,
        actor=stored.actor,
        version=stored.version,
        body=body,
        is_erased=stored.is_erased,
        checksum=stored.checksum,
        digest=stored.digest,
        chain=stored.chain,
    )


def decode(
    decoder: Callable[[Any], Message],
    data: bytes | memoryview,
    *,
    session: bytes,
    position: int,
) -> Message:
    """Decode a body; a failure, also of a blob that it names, says whose it is."""
    try:
        return decoder(data)
    except EntryErased as error:
        raise EntryErased(session_id=frames.session_text(session), position=position) from error
    except (msgspec.DecodeError, Corrupt) as error:
        name = frames.session_text(session)
        what = error.message if isinstance(error, Corrupt) else f"it can't be decoded: {error}."
        raise Corrupt(
            f"Entry {position} of session {name}: {what}", session_id=name, position=position
        ) from error
