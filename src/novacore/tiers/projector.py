"""Brings one tier up to date with the journal: at least once from there, effectively once here.

Each step reads where the tier is from the tier itself, so that one that was wiped, restored from an
old copy or cut goes on from there, whoever did it. Entries are read first and erasures after, and
both go into one batch: an entry that was erased after it was read is destroyed with it.
"""

import enum
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from novacore import journal
from novacore.kit import Clock, ErrorKind, NovaError
from novacore.tiers.config import Config
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Batch, Item, Record, SetAside, TierState, Watermark
from novacore.tiers.slot import Slot
from novacore.tiers.source import Piece, Source
from novacore.tiers.wanted import Wanted

_ERASURES_MAX: Final = 1_000
_FORGET_EVERY_S: Final = 60.0
_LOOK_EVERY_S: Final = 2.0
_STANDBY_S: Final = 1.0
_STANDBY_S_MAX: Final = 3.0
_STANDBY_LOOKS_COST: Final = 500
_RETRY_MS_FIRST: Final = 50
_POISON_MS_MAX: Final = 400
_ERROR_CHARS_MAX: Final = 300


class Step(enum.Enum):
    """What a step found."""

    WORKED = "working"
    """A batch was stored; there may be more."""
    IDLE = "up to date"
    STANDBY = "standing by"
    """Another projector holds the tier, or somebody asked for it."""
    WAITING = "waiting to try again"
    """The engine does not answer, or refused an entry."""
    STOPPED = "stopped"
    """Too many entries are set aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a projector is, for status."""

    step: Step
    error: str = ""
    """Why it waits or stopped; empty otherwise."""


class _Again(Exception):
    """An entry was refused and will be tried again."""


class _Full(Exception):
    """An entry would have to be set aside, and as many are as may be."""


