"""What counting tokens costs: processor time of an admission and a settlement, by group size.

Run `python -m benchmarks.metering`. The database lies in memory where there is such a folder, so
that processor time is what is measured; the last lines are with a real disk, beside its own time.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from novacore import billing, database

ROUNDS = 5
CALLS = 800
LONE = 200
ADMISSION = billing.Admission(
    account_id="bench", purpose="chat", model="m", input_tokens=10, output_tokens_max=10, messages=1
)


def _open(folder: Path) -> tuple[database.Database, billing.Billing]:
    opened = database.Database(folder / "bench.db")
    database.upgrade(opened, [billing.FOLDER])
    plans = {"bench": {"tokens_per_day": 10**12, "messages_per_day": 10**9}}
    config = billing.Config(limits="on", plan_default="bench", plans=plans, settle_wait_ms=0)
    return opened, billing.Billing(opened, config=config)


def _usage(hold: billing.Hold) -> billing.Usage:
    return billing.Usage(
        account_id=hold.account_id, hold_id=hold.id, day=hold.day, plan=hold.plan,
        purpose=hold.purpose, model=hold.model, provider="p", price_version=hold.price_version,
        input_tokens=10, output_tokens=5, messages=1,
    )  # fmt: skip


def _groups(room: billing.Billing, size: int) -> tuple[float, float]:
    """Processor time of one admission and one settlement, µs, `size` at a time."""
    admitting = settling = 0.0
    for _ in range(CALLS // size):
        began = time.process_time()
        futures = [room.admit(ADMISSION) for _ in range(size)]
        holds = [future.result() for future in futures]
        between = time.process_time()
        room.settle([_usage(hold) for hold in holds])
        admitting += between - began
        settling += time.process_time() - between
    return admitting / CALLS * 1e6, settling / CALLS * 1e6


def _lone(room: billing.Billing, folder: Path) -> tuple[float, float]:
    """How long one admission waits, and how long the disk takes to keep 8 KiB, ms."""
    waits: list[float] = []
    syncs: list[float] = []
    place = os.open(folder / "probe", os.O_CREAT | os.O_RDWR)
    for _ in range(LONE):
        began = time.perf_counter()
        os.pwrite(place, bytes(8_192), 0)
        os.fdatasync(place)
        between = time.perf_counter()
        hold = room.admit(ADMISSION).result()
        syncs.append((between - began) * 1e3)
        waits.append((time.perf_counter() - between) * 1e3)
        room.release(hold.id).result()
    os.close(place)
    return statistics.median(waits), statistics.median(syncs)


def main() -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        opened, room = _open(Path(folder))
        for size in (1, 4, 16, 64):
            rounds = [_groups(room, size) for _ in range(ROUNDS)]
            admit, settle = (min(each) for each in zip(*rounds, strict=True))
            print(f"{size:3} at once: admission {admit:6.0f} µs, settlement {settle:6.0f} µs")
        room.close()
        opened.close()
    with tempfile.TemporaryDirectory() as folder:
        opened, room = _open(Path(folder))
        wait_ms, sync_ms = _lone(room, Path(folder))
        print(f"alone, on the disk: {wait_ms:.2f} ms; the disk itself {sync_ms:.2f} ms")
        room.close()
        opened.close()


if __name__ == "__main__":
    main()
