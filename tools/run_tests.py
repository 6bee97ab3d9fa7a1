"""Runs every check and every test, part by part, and ends with one line: `N passed, N failed`.

Each part runs even where an earlier one failed; its seconds are printed. The type checker, which
keeps one processor busy, runs beside the parts that follow it. A check counts as one test. A
skipped test counts as failed: it proves nothing. After the tests come the lines covered, room by
room, against the floors in tests/coverage_floor.toml; lines that only a child process ran count
too.

    run_tests.py                 everything: `make test`
    run_tests.py --fast          house, unit and contract tests without storms and heavy ones
    run_tests.py --only docs     one part, or one group of parts (checks); may be repeated
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import coverage_floor

ROOT = Path(__file__).resolve().parent.parent
PART_SECONDS_MAX = 900
LIGHT = "not storm and not heavy"
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One command of the run."""

    name: str
    command: tuple[str, ...]
    group: str = "tests"
    is_covered: bool = False
    is_beside: bool = False
    """It runs beside the parts after it; what it says is printed when it ended."""


def _check(name: str, *command: str, is_beside: bool = False) -> Part:
    return Part(name=name, command=command, group="checks", is_beside=is_beside)


def _tests(name: str, *arguments: str, is_covered: bool = True) -> Part:
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--dist=worksteal",
        "--durations=3",
        "--durations-min=2",
        *arguments,
    )
    return Part(name=name, command=command, is_covered=is_covered)


PARTS = (
    _check("lint", "ruff", "check", "--quiet"),
    _check("format", "ruff", "format", "--check", "--quiet"),
    _check("types", "pyright", is_beside=True),
    _check("imports", "lint-imports", "--no-cache"),
    _check("spelling", "codespell"),
    _check("web build", sys.executable, "tools/web.py", "build"),
    _tests("house", "-n2", "tests/house", is_covered=False),
    _tests("unit", "-n3", "-m", "not storm", "tests/rooms"),
    _tests("contract", "-n3", "-m", "not storm", "tests/contracts"),
    _tests("api", "-n3", "-m", "not storm", "tests/api"),
    _tests("journey", "-n3", "--dist=loadfile", "-m", "not storm", "tests/journeys"),
    _tests("docs", "-n3", "tests/docs", is_covered=False),
    _tests("storm", "-n2", "-m", "storm", "tests/journeys", is_covered=False),
)
FAST = (
    # One run: each would load the product and its libraries anew.
    _tests("fast", "-n3", "tests/house", "tests/rooms", "tests/contracts", is_covered=False),
)


@dataclasses.dataclass(kw_only=True)
class Outcome:
    """What one part came to."""

    part: Part
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""


def run_part(part: Part, *, extra: tuple[str, ...], setting: dict[str, str]) -> Outcome:
    """Run one part to its end and count what it did."""
    title = f"\n=== {part.name}: {' '.join(part.command[:1])} …"
    started_s = time.monotonic()
    is_pytest = part.group == "tests"
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as closing:
        report = Path(scratch) / "report.xml"
        command = [*part.command, *extra]
        if is_pytest:
            command += [f"--junitxml={report}"]
        if part.is_beside:
            said = closing.enter_context((Path(scratch) / "said").open("w+"))
            code = _run_bounded(command, setting=setting, output=said.fileno())
            said.seek(0)
            print(title, said.read(), sep="\n", end="", flush=True)
        else:
            print(title, flush=True)
            code = _run_bounded(command, setting=setting)
        outcome = _count(part, code, report=report) if is_pytest else _judge(part, code)
    outcome.seconds = time.monotonic() - started_s
    return outcome


def _run_bounded(command: list[str], *, setting: dict[str, str], output: int | None = None) -> int:
    """The exit code; a part that runs too long is ended with all its children."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=setting,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        return process.wait(PART_SECONDS_MAX)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            print(f"ended after {PART_SECONDS_MAX} s", flush=True)
            return 124
        raise


def _judge(part: Part, code: int) -> Outcome:
    note = "" if code == 0 else f"exit code {code}"
    return Outcome(part=part, passed=int(code == 0), failed=int(code != 0), note=note)


def _count(part: Part, code: int, *, report: Path) -> Outcome:
    """Read pytest's own report; a run that left none, or ran nothing, has failed."""
    outcome = Outcome(part=part)
    if report.exists():
        for suite in ET.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            outcome.skipped += int(suite.get("skipped", 0))
            outcome.failed += bad + int(suite.get("skipped", 0))
            outcome.passed += max(
                0, int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
            )
    if outcome.skipped:
        outcome.note = f"{outcome.skipped} skipped"
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.note = f"exit code {code}" + (", no test found" if code == 5 else "")
    return outcome


