"""Kill writers again and again, then reckon: `python -m tests.storm --kills 1000 --seed 7`."""

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.storm.places import Folder, Place, Server
from tests.storm.reckoning import Ledger, reckon
from tests.storm.writer import run_child

from novacore import journal

_WRITERS = 2
_LIFE_MS = (0, 1, 3, 10, 30, 60, 120, 250)
_RECKONED_EVERY = 50


@dataclass
class Child:
    """A writer at work."""

    pid: int
    pipe: int
    rest: bytes = b""
    trying: dict[str, Any] | None = None
    """The step that it announced and has not acknowledged."""


@dataclass
class Storm:
    """Starts writers, listens to them, and kills them."""

    folder: Path
    place: Place
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    children: list[Child] = field(default_factory=list[Child])
    started: int = 0
    uncertain: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Appends whose writer was killed before it could say: the next writers send them again."""

    def start(self) -> None:
        """Fork one more writer: a fork starts in no time, so kills hit the opening too."""
        source, sink = os.pipe()
        self.started += 1
        pid = os.fork()
        if pid == 0:
            os.close(source)
            for child in self.children:
                os.close(child.pipe)
            seed = f"{self.seed}/{self.started}"
            run_child(
                self.place, self.folder, seed=seed, pipe=sink, again=list(self.uncertain.values())
            )
        os.close(sink)
        os.set_blocking(source, False)
        self.children.append(Child(pid, source))

    def listen(self, seconds: float) -> None:
        """Note what the writers say, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([child.pipe for child in self.children], [], [], left)
            for child in self.children:
                if child.pipe in ready and not self._drain(child):
                    return

    def kill(self, child: Child) -> None:
        """SIGKILL a writer and take in its last words."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        self._drain(child)
        if child.trying and child.trying["kind"] == "append":
            self.uncertain[child.trying["ids"][0]] = child.trying
        os.close(child.pipe)
        self.children.remove(child)

    def _drain(self, child: Child) -> bool:
        """Read what is there; False: the writer closed its end. A cut line is dropped."""
        while True:
            try:
                data = os.read(child.pipe, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, child.rest = (child.rest + data).split(b"\n")
            for line in lines:
                self._note(child, json.loads(line))

    def _note(self, child: Child, line: dict[str, Any]) -> None:
        self.ledger.note(line)
        child.trying = line.get("try")
        for each in line.get("done", {}).get("ids", ()):
            self.uncertain.pop(each, None)


def run(folder: Path, place: Place, *, kills: int, seed: int) -> list[str]:
    """The faults of a storm; empty: nothing was lost."""
    chance = random.Random(seed)
    storm = Storm(folder, place, seed)
    (folder / "exports").mkdir(parents=True)
    killed = 0
    while killed < kills:
        while len(storm.children) < _WRITERS:
            storm.start()
        storm.listen(chance.choice(_LIFE_MS) / 1_000)
        place.strike(chance)
        storm.kill(chance.choice(storm.children))
        killed += 1
        if killed % _RECKONED_EVERY == 0 or killed == kills:
            while storm.children:
                storm.kill(storm.children[0])
            try:
                faults = reckon(folder, place, storm.ledger)
            except journal.JournalError as error:
                faults = [f"the journal can't be read: {error}"]
            if faults:
                return faults
    ledger = storm.ledger
    print(
        f"{killed} kills{place.tell()}, seed {seed}:"
        f" {len(ledger.acknowledged)} acknowledged entries, {len(ledger.erased)} erased,"
        f" {len(ledger.forks)} forks; nothing lost, nothing twice.",
        flush=True,
    )
    return []


def main() -> int:
    """Run the storm that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="tests.storm", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--seed", type=int, default=None, help="to repeat a storm; random if left out"
    )
    parser.add_argument(
        "--on", choices=("sqlite", "postgres"), default="sqlite", help="where the journal is kept"
    )
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="nova-storm-"))
    place = Folder(folder / "data") if asked.on == "sqlite" else Server(folder / "data")
    try:
        faults = run(folder, place, kills=asked.kills, seed=seed)
    finally:
        place.close()
    if faults:
        print(f"seed {seed}, kept in {folder}:", *faults[:30], sep="\n  ", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
