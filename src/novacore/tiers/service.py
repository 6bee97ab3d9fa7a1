"""The tiers of one journal as a program uses them: bring up to date, verify, rebuild, read."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from novacore import journal
from novacore.kit import Clock, NovaError, SystemClock
from novacore.tiers.config import Config
from novacore.tiers.errors import TierCorrupt, TierUnavailable, TierUnknown
from novacore.tiers.model import TIERS, SetAside, Watermark
from novacore.tiers.place import Embedder, Place
from novacore.tiers.projector import Projector, Step
from novacore.tiers.runner import Runner
from novacore.tiers.slot import Slot
from novacore.tiers.source import Source
from novacore.tiers.status import OFF, Statuses, TierStatus
from novacore.tiers.tier import Engine
from novacore.tiers.verify import Progress, TierReport, Verifier
from novacore.tiers.wanted import Wanted, take

_POLL_S: Final = 0.02
_GIVE_WAY_MS: Final = 30_000


class TierSet:
    """All tiers that the settings keep. Safe between threads; close it at the end.

    Args:
        slots: the tiers, in the order of `TIERS`; those that are off are left out.
        feed: the journal's feed.
        config: the limits.
        folder: where projectors say how they stand.
        clock: the time.
        on_close: called at the end, once; None: nothing.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        *,
        feed: journal.Feed,
        config: Config,
        folder: Path,
        clock: Clock,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._slots = {slot.tier: slot for slot in slots}
        self._feed = feed
        self._config = config
        self._folder = folder
        self._clock = clock
        self._on_close = on_close
        self._wanted = Wanted(feed, clock=clock)

    @property
    def names(self) -> tuple[str, ...]:
        """The tiers that are kept."""
        return tuple(self._slots)

    def reads(self, tier: str) -> Engine | None:
        """The engine of a tier, for reading: it has its tier's protocol of `reading.py` too.

        One thread at a time may call it. None: the tier is off.

        Raises:
            EngineMissing: its library is not installed.
        """
        slot = self._slots.get(tier)
        return slot.engine if slot is not None else None

    def catch_up(
        self, *, timeout_ms: int, tier: str | None = None, progress: Progress | None = None
    ) -> bool:
        """Bring the tiers to where the journal is now; True: all are there.

        Projects in this process where no other one does, and waits for that one where it does. A
        tier that is down, or stopped, is not waited for.

        Args:
            timeout_ms: the longest it takes.
            tier: only this one; None: all.
            progress: called now and then.
        """
        head = self._feed.state()
        end_s = time.monotonic() + timeout_ms / 1_000
        source = self._source()
        done: dict[str, bool] = {}

        def bring(slot: Slot) -> None:
            done[slot.tier] = self._bring(slot, source, head, end_s=end_s, progress=progress)

        threads = [
            threading.Thread(target=bring, args=(slot,), name=f"nova-tier-{slot.tier}")
            for slot in self._chosen(tier)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(done) == len(threads) and all(done.values())

    def status(self) -> list[TierStatus]:
        """How each of the seven stands, in their order."""
        looking = Statuses(
            self._feed,
            folder=self._folder,
            clock=self._clock,
            set_aside_max=self._config.set_aside_max,
        )
        found = {each.tier: each for each in looking.look(list(self._slots.values()))}
        return [found.get(tier) or TierStatus(tier=tier, engine=OFF) for tier in TIERS]

    def verify(
        self, tier: str | None = None, *, progress: Progress | None = None
    ) -> list[TierReport]:
        """Compare tiers with the journal, each where it has come to; read back from the data.

        Args:
            tier: only this one; None: all that are kept.
            progress: called after each session.
        """
        return [
            Verifier(slot, feed=self._feed, clock=self._clock).verify(progress)
            for slot in self._chosen(tier)
        ]

    def rebuild(
        self, tier: str, *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> bool:
        """Destroy what a tier holds and make it again from the journal; True: it is there.

        Args:
            tier: its name.
            timeout_ms: the longest it takes; None: as long as it needs. What is not done then is
                done by the next projector.
            progress: called now and then.

        Raises:
            TierUnknown: there is no such tier, or it is off.
            TierUnavailable: its engine does not answer, or another process does not give way.
        """
        slot = self._chosen(tier)[0]
        head = self._feed.state()
        end_s = float("inf") if timeout_ms is None else time.monotonic() + timeout_ms / 1_000
        with self._held(slot) as lock:
            with slot.lock:
                slot.engine.wipe()
            projector = self._projector(slot, self._source())
            projector.use_lock(lock)
            return self._drive(projector, head, end_s=end_s, progress=progress)

    def retry(self, tier: str, *, progress: Progress | None = None) -> tuple[SetAside, ...]:
        """Try once more what a tier set aside; returns what it still can't take.

        Raises:
            TierUnknown: there is no such tier, or it is off.
            TierUnavailable: its engine does not answer, or another process does not give way.
        """
        slot = self._chosen(tier)[0]
        with self._held(slot) as lock:
            projector = self._projector(slot, self._source())
            projector.use_lock(lock)
            told: Callable[[int, int], None] | None = None
            if progress is not None:
                told = lambda done, total: progress(tier, done, total)  # noqa: E731 - an adapter
            return projector.retry(told).set_aside

    def runner(self) -> Runner:
        """What keeps all of them up to date in this process, until it is stopped."""
        source = self._source()
        return Runner(
            [self._projector(slot, source) for slot in self._slots.values()],
            feed=self._feed,
            folder=self._folder,
            clock=self._clock,
            rush_entries_s=self._config.rush_entries_s,
            gather_ms=self._config.gather_ms,
        )

    def close(self) -> None:
        """Close the engines. Idempotent."""
        for slot in self._slots.values():
            slot.close()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    def _chosen(self, tier: str | None) -> list[Slot]:
        if tier is None:
            return list(self._slots.values())
        slot = self._slots.get(tier)
        if slot is None:
            what = "is off" if tier in TIERS else "does not exist"
            raise TierUnknown(f"The tier {tier!r} {what}.", hint=f"Kept: {', '.join(self.names)}.")
        return [slot]

    def _source(self) -> Source:
        return Source(self._feed, entries_max=self._config.batch_entries_max)

    def _projector(self, slot: Slot, source: Source) -> Projector:
        return Projector(
            slot,
            feed=self._feed,
            source=source,
            wanted=self._wanted,
            config=self._config,
            clock=self._clock,
        )

    def _bring(
        self,
        slot: Slot,
        source: Source,
        head: journal.FeedState,
        *,
        end_s: float,
        progress: Progress | None,
    ) -> bool:
        projector = self._projector(slot, source)
        try:
            return self._drive(projector, head, end_s=end_s, progress=progress)
        finally:
            projector.release()

    def _drive(
        self,
        projector: Projector,
        head: journal.FeedState,
        *,
        end_s: float,
        progress: Progress | None,
    ) -> bool:
        """Step until the tier is where the journal was, or can't get there now."""
        slot = projector.slot
        while time.monotonic() < end_s:
            step = projector.step()
            if step is Step.STOPPED or (step is Step.WAITING and not projector.is_trying_an_entry):
                return False
            try:
                mark = self._mark(slot)
            except NovaError:
                if step is Step.STANDBY:
                    return False
                mark = None
            if mark is not None and progress is not None:
                progress(slot.tier, min(mark.sequence, head.sequence), head.sequence)
            if mark is not None and _has_reached(mark, head):
                return True
            if step is not Step.WORKED:
                time.sleep(_POLL_S)
        return False

    def _mark(self, slot: Slot) -> Watermark | None:
        """Where a tier is; None: it doesn't say."""
        try:
            with slot.lock:
                return slot.engine.state().watermark
        except TierCorrupt:
            return None

    @contextmanager
    def _held(self, slot: Slot) -> Generator[journal.Lock]:
        """A tier's lock: whoever projects it now gives way."""
        end_s = time.monotonic() + _GIVE_WAY_MS / 1_000
        lock = take(slot.lock_name, slot.wanted_name, take_one=lambda name: self._take(name, end_s))
        try:
            yield lock
        finally:
            lock.close()

    def _take(self, name: str, end_s: float) -> journal.Lock:
        while (lock := self._feed.try_lock(name)) is None:
            if time.monotonic() > end_s:
                raise TierUnavailable(
                    "Another process works on this tier and does not give way.",
                    hint="`nova tiers status` names it; try again when it is done.",
                )
            time.sleep(_POLL_S)
        return lock


def _has_reached(mark: Watermark, head: journal.FeedState) -> bool:
    is_same = mark.journal == head.journal and mark.epoch == head.epoch
    return is_same and mark.sequence >= head.sequence and mark.erasures >= head.erasures


def open_tiers(
    config: Config,
    *,
    folder: Path,
    feed: journal.Feed,
    embedder: Embedder | None = None,
    clock: Clock | None = None,
    engines: Mapping[str, Engine] | None = None,
    on_close: Callable[[], None] | None = None,
) -> TierSet:
    """The tiers that the settings keep, over a journal. Connects to nothing yet.

    Args:
        config: which engines, and the limits.
        folder: the data directory's folder for tiers; made when something is stored.
        feed: the journal's feed.
        embedder: makes vectors for the vector tier.
        clock: the time; None: the machine's.
        engines: engines by tier that are used instead of those that the settings name.
        on_close: called when the tiers are closed; None: nothing.

    Raises:
        TierUnknown: the settings name an engine that its tier does not have.
    """
    # Every engine and projection is behind this table: only who opens tiers loads them.
    from novacore.tiers import engines as table  # noqa: PLC0415 - as above

    clock = clock or SystemClock()
    given = engines or {}
    slots: list[Slot] = []
    for tier in TIERS:
        name = given[tier].name if tier in given else str(getattr(config, tier))
        if name == OFF:
            continue
        place = Place(config=config, folder=folder / tier, clock=clock, embedder=embedder)
        slots.append(
            Slot(
                tier,
                engine_name=name,
                make_projection=lambda tier=tier, place=place: table.make_projection(tier, place),
                make_engine=lambda tier=tier, name=name, place=place: (
                    given[tier] if tier in given else table.make_engine(tier, name, place=place)
                ),
            )
        )
    return TierSet(slots, feed=feed, config=config, folder=folder, clock=clock, on_close=on_close)