class Projector:
    """Projects one tier while it holds the tier's lock. Driven by one thread: call `step`.

    Args:
        slot: the tier.
        feed: the journal's feed.
        source: reads the feed for all tiers of this process.
        wanted: tells when another process asks for the tier.
        config: the limits.
        clock: the time.
        draw: gives the jitter of pauses, 0 to 1.
    """

    def __init__(
        self,
        slot: Slot,
        *,
        feed: journal.Feed,
        source: Source,
        wanted: Wanted,
        config: Config,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.slot = slot
        self.standing = Standing(step=Step.STANDBY)
        self.due_s = 0.0
        """When to call `step` again at the latest, on the monotonic clock."""
        self._feed = feed
        self._source = source
        self._wanted = wanted
        self._config = config
        self._clock = clock
        self._draw = draw
        self._lock: journal.Lock | None = None
        self._owns_lock = True
        self._failures = 0
        self._tries: dict[int, int] = {}
        self._forgot_s = float("-inf")

    def use_lock(self, lock: journal.Lock) -> None:
        """Project under a lock that the caller took, and that the caller will close."""
        self._lock, self._owns_lock = lock, False

    @property
    def is_trying_an_entry(self) -> bool:
        """True while an entry that was refused is tried again: the engine itself answers."""
        return bool(self._tries)

    def release(self) -> None:
        """Let another projector have the tier."""
        if self._lock is not None and self._owns_lock:
            self._lock.close()
        self._lock, self._owns_lock = None, True

    def step(self) -> Step:
        """Store one batch, or find that there is nothing to do. Raises only `StoreClosed`."""
        now_s = self._clock.monotonic_s()
        try:
            if not self._has_tier():
                pause_s = max(_STANDBY_S, self._wanted.cost_s * _STANDBY_LOOKS_COST)
                return self._stand(Step.STANDBY, due_s=now_s + min(pause_s, _STANDBY_S_MAX))
            with self.slot.lock:
                step = self._project(now_s)
        except _Again as again:
            return self._wait(now_s, str(again), most_ms=_POISON_MS_MAX)
        except _Full as full:
            return self._stand(Step.STOPPED, due_s=now_s + _LOOK_EVERY_S, error=str(full))
        except journal.StoreClosed:
            raise
        except TierCorrupt as error:
            return self._wipe(now_s, error)
        except Exception as error:  # noqa: BLE001 - recorded as the tier's standing, tried again
            return self._wait(now_s, describe(error), most_ms=self._config.retry_ms_max)
        self._failures = 0
        return step

    def _stand(self, step: Step, *, due_s: float, error: str = "") -> Step:
        self.standing = Standing(step=step, error=error)
        self.due_s = due_s
        return step

    def _wait(self, now_s: float, error: str, *, most_ms: int) -> Step:
        """Pause longer after each failure, and never in step with other tiers."""
        pause_ms = min(most_ms, _RETRY_MS_FIRST * 2 ** min(self._failures, 20))
        self._failures += 1
        pause_ms *= 0.5 + self._draw() / 2
        return self._stand(Step.WAITING, due_s=now_s + pause_ms / 1_000, error=error)

    def _wipe(self, now_s: float, error: TierCorrupt) -> Step:
        """Nothing in a tier that can't be read is needed: begin from nothing, after a pause."""
        said = describe(error)
        try:
            with self.slot.lock:
                self.slot.engine.wipe()
        except NovaError as again:
            said = describe(again)
        return self._wait(now_s, said, most_ms=self._config.retry_ms_max)

    def _has_tier(self) -> bool:
        """Hold the tier's lock, unless another does or somebody asks for it."""
        if self._lock is not None and not self._lock.is_held:
            self.release()
        if not self._owns_lock:
            return self._lock is not None
        if self._wanted.is_wanted(self.slot.wanted_name):
            self.release()
            return False
        if self._lock is None:
            self._lock = self._feed.try_lock(self.slot.lock_name)
        return self._lock is not None

    def _project(self, now_s: float) -> Step:
        head = self._feed.state()
        state = self.slot.engine.state()
        mark = state.watermark
        if mark is None or not is_of(mark, head, identity=self.slot.projection.identity):
            mark, state = self._begin(head), TierState(watermark=None)
        if mark.sequence >= head.sequence and mark.erasures >= head.erasures:
            return self._rest(mark, state, now_s)
        self._advance(mark, state, self._piece(mark))
        return self._stand(Step.WORKED, due_s=now_s)

    def _begin(self, head: journal.FeedState) -> Watermark:
        """Begin from nothing: for this journal, this epoch and this projection."""
        self.slot.engine.wipe()
        self._tries.clear()
        return Watermark(
            journal=head.journal,
            epoch=head.epoch,
            sequence=0,
            erasures=0,
            projection=self.slot.projection.identity,
        )

    def _rest(self, mark: Watermark, state: TierState, now_s: float) -> Step:
        """Up to date: let go of what has become too old, now and then."""
        before_us = self._forget_before_us()
        is_new = state.watermark is None
        if is_new or (before_us and now_s - self._forgot_s >= _FORGET_EVERY_S):
            self._apply([], mark, set_aside=state.set_aside)
            self._forgot_s = now_s
        return self._stand(Step.IDLE, due_s=now_s + _LOOK_EVERY_S)

    def _forget_before_us(self) -> int:
        return self.slot.projection.forget_before_us(self._clock.now_us())

    def _piece(self, mark: Watermark) -> Piece:
        """The next entries; those that were refused before are taken alone."""
        piece = self._source.read(mark.sequence)
        suspects = [
            index for index, record in enumerate(piece.records) if record.sequence in self._tries
        ]
        return piece.first(max(1, suspects[0])) if suspects else piece

    def _advance(self, mark: Watermark, state: TierState, piece: Piece) -> None:
        """Store a piece, then apply the erasures since it was read or the tier was last here."""
        # The piece may be older than the erasures that the tier has applied: those come again.
        base = replace(mark, erasures=min(mark.erasures, piece.erasures))
        erased = self._feed.erasures(base.erasures, _ERASURES_MAX)
        end = replace(
            base,
            sequence=max(piece.last, mark.sequence),
            erasures=erased[-1].number if erased else base.erasures,
        )
        try:
            set_aside = self._set_aside(state, piece, erased)
            self._apply(piece.records, end, erased=erased, set_aside=set_aside)
        except Exception as error:  # whose fault it is decides what follows
            if _is_away(error):
                raise
            # An engine that can't even store where it is has another trouble than an entry.
            self._apply([], base, set_aside=state.set_aside)
            state = self._store_parts(piece.records, base, state)
            set_aside = self._set_aside(state, piece, erased)
            self._apply([], end, erased=erased, set_aside=set_aside)

    def _set_aside(
        self, state: TierState, piece: Piece, erased: Sequence[journal.Erased]
    ) -> tuple[SetAside, ...]:
        """What is set aside after a piece: not what was erased, but an entry that is damaged."""
        kept = _without(state.set_aside, erased)
        if piece.damage is None:
            return kept
        self._check_room(kept)
        return (*kept, self._damaged(piece.damage, piece.last))

    def _check_room(self, set_aside: Sequence[SetAside]) -> None:
        if len(set_aside) >= self._config.set_aside_max:
            raise _Full(f"{len(set_aside):,} entries are set aside, the most allowed")

    def _store_parts(
        self, records: Sequence[Record], base: Watermark, state: TierState
    ) -> TierState:
        """Store ever smaller parts, down to the entries that are refused by themselves."""
        parts = [records] if records else []
        while parts:
            part = parts.pop()
            mark = replace(base, sequence=part[-1].sequence)
            try:
                self._apply(part, mark, set_aside=state.set_aside)
                self._tries.pop(part[-1].sequence, None)
            except Exception as error:  # whose fault it is decides what follows
                if _is_away(error):
                    raise
                if len(part) == 1:
                    state = self._refused(part[0], mark, state=state, error=error)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
        return state

    def _refused(
        self, record: Record, mark: Watermark, *, state: TierState, error: Exception
    ) -> TierState:
        """Try the entry again later; after enough tries, set it aside and go on behind it."""
        tries = self._tries[record.sequence] = self._tries.get(record.sequence, 0) + 1
        if tries < self._config.tries_max:
            raise _Again(f"entry {record.sequence}: {describe(error)}") from error
        self._check_room(state.set_aside)
        set_aside = (*state.set_aside, self._aside(record, describe(error), tries=tries))
        self._apply([], mark, set_aside=set_aside)
        del self._tries[record.sequence]
        return TierState(watermark=mark, set_aside=set_aside)

    def _aside(self, record: Record, error: str, *, tries: int) -> SetAside:
        return SetAside(
            sequence=record.sequence,
            session_id=record.session_id,
            position=record.position,
            error=error,
            tries=tries,
            at_us=self._clock.now_us(),
        )

    def _damaged(self, damage: journal.Corrupt, sequence: int) -> SetAside:
        return SetAside(
            sequence=sequence,
            session_id=damage.session_id or "",
            position=-1 if damage.position is None else damage.position,
            error=describe(damage),
            tries=1,
            at_us=self._clock.now_us(),
        )

    def _apply(
        self,
        records: Sequence[Record],
        mark: Watermark,
        *,
        erased: Sequence[journal.Erased] = (),
        set_aside: Sequence[SetAside],
    ) -> None:
        before_us = self._forget_before_us()
        items: list[Item] = []
        if records:
            items = self.slot.projection.items(records)
        if before_us:
            items = [item for item in items if item.recorded_at_us >= before_us]
        if erased:
            self.slot.projection.forget(erased)
        batch = Batch(
            items=items,
            erased=erased,
            watermark=mark,
            set_aside=tuple(set_aside),
            forget_before_us=before_us,
        )
        self.slot.engine.apply(batch)

    def retry(self, progress: Callable[[int, int], None] | None = None) -> TierState:
        """Try every entry that was set aside once more; returns what is left of them.

        Call it with the lock in hand (`use_lock`).

        Raises:
            NovaError: of kind UNAVAILABLE where the engine does not answer.
        """
        with self.slot.lock:
            state = self.slot.engine.state()
            waiting = state.set_aside
            for index, aside in enumerate(waiting):
                if state.watermark is not None:
                    state = self._retry_one(aside, state.watermark, state)
                if progress is not None:
                    progress(index + 1, len(waiting))
            return state

    def _retry_one(self, aside: SetAside, mark: Watermark, state: TierState) -> TierState:
        rest = tuple(each for each in state.set_aside if each.sequence != aside.sequence)
        try:
            record = self._source.record(aside.sequence)
            self._apply([] if record is None else [record], mark, set_aside=rest)
        except Exception as error:  # recorded beside the entry, unless the engine is away
            if _is_away(error):
                raise
            again = replace(
                aside, error=describe(error), tries=aside.tries + 1, at_us=self._clock.now_us()
            )
            rest = tuple(sorted((*rest, again), key=lambda each: each.sequence))
            self._apply([], mark, set_aside=rest)
        return TierState(watermark=mark, set_aside=rest)


def is_of(mark: Watermark, head: journal.FeedState, *, identity: str) -> bool:
    """Whether a watermark belongs to this journal, epoch and projection, and not beyond its end."""
    is_ours = mark.journal == head.journal and mark.epoch == head.epoch
    is_within = mark.sequence <= head.sequence and mark.erasures <= head.erasures
    return is_ours and is_within and mark.projection == identity


def describe(error: Exception) -> str:
    """An error in one line of bounded length."""
    said = error.message if isinstance(error, NovaError) else f"{type(error).__name__}: {error}"
    line = " ".join(said.split())
    return line if len(line) <= _ERROR_CHARS_MAX else line[: _ERROR_CHARS_MAX - 1] + "…"


def _is_away(error: Exception) -> bool:
    """True: what we need is not there now, and no entry is to blame."""
    if isinstance(error, _Again | _Full | journal.StoreClosed | TierCorrupt):
        return True
    return isinstance(error, NovaError) and error.kind is ErrorKind.UNAVAILABLE


def _without(
    set_aside: Sequence[SetAside], erased: Sequence[journal.Erased]
) -> tuple[SetAside, ...]:
    """What is left once erased entries are left out: their error may have quoted them."""
    if not erased or not set_aside:
        return tuple(set_aside)
    gone = {each.session_id: each.positions for each in erased if each.positions is None}
    places = {(each.session_id, at) for each in erased for at in each.positions or ()}
    return tuple(
        each
        for each in set_aside
        if each.session_id not in gone and (each.session_id, each.position) not in places
    )
