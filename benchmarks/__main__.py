"""`python -m benchmarks`: measure everything beside the peers and print the tables."""

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    appending,
    costs,
    crowds,
    footprint,
    gathering,
    many_agents,
    opening,
    pages,
    projecting,
    recalling,
    report,
    requesting,
    savers,
)
from benchmarks.report import Row
from benchmarks.stage import Stage
from novacore import journal

PARTS: dict[str, Callable[[Stage], list[Row]]] = {
    "open": opening.run,
    "append": appending.run,
    "crowd": crowds.run,
    "request": requesting.run,
    "memory": costs.memory,
    "start": costs.start,
}
MEMORY_PARTS: dict[str, Callable[[Stage], list[Row]]] = {
    "tiers": projecting.run,
    "context": gathering.run,
    "recall": recalling.run,
    "agents": many_agents.run,
    "savers": savers.run,
    "footprint": footprint.run,
}
"""What stands on the page of tiers, recall and many agents."""


def facts(stage: Stage) -> dict[str, str]:
    """The machine and the run, as far as they explain the figures."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), model)
    under = journal.describe_surroundings(stage.folder)
    return {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "processor": f"{os.cpu_count()} × {model}",
        "system": f"{platform.system()} {platform.release()}, {under.file_system}",
        "python": platform.python_version(),
        "sqlite": under.sqlite_version,
        "load before": f"{os.getloadavg()[0]:.1f}",
        "run": "quick: a look, not a figure" if stage.is_quick else "full",
    }


def waited_us() -> int:
    """For how long something on this machine has waited for a processor; 0 where it isn't told."""
    try:
        line = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return 0
    return int(line.rpartition("total=")[2])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a figure")
    parser.add_argument(
        "--only", choices=[*PARTS, *MEMORY_PARTS], action="append", help="only this part"
    )
    parser.add_argument("--no-libraries", action="store_true", help="leave the peer libraries out")
    parser.add_argument(
        "--recall-data", type=Path, metavar="FILE", help="questions, in LoCoMo's form"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result as JSON")
    parser.add_argument(
        "--write", action="store_true", help="also write the pages in docs/reference and README.md"
    )
    parser.add_argument(
        "--dir", type=Path, default=Path(".cache/benchmarks"),
        help="where to write; choose a real disk (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


def _run(stage: Stage, names: list[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        start_s = time.monotonic()
        rows += (PARTS | MEMORY_PARTS)[name](stage)
        print(f"{name}: {time.monotonic() - start_s:.0f} s", file=sys.stderr)
    return rows


def main() -> int:
    """Run the parts and show what they found; a missed target is shown, and is no failure."""
    arguments = _arguments()
    if arguments.write and (arguments.quick or arguments.only or arguments.no_libraries):
        print("--write needs the full run.", file=sys.stderr)
        return 2
    folder: Path = arguments.dir.resolve() / str(os.getpid())
    folder.mkdir(parents=True)
    stage = Stage(
        folder=folder,
        is_quick=arguments.quick,
        has_libraries=not arguments.no_libraries,
        recall_data=arguments.recall_data,
    )
    begin_s, begin_us = time.monotonic(), waited_us()
    try:
        machine = facts(stage)
        wanted = arguments.only or [*PARTS, *MEMORY_PARTS]
        rows = _run(stage, [name for name in PARTS if name in wanted])
        memory = _run(stage, [name for name in MEMORY_PARTS if name in wanted])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    share = (waited_us() - begin_us) / 1e4 / (time.monotonic() - begin_s)
    machine["processors wanted by several at once"] = (
        f"{share:.0f} % of the time, the bench's own crowds included"
    )
    print("\n".join(f"{key}: {value}" for key, value in machine.items()))
    print(f"\n{report.tables(rows + memory)}\n{report.tally(rows + memory)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_data(machine, rows + memory), indent=1))
    if arguments.write:
        pages.write(machine, rows, memory=memory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
