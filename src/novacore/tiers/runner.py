"""Keeps several tiers up to date: a thread for each, woken when the journal changed.

A tier that is slow or down keeps nobody but itself waiting.
"""

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from novacore import journal
from novacore.kit import Clock
from novacore.tiers.projector import Projector, Step, describe

_POLL_S: Final = 0.05
_POLL_IDLE_S: Final = 0.25
_IDLE_AFTER_S: Final = 5.0
_PAUSE_MIN_S: Final = 0.005
_RATE_OVER_S: Final = 0.25
_REST_TIMES: Final = 3
_REST_S_MAX: Final = 2.0


class Runner:
    """Runs projectors until it is told to stop.

    Args:
        projectors: one for each tier.
        feed: the journal's feed.
        folder: where it says who projects and how it stands; status reads it.
        clock: the time.
        rush_entries_s: while more are appended a second, the projectors rest most of the time.
        gather_ms: a tier that stored something waits so long from then, so that what comes
            meanwhile is stored together. An erasure is never waited with.
    """

    def __init__(
        self,
        projectors: Sequence[Projector],
        *,
        feed: journal.Feed,
        folder: Path,
        clock: Clock,
        rush_entries_s: int = 1_000,
        gather_ms: int = 0,
    ) -> None:
        self._projectors = projectors
        self._feed = feed
        self._folder = folder
        self._clock = clock
        self._rush_entries_s = rush_entries_s
        self._gather_s = gather_ms / 1_000
        self._is_hurried = False
        self._erasures = -1
        self._urgent = 0
        """As `_changes`, of those that nobody may wait with."""
        self._is_rush = False
        self._rated = (clock.monotonic_s(), -1)
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._changes = 0
        self._seen: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._drive, args=(each,), name=f"nova-tier-{each.slot.tier}")
            for each in projectors
        ]

    def start(self) -> None:
        """Begin to project."""
        for thread in self._threads:
            thread.start()

    def watch(self, seconds: float) -> bool:
        """Wake the tiers when the journal changed, for about so long; False: it was stopped."""
        end_s = self._clock.monotonic_s() + seconds
        seen, since_s = self._mark(), self._clock.monotonic_s()
        self._wake(is_urgent=self._has_erased())
        while (now_s := self._clock.monotonic_s()) < end_s:
            pause_s = _POLL_IDLE_S if now_s - since_s > _IDLE_AFTER_S else _POLL_S
            if self._stop.wait(pause_s):
                return False
            mark = self._mark()
            if mark != seen:
                seen, since_s = mark, now_s
                self._wake(is_urgent=self._has_erased())
            self._rate(now_s)
        return not self._stop.is_set()

    def hurry(self) -> None:
        """Gather no more: whoever started this wants to end. Asking again changes nothing."""
        if not self._is_hurried:
            self._is_hurried = True
            self._wake(is_urgent=True)

    @property
    def is_at_rest(self) -> bool:
        """True: no tier has more to do now; those that are down or held elsewhere have nothing."""
        with self._changed:
            return all(self._rests(each) for each in self._projectors)

    def _rests(self, projector: Projector) -> bool:
        seen = self._seen.get(projector.slot.tier, -1)
        if projector.standing.step is Step.IDLE:
            return seen == self._changes
        return seen >= 0 and projector.standing.step is not Step.WORKED

    def stop(self) -> None:
        """Let every thread end its step, and release the tiers. Idempotent."""
        self._stop.set()
        self._wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _rate(self, now_s: float) -> None:
        """See whether so much is appended that the projectors should rest."""
        since_s, before = self._rated
        if now_s - since_s < _RATE_OVER_S:
            return
        try:
            sequence = self._feed.state().sequence
        except journal.JournalError:
            return
        self._rated = (now_s, sequence)
        rate = (sequence - before) / (now_s - since_s)
        self._is_rush = before >= 0 and rate > self._rush_entries_s

    def _mark(self) -> object:
        try:
            return self._feed.mark()
        except journal.StoreClosed:
            self._stop.set()
            return None
        except journal.JournalError as error:
            # Its projectors will meet the same error, and say so; look again all the same.
            return describe(error)

    def _has_erased(self) -> bool:
        """Whether something was erased since this was asked last."""
        try:
            erasures = self._feed.state().erasures
        except journal.JournalError:
            return False
        before, self._erasures = self._erasures, erasures
        return erasures > before >= 0

    def _wake(self, *, is_urgent: bool = False) -> None:
        with self._changed:
            self._changes += 1
            if is_urgent:
                self._urgent = self._changes
            self._changed.notify_all()

    def _drive(self, projector: Projector) -> None:
        said: object = None
        gathers_until_s = 0.0
        try:
            while not self._stop.is_set():
                before, start_s = self._changes, self._clock.monotonic_s()
                step = projector.step()
                self._seen[projector.slot.tier] = before
                if projector.standing != said:
                    said = projector.standing
                    publish(self._folder, projector)
                if step is Step.WORKED:
                    gathers_until_s = start_s + self._gather_s
                if step is not Step.WORKED:
                    self._sleep(projector, before, gathers_until_s=gathers_until_s)
                elif self._is_rush:
                    # Appends come first: while they are many, this takes a quarter of a processor.
                    took_s = self._clock.monotonic_s() - start_s
                    self._stop.wait(min(_REST_TIMES * took_s, _REST_S_MAX))
        except journal.StoreClosed:
            self._stop.set()
        finally:
            projector.release()
            withdraw(self._folder, projector)

    def _sleep(self, projector: Projector, before: int, *, gathers_until_s: float) -> None:
        """Until the projector is due; one that is up to date also when the journal changed."""
        while not self._stop.is_set():
            now_s = self._clock.monotonic_s()
            due_s = projector.due_s
            with self._changed:
                if projector.standing.step is Step.IDLE and self._changes != before:
                    is_urgent = self._is_hurried or self._urgent > before
                    due_s = min(due_s, now_s if is_urgent else gathers_until_s)
                if due_s <= now_s:
                    return
                self._changed.wait(max(due_s - now_s, _PAUSE_MIN_S))


def publish(folder: Path, projector: Projector) -> None:
    """Say how a tier stands, for `nova tiers status` in another process."""
    standing = projector.standing
    if standing.step is Step.STANDBY:
        return
    facts = {"pid": os.getpid(), "step": standing.step.value, "error": standing.error}
    path = _path(folder, projector)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        # Without its parents: a data directory that is gone is not made anew.
        folder.mkdir(mode=0o700, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(facts))
        fresh.replace(path)
    except OSError:
        # A full disk, a folder that has gone: the tier itself still says how far it has come.
        return


def withdraw(folder: Path, projector: Projector) -> None:
    """Take back what this process said."""
    if read_standing(folder, projector.slot.tier).get("pid") == os.getpid():
        _path(folder, projector).unlink(missing_ok=True)


def read_standing(folder: Path, tier: str) -> dict[str, Any]:
    """What a tier's projector said last; empty where none did."""
    try:
        found: Any = json.loads((folder / f"projector-{tier}.json").read_text())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _path(folder: Path, projector: Projector) -> Path:
    return folder / f"projector-{projector.slot.tier}.json"
