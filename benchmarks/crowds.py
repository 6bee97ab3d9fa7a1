"""Many sessions that append at the same time: tasks of one loop, threads, several processes."""

import asyncio
import threading
import time
from statistics import median

from benchmarks import fairness, measure, report
from benchmarks.report import Row
from benchmarks.stage import Stage
from benchmarks.workload import Message
from novacore import journal

SECTION = "Many sessions at once, durable on return"
_WARM_S = 0.5
_SIZES = ((50, 3_000), (150, 4_000))


class Crowd:
    """Sessions that append at the same time for a while; rate and latency of what they did."""

    def __init__(self, store: journal.JournalStore, messages: list[Message], *, size: int) -> None:
        self._sessions = [store.session(f"caller-{number}") for number in range(size)]
        self._messages = messages
        self._end_s = 0.0
        self._begin_s = 0.0
        self.samples_ms: list[float] = []

    def _begin(self, seconds: float) -> None:
        self._begin_s = time.perf_counter() + _WARM_S
        self._end_s = self._begin_s + seconds

    def _note(self, start_s: float) -> None:
        if start_s >= self._begin_s:
            self.samples_ms.append((time.perf_counter() - start_s) * 1_000)

    def in_tasks(self, seconds: float) -> float:
        """Appends a second by tasks of one loop, each waiting for its own future."""

        async def caller(number: int, session: journal.JournalSession) -> None:
            at = number * 7
            while (start_s := time.perf_counter()) < self._end_s:
                message = self._messages[at % len(self._messages)]
                await asyncio.wrap_future(session.submit(message))
                self._note(start_s)
                at += 1

        async def everybody() -> None:
            self._begin(seconds)
            await asyncio.gather(*(caller(n, s) for n, s in enumerate(self._sessions)))

        asyncio.run(everybody())
        return len(self.samples_ms) / seconds

    def in_threads(self, seconds: float) -> float:
        """Appends a second by one thread per session."""

        def caller(number: int, session: journal.JournalSession) -> None:
            at = number * 7
            while (start_s := time.perf_counter()) < self._end_s:
                session.append(self._messages[at % len(self._messages)])
                self._note(start_s)
                at += 1

        threads = [
            threading.Thread(target=caller, args=(number, session))
            for number, session in enumerate(self._sessions)
        ]
        self._begin(seconds)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(self.samples_ms) / seconds


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    rows = [
        row
        for size, rate_min in _SIZES
        for how in ("tasks", "threads")
        for row in _measured(stage, size, rate_min=rate_min, how=how)
    ]
    return rows + _processes(stage)


def _measured(stage: Stage, size: int, *, rate_min: int, how: str) -> list[Row]:
    rates: list[float] = []
    p99s: list[float] = []
    for _ in range(1 if stage.is_quick else 3):
        with journal.open_store(stage.fresh("crowd")) as store:
            crowd = Crowd(store, stage.messages, size=size)
            run_for = crowd.in_tasks if how == "tasks" else crowd.in_threads
            rates.append(run_for(1 if stage.is_quick else 4))
            p99s.append(measure.quantile(crowd.samples_ms, 0.99))
    what = f"{size} sessions, {how}"
    return [
        report.at_least(
            SECTION, what, median(rates), limit=rate_min, unit="appends/s",
            key=f"rate_{size}_{how}",
        ),
        report.at_most(
            SECTION, f"{what}, p99", median(p99s), limit=150, key=f"p99_{size}_{how}_ms"
        ),
    ]  # fmt: skip


def _processes(stage: Stage) -> list[Row]:
    """Several processes on one data directory: none may starve."""
    found = fairness.measure(stage.fresh("processes"), 1 if stage.is_quick else 8)
    counts = [sum(map(len, callers)) for callers in found]
    times = [each for callers in found for caller in callers for each in caller]
    least = 100 * min(counts) / (sum(counts) / len(counts))
    what = f"{fairness.PROCESSES} processes with {fairness.CALLERS} callers each"
    limits = (fairness.P99_MS_MAX, fairness.LONGEST_MS_MAX)
    return [
        report.at_least(
            SECTION, f"{what}: the slowest's share of the mean rate", least,
            limit=100 * fairness.RATE_LEAST, unit="%",
        ),
        report.at_most(
            SECTION, f"{what}, p99", measure.quantile(times, 0.99), limit=limits[0]
        ),
        report.at_most(SECTION, f"{what}, longest", max(times), limit=limits[1]),
    ]  # fmt: skip
