"""Nothing acknowledged is lost, whenever a writer is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.storm
def test_whatever_instant_a_writer_is_killed_at_nothing_acknowledged_is_lost(kills: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.storm", "--kills", str(kills)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, nothing twice" in done.stdout
