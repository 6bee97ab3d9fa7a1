"""Nothing acknowledged is lost, whenever a writer is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.storm
def test_whatever_instant_a_writer_is_killed_at_nothing_acknowledged_is_lost(kills: int) -> None:
    _rage("sqlite", kills)


@pytest.mark.storm
def test_on_postgresql_nothing_is_lost_when_the_server_is_killed_or_cut_off_too(kills: int) -> None:
    _rage("postgres", kills)


def _rage(engine: str, kills: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.storm", "--on", engine, "--kills", str(kills)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, nothing twice" in done.stdout
