"""Compares a tier with the journal: every session, by count and content, read back from the data.

Nothing that the tier says of itself is believed but how far it has come. It works while appends and
projectors go on: the tier is read first and the journal after, so that every item found must be one
that the journal gives, and every entry that the tier had reached before must be found.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from novacore import journal
from novacore.kit import Clock, ErrorKind, NovaError
from novacore.tiers.errors import TierCorrupt, TierUnavailable
from novacore.tiers.model import Item, Record, SetAside, TierState
from novacore.tiers.projector import describe, is_of
from novacore.tiers.records import Records
from novacore.tiers.slot import Slot

_CHUNK: Final = 256
_LOOKS_MAX: Final = 4
_LOOK_AGAIN_S: Final = 0.2
_ERASURES_MAX: Final = 1_000_000
_Key = tuple[str, str, int, str]
Progress = Callable[[str, int, int], None]
"""Called with the tier, how much is done, and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The first place where a tier is not what the journal says."""

    what: str
    """What differs, in a sentence."""
    session_id: str = ""
    """Where; empty: the tier as a whole."""
    position: int | None = None
    """Where: the entry; None: the session as a whole."""
    collection: str = ""
    """Where: the kind of item."""
    part: str = ""
    """Where: which of an entry's items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TierReport:
    """What verify found of one tier."""

    tier: str
    engine: str
    sessions: int
    """Sessions compared, of the journal and of the tier."""
    items: int
    """Items read back and compared."""
    sequence: int
    """How far the tier had come when it was compared; the journal's end is the target."""
    set_aside: tuple[SetAside, ...] = ()
    """Entries that the tier could not take: they are missing in it."""
    difference: Difference | None = None
    """The first difference; None: there is none but what is set aside."""
    differing: int = 0
    """How many sessions differ."""
    error: str = ""
    """Why it could not be compared; empty: it was."""

    @property
    def is_equal(self) -> bool:
        """True: the tier holds what the journal says, all of it and nothing else."""
        return self.difference is None and not self.set_aside and not self.error


