"""The official clients for JavaScript, as npm has them, against a real server."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.api.sdk_stage import served

import web

pytestmark = pytest.mark.heavy

SUITE = Path(__file__).parents[1] / "sdk"
CHECKS = 12


@pytest.fixture(scope="module")
def packages() -> Path:
    """A folder with the suite and its packages, installed once for each lock."""
    lock = (SUITE / "package-lock.json").read_bytes()
    folder = web.CACHE / "sdk" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SUITE / name, folder / name)
        node = web.find_node()
        command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=web.environment(node),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (folder / "installed").touch()
    shutil.copy(SUITE / "suite.mjs", folder / "suite.mjs")
    return folder


def test_the_clients_of_npm_work_against_the_server(packages, tmp_path):
    with served(tmp_path) as server:
        done = subprocess.run(
            [web.find_node().node, "suite.mjs", server.url, server.key, server.spent_key],
            cwd=packages,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == CHECKS
