"""Many agents at once: each appends what was said, and recalls between its appends."""

import asyncio
import time
from dataclasses import dataclass, field

import novacore
from benchmarks import measure, report
from benchmarks.report import Row
from benchmarks.stage import Stage
from novacore import bootstrap, kit

SECTION = "Agents that append and recall at once"
_SIZES = (50, 150)
_SECONDS = 10
_APPENDS_A_RECALL = 5
_WARM_S = 2.0
_QUESTIONS = (
    "which file has the failing test",
    "what did we decide about the retry budget",
    "error in the parser",
    "when was the last release",
)


@dataclass
class _Done:
    """What the agents of one run did."""

    appends_ms: list[float] = field(default_factory=list[float])
    recalls_ms: list[float] = field(default_factory=list[float])
    errors: int = 0


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    return [row for size in _SIZES for row in _rows(stage, size)]


def _rows(stage: Stage, size: int) -> list[Row]:
    seconds = 2 if stage.is_quick else _SECONDS
    with novacore.open(stage.fresh(f"agents-{size}")) as store:
        done = asyncio.run(_crowd(store, stage, size=size, seconds=seconds))
    what = f"{size} agents"
    appends, recalls = done.appends_ms, done.recalls_ms
    return [
        report.shown_only(
            SECTION, f"{what}: appends", len(appends) / seconds,
            shown=f"{len(appends) / seconds:,.0f}/s", key=f"agents_{size}_appends",
        ),
        report.shown_only(
            SECTION, f"{what}: an append, p50", measure.quantile(appends, 0.5)
        ),
        report.at_most(
            SECTION, f"{what}: an append, p99", measure.quantile(appends, 0.99), limit=150,
            key=f"agents_{size}_append_p99_ms",
        ),
        report.shown_only(
            SECTION, f"{what}: recalls", len(recalls) / seconds,
            shown=f"{len(recalls) / seconds:,.0f}/s", key=f"agents_{size}_recalls",
        ),
        report.shown_only(
            SECTION, f"{what}: a recall, p50", measure.quantile(recalls, 0.5)
        ),
        report.shown_only(
            SECTION, f"{what}: a recall, p99", measure.quantile(recalls, 0.99),
            key=f"agents_{size}_recall_p99_ms",
        ),
        Row(
            section=SECTION, what=f"{what}: errors", shown=f"{done.errors}", value=done.errors,
            target="none", is_met=not done.errors,
        ),
    ]  # fmt: skip


async def _crowd(store: bootstrap.MemoryStore, stage: Stage, *, size: int, seconds: float) -> _Done:
    done = _Done()
    begin_s = time.perf_counter() + _WARM_S
    end_s = begin_s + seconds

    async def agent(number: int) -> None:
        session = store.session(f"agent-{number}")
        turn = number * 7
        while (start_s := time.perf_counter()) < end_s:
            try:
                if turn % (_APPENDS_A_RECALL + 1):
                    message = stage.messages[turn % len(stage.messages)]
                    await asyncio.wrap_future(session.submit(message))
                    found = done.appends_ms
                else:
                    question = _QUESTIONS[turn % len(_QUESTIONS)]
                    await asyncio.to_thread(store.recall, question, limit=5)
                    found = done.recalls_ms
            except kit.NovaError:
                done.errors += 1
                continue
            finally:
                turn += 1
            if start_s >= begin_s:
                found.append((time.perf_counter() - start_s) * 1_000)

    await asyncio.gather(*(agent(number) for number in range(size)))
    return done
