"""The workers of one process: they claim rows and begin their workflows, beat, and keep the clock.

Three kinds of threads: the dispatcher claims and begins, the keeper beats and, where it holds the
keeper's lease, hands back what dead processes had begun and begins what is due, and DBOS runs the
workflows. Nothing here is on anybody's event loop.
"""

import datetime as dt
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import exc

from novacore import kit
from novacore.settings import WorkersConfig
from novacore.workers.beats import Beats
from novacore.workers.carrying import Carrier, Kinds
from novacore.workers.durable import OPEN, VERSION, Durable, Workflow
from novacore.workers.model import Claim
from novacore.workers.schedules import Clockwork, Due, RunStore, Schedule
from novacore.workers.store import OutboxStore

_log = logging.getLogger(__name__)
_CARRY: Final = "carry"
_RUN: Final = "run"
_KEEPER: Final = "keeper"
_TROUBLE: Final = (kit.NovaError, exc.SQLAlchemyError, OSError)
"""What a look at the databases may fail with; the next look tries again."""


class Running:
    """The workers of this process, from `start` to `stop`.

    Args:
        store: the outbox.
        beats: this process's heartbeat.
        kinds: the steps of each kind of work.
        schedules: what is done by the clock.
        runs: where its runs are noted.
        config: limits.
        make_durable: gives DBOS for these workflows, not launched.
    """

    def __init__(
        self,
        *,
        store: OutboxStore,
        beats: Beats,
        kinds: Kinds,
        schedules: Sequence[Schedule],
        runs: RunStore,
        config: WorkersConfig,
        make_durable: Callable[[dict[str, Workflow]], Durable],
    ) -> None:
        self._store = store
        self._beats = beats
        self._known = sorted(kinds)
        self._runs = runs
        self._config = config
        self._carrier = Carrier(store, kinds)
        self._clockwork = Clockwork(runs, schedules)
        # DBOS takes functions, not methods.
        self._durable = make_durable({
            _CARRY: self._function_of(self._carrier.carry, _claim_of),
            _RUN: self._function_of(self._clockwork.run, _due_of),
        })  # fmt: skip
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._idle = threading.Condition()
        self._active: set[str] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin. Returns when this process beats and takes work."""
        self._beats.beat()
        self._runs.prepare()
        self._durable.launch()
        for name, target in (("dispatcher", self._dispatch), ("keeper", self._keep)):
            thread = threading.Thread(target=target, name=f"nova-work-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """Look for work now; returns at once."""
        self._wake.set()

    def stop(self) -> bool:
        """Take nothing more, finish what was begun as far as `drain_ms` goes, and end. Idempotent.

        Returns:
            Whether everything that was begun came to its end; the rest goes on elsewhere.
        """
        if self._ending.is_set():
            return True
        self._ending.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        with self._idle:
            is_idle = self._idle.wait_for(
                lambda: not self._active, timeout=self._config.drain_ms / 1_000
            )
        try:
            self._beats.end()
        except _TROUBLE as error:
            _log.warning("the end of this worker can't be noted: %s", error)
        self._durable.stop()
        return is_idle

    def _function_of(self, carry_out: Workflow, name_of: Callable[..., "Claim | Due"]) -> Workflow:
        """A plain function for DBOS that counts itself among what runs here."""

        def work(*told: Any) -> None:
            workflow = name_of(*told).workflow
            with self._idle:
                self._active.add(workflow)
            try:
                carry_out(*told)
            finally:
                with self._idle:
                    self._active.discard(workflow)
                    self._idle.notify_all()
                self._wake.set()

        return work

    def _dispatch(self) -> None:
        while not self._ending.is_set():
            self._wake.clear()
            try:
                is_full = self._claim_and_begin()
                wait_s = self._config.poll_ms / 1_000
                due_us = None if is_full else self._store.next_due_us(kinds=self._known)
                if due_us is not None:
                    wait_s = min(wait_s, due_us / 1_000_000)
            except _TROUBLE as error:
                _log.warning("the outbox can't be read: %s", error)
                wait_s = self._config.poll_ms / 1_000
            if not self._ending.is_set():
                self._wake.wait(max(0.01, wait_s))

    def _claim_and_begin(self) -> bool:
        """Begin what is due; True: there may be more than this process has room for."""
        while not self._ending.is_set():
            free = self._config.concurrency - len(self._active)
            if free <= 0:
                return True
            claims = self._store.claim(free, kinds=self._known)
            for claim in claims:
                self._begin(claim)
            if len(claims) < free:
                return False
            if len(self._active) >= self._config.concurrency:
                return True
        return True

    def _begin(self, claim: Claim) -> None:
        state = self._durable.state_of(claim.workflow)
        if state is None:
            self._start(claim.workflow, _CARRY, claim.id, claim.kind, claim.attempts)
        elif state not in OPEN:
            # It ended without a word: it was killed too often, or cancelled.
            self._store.fail(claim, f"its workflow ended as {state}", is_final=False)

    def _start(self, workflow: str, name: str, *told: Any) -> None:
        # Counted before it runs: the next look for work must not take its place.
        with self._idle:
            self._active.add(workflow)
        try:
            self._durable.start(workflow, name, *told)
        except BaseException:
            with self._idle:
                self._active.discard(workflow)
            raise

    def _keep(self) -> None:
        while not self._ending.wait(self._config.beat_ms / 1_000):
            try:
                self._beats.beat()
                if self._beats.take_lease(_KEEPER, for_ms=self._config.dead_after_ms):
                    self._take_care()
            except _TROUBLE as error:
                _log.warning("this worker can't say that it lives: %s", error)

    def _take_care(self) -> None:
        executors = self._beats.list_executors()
        alive = [each for each in executors if each.is_alive]
        self._durable.take_over([each.id for each in alive])
        for name, arguments in self._durable.drop_older([VERSION, *(e.version for e in alive)]):
            if name == _CARRY:
                left = "left unfinished by an older release"
                self._store.fail(_claim_of(*arguments), left, is_final=False)
            elif name == _RUN:
                self._lose(_due_of(*arguments))
        self._beats.forget([each.id for each in executors if not each.is_alive])
        for due in self._runs.list_due():
            self._begin_run(due)

    def _begin_run(self, due: Due) -> None:
        state = self._durable.state_of(due.workflow)
        if state is None:
            self._start(due.workflow, _RUN, due.name, due.due_at_us, due.attempts)
        elif state not in OPEN:
            self._lose(due)

    def _lose(self, due: Due) -> None:
        self._runs.begin(due)
        self._runs.end(due, told="it was interrupted", is_done=False)

    def forget(self, before: dt.datetime) -> int:
        """Remove what DBOS knows about workflows that ended before a time; how many."""
        return self._durable.forget(before.isoformat())


def _claim_of(row_id: str, kind: str, attempts: int) -> Claim:
    return Claim(id=row_id, kind=kind, attempts=attempts)


def _due_of(name: str, due_at_us: int, attempts: int) -> Due:
    return Due(name=name, due_at_us=due_at_us, attempts=attempts)
