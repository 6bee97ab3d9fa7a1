"""The import contracts in pyproject.toml bite: a planted fault breaks them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = {
    "a lower room that imports a higher one": (
        "kit/planted.py",
        "from novacore import agent\n",
        "Floors: imports only go down BROKEN",
    ),
    "two rooms on one floor that know each other": (
        "llm/planted.py",
        "from novacore import journal\n",
        "Floors: imports only go down BROKEN",
    ),
    "a room that no floor lists": ("attic/__init__.py", "", "novacore.attic"),
    "an import hidden in a function": (
        "journal/planted.py",
        "def peek():\n    from novacore import settings\n    return settings\n",
        "Floors: imports only go down BROKEN",
    ),
    "the interpreter's own SQLite": (
        "journal/planted.py",
        "import sqlite3\n",
        "Nobody uses the interpreter's own SQLite BROKEN",
    ),
    "a second HTTP client": (
        "agent/planted.py",
        "import httpx\n",
        "Only the model room speaks HTTP, and through no vendor's kit BROKEN",
    ),
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_a_contract(fault, root, tmp_path):
    path, text, expected = FAULTS[fault]
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    planted = tmp_path / "src" / "novacore" / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(text)
    done = _lint(tmp_path)
    assert done.returncode != 0
    assert expected in done.stdout
