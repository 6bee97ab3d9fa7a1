"""Quality and speed of recall, through the product's own path.

    python -m benchmarks.recall --data FILE [--embedder minilm] [--sizes 6000,200000] [--json FILE]

FILE is in LoCoMo's form (conversations with questions and the turns that answer them). It is only
measured with: nothing that ships is made from it. Without --data only the speed is measured.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from benchmarks.recall import quality, speed  # noqa: E402 - after the thread counts are set
from benchmarks.recall.metrics import COLUMNS  # noqa: E402 - as above


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="conversations with questions, in LoCoMo's form")
    parser.add_argument("--embedder", default="auto", help="who makes the vectors; auto")
    parser.add_argument("--sizes", default="6000,200000", help="messages to measure the speed at")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    asked = parser.parse_args(arguments)
    figures: dict[str, object] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}"}
    if asked.data:
        figures["quality"] = _show_quality(asked.data, asked.embedder)
    sizes = [int(each) for each in asked.sizes.split(",") if each]
    figures["speed"] = [_show_speed(speed.measure(size)) for size in sizes]
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _show_quality(path: Path, embedder: str) -> dict[str, list[float]]:
    print("| ranking | " + " | ".join(COLUMNS) + " | questions |")
    print("| --- |" + " ---: |" * (len(COLUMNS) + 1))
    made: dict[str, list[float]] = {}
    for name, row, count in quality.measure(path, embedder=embedder):
        made[name] = row
        print(f"| {name} | " + " | ".join(f"{each:.3f}" for each in row) + f" | {count} |")
        sys.stdout.flush()
    print()
    return made


def _show_speed(found: speed.Speed) -> dict[str, float | int | None]:
    print(f"At {found.messages:,} messages, static vectors included:")
    print(f"- taken in: {found.ingest_per_s:,.0f} messages/s")
    print(f"- a question: p50 {found.p50_ms:.1f} ms, p95 {found.p95_ms:.1f} ms")
    print(f"- a question just after an append: median {found.fresh_ms:.1f} ms")
    print(f"- a new process's first question: {found.open_ms:,.0f} ms")
    print(f"- on disk: {found.bytes_per_message:,.0f} bytes a message")
    if found.ann_recall is None or found.ann_ms is None:
        print(f"- nearest vectors: all are compared, {found.exact_ms:.2f} ms")
    else:
        print(
            f"- nearest vectors: approximate {found.ann_ms:.2f} ms, recall at ten "
            f"{found.ann_recall:.3f}; comparing all {found.exact_ms:.2f} ms"
        )
    print()
    sys.stdout.flush()
    return vars(found)


if __name__ == "__main__":
    sys.exit(main())
