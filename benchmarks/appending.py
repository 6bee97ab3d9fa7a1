"""Appending: one caller beside a bare fdatasync, many sessions at once, long sessions, bytes."""

import asyncio
import os
import threading
import time
from pathlib import Path

import msgspec

from benchmarks import measure, peers, report, workload
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage
from benchmarks.workload import Message
from novacore import journal

SECTION = "Appending, durable on return"
MANY = 73_800
_WARM_S = 0.5


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    return [*_one_caller(stage), *_peers(stage), *_many(stage), *_long(stage), *_on_disk(stage)]


class _BareFile:
    """What durability costs by itself: the same bytes, written and synced."""

    def __init__(self, path: Path, messages: list[Message]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._bytes = [msgspec.msgpack.encode(message) for message in messages]
        self._next = 0

    def append(self) -> None:
        os.write(self._file, self._bytes[self._next % len(self._bytes)])
        os.fdatasync(self._file)
        self._next += 1


class _Appender:
    """Appends one message after another to a session."""

    def __init__(self, session: journal.JournalSession, messages: list[Message]) -> None:
        self._session = session
        self._messages = messages
        self._next = 0

    def append(self) -> None:
        self._session.append(self._messages[self._next % len(self._messages)])
        self._next += 1


def _one_caller(stage: Stage) -> list[Row]:
    folder = stage.fresh("one")
    with journal.open_store(folder / "journal") as store:
        session = store.session(NAME)
        stage.fill(session, stage.messages)
        ours = _Appender(session, stage.messages)
        bare = _BareFile(folder / "bare", stage.messages)
        timings = measure.alternately(
            {"bare": bare.append, "ours": ours.append},
            rounds=stage.rounds,
            count=stage.scaled(100),
        )
    ours_t, bare_t = timings["ours"], timings["bare"]
    shown = f"{report.ms(ours_t.p50_ms)}, p99 {report.ms(ours_t.p99_ms)}"
    bare_shown = f"{report.ms(bare_t.p50_ms)}, p99 {report.ms(bare_t.p99_ms)}"
    rows = [
        report.shown_only(SECTION, "one caller, one message", shown, ours_t.p50_ms),
        report.shown_only(
            SECTION, "bare write + fdatasync of the same bytes", bare_shown, bare_t.p50_ms,
            is_peer=True,
        ),
    ]  # fmt: skip
    if bare_t.p50_ms >= 1:
        times = measure.ratio(ours_t, bare_t)
        what = "one caller, against a bare write + fdatasync of 1 ms or more"
        return [*rows, report.at_most(SECTION, what, times, 1.5, unit="x")]
    what = "one caller, above a bare write + fdatasync of less than 1 ms"
    return [*rows, report.at_most(SECTION, what, measure.excess_ms(ours_t, bare_t), 0.25)]


def _peers(stage: Stage) -> list[Row]:
    others = peers.all_peers(stage.fresh("peers-append"))
    for peer in others:
        peer.fill(stage.messages)
    message = stage.messages[-1]
    timings = measure.alternately(
        {peer.name: lambda peer=peer: peer.append(message) for peer in others},
        rounds=min(3, stage.rounds),
        count=stage.scaled(20),
    )
    return [
        report.shown_only(
            SECTION,
            f"{name}, one message after {len(stage.messages)}",
            f"{report.ms(timing.p50_ms)}, p99 {report.ms(timing.p99_ms)}",
            timing.p50_ms,
            is_peer=True,
        )
        for name, timing in timings.items()
    ]


class _Crowd:
    """Sessions that append at the same time for a while; rate and latency of what they did."""

    def __init__(self, store: journal.JournalStore, messages: list[Message], count: int) -> None:
        self._sessions = [store.session(f"caller-{number}") for number in range(count)]
        self._messages = messages
        self._end_s = 0.0
        self._begin_s = 0.0
        self.samples: list[float] = []

    def _begin(self, seconds: float) -> None:
        self._begin_s = time.perf_counter() + _WARM_S
        self._end_s = self._begin_s + seconds

    def _note(self, start_s: float) -> None:
        if start_s >= self._begin_s:
            self.samples.append((time.perf_counter() - start_s) * 1_000)

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
        return len(self.samples) / seconds

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
        return len(self.samples) / seconds


def _many(stage: Stage) -> list[Row]:
    rows: list[Row] = []
    for count, rate_min in ((50, 3_000), (150, 4_000)):
        rows += _crowd(stage, count, rate_min, "tasks")
        rows += _crowd(stage, count, rate_min, "threads")
    return rows


def _crowd(stage: Stage, count: int, rate_min: int, how: str) -> list[Row]:
    rates: list[float] = []
    p99s: list[float] = []
    for _ in range(1 if stage.is_quick else 3):
        with journal.open_store(stage.fresh("crowd")) as store:
            crowd = _Crowd(store, stage.messages, count)
            run_for = crowd.in_tasks if how == "tasks" else crowd.in_threads
            rates.append(run_for(1.0 if stage.is_quick else 4.0))
            p99s.append(measure.quantile(crowd.samples, 0.99))
    rate, p99 = measure.quantile(rates, 0.5), measure.quantile(p99s, 0.5)
    what = f"{count} sessions at once, {how}"
    return [
        report.at_least(SECTION, what, rate, rate_min, unit="appends/s"),
        report.at_most(SECTION, f"{what}, p99", p99, 150),
    ]


def _long(stage: Stage) -> list[Row]:
    folder = stage.fresh("long")
    times = MANY // len(stage.messages) // (10 if stage.is_quick else 1)
    with (
        journal.open_store(folder / "short") as short_store,
        journal.open_store(folder / "long") as long_store,
    ):
        short, long = short_store.session(NAME), long_store.session(NAME)
        stage.fill(short, stage.messages)
        for _ in range(times):
            stage.fill(long, stage.messages)
        timings = measure.alternately(
            {
                "short": _Appender(short, stage.messages).append,
                "long": _Appender(long, stage.messages).append,
            },
            rounds=stage.rounds,
            count=stage.scaled(100),
        )
    count = times * len(stage.messages)
    return [
        report.at_most(
            SECTION, f"append at {count:,} messages, against 738",
            measure.ratio(timings["long"], timings["short"]), 1.3, unit="x",
        )
    ]  # fmt: skip


def _on_disk(stage: Stage) -> list[Row]:
    share = peers.sizes(stage.journal_path) / len(workload.compact(stage.messages))
    return [
        report.at_most(
            SECTION, "bytes on disk after a checkpoint, against compact JSON", share, 1.3, unit="x"
        )
    ]
