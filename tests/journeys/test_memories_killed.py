"""Whoever changes memories is killed again and again: nothing is lost, nothing comes back."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from novacore import journal, memory

pytestmark = pytest.mark.heavy

ROUNDS = 6
WRITER = """
import random, sys
from novacore import journal, memory

seed = int(sys.argv[2])
choose = random.Random(seed)
with journal.open_store(sys.argv[1]) as store:
    memories = memory.Memories(store)
    facts = memory.Facts(memories)
    alive = []
    for step in range(100_000):
        what = choose.random()
        if what < 0.5 or len(alive) < 3:
            text = f"canary{seed}x{step}z"
            print("begin", text, flush=True)
            alive.append(memories.create(text, term="long").id)
            print("made", alive[-1], text, flush=True)
        elif what < 0.7:
            wanted = alive.pop(choose.randrange(len(alive)))
            print("forgetting", wanted, flush=True)
            memories.delete(wanted)
            print("forgotten", wanted, flush=True)
        elif what < 0.8:
            facts.record("user", "lives in", object=f"place{seed}x{step}")
        else:
            memories.tag(choose.choice(alive), f"t{step % 7}")
            memories.note_access(alive[-3:])
            memories.flush_access()
"""


def run_and_kill(folder: Path, *, seed: int, choose: random.Random) -> list[list[str]]:
    """What a writer acknowledged until it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told = [process.stdout.readline()]
    time.sleep(choose.uniform(0.1, 0.7))
    process.kill()
    told += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [line.split() for line in told if line.endswith("\n")]


def test_a_killed_writer_loses_no_memory_and_brings_none_back(tmp_path):
    seed = random.randrange(10_000)
    print("seed", seed)
    choose = random.Random(seed)
    made: dict[str, str] = {}
    going: set[str] = set()
    gone: set[str] = set()
    for round_number in range(ROUNDS):
        for what, *rest in run_and_kill(tmp_path, seed=seed + round_number, choose=choose):
            if what == "made":
                made[rest[0]] = rest[1]
            elif what == "forgetting":
                going.add(rest[0])
            elif what == "forgotten":
                gone.add(rest[0])
        with journal.open_store(tmp_path) as store:
            memories = memory.Memories(store)
            memories.advance()
            shown = {each.id: each.text for each in memories.every(memory.Filter(types=("note",)))}
            assert {each: text for each, text in made.items() if each not in going}.items() <= (
                shown.items()
            )
            assert gone.isdisjoint(shown)
            assert len(memory.Facts(memories).list()) <= 1
            assert memories.advance() == memory.Advanced()
            assert store.verify().is_sound
    assert len(gone) > ROUNDS
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    hidden = [text for each, text in made.items() if each not in shown]
    assert len(hidden) >= len(gone)
    assert [text for text in hidden if text.encode() in raw] == []
