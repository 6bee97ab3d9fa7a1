"""One thread writes: whatever waits shares one transaction and one wait for the disk.

Each job has an outcome of its own. What was used waits a little for an admission to share its
commit with, because nobody waits for it.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import sqlalchemy

from novacore.billing.errors import BillingBusy, BillingClosed
from novacore.database import Database, DatabaseUnavailable


class Job(Protocol):
    """One thing to write."""

    future: Future[Any]
    """Told when it is durable, or why it is not."""
    rank: int
    """Lower is written first within a transaction: what frees before what takes."""
    is_patient: bool
    """Whether it may wait for a commit to share."""


WriteGroup = Callable[[sqlalchemy.Connection, Sequence[Any]], list[tuple[Any, Any]]]
"""Writes a group and returns each job with its outcome: a value, or an error of its own."""

_DEADLOCKED = ("40P01", "40001")
_ATTEMPTS = 4


class Writer:
    """The queue in front of the database, and the thread that writes."""

    def __init__(
        self,
        database: Database,
        *,
        write: WriteGroup,
        waiting_max: int,
        group_max: int,
        patience_s: float,
    ) -> None:
        self._database = database
        self._write = write
        self._waiting_max = waiting_max
        self._group_max = group_max
        self._patience_s = patience_s
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def submit(self, job: Any) -> Future[Any]:
        """Queue a job; its future tells the outcome, once that is durable.

        Raises:
            BillingBusy: too many jobs wait.
            BillingClosed: the room was closed.
        """
        # A waiter that gives up does not take the job back: it may be written already.
        job.future.set_running_or_notify_cancel()
        with self._lock:
            if self._is_closed:
                raise BillingClosed
            if self._queue.qsize() >= self._waiting_max and not job.is_patient:
                raise BillingBusy(waiting_max=self._waiting_max)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nova-billing", daemon=True)
                self._thread.start()
            self._queue.put(job)
        return job.future

    def close(self) -> None:
        """Write what waits, then end. Idempotent."""
        with self._lock:
            is_first = not self._is_closed
            self._is_closed = True
        if self._thread is not None and is_first:
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group = [self._queue.get(), *self._taken()]
            if None not in group and all(job.is_patient for job in group):
                group += self._awaited()
            is_open = None not in group
            jobs = [job for job in group if job is not None]
            if jobs:
                self._commit(sorted(jobs, key=_rank))

    def _taken(self) -> list[Any]:
        """What waits now, up to a group."""
        found: list[Any] = []
        while len(found) < self._group_max:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return found

    def _awaited(self) -> list[Any]:
        """Patient jobs wait for one that is not, for a moment."""
        until_s = time.monotonic() + self._patience_s
        found: list[Any] = []
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                job = self._queue.get(timeout=left_s)
            except queue.Empty:
                break
            found.append(job)
            if job is None or not job.is_patient:
                break
        return [*found, *self._taken()]

    def _commit(self, jobs: list[Any]) -> None:
        """Write a group; where one job spoils it, write each alone."""
        try:
            outcomes = self._written(jobs)
        except DatabaseUnavailable as error:
            _fail(jobs, error)
        except Exception as error:  # noqa: BLE001 - handed to the one job whose fault it is
            if len(jobs) == 1:
                _fail(jobs, error)
                return
            for job in jobs:
                self._commit([job])
        else:
            for job, outcome in outcomes:
                if isinstance(outcome, Exception):
                    job.future.set_exception(outcome)
                else:
                    job.future.set_result(outcome)

    def _written(self, jobs: list[Any]) -> list[tuple[Any, Any]]:
        """Write a group in one transaction; one that other processes undid is tried again."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._database.begin() as connection:
                    return self._write(connection, jobs)
            except DatabaseUnavailable as error:
                if attempt + 1 == _ATTEMPTS or not _is_deadlock(error):
                    raise
        raise AssertionError("the last attempt returns or raises")


def _rank(job: Job) -> int:
    return job.rank


def _is_deadlock(error: DatabaseUnavailable) -> bool:
    driver = getattr(error.__cause__, "orig", None)
    return getattr(driver, "sqlstate", None) in _DEADLOCKED


def _fail(jobs: Sequence[Any], error: Exception) -> None:
    for job in jobs:
        job.future.set_exception(error)
