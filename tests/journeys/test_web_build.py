"""The web app's own tools agree with what is committed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journeys.web_server import ROOT, build_web_app

pytestmark = pytest.mark.heavy

WEB = ROOT / "web"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build_web_app()


def _tool(action: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "web.py"), action],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_types_are_right():
    _tool("check")


def test_its_unit_tests_pass():
    _tool("test")


def test_the_types_of_its_client_are_made_from_the_description(tmp_path: Path):
    """Else `make client` writes them anew."""
    program = WEB / "node_modules" / ".bin" / "openapi-typescript"
    fresh = tmp_path / "schema.ts"
    done = subprocess.run(
        [str(program), "openapi.json", "--output", str(fresh), "--alphabetize"],
        cwd=WEB,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert fresh.read_text() == (WEB / "src" / "api" / "schema.ts").read_text()


def test_what_is_served_needs_no_exception_from_the_content_policy():
    page = (ROOT / "src" / "novacore" / "web_dist" / "index.html").read_text()
    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count("<script src=") + page.count(
        '<script type="module" crossorigin src='
    )


def test_a_second_build_has_nothing_to_do():
    stamp = ROOT / "src" / "novacore" / "web_dist" / ".stamp.json"
    before = stamp.stat().st_mtime_ns
    _tool("build")
    assert stamp.stat().st_mtime_ns == before
