"""`make` works with only a Python on the path, and says so clearly where there is none."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def _make(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    setting = {"PATH": path or os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [shutil.which("make") or "make", "-C", str(root), "--no-print-directory", *arguments],
        env=setting,
        capture_output=True,
        text=True,
        check=False,
    )


def _machine(folder: Path, pythons: dict[str, bool]) -> str:
    """A path with a shell and the named interpreters, of which some are too old."""
    folder.mkdir(exist_ok=True)
    for name in ("sh", "grep", "awk", "echo", "false"):
        (folder / name).symlink_to(shutil.which(name) or name)
    for name, is_new_enough in pythons.items():
        target = folder / name
        exit_line = f'exec "{sys.executable}" "$@"' if is_new_enough else "exit 1"
        target.write_text(f"#!/bin/sh\n{exit_line}\n")
        target.chmod(0o755)
    return str(folder)


@pytest.fixture(scope="module")
def targets(root) -> list[str]:
    rules = re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), re.MULTILINE)
    return sorted(set(rules))


def test_make_alone_lists_every_target_with_what_it_does(root, targets):
    listed = _make(root).stdout
    assert [target for target in targets if f"make {target} " not in listed] == []
    assert len(targets) >= 10


def test_every_target_is_one_that_no_file_can_hide(root, targets):
    phony = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert sorted(phony[1].split()) == targets


def test_the_interpreter_of_the_path_is_taken_where_it_is_new_enough(root, tmp_path):
    path = _machine(tmp_path / "bin", {"python3": True, "python3.13": True})
    assert (
        f'"{path}/python3" tools/bootstrap.py local' in _make(root, "-n", "run", path=path).stdout
    )


def test_a_newer_interpreter_is_found_beside_one_that_is_too_old(root, tmp_path):
    path = _machine(tmp_path / "bin", {"python3": False, "python3.12": True, "python3.11": True})
    planned = _make(root, "-n", "test", path=path).stdout
    assert f'"{path}/python3.12" tools/bootstrap.py dev' in planned


def test_without_a_suitable_interpreter_it_says_what_is_needed(root, tmp_path):
    told = _make(root, "test", path=_machine(tmp_path / "bin", {"python3": False}))
    assert told.returncode != 0
    assert "needs Python 3.11 or newer" in told.stderr


def test_a_task_reaches_the_agent_letter_for_letter(root, tmp_path):
    task = """say "it's $5", `not` $(me) \\n"""
    makefile = (root / "Makefile").read_text()
    recipe = "\nshow-task:\n\tprintf '%s' \"$$TASK\"\n"
    (tmp_path / "Makefile").write_text(makefile + recipe)
    assert _make(tmp_path, "show-task", f"TASK={task}").stdout == task
