"""Writes tests/slow_tests.txt: what `make test-fast` leaves to `make test`.

    python -m pytest -n3 -m "not storm and not heavy" tests/house tests/rooms tests/contracts \
        --slow-too --junitxml=report.xml
    python tools/list_slow_tests.py report.xml

A test stands in it, with all its parameters, where one of its cases took `SLOW_S` or longer.
"""

import argparse
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "slow_tests.txt"
SLOW_S = 0.1


def slow_tests(report: Path, *, root: Path = ROOT) -> list[str]:
    """The names of the slow tests of a JUnit report, as `tests/house/test_it.py::test_that`."""
    found: set[str] = set()
    for case in ET.parse(report).iter("testcase"):
        if float(case.get("time", "0")) < SLOW_S:
            continue
        path = Path(*case.get("classname", "").split(".")).with_suffix(".py")
        if (root / path).is_file():
            found.add(f"{path}::{case.get('name', '').partition('[')[0]}")
    return sorted(found)


def main() -> int:
    """Write the list."""
    parser = argparse.ArgumentParser(description="Write tests/slow_tests.txt.")
    parser.add_argument("report", type=Path)
    names = slow_tests(parser.parse_args().report)
    LIST.write_text("".join(f"{name}\n" for name in names))
    print(f"{len(names):,} slow tests in {LIST.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
