"""What the rest costs: the next request's body, memory, the command's start."""

import subprocess
import sys

from benchmarks import measure, process, report
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage
from novacore import journal

HEAVY = ("aiohttp", "prompt_toolkit", "rich", "apsw", "asyncio")


def memory(stage: Stage) -> list[Row]:
    """Memory of open sessions."""
    section = "Memory"
    grown: list[float] = []
    for _ in range(stage.scaled(5)):
        before, after = process.open_memory_kib(stage.journal_path, [NAME])
        grown.append((after - before) / 1024)
    count = 15 if stage.is_quick else 150
    path = stage.fresh("many")
    names = [f"session-{number}" for number in range(count)]
    with journal.open_store(path) as store:
        for name in names:
            stage.fill(store.session(name), stage.messages)
    _, whole = process.open_memory_kib(path, names)
    return [
        report.at_most(section, "opening the conversation adds", max(grown), 3, unit="MiB"),
        report.at_most(
            section, f"a process with {count} such conversations open", whole / 1024, 400, unit="MiB"
        ),
    ]


def start(stage: Stage) -> list[Row]:
    """The command's start."""
    section = "The command"
    command = [sys.executable, "-m", "novacore.cli", "--help"]
    samples = [
        measure.timed_ms(lambda: subprocess.run(command, capture_output=True, check=True))
        for _ in range(stage.scaled(20))
    ]
    loaded = sorted(set(HEAVY) & set(process.modules_of_help()))
    return [
        report.at_most(section, "nova --help, p50", measure.quantile(samples, 0.5), 300),
        Row(
            section=section, what="heavy packages that nova --help imports",
            shown=", ".join(loaded) or "none", value=len(loaded), target="none",
            is_met=not loaded,
        ),
    ]  # fmt: skip
