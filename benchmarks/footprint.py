"""What a thousand messages take: on disk by what holds them, and in memory for recall."""

import novacore
from benchmarks import process, report
from benchmarks.report import Row
from benchmarks.stage import Stage, fill, size_of

SECTION = "What 1,000 messages take"
_SESSIONS = 10
_CATCH_UP_MS = 600_000


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    count = 2 if stage.is_quick else _SESSIONS
    folder = stage.fresh("footprint")
    with novacore.open(folder) as store:
        for number in range(count):
            fill(store.session(f"talk-{number}"), stage.messages)
        store.tiers.catch_up(timeout_ms=_CATCH_UP_MS)
        store.recall("warm up")
    whole_kib = process.recall_memory_kib(folder)
    thousands = count * len(stage.messages) / 1_000
    parts = {
        "the journal": size_of(folder) - size_of(folder / "tiers") - size_of(folder / "recall")
    }
    for path in sorted((folder / "tiers").iterdir()):
        if path.is_dir():
            parts[f"the {path.name} tier"] = size_of(path)
    parts["the recall index"] = size_of(folder / "recall")
    rows = [
        report.shown_only(
            SECTION, f"On disk, {name}", size / thousands,
            shown=f"{size / thousands / 2**20:.2f} MiB", key=f"disk_{name.split()[1]}",
        )
        for name, size in parts.items()
    ]  # fmt: skip
    rows.append(
        report.shown_only(
            SECTION,
            f"In memory, a process with {count * len(stage.messages):,} messages recalled from",
            whole_kib,
            shown=f"{whole_kib / 1024:,.0f} MiB in all",
            key="recall_process_mib",
        )
    )
    return rows
