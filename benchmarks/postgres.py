"""The journal on PostgreSQL beside SQLite and LangGraph: `python -m benchmarks.postgres`.

Every store waits for the disk. Without `--url` a server is started from the wheel that the tests
use; it is on this machine's disk and has PostgreSQL's defaults.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import workload
from novacore import journal

SESSIONS = (1, 50, 150)
APPEND_BYTES = 1_200


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def line(name: str, what: str, times_s: list[float], *, rate: float | None = None) -> None:
    """Print one row."""
    p50, p99 = (percentile(times_s, share) * 1_000 for share in (0.5, 0.99))
    told = "" if rate is None else f"{rate:10,.0f}/s"
    print(f"{name:28} {what:34} {told:12} p50 {p50:9.3f} ms   p99 {p99:9.3f} ms", flush=True)


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """The seconds of each round."""
    found: list[float] = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        work()
        found.append(time.perf_counter() - began_s)
    return found


def append_at_once(store: journal.JournalStore, count: int, seconds: float) -> tuple[float, Any]:
    """(appends a second, their seconds) of so many sessions, each with one append under way."""
    message = {"role": "user", "content": "x" * APPEND_BYTES}
    sessions = [store.session(f"{count} {number}") for number in range(count)]
    waiting = deque((each, time.perf_counter(), each.submit(message)) for each in sessions)
    times: list[float] = []
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        session, began_s, future = waiting.popleft()
        future.result()
        times.append(time.perf_counter() - began_s)
        waiting.append((session, time.perf_counter(), session.submit(message)))
    for _, _, future in waiting:
        future.result()
    return len(times) / seconds, times


def measure_journal(
    name: str, open_it: Callable[..., journal.JournalStore], seconds: float
) -> None:
    """Append and open."""
    messages = workload.conversation()
    with open_it() as store:
        for count in SESSIONS:
            rate, times = append_at_once(store, count, seconds)
            line(name, f"append, {count} sessions", times, rate=rate)
        session = store.session("long")
        session.append(*messages)
    with open_it() as store:
        session = store.session("long")
        line(name, "open 738 messages, already open", timed(session.open, 500))
        one = messages[-1]
        line(name, "append to the 738", timed(lambda: session.append(one), 50))
    with open_it(config=journal.Config(open_transcripts_max=0)) as store:
        line(name, "open 738 messages, not yet open", timed(store.session("long").open, 50))


def measure_langgraph(url: str) -> None:
    """The same conversation in LangGraph's saver on the same server."""
    try:
        from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415 - may be missing

        from benchmarks.libraries import LangGraph  # noqa: PLC0415 - may be missing
    except ImportError as error:
        print(f"LangGraph's PostgresSaver is left out: {error}")
        return
    messages = workload.conversation()
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()
        peer = LangGraph("LangGraph PostgresSaver", saver, is_durable=True)
        peer.fill(messages)
        line(peer.name, "open 738 messages", timed(peer.load, 20))
        line(peer.name, "append to the 738", timed(lambda: peer.append(messages[-1]), 20))


@contextlib.contextmanager
def server(url: str | None) -> Iterator[Callable[[], str]]:
    """A function that gives the URL of an empty schema."""
    if url is not None:
        yield lambda: _new_schema(url)
        return
    from tests.servers import postgres  # noqa: PLC0415 - only where no URL is given

    def on_disk(name: str, *, user: Any = None) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"nova-{name}-", dir="/var/tmp"))
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        return folder

    postgres.server_folder = on_disk
    with postgres.PostgresServer(is_safe=True) as found:
        yield found.new_schema


def _new_schema(url: str) -> str:
    name = f"nova_bench_{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.postgres", description=__doc__)
    parser.add_argument(
        "--url", help="a PostgreSQL database; schemas are made in it and left there"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for each count of sessions")
    asked = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    with server(asked.url) as new_schema, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        place = new_schema()
        measure_journal(
            "journal on PostgreSQL", partial(journal.open_postgres, place), asked.seconds
        )
        measure_journal("journal on SQLite", partial(journal.open_store, folder), asked.seconds)
        measure_langgraph(new_schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
