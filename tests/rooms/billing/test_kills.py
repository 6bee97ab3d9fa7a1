"""A process is killed in the middle of admitting and settling: every call has one row."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.rooms.billing.dying import usage_of, usages

from novacore import billing, database, kit

KILLS = 8
CALLS = 40
"""Calls that a process makes, at least, before it is killed."""


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _live_and_die(place, folder: Path) -> None:
    program = Path(__file__).with_name("dying.py")
    before = _count(folder / "calls")
    process = subprocess.Popen([sys.executable, str(program), str(place), str(folder)])
    try:
        while _count(folder / "calls") < before + CALLS:
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.heavy
def test_every_call_has_one_row_after_any_number_of_kills(place, tmp_path):
    opened = database.Database(place)
    database.upgrade(opened, [billing.FOLDER])
    opened.close()
    for _ in range(KILLS):
        _live_and_die(place, tmp_path)

    later = kit.FixedClock(kit.SystemClock().now_us() + 120_000_000)
    opened = database.Database(place, clock=later)
    room = billing.Billing(opened, config=billing.Config(settle_wait_ms=0))
    try:
        _close_what_died(room, tmp_path / "journal")
        journal = usages(tmp_path / "journal")
        with opened.read() as connection:
            rows = connection.exec_driver_sql("SELECT hold_id, line FROM billing_ledger").fetchall()
        held = [hold_id for hold_id, _ in rows]
        calls = (tmp_path / "calls").read_text().split()
        assert len(calls) >= KILLS * CALLS
        assert len(held) == len(set(held))
        assert set(calls) <= set(held)
        assert room.expired_holds() == ()
        found = room.reconcile(journal)
        assert found.is_sound, found.drifts
        assert found.rows == len(journal)
    finally:
        room.close()
        opened.close()


def _close_what_died(room: billing.Billing, path: Path) -> None:
    """As chat does: the feed to its head, then estimates for what is still open."""
    mark = room.watermark()
    room.settle(usages(path)[mark.sequence if mark else 0 :])
    while expired := room.expired_holds():
        estimates = [usage_of(hold, source="estimate") for hold in expired]
        with path.open("a") as file:
            file.writelines(json.dumps(each.to_body()) + "\n" for each in estimates)
        room.settle(estimates)
