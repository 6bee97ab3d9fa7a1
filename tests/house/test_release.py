"""The number of the release is the same wherever it is written."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata


def _declared(root) -> str:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]


def test_the_changelog_begins_with_the_version_of_the_package(root):
    headings = re.findall(r"^## \[([^\]]+)\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert next(name for name in headings if name != "Unreleased") == _declared(root)


def test_the_installed_package_has_the_declared_version(root):
    assert metadata.version("novacore") == _declared(root)


def test_the_command_line_tells_the_declared_version(root):
    told = subprocess.run(
        [sys.executable, "-m", "novacore.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert _declared(root) in told.stdout


def test_the_lock_holds_every_requirement_of_the_package_with_hashes(root):
    wanted = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[><=~!\[; ]", line)[0].lower().replace("_", "-") for line in wanted}
    for group in ("run", "local", "dev", "bench"):
        lock = (root / "requirements" / f"{group}.txt").read_text()
        pinned = re.findall(
            r"^([a-z0-9-]+)(?:\[[^\]]*\])?==\S+.*\\\n +--hash=sha256:", lock, re.MULTILINE
        )
        assert names <= set(pinned), group


def test_every_pin_in_the_lock_has_a_hash_and_no_line_an_address(root):
    for path in (root / "requirements").glob("*.txt"):
        lines = path.read_text().splitlines()
        pins = [number for number, line in enumerate(lines) if line[:1].isalnum()]
        assert pins
        assert all("==" in lines[number] for number in pins), path.name
        assert all("--hash=sha256:" in lines[number + 1] for number in pins), path.name
        assert not any("://" in line or "index-url" in line for line in lines), path.name
