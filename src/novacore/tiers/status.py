"""How each tier stands: how far behind it is, whether its engine answers, who projects it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from novacore import journal
from novacore.kit import Clock, NovaError
from novacore.tiers.model import Health, SetAside, TierState
from novacore.tiers.projector import Step, describe, is_of
from novacore.tiers.runner import read_standing
from novacore.tiers.slot import Slot

OFF: Final = "off"
"""As an engine's name: the tier is not kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TierStatus:
    """How one tier stands."""

    tier: str
    engine: str
    """The engine's name in the settings; `off`: the tier is not kept."""
    tested_with: str = ""
    """The server and version that the contract suite runs against; empty: none was at hand."""
    is_up: bool = True
    """The engine answers; True where it is off."""
    what: str = ""
    """The server and its version, or what is wrong with it."""
    latency_ms: float | None = None
    """The time of one round trip."""
    lag_entries: int = 0
    """Entries of the journal that it does not hold yet."""
    lag_erasures: int = 0
    """Erasures that it has not carried out yet."""
    lag_s: float = 0.0
    """How long the oldest of those entries has been waiting; seconds."""
    set_aside: tuple[SetAside, ...] = ()
    """Entries that it could not take."""
    state: str = OFF
    """In words: up to date, behind, waiting to try again, stopped, to be rebuilt, down, off."""
    note: str = ""
    """Why it waits, stopped or is to be rebuilt."""
    is_held: bool = False
    """Some process projects it now."""
    holder_pid: int | None = None
    """That process, where it runs on this machine."""

    @property
    def is_well(self) -> bool:
        """True: it is up, and nothing is set aside or stopped; it may be behind."""
        return self.is_up and not self.set_aside and self.state != Step.STOPPED.value


class Statuses:
    """Looks at tiers."""

    def __init__(
        self, feed: journal.Feed, *, folder: Path, clock: Clock, set_aside_max: int
    ) -> None:
        self._feed = feed
        self._folder = folder
        self._clock = clock
        self._set_aside_max = set_aside_max

    def look(self, slots: list[Slot]) -> list[TierStatus]:
        """The status of each, looked at side by side: one that is down keeps none waiting."""
        if not slots:
            return []
        head = self._feed.state()
        with ThreadPoolExecutor(len(slots), thread_name_prefix="nova-status") as pool:
            looks = [pool.submit(self._of, slot, head) for slot in slots]
            return [look.result() for look in looks]

    def _of(self, slot: Slot, head: journal.FeedState) -> TierStatus:
        state, note = TierState(watermark=None), ""
        try:
            with slot.lock:
                engine = slot.engine
                health = engine.health()
                if health.is_up:
                    state = engine.state()
        except NovaError as error:
            health = Health(is_up=False, what=describe(error))
        mark = state.watermark
        if mark is not None and not is_of(mark, head, identity=slot.projection.identity):
            mark, note = None, "it belongs to another journal, epoch or settings, or is ahead"
        behind = head.sequence - (mark.sequence if mark else 0)
        erasures = head.erasures - (mark.erasures if mark else 0)
        word, note, pid, is_held = self._standing(
            slot, state, behind=behind + erasures, note=note, is_up=health.is_up
        )
        return TierStatus(
            tier=slot.tier,
            engine=slot.engine_name,
            tested_with=slot.tested_with,
            is_up=health.is_up,
            what=health.what,
            latency_ms=health.latency_ms,
            lag_entries=behind,
            lag_erasures=erasures,
            lag_s=self._lag_s(mark.sequence if mark else 0) if behind else 0.0,
            set_aside=state.set_aside,
            state=word,
            note=note,
            is_held=is_held,
            holder_pid=pid,
        )

    def _standing(
        self, slot: Slot, state: TierState, *, behind: int, note: str, is_up: bool
    ) -> tuple[str, str, int | None, bool]:
        """(in words, why, who projects, whether somebody does)."""
        said = read_standing(self._folder, slot.tier)
        lock = self._feed.try_lock(slot.lock_name)
        if lock is not None:
            lock.close()
            said = {}
        pid = said.get("pid")
        word = "up to date"
        if not is_up:
            word, note = "down", str(said.get("error") or note)
        elif note:
            word = "to be rebuilt"
        elif behind:
            stays = (Step.WAITING.value, Step.STOPPED.value)
            word = said["step"] if said.get("step") in stays else "behind"
            note = str(said.get("error", ""))
            if len(state.set_aside) >= self._set_aside_max:
                word, note = Step.STOPPED.value, note or "as many entries are set aside as may be"
        return word, note, pid, lock is None

    def _lag_s(self, after: int) -> float:
        try:
            waiting = self._feed.read(after, 1)
        except journal.JournalError:
            waiting = []
        recorded_us = waiting[0].recorded_at_us if waiting else self._feed.state().recorded_at_us
        return max(0.0, (self._clock.now_us() - recorded_us) / 1e6)
