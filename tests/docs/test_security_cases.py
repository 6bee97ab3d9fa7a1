"""Each security case names a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all tests, and the paths of their files."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.add(path.relative_to(ROOT).as_posix())
        found.update(re.findall(r"def (test_\w+)", path.read_text()))
    return found


def test_each_case_is_shown_by_tests_that_exist(tests):
    page = (ROOT / "docs" / "reference" / "security-cases.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    cases = [cells for cells in rows if cells[1].strip() not in {"Case", "---"}]
    assert len(cases) > 40
    for cells in cases:
        named = re.findall(r"`([^`]+)`", cells[2])
        assert named, cells[1]
        assert [name for name in named if name not in tests] == [], cells[1]
