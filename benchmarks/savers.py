"""LangGraph on the journal beside LangGraph on its own SQLite saver: the same graph state, step by
step, a checkpoint after each of the conversation's messages.
"""

import sqlite3
from pathlib import Path
from typing import Any

from benchmarks import measure, report
from benchmarks.report import Row
from benchmarks.stage import Stage, size_of
from novacore import journal

SECTION = "LangGraph's checkpoints on the journal"
_OURS, _THEIRS = "JournalSaver", "LangGraph SqliteSaver"


def run(stage: Stage) -> list[Row]:
    """Every row of this section; none where LangGraph is not installed."""
    if not stage.has_libraries:
        return []
    from novacore.adapters.langgraph import JournalSaver  # noqa: PLC0415 - needs LangGraph

    ours_at, theirs_at = stage.fresh("saver-journal"), stage.fresh("saver-sqlite")
    connection = sqlite3.connect(theirs_at / "langgraph.db", check_same_thread=False)
    with journal.open_store(ours_at) as store:
        peers = {_OURS: _peer(JournalSaver(store)), _THEIRS: _peer(_sqlite_saver(connection))}
        for message in stage.messages:
            for peer in peers.values():
                peer.append(message)
        sizes = {_OURS: size_of(ours_at), _THEIRS: size_of(theirs_at)}
        last = stage.messages[-1]
        loads = measure.in_turns(
            {name: peer.load for name, peer in peers.items()},
            rounds=stage.rounds, counts=stage.scaled(20),
        )  # fmt: skip
        steps = measure.alternately(
            {name: lambda peer=peer: peer.append(last) for name, peer in peers.items()},
            rounds=stage.rounds, count=stage.scaled(10),
        )  # fmt: skip
    connection.close()
    first = measure.in_turns(
        {_OURS: lambda: _first_ours(ours_at), _THEIRS: lambda: _first_theirs(theirs_at)},
        rounds=stage.rounds, counts=1,
    )  # fmt: skip
    growth = sizes[_THEIRS] / sizes[_OURS]
    return [
        *_rows("The newest of 738 checkpoints, loaded", loads),
        *_rows("A checkpoint after 738", steps),
        *_rows("The newest checkpoint, in a store just opened", first),
        report.at_least(
            SECTION, f"738 checkpoints take less room than in {_THEIRS}", growth,
            limit=10, unit="×", key="saver_growth",
        ),
    ]  # fmt: skip


def _rows(what: str, timings: dict[str, measure.Timing]) -> list[Row]:
    ours, theirs = timings[_OURS], timings[_THEIRS]
    times = measure.ratio(theirs, ours)
    shown = f"{report.ms(theirs.p50_ms)}: {report.number(times)} × ours"
    return [
        report.shown_only(SECTION, f"{what}, p50", ours.p50_ms),
        report.of_peer(SECTION, f"{_THEIRS}, the same", theirs.p50_ms, shown=shown),
    ]


def _peer(saver: Any) -> Any:
    from benchmarks.libraries import LangGraph  # noqa: PLC0415 - installed for the bench alone

    return LangGraph(type(saver).__name__, saver, is_durable=True)


def _sqlite_saver(connection: sqlite3.Connection) -> Any:
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - for the bench alone

    return SqliteSaver(connection)


def _first_ours(folder: Path) -> int:
    from novacore.adapters.langgraph import JournalSaver  # noqa: PLC0415 - needs LangGraph

    with journal.open_store(folder) as store:
        return _peer(JournalSaver(store)).load()


def _first_theirs(folder: Path) -> int:
    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    try:
        return _peer(_sqlite_saver(connection)).load()
    finally:
        connection.close()
