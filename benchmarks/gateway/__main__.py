"""`python -m benchmarks.gateway`: our gateway and LiteLLM's proxy by turns, on one upstream.

Both stand before the same scripted provider (20 ms), one worker each. Ours has keys, rate limits,
durable holds, the journal's usage entries, the ledger and the policy hook on; LiteLLM has its
master key and a model whose price it knows. Judge by the ratios: the figures are the machine's.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop

from benchmarks import sections
from benchmarks.gateway import load, servers

LITELLM = servers.ROOT / ".venv-bench-gateway/bin/litellm"
TARGETS = {"per_second": 8.0, "cpu": 12.0, "added": 3.0, "stream_cpu": 12.0}
_WORDS = {
    "per_second": "calls a second with 16 at once",
    "cpu": "CPU a call with 16 at once",
    "added": "added time of a lone caller",
    "stream_cpu": "CPU a stream with 16 at once",
}


@dataclasses.dataclass(kw_only=True)
class Stand:
    """One server under load."""

    name: str
    port: int
    key: str
    process_id: int = 0


@dataclasses.dataclass(kw_only=True)
class Cell:
    """What one server did at one load, by round."""

    per_second: list[float] = dataclasses.field(default_factory=list)
    p50_ms: list[float] = dataclasses.field(default_factory=list)
    cpu_ms: list[float] = dataclasses.field(default_factory=list)
    failures: int = 0


def main() -> int:
    """Measure and print; a missed target is shown, and is no failure."""
    arguments = _arguments()
    folder = arguments.dir.resolve() / str(os.getpid())
    folder.mkdir(parents=True)
    try:
        with contextlib.ExitStack() as running:
            stands = _stands(running, folder, arguments)
            sync_ms = _fdatasync_ms(folder)
            cells = _measured(stands, arguments)
            memory = {
                stand.name: servers.memory_mib(stand.process_id)
                for stand in stands
                if stand.process_id
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = _told(cells, memory=memory, sync_ms=sync_ms)
    print(text)
    if arguments.write:
        sections.write("gateway", text)
    if arguments.json:
        told = {f"{n}|{k}|{c}": dataclasses.asdict(cell) for (n, k, c), cell in cells.items()}
        arguments.json.write_text(json.dumps(told, indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each window")
    parser.add_argument("--callers", type=int, action="append", help="default: 1, 16 and 64")
    parser.add_argument("--only", action="append", help="direct, nova, nova-memory or litellm")
    parser.add_argument("--no-streams", action="store_true")
    parser.add_argument("--litellm", type=Path, default=LITELLM, help="the program litellm")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true", help="put it in the reference")
    parser.add_argument("--dir", type=Path, default=Path(".cache/bench-gateway"))
    return parser.parse_args()


def _stands(
    running: contextlib.ExitStack, folder: Path, arguments: argparse.Namespace
) -> list[Stand]:
    wanted = arguments.only or ["direct", "nova", "nova-memory", "litellm"]
    upstream_port = running.enter_context(servers.upstream())
    stands = [Stand(name="direct", port=upstream_port, key="none")]
    for name, place in (("nova", folder), ("nova-memory", _memory_folder(running))):
        if name in wanted:
            opened = servers.ours(place / name, upstream_port=upstream_port)
            process_id, port, key = running.enter_context(opened)
            stands.append(Stand(name=name, port=port, key=key, process_id=process_id))
    if "litellm" in wanted and not arguments.litellm.exists():
        print(f"{arguments.litellm} is not there: LiteLLM is left out.", file=sys.stderr)
    elif "litellm" in wanted:
        started = servers.litellm(
            folder / "litellm", upstream_port=upstream_port, program=arguments.litellm
        )
        process_id, port, key = running.enter_context(started)
        stands.append(Stand(name="litellm", port=port, key=key, process_id=process_id))
    return stands


def _memory_folder(running: contextlib.ExitStack) -> Path:
    """A folder whose syncs cost nothing: what durability costs is the difference."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(running.enter_context(tempfile.TemporaryDirectory(dir=place)))


def _measured(
    stands: list[Stand], arguments: argparse.Namespace
) -> dict[tuple[str, str, int], Cell]:
    cells: dict[tuple[str, str, int], Cell] = {}
    loads = [("whole", callers) for callers in arguments.callers or (1, 16, 64)]
    if not arguments.no_streams:
        loads.append(("stream", 16))
    for stand in stands:
        _window(stand, "whole", 4, seconds=1.0)
    for number in range(arguments.rounds):
        for kind, callers in loads:
            for stand in stands[number % len(stands) :] + stands[: number % len(stands)]:
                cell = cells.setdefault((stand.name, kind, callers), Cell())
                _note(cell, stand, kind, callers, seconds=arguments.seconds)
    return cells