class Verifier:
    """Compares one tier with the journal. Memory: the digests of one session at a time."""

    def __init__(self, slot: Slot, *, feed: journal.Feed, clock: Clock) -> None:
        self._slot = slot
        self._feed = feed
        self._clock = clock
        self._records = Records(feed)
        self._items = 0

    def verify(self, progress: Progress | None = None) -> TierReport:
        """Compare every session of the journal and of the tier."""
        first: Difference | None = None
        done = differing = 0
        state = TierState(watermark=None)
        error = ""
        try:
            state = self._state()
            first = self._check_mark(state)
            sessions = self._sessions() if first is None else []
            for session_id in sessions:
                found = self._compare_patiently(session_id)
                differing += found is not None
                first = first or found
                done += 1
                if progress is not None:
                    progress(self._slot.tier, done, len(sessions))
            state = self._state()
        except NovaError as failure:
            if failure.kind is ErrorKind.CORRUPT:
                first = first or Difference(what=f"It can't be read: {describe(failure)}")
            else:
                error = describe(failure)
        return TierReport(
            tier=self._slot.tier,
            engine=self._slot.engine_name,
            sessions=done,
            items=self._items,
            sequence=state.watermark.sequence if state.watermark else 0,
            set_aside=state.set_aside,
            difference=first,
            differing=differing,
            error=error,
        )

    def _state(self) -> TierState:
        with self._slot.lock:
            return self._slot.engine.state()

    def _check_mark(self, state: TierState) -> Difference | None:
        head = self._feed.state()
        if state.watermark is None:
            if head.sequence == 0 and not self._sessions():
                return None
            return Difference(what="It does not say how far it has come.")
        if is_of(state.watermark, head, identity=self._slot.projection.identity):
            return None
        what = "It belongs to another journal, another epoch or other settings, or is ahead."
        return Difference(what=what)

    def _sessions(self) -> list[str]:
        """The journal's sessions, then what only the tier knows."""
        known = [owned.info.id for owned in self._feed.list_sessions()]
        with self._slot.lock:
            held = self._attempt(lambda: list(self._slot.engine.sessions()))
        return list(dict.fromkeys([*known, *held]))

    def _attempt(self, read: Callable[[], list[str]]) -> list[str]:
        """Whatever a damaged engine raises says that it is damaged, not that we are."""
        try:
            return read()
        except NovaError:
            raise
        except Exception as error:
            raise TierCorrupt(describe(error)) from error

    def _compare_patiently(self, session_id: str) -> Difference | None:
        """Compare a session; again where the tier was changed otherwise than by going on."""
        for _ in range(_LOOKS_MAX - 1):
            before = self._state()
            found = self._compare(session_id, before)
            if found is None or _is_as(self._state(), before):
                return found
            time.sleep(_LOOK_AGAIN_S)
        return self._compare(session_id, self._state())

    def _compare(self, session_id: str, state: TierState) -> Difference | None:
        try:
            held, twice = self._read_back(session_id)
        except (TierUnavailable, journal.JournalError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever damage raises is the finding
            what = f"The session can't be read back: {describe(error)}"
            return Difference(what=what, session_id=session_id)
        if twice is not None:
            return Difference(what="It is stored twice.", **_place(twice))
        comparison = _Comparison(
            held=held,
            reached=state.watermark.sequence if state.watermark else 0,
            forgotten_us=self._slot.projection.forget_before_us(self._clock.now_us()),
            excused={each.sequence for each in state.set_aside},
        )
        try:
            for records in self._journal_records(session_id):
                for item in self._project(records, comparison.excused):
                    comparison.take(item)
            return self._told(session_id, comparison, state)
        except journal.Corrupt as error:
            what = f"The journal itself is damaged: {describe(error)}"
            return Difference(what=what, session_id=session_id, position=error.position)
        except _Untold as error:
            what = f"What the tier should hold of it can't be told: {error}"
            return Difference(what=what, session_id=session_id, position=error.position)

    def _read_back(self, session_id: str) -> tuple[set[bytes], _Key | None]:
        """The digests of what the tier holds of a session, and the key of what it holds twice."""
        held: set[bytes] = set()
        twice: _Key | None = None
        with self._slot.lock:
            for item in self._slot.engine.read(session_id):
                digest = item.digest()
                if digest in held:
                    twice = twice or item.key
                held.add(digest)
        self._items += len(held)
        return held, twice

    def _told(
        self, session_id: str, comparison: "_Comparison", state: TierState
    ) -> Difference | None:
        """The first difference by its place: what is missing, or what should not be there."""
        missing = comparison.missing
        extra = self._first_extra(session_id, comparison.held, state) if comparison.held else None
        if extra is None or (missing is not None and _order(missing.key) < _order(extra.key)):
            if missing is None:
                return None
            return Difference(what="It is missing.", **_place(missing.key))
        expected = self._expected(extra.key)
        if expected is None:
            return Difference(what="The journal has no such thing.", **_place(extra.key))
        what = f"Its {_first_difference(expected, extra)} differs."
        return Difference(what=what, **_place(extra.key))

    def _first_extra(self, session_id: str, digests: set[bytes], state: TierState) -> Item | None:
        """The first item of those digests that the tier should not hold any more."""
        applied = state.watermark.erasures if state.watermark else 0
        pending = [
            erased
            for erased in self._feed.erasures(applied, _ERASURES_MAX)
            if erased.session_id == session_id
        ]
        first: Item | None = None
        with self._slot.lock:
            for item in self._slot.engine.read(session_id):
                if first is not None and _order(item.key) >= _order(first.key):
                    continue
                if item.digest() in digests and not _is_pending(item, pending):
                    first = item
        return first

    def _expected(self, key: _Key) -> Item | None:
        """What the journal says that stands at a key; None: nothing."""
        _, session_id, position, _ = key
        for records in self._journal_records(session_id, only=position):
            for item in self._project(records, set()):
                if item.key == key:
                    return item
        return None

    def _journal_records(
        self, session_id: str, *, only: int | None = None
    ) -> Iterator[list[Record]]:
        """A session's own entries, without what it shares with its parent; or one of them."""
        owned = self._feed.find_session(session_id)
        if owned is None or owned.is_erased:
            return
        try:
            entries = self._feed.transcript(session_id).entries
        except journal.SessionUnknown:
            return  # erased a moment ago
        self._records.forget()
        start, end = owned.info.forked_at or 0, len(entries)
        if only is not None:
            start, end = max(start, only), min(end, only + 1)
        for at in range(start, end, _CHUNK):
            chunk = [entries[each] for each in range(at, min(at + _CHUNK, end))]
            yield [self._records.of(entry) for entry in chunk if entry.session_id == session_id]

    def _project(self, records: Sequence[Record], excused: set[int]) -> Iterable[Item]:
        try:
            return self._slot.projection.items(records)
        except TierUnavailable:
            raise
        except Exception as error:
            if len(records) == 1:
                if records[0].sequence in excused:
                    return []
                raise _Untold(error, position=records[0].position) from error
        return (item for record in records for item in self._project([record], excused))


class _Untold(Exception):
    """The projection fails on an entry, so that it can't be told what the tier should hold."""

    def __init__(self, error: Exception, *, position: int) -> None:
        super().__init__(describe(error))
        self.position = position


class _Comparison:
    """Holds what was read back against what is expected, one item after another."""

    def __init__(
        self, *, held: set[bytes], reached: int, forgotten_us: int, excused: set[int]
    ) -> None:
        self.held = held
        """Digests of what the tier holds; in the end, of what was not expected."""
        self.excused = excused
        self.missing: Item | None = None
        """The first that the tier should hold and does not."""
        self._reached = reached
        self._forgotten_us = forgotten_us

    def take(self, item: Item) -> None:
        """Compare one expected item."""
        digest = item.digest()
        if digest in self.held:
            self.held.discard(digest)
            return
        is_due = item.sequence <= self._reached and item.recorded_at_us >= self._forgotten_us
        if not is_due or item.sequence in self.excused:
            return
        if self.missing is None or _order(item.key) < _order(self.missing.key):
            self.missing = item


def _is_pending(item: Item, pending: Sequence[journal.Erased]) -> bool:
    """Whether its entry was erased so recently that the tier need not have followed yet."""
    return any(each.positions is None or item.position in each.positions for each in pending)


def _is_as(state: TierState, before: TierState) -> bool:
    """Whether the tier only went on since: same life, same erasures, nothing retried."""
    now, then = state.watermark, before.watermark
    if now is None or then is None:
        return now is then
    return now.sequence >= then.sequence and state.set_aside == before.set_aside and (
        replace(now, sequence=0) == replace(then, sequence=0)
    )  # fmt: skip


def _place(key: _Key) -> dict[str, Any]:
    return {"collection": key[0], "session_id": key[1], "position": key[2], "part": key[3]}


def _order(key: _Key) -> tuple[int, str, str]:
    return key[2], key[0], key[3]


def _first_difference(expected: Item, held: Item) -> str:
    for name in ("tenant", "owner", "sequence", "recorded_at_us"):
        if getattr(expected, name) != getattr(held, name):
            return name
    for name in sorted({*expected.value, *held.value}):
        if expected.value.get(name) != held.value.get(name):
            return f"value.{name}"
        if (name in expected.value) != (name in held.value):
            return f"value.{name}"
    return "value"
