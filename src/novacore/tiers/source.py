"""The feed as several tiers read it: each piece is read and decoded once, and shared.

A piece remembers how many erasures there were before it was read. Whoever stores from it must also
apply the erasures after that number: an entry may have been erased while the piece was kept.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from novacore import journal
from novacore.tiers.model import Record
from novacore.tiers.records import Records

_BYTES_WANTED: Final = 4 * 1024 * 1024
"""A piece is made smaller when the last one was larger than this."""
_PIECES_MAX: Final = 6
_ENTRIES_FIRST: Final = 64
_ERASED_TRIES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Consecutive entries of the journal: all with a sequence above `after`, up to `last`."""

    after: int
    last: int
    """The sequence that it reaches; equal to `after`: there is nothing more."""
    records: Sequence[Record]
    damage: journal.Corrupt | None
    """The entry at `last` is damaged, and no record of it is here."""
    erasures: int
    """How many erasures there were when it was read, or fewer."""
    size_bytes: int
    """About how much its texts take."""

    def since(self, after: int) -> "Piece":
        """What of it lies above a sequence."""
        start = bisect_right(self.records, after, key=lambda record: record.sequence)
        return replace(self, after=after, records=self.records[start:])

    def first(self, count: int) -> "Piece":
        """Its first records; without its damage, which lies behind them."""
        records = self.records[:count]
        return replace(self, records=records, last=records[-1].sequence, damage=None)


class Source:
    """Reads the feed for all tiers of a process. Safe between threads.

    Memory is bounded by a few pieces: each of at most `entries_max` entries, and of fewer where
    entries are large.
    """

    def __init__(self, feed: journal.Feed, *, entries_max: int) -> None:
        self._feed = feed
        self._records = Records(feed)
        self._entries_max = entries_max
        self._limit = min(_ENTRIES_FIRST, entries_max)
        self._pieces: list[Piece] = []
        self._erasures = -1
        self._lock = threading.Lock()

    def read(self, after: int) -> Piece:
        """The entries above a sequence, as many as one batch takes.

        Raises:
            Corrupt: the journal can't be read at all; one damaged entry raises nothing.
            StorageFailed: it does not answer.
        """
        with self._lock:
            erasures = self._feed.state().erasures
            if erasures != self._erasures:
                # What was erased must not live on here, nor must a session's erased name.
                self._pieces.clear()
                self._records.forget()
                self._erasures = erasures
            for piece in self._pieces:
                if piece.after <= after < piece.last:
                    return piece.since(after)
            piece = self._fetch(after, erasures)
            if piece.last > after:
                self._pieces = [*self._pieces[1 - _PIECES_MAX :], piece]
            return piece

    def record(self, sequence: int) -> Record | None:
        """The entry of that sequence; None: there is none. Raises `Corrupt` where it is damaged."""
        found = self._read_entries(sequence - 1, 1)
        if not found or found[0].sequence != sequence:
            return None
        return self._records.of(found[0])

    def _fetch(self, after: int, erasures: int) -> Piece:
        entries, damage = self._read_around(after)
        records: list[Record] = []
        for entry in entries:
            try:
                records.append(self._records.of(entry))
            except journal.Corrupt as error:
                damage = error
                break
        size_bytes = sum(_size_of(record.body) for record in records)
        self._adapt(size_bytes, len(records))
        last = records[-1].sequence if records else after
        if damage is not None and damage.sequence is not None:
            last = damage.sequence
        return Piece(
            after=after,
            last=last,
            records=records,
            damage=damage,
            erasures=erasures,
            size_bytes=size_bytes,
        )

    def _read_around(self, after: int) -> tuple[list[journal.Entry], journal.Corrupt | None]:
        """The entries up to the first damaged one, and the damage."""
        limit = self._limit
        try:
            return self._read_entries(after, limit), None
        except journal.Corrupt as error:
            if error.sequence is None:
                raise
            damage = error
        # In ever smaller steps up to the entry that can't be read by itself: that is the one.
        found: list[journal.Entry] = []
        step = limit // 2
        while step and len(found) < limit:
            try:
                more = self._read_entries(found[-1].sequence if found else after, step)
            except journal.Corrupt as error:
                damage, step = error, step // 2
                continue
            if not more:
                return found, None
            found += more
        return found, None if step else damage

    def _read_entries(self, after: int, limit: int) -> list[journal.Entry]:
        """From the feed; again where something was erased between two looks of one reading."""
        for _ in range(_ERASED_TRIES):
            try:
                return self._feed.read(after, limit)
            except journal.EntryErased:
                continue
        return self._feed.read(after, limit)

    def _adapt(self, size_bytes: int, count: int) -> None:
        """Take fewer entries at once where they are large, more where they are small."""
        if size_bytes > _BYTES_WANTED:
            self._limit = max(1, count * _BYTES_WANTED // size_bytes)
        elif count >= self._limit and size_bytes * 2 <= _BYTES_WANTED:
            self._limit = min(self._entries_max, self._limit * 2)


def _size_of(value: Any) -> int:
    """About how many bytes a body's texts take; fast rather than exact."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        return sum(map(_size_of, inner.values()), 16 * len(inner))
    if isinstance(value, list):
        return sum(map(_size_of, cast("list[Any]", value)), 8)
    return 8
