"""Four processes with 30 callers each on one journal: `python -m benchmarks.fairness`.

Every process should get at least 60 % of the mean rate, with a p99 under 300 ms and no append over
1 s. Callers are asyncio tasks that wait for one append before they begin the next.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time

from novacore import journal

PROCESSES = 4
CALLERS = 30
RATE_LEAST = 0.6
P99_MS_MAX = 300.0
LONGEST_MS_MAX = 1_000.0


async def talk(store: journal.JournalStore, number: int, *, until_s: float) -> list[float]:
    """One caller: the milliseconds of each of its appends."""
    session = store.session(f"{os.getpid()} {number}")
    message = {"role": "user", "content": "x" * 400}
    found: list[float] = []
    while time.monotonic() < until_s:
        began_s = time.perf_counter()
        await asyncio.wrap_future(session.submit(message))
        found.append((time.perf_counter() - began_s) * 1_000)
    return found


def open_at(place: str) -> journal.JournalStore:
    """The journal in a folder, or at a URL."""
    return journal.open_postgres(place) if "://" in place else journal.open_store(place)


async def work(place: str, seconds: float) -> list[list[float]]:
    """One process: its callers, all starting on a sign."""
    with open_at(place) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        until_s = time.monotonic() + seconds
        return await asyncio.gather(*(talk(store, n, until_s=until_s) for n in range(CALLERS)))


def measure(place: str, seconds: float) -> list[list[list[float]]]:
    """Per process and caller, the milliseconds of each append."""
    command = [sys.executable, "-m", "benchmarks.fairness", "--child", place]
    children = [
        subprocess.Popen(
            [*command, "--seconds", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    pipes = [(child.stdin, child.stdout) for child in children]
    for _, source in pipes:
        assert source is not None
        source.readline()
    for sink, _ in pipes:
        assert sink is not None
        sink.write("\n")
        sink.flush()
    return [json.loads(child.communicate()[0]) for child in children]


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(found: list[list[list[float]]], seconds: float) -> bool:
    """Print what was measured; True when it is fair."""
    mean = sum(len(times) for callers in found for times in callers) / PROCESSES
    is_fair = True
    print(f"{PROCESSES} processes with {CALLERS} callers each, {seconds:g} s")
    print("process  appends/s  of the mean  slowest caller   p50 ms   p99 ms   longest ms")
    for number, callers in enumerate(found, 1):
        times = [each for caller in callers for each in caller]
        share, least = len(times) / mean, min(len(caller) for caller in callers)
        p99, longest = percentile(times, 0.99), max(times)
        is_fair &= share >= RATE_LEAST and p99 < P99_MS_MAX and longest < LONGEST_MS_MAX
        print(
            f"{number:7}  {len(times) / seconds:9,.0f}  {share:11.0%}  {least / seconds:13.1f}/s"
            f"  {percentile(times, 0.5):7.1f}  {p99:7.1f}  {longest:11.1f}"
        )
    print("fair" if is_fair else "not fair", flush=True)
    return is_fair


def main() -> int:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.fairness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--url", help="an empty PostgreSQL database; left out: SQLite")
    parser.add_argument("--child", default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        print(json.dumps(asyncio.run(work(asked.child, asked.seconds))), flush=True)
        return 0
    with tempfile.TemporaryDirectory(prefix="nova-fairness-") as folder:
        found = measure(asked.url or folder, asked.seconds)
    return 0 if report(found, asked.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
