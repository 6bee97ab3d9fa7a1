"""Appending: one caller beside a bare fdatasync, the peers, long conversations, bytes on disk."""

import os
from pathlib import Path

import msgspec

from benchmarks import measure, report, workload
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage, fill, size_of
from benchmarks.workload import Message
from novacore import journal

SECTION = "Appending, durable on return"
_MANY = 73_800


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    return [*_one_caller(stage), *_peers(stage), *_long(stage), *_on_disk(stage)]


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
    folder = stage.copy("one")
    with journal.open_store(folder) as store:
        ours = _Appender(store.session(NAME), stage.messages)
        bare = _BareFile(stage.fresh("bare") / "file", stage.messages)
        timings = measure.alternately(
            {"bare": bare.append, "ours": ours.append},
            rounds=stage.rounds,
            count=stage.scaled(100),
        )
    ours_t, bare_t = timings["ours"], timings["bare"]
    shown = f"{report.ms(ours_t.p50_ms)}, p99 {report.ms(ours_t.p99_ms)}"
    bare_shown = f"{report.ms(bare_t.p50_ms)}, p99 {report.ms(bare_t.p99_ms)}"
    rows = [
        report.shown_only(
            SECTION, "One caller, one message after 738", ours_t.p50_ms, shown=shown,
            key="append_ms",
        ),
        report.of_peer(
            SECTION, "Bare write + fdatasync of the same bytes", bare_t.p50_ms, shown=bare_shown,
            key="fdatasync_ms",
        ),
    ]  # fmt: skip
    if bare_t.p50_ms >= 1:
        times, what = measure.ratio(ours_t, bare_t), "Against that bare write"
        return [*rows, report.at_most(SECTION, what, times, limit=1.5, unit="×")]
    excess, what = measure.excess_ms(ours_t, bare_t), "Above that bare write"
    return [*rows, report.at_most(SECTION, what, excess, limit=0.25)]


def _peers(stage: Stage) -> list[Row]:
    others = stage.peers("peers-append")
    message = stage.messages[-1]
    timings = measure.alternately(
        {peer.name: lambda peer=peer: peer.append(message) for peer in others},
        rounds=min(3, stage.rounds),
        count=stage.scaled(20),
    )
    return [
        report.of_peer(
            SECTION,
            f"{name}, one message after 738",
            timing.p50_ms,
            shown=f"{report.ms(timing.p50_ms)}, p99 {report.ms(timing.p99_ms)}",
            key=f"append {name}",
        )
        for name, timing in timings.items()
    ]


def _long(stage: Stage) -> list[Row]:
    short_path, long_path = stage.copy("short"), stage.copy("long")
    times = _MANY // len(stage.messages) // (10 if stage.is_quick else 1)
    with (
        journal.open_store(short_path) as short_store,
        journal.open_store(long_path) as long_store,
    ):
        short, long = short_store.session(NAME), long_store.session(NAME)
        for _ in range(times - 1):
            fill(long, stage.messages)
        timings = measure.alternately(
            {
                "short": _Appender(short, stage.messages).append,
                "long": _Appender(long, stage.messages).append,
            },
            rounds=stage.rounds,
            count=stage.scaled(100),
        )
    count = times * len(stage.messages)
    what = f"One message after {count:,}, against after 738"
    ratio = measure.ratio(timings["long"], timings["short"])
    return [report.at_most(SECTION, what, ratio, limit=1.3, unit="×", key="append_long")]


def _on_disk(stage: Stage) -> list[Row]:
    share = size_of(stage.journal_path) / len(workload.compact(stage.messages))
    what = "Bytes on disk after a checkpoint, against compact JSON"
    return [report.at_most(SECTION, what, share, limit=1.3, unit="×", key="disk_share")]
