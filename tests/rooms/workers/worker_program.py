"""Workers in a process of their own, which tests kill.

    python -m tests.rooms.workers.worker_program PLACE LOG GATE

Each step of each row appends a line to LOG, `row step process`; the second step then waits for the
file GATE. It prints `ready` when it works, and ends at the end of its input.
"""

import os
import sys
import time
from pathlib import Path

from tests.rooms.workers.conftest import make_running

from novacore import database
from novacore.workers.model import Job


def main() -> int:
    place, log, gate = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

    def note(job: Job, step: str) -> None:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{job.id} {step} {os.getpid()}\n".encode())
        os.close(handle)

    def wait(job: Job) -> None:
        note(job, "two")
        while not gate.exists():
            time.sleep(0.01)

    opened = database.Database(place if "://" in place else Path(place))
    running = make_running(
        opened,
        place if "://" in place else Path(place),
        {"work": [
            ("one", lambda job: note(job, "one")),
            ("two", wait),
            ("three", lambda job: note(job, "three")),
        ]},
        executor=f"process-{os.getpid()}",
        concurrency=3,
        # A living process must not count as dead because the machine is busy.
        dead_after_ms=5_000,
    )  # fmt: skip
    running.start()
    print("ready", flush=True)
    sys.stdin.read()
    running.stop()
    opened.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
