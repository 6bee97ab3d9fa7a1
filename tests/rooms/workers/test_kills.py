"""Two workers, one killed in the middle, a third one started: every step counts once."""

import collections
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.rooms.workers.conftest import put, rows

from novacore import kit

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 60.0
pytestmark = pytest.mark.heavy


@pytest.fixture
def clock():
    return kit.SystemClock()


@pytest.fixture
def begin(place, tmp_path):
    """Starts a worker process, and gives it once it works."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.rooms.workers.worker_program", str(place),
             str(tmp_path / "log"), str(tmp_path / "gate")],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(condition):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def test_a_killed_worker_s_rows_go_on_elsewhere_from_the_step_that_was_interrupted(
    opened, place, begin, tmp_path
):
    log = tmp_path / "log"
    log.touch()

    def done(step):
        lines = [line.split() for line in log.read_text().splitlines()]
        return [(row, int(process)) for row, name, process in lines if name == step]

    names = [f"row-{number}" for number in range(9)]
    put(opened, *names)
    first, second = begin(), begin()
    until(lambda: len({row for row, _ in done("two")}) == 6)
    lost = {row for row, process in done("two") if process == first.pid}
    assert len(lost) == 3
    os.kill(first.pid, signal.SIGKILL)
    third = begin()
    # The rows of the killed one come back to the living before anything else moves on.
    until(lambda: len(done("two")) >= 7)
    (tmp_path / "gate").touch()
    until(lambda: {row["state"] for row in rows(opened).values()} == {"done"})

    once = collections.Counter(row for row, _ in done("one"))
    assert once == dict.fromkeys(names, 1)
    assert collections.Counter(row for row, _ in done("three")) == dict.fromkeys(names, 1)
    # Interrupted in the middle, so done again, by another process; no other one was.
    twice = collections.Counter(row for row, _ in done("two"))
    assert twice == {row: 2 if row in lost else 1 for row in names}
    assert {process for _, process in done("three")} <= {second.pid, third.pid}
    assert {row["attempts"] for row in rows(opened).values()} == {0}
