"""What the rest costs: memory, and the command's start."""

import subprocess
import sys
from statistics import median

from benchmarks import measure, process, report
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage, fill
from novacore import journal

HEAVY = ("aiohttp", "apsw", "asyncio", "msgspec", "prompt_toolkit", "rich")


def memory(stage: Stage) -> list[Row]:
    """Memory of open sessions."""
    section = "Memory, private to the process"
    grown: list[float] = []
    for _ in range(stage.scaled(20)):
        before, after = process.open_memory_kib(stage.journal_path, [NAME])
        grown.append((after - before) / 1024)
    count = 15 if stage.is_quick else 150
    path = stage.fresh("many")
    names = [f"session-{number}" for number in range(count)]
    with journal.open_store(path) as store:
        for name in names:
            fill(store.session(name), stage.messages)
    whole_kib = process.open_memory_kib(path, names)[1]
    what = f"A process with {count} such conversations open"
    return [
        report.at_most(
            section, "Opening the conversation adds", max(grown), limit=3, unit="MiB",
            key="open_mib",
        ),
        report.at_most(
            section, what, whole_kib / 1024, limit=400, unit="MiB", key="many_open_mib"
        ),
    ]  # fmt: skip


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
        report.at_most(section, "nova --help, p50", median(samples), limit=300, key="help_ms"),
        Row(
            section=section, what=f"Which of {', '.join(HEAVY)} it imports",
            shown=", ".join(loaded) or "none", value=len(loaded), target="none",
            is_met=not loaded,
        ),
    ]  # fmt: skip