def environment(*, is_covered: bool, data_folder: Path) -> dict[str, str]:
    """The environment of a part: coverage with the fastest tracer, and nothing asked of the net."""
    setting = dict(os.environ)
    # The compiled form of our modules is kept: hundreds of processes load them.
    setting.pop("PYTHONDONTWRITEBYTECODE", None)
    setting["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"
    # The node wheel that the lock names, also where another node is on the path.
    setting["PYRIGHT_PYTHON_GLOBAL_NODE"] = "0"
    if is_covered:
        # The interpreter's own monitoring costs least, but only from Python 3.12 on.
        setting["COVERAGE_CORE"] = "sysmon" if sys.version_info >= (3, 12) else "ctrace"
        setting["COVERAGE_FILE"] = str(data_folder / "data")
    return setting


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for all temporary files of the tests, removed at the end.

    It is in memory where there is room: what the tests acknowledge they make durable, and a disk
    would take minutes for that. Everybody may use it, as the servers that refuse root do.
    """
    place = None
    with contextlib.suppress(OSError):
        has_room = shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
        place = MEMORY if has_room and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="nt-", dir=place, ignore_cleanup_errors=True) as found:
        Path(found).chmod(0o1777)
        yield Path(found)


def covered(part: Part) -> Part:
    """The same part, run under coverage."""
    command = (sys.executable, "-m", "coverage", "run", *part.command[1:])
    return dataclasses.replace(part, command=command)


def coverage_outcome(data_folder: Path) -> Outcome:
    """Compare each room with its floor; one room is one check."""
    started_s = time.monotonic()
    print("\n=== coverage", flush=True)
    part = Part(name="coverage", command=())
    measured = coverage_floor.measure(data_folder)
    rows = coverage_floor.compare(measured)
    outcome = Outcome(part=part)
    for row in rows:
        print(f"  {row.room:<12} {row.percent:6.1f} %   floor {row.floor:3} %   {row.problem}")
    outcome.failed = sum(1 for row in rows if row.problem)
    outcome.passed = len(rows) - outcome.failed
    outcome.seconds = time.monotonic() - started_s
    return outcome


def print_table(outcomes: list[Outcome], *, seconds: float) -> None:
    """The parts with their seconds, then the sum as the last line."""
    print(f"\n{'part':<10} {'seconds':>8} {'passed':>7} {'failed':>7}")
    for outcome in outcomes:
        print(
            f"{outcome.part.name:<10} {outcome.seconds:8.1f} {outcome.passed:7} "
            f"{outcome.failed:7}   {outcome.note}".rstrip()
        )
    print(f"{'all':<10} {seconds:8.1f}\n")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"{passed} passed, {failed} failed", flush=True)


def chosen_parts(*, only: list[str], is_fast: bool) -> list[Part]:
    """The parts to run, in their order."""
    return [
        part
        for part in (FAST if is_fast else PARTS)
        if not only or part.name in only or part.group in only
    ]


def run_parts(parts: list[Part], *, measures: bool, is_fast: bool) -> list[Outcome]:
    """What the parts came to, in their order."""
    running: list[concurrent.futures.Future[Outcome]] = []
    with contextlib.ExitStack() as closing:
        beside = closing.enter_context(concurrent.futures.ThreadPoolExecutor(max_workers=1))
        scratch = closing.enter_context(scratch_folder())
        for part in parts:
            is_covered = measures and part.is_covered
            setting = environment(is_covered=is_covered, data_folder=coverage_floor.DATA_FOLDER)
            setting["TMPDIR"] = str(scratch)
            extra = ("-m", LIGHT) if is_fast and part.group == "tests" else ()
            command = covered(part) if is_covered else part
            if part.is_beside:
                found = beside.submit(run_part, command, extra=extra, setting=setting)
            else:
                found = concurrent.futures.Future[Outcome]()
                found.set_result(run_part(command, extra=extra, setting=setting))
            running.append(found)
        return [found.result() for found in running]


def main() -> int:
    """Run the parts; 0 when nothing failed."""
    names = sorted({part.name for part in PARTS} | {part.group for part in PARTS})
    parser = argparse.ArgumentParser(description="Run every check and every test.")
    parser.add_argument("--fast", action="store_true", help="only the parts that take seconds")
    parser.add_argument("--only", action="append", default=[], choices=names)
    options = parser.parse_args()
    parts = chosen_parts(only=options.only, is_fast=options.fast)
    measures = not options.fast and not options.only
    started_s = time.monotonic()
    if measures:
        coverage_floor.forget(coverage_floor.DATA_FOLDER)
    outcomes = run_parts(parts, measures=measures, is_fast=options.fast)
    if measures:
        outcomes.append(coverage_outcome(coverage_floor.DATA_FOLDER))
    print_table(outcomes, seconds=time.monotonic() - started_s)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
