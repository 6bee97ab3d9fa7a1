"""`python -m benchmarks`: measure everything beside the peers and print the table."""

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from benchmarks import appending, costs, opening, report
from benchmarks.report import Row
from benchmarks.stage import Stage

PARTS: dict[str, Callable[[Stage], list[Row]]] = {
    "open": opening.run,
    "append": appending.run,
    "memory": costs.memory,
    "start": costs.start,
}


def facts(stage: Stage) -> dict[str, str]:
    """The machine, as far as it explains the figures."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), model)
    load = os.getloadavg()[0]
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "processor": f"{os.cpu_count()} x {model}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "load": f"{load:.1f} other processes at the start",
        "run": "quick" if stage.is_quick else "full",
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a figure")
    parser.add_argument("--only", choices=[*PARTS], action="append", help="only this part")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result as JSON")
    parser.add_argument(
        "--dir", type=Path, default=Path(".cache/benchmarks"),
        help="where to write; choose a real disk (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


def main() -> int:
    """Run the parts; 0 when every target was met."""
    arguments = _arguments()
    folder = arguments.dir.resolve() / str(os.getpid())
    folder.mkdir(parents=True)
    stage = Stage(folder=folder, is_quick=arguments.quick)
    machine = facts(stage)
    rows: list[Row] = []
    try:
        for name in arguments.only or PARTS:
            start_s = time.monotonic()
            rows += PARTS[name](stage)
            print(f"{name}: {time.monotonic() - start_s:.0f} s", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("; ".join(f"{key}: {value}" for key, value in machine.items()), end="\n\n")
    print(report.table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_data(machine, rows), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