def _window(stand: Stand, kind: str, callers: int, *, seconds: float) -> load.Heard:
    data = load.request(stand.port, key=stand.key, model=servers.MODEL, is_stream=kind == "stream")
    return uvloop.run(load.run(data, port=stand.port, callers=callers, seconds=seconds))


def _note(cell: Cell, stand: Stand, kind: str, callers: int, *, seconds: float) -> None:
    before_s = servers.cpu_s(stand.process_id) if stand.process_id else 0.0
    heard = _window(stand, kind, callers, seconds=seconds)
    if heard.failures:
        print(f"{stand.name}: {heard.failures} failures: {heard.first_failure}", file=sys.stderr)
    cell.failures += heard.failures
    if not heard.took_ms:
        return
    # What follows an answer (usage, ledger) belongs to it.
    time.sleep(0.5)
    after_s = servers.cpu_s(stand.process_id) if stand.process_id else 0.0
    cell.per_second.append(heard.per_second)
    cell.p50_ms.append(median(heard.took_ms))
    cell.cpu_ms.append((after_s - before_s) * 1e3 / len(heard.took_ms))


def _fdatasync_ms(folder: Path) -> float:
    took: list[float] = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4_096)
            start_ns = time.perf_counter_ns()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter_ns() - start_ns) / 1e6)
    return median(took)


def _told(
    cells: dict[tuple[str, str, int], Cell], *, memory: dict[str, float], sync_ms: float
) -> str:
    kept = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in memory.items())
    lines = [
        "| load | server | calls/s | p50 ms | added p50 ms | CPU ms a call | failures |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (name, kind, callers), cell in sorted(cells.items(), key=lambda each: each[0][1:]):
        if not cell.per_second:
            continue
        direct = cells["direct", kind, callers]
        added = median(cell.p50_ms) - median(direct.p50_ms)
        lines.append(
            f"| {kind}, {callers} at once | {name} | {median(cell.per_second):.0f} "
            f"| {median(cell.p50_ms):.1f} | {added:.2f} | {median(cell.cpu_ms):.2f} "
            f"| {cell.failures} |"
        )
    rounds = max(len(cell.per_second) for cell in cells.values())
    facts = f"Medians of {rounds} rounds. fdatasync of the data directory: p50 {sync_ms:.2f} ms. "
    return "\n".join([*lines, "", _verdict(cells), "", f"{facts}Memory: {kept}."])


def _verdict(cells: dict[tuple[str, str, int], Cell]) -> str:
    lines: list[str] = []
    for name in ("nova", "nova-memory"):
        found = _ratios(cells, name)
        lines += [
            f"- {name}, {_WORDS[what]}: {ratio:.1f} times better than LiteLLM's proxy "
            f"(wanted: {TARGETS[what]:.0f}; {'reached' if ratio >= TARGETS[what] else 'missed'})"
            for what, ratio in found.items()
        ]
    most, theirs = cells.get(("direct", "whole", 16)), cells.get(("litellm", "whole", 16))
    if lines and most and theirs:
        ratio = median(most.per_second) / median(theirs.per_second)
        lines.append(
            f"- the provider by itself, {_WORDS['per_second']}: {ratio:.1f} times LiteLLM's proxy; "
            "whoever stands in front of it can't do more"
        )
    return "\n".join(lines)


def _ratios(cells: dict[tuple[str, str, int], Cell], name: str) -> dict[str, float]:
    """How many times better than LiteLLM: calls a second and CPU at 16, added p50 alone."""
    found: dict[str, float] = {}
    ours, theirs = cells.get((name, "whole", 16)), cells.get(("litellm", "whole", 16))
    if ours and theirs and ours.per_second and theirs.per_second:
        found["per_second"] = median(ours.per_second) / median(theirs.per_second)
        found["cpu"] = median(theirs.cpu_ms) / median(ours.cpu_ms)
    ours, theirs = cells.get((name, "whole", 1)), cells.get(("litellm", "whole", 1))
    if ours and theirs and ours.per_second and theirs.per_second:
        direct = median(cells["direct", "whole", 1].p50_ms)
        found["added"] = (median(theirs.p50_ms) - direct) / (median(ours.p50_ms) - direct)
    ours, theirs = cells.get((name, "stream", 16)), cells.get(("litellm", "stream", 16))
    if ours and theirs and ours.per_second and theirs.per_second:
        found["stream_cpu"] = median(theirs.cpu_ms) / median(ours.cpu_ms)
    return found


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    sys.exit(main())
