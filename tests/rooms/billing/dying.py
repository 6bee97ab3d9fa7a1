"""A process that admits, calls, journals and settles until it is killed.

Started as `python dying.py PLACE FOLDER`. What it "called" stands in `calls`, its journal in
`journal`: one line each, written in one go, so that a kill leaves whole lines.
"""

import json
import os
import random
import sys
import threading
from pathlib import Path

from novacore import billing, database

THREADS = 8


class Lines:
    """A file to which threads add lines."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self.count = len(path.read_bytes().splitlines()) if path.exists() else 0
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def add(self, text: str) -> int:
        with self.lock:
            self.count += 1
            os.write(self._file, text.encode() + b"\n")
            return self.count


def usages(path: Path) -> list[billing.Usage]:
    """The journal's entries."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        billing.Usage.from_body(json.loads(line), sequence=number)
        for number, line in enumerate(lines, 1)
    ]


def usage_of(hold: billing.Hold | billing.ExpiredHold, *, source: str) -> billing.Usage:
    """What a call of ours uses: always the same, so that sums can be foretold."""
    return billing.Usage(
        account_id=hold.account_id,
        hold_id=hold.id,
        day=hold.day,
        plan=hold.plan,
        purpose=hold.purpose,
        model=hold.model,
        provider="scripted",
        price_version=hold.price_version,
        input_tokens=hold.input_tokens,
        output_tokens=5,
        source="estimate" if source == "estimate" else "provider",
    )


def work(room: billing.Billing, calls: Lines, journal: Lines) -> None:
    chance = random.Random()
    while True:
        admission = billing.Admission(
            account_id=f"a{chance.randrange(3)}",
            purpose="chat",
            model="m",
            input_tokens=10,
            output_tokens_max=20,
        )
        hold = room.admit(admission).result()
        if chance.random() < 0.1:
            room.release(hold.id).result()
            continue
        calls.add(hold.id)
        journal.add(json.dumps(usage_of(hold, source="provider").to_body()))


def feed(room: billing.Billing, path: Path) -> None:
    while True:
        mark = room.watermark()
        read = mark.sequence if mark else 0
        some = usages(path)[read:]
        if some:
            last = some[-1].sequence
            room.settle(some, watermark=billing.Watermark(journal="j", epoch="e", sequence=last))


def main() -> None:
    place, folder = sys.argv[1], Path(sys.argv[2])
    room = billing.Billing(
        database.Database(place), config=billing.Config(limits="on", plan_default="pro")
    )
    calls, journal = Lines(folder / "calls"), Lines(folder / "journal")
    for _ in range(THREADS):
        threading.Thread(target=work, args=(room, calls, journal), daemon=True).start()
    feed(room, folder / "journal")


if __name__ == "__main__":
    main()
