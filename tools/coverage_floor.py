"""The share of each room's lines that the tests run, and the floor below which it may not fall.

The floors stand in tests/coverage_floor.toml, in whole percent. `coverage_floor.py --raise` (`make
floor`) lifts them to what the last `make test` measured; it never lowers one.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDER = ROOT / ".cache" / "coverage"
FLOORS = ROOT / "tests" / "coverage_floor.toml"
PACKAGE = ROOT / "src" / "novacore"
FLOOR_MIN = 85
# Lines that only some timings or interpreters reach come and go; a floor stays this far below.
SLACK = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One room's measure beside its floor."""

    room: str
    percent: float
    floor: int
    problem: str


def rooms() -> list[str]:
    """The rooms that exist: folders of the package with a front door."""
    return sorted(door.parent.name for door in PACKAGE.glob("*/__init__.py"))


def forget(data_folder: Path) -> None:
    """Remove what an earlier run measured."""
    data_folder.mkdir(parents=True, exist_ok=True)
    for path in data_folder.glob("data*"):
        path.unlink()


def measure(data_folder: Path) -> dict[str, float]:
    """Percent of lines run, by room, over all processes that wrote their data."""
    report = data_folder / "report.json"
    data = f"--data-file={data_folder / 'data'}"
    for command in (
        ["combine", "--quiet", data],
        ["json", "--quiet", "--ignore-errors", data, f"-o{report}"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            print((done.stdout + done.stderr).strip())
            return {}
    return by_room(json.loads(report.read_text()))


def by_room(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> dict[str, float]:
    """Add up coverage's own report, file by file, into rooms."""
    lines: dict[str, list[int]] = {room: [0, 0] for room in rooms()}
    for name, facts in report["files"].items():
        room = (ROOT / name).resolve().relative_to(PACKAGE).parts[0]
        if room in lines:
            lines[room][0] += facts["summary"]["covered_lines"]
            lines[room][1] += facts["summary"]["num_statements"]
    return {room: 100.0 * run / of if of else 100.0 for room, (run, of) in lines.items()}


def floors() -> dict[str, int]:
    """The committed floors, by room."""
    return tomllib.loads(FLOORS.read_text())["rooms"]


def compare(measured: dict[str, float]) -> list[Row]:
    """Each room that exists with its measure, its floor, and what is wrong, if anything."""
    found = floors()
    rows: list[Row] = []
    for room in rooms():
        percent, floor = measured.get(room, 0.0), found.get(room, FLOOR_MIN)
        problem = f"below its floor by {floor - percent:.1f}" if percent < floor else ""
        if room not in found:
            problem = problem or "has no floor yet: run `make floor` and commit"
        rows.append(Row(room=room, percent=percent, floor=floor, problem=problem))
    if any(row.percent >= row.floor + SLACK + 1.5 for row in rows):
        print("  some rooms are well above their floor: `make floor` lifts them")
    return rows


def raised(found: dict[str, int], measured: dict[str, float]) -> dict[str, int]:
    """The floors lifted to the measure, never lowered; a room below the least floor gets that."""
    lifted = {room: max(FLOOR_MIN, int(percent) - SLACK) for room, percent in measured.items()}
    return {
        room: max(found.get(room, 0), lifted.get(room, 0)) for room in sorted({*found, *lifted})
    }


def main() -> int:
    """Raise the floors to the last measure; 1 where nothing was measured yet."""
    parser = argparse.ArgumentParser(description="Coverage floors, room by room.")
    parser.add_argument("--raise", action="store_true", required=True, dest="raises")
    parser.parse_args()
    report = DATA_FOLDER / "report.json"
    if not report.exists():
        print("Nothing was measured yet: run `make test` first.", file=sys.stderr)
        return 1
    lifted = raised(floors(), by_room(json.loads(report.read_text())))
    lines = [
        "# Percent of lines that the tests run, by room. Only `make floor` writes here, upwards."
    ]
    lines += ["[rooms]", *(f"{room} = {percent}" for room, percent in lifted.items())]
    FLOORS.write_text("\n".join(lines) + "\n")
    print(FLOORS.read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
