"""Opening: a whole conversation, warm, already open, for the first time, and all of it decoded."""

from pathlib import Path
from statistics import median

import msgspec

from benchmarks import measure, process, report
from benchmarks.measure import Timing
from benchmarks.peers import Peer
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage
from novacore import journal

SECTION = "Opening a conversation"
_UNCACHED = journal.Config(open_transcripts_max=0)


class Plain(msgspec.Struct, array_like=True, gc=False):
    """The least that a decoded message can be."""

    fields: dict[str, object]


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    return [*_beside_peers(stage), *_decode_all(stage), *_already_open(stage), *_first(stage)]


def _beside_peers(stage: Stage) -> list[Row]:
    others = stage.peers("peers-open")
    with journal.open_store(stage.journal_path, config=_UNCACHED) as store:
        session = store.session(NAME)

        def open_whole() -> list[journal.Message]:
            return session.open()[-20:]

        assert [dict(message) for message in open_whole()] == stage.messages[-20:]
        assert len(session.open()) == len(stage.messages)
        assert not session.open().damaged
        actions: dict[str, measure.Action] = {"ours": open_whole}
        actions |= {peer.name: peer.load for peer in others}
        counts = {name: stage.scaled(200 if name == "ours" else 20) for name in actions}
        timings = measure.in_turns(actions, rounds=stage.rounds, counts=counts)
    ours = timings["ours"]
    what = "Open whole, warm, every checksum verified, last 20 decoded"
    rows = [
        report.shown_only(SECTION, f"{what}, p50", ours.p50_ms, key="open_p50_ms"),
        report.at_most(SECTION, f"{what}, p99", ours.p99_ms, limit=1, key="open_p99_ms"),
        report.shown_only(SECTION, f"{what}, p99 over all rounds", ours.p99_pooled_ms),
    ]
    loads = [_peer_row(peer, timings[peer.name], ours) for peer in others]
    return rows + loads + _ratios(others, timings)


def _peer_row(peer: Peer, theirs: Timing, ours: Timing) -> Row:
    times = measure.ratio(theirs, ours)
    shown = f"{report.ms(theirs.p50_ms)}, p99 {report.ms(theirs.p99_ms)}: {times:.0f} × ours"
    return report.of_peer(
        SECTION, f"{peer.name}, load", theirs.p50_ms, shown=shown, key=f"load {peer.name}"
    )


def _ratios(others: list[Peer], timings: dict[str, Timing]) -> list[Row]:
    ours = timings["ours"]
    times = {peer.name: measure.ratio(timings[peer.name], ours) for peer in others}
    durable = [times[p.name] for p in others if p.is_library and p.is_durable and p.is_typical]
    compact = [times[p.name] for p in others if "compact" in p.name]
    rows = [
        report.at_least(
            SECTION, "Faster than json.loads of a compact file", min(compact), limit=15, unit="×"
        )
    ]
    if durable:
        what = "Faster than the fastest durable peer library"
        rows.insert(0, report.at_least(SECTION, what, min(durable), limit=40, unit="×"))
    return rows


def _decode_all(stage: Stage) -> list[Row]:
    array = msgspec.msgpack.encode([(message,) for message in stage.messages])
    many = msgspec.msgpack.Decoder(list[journal.Message]).decode
    plain = msgspec.msgpack.Decoder(list[Plain]).decode
    with journal.open_store(stage.journal_path, config=_UNCACHED) as store:
        transcript = store.session(NAME).open()
        assert [dict(message) for message in transcript.decode_all()] == stage.messages
        actions: dict[str, measure.Action] = {
            "ours": transcript.decode_all,
            "array": lambda: many(array),
            "plain": lambda: plain(array),
        }
        timings = measure.in_turns(actions, rounds=stage.rounds, counts=stage.scaled(100))
    ours, one, least = timings["ours"], timings["array"], timings["plain"]
    shown = f"{report.ms(ours.p50_ms)}, p99 {report.ms(ours.p99_ms)}"
    times = measure.ratio(ours, one)
    return [
        report.shown_only(
            SECTION, "All messages decoded", ours.p50_ms, shown=shown, key="decode_all_ms"
        ),
        report.of_peer(SECTION, "msgspec, one array of the same", one.p50_ms),
        report.of_peer(SECTION, "msgspec, one array, to a plain struct", least.p50_ms),
        report.at_most(SECTION, "Against msgspec on one array", times, limit=1.4, unit="×"),
    ]


def _already_open(stage: Stage) -> list[Row]:
    with journal.open_store(stage.journal_path) as store:
        session = store.session(NAME)
        timing = measure.in_turns(
            {"ours": session.open}, rounds=stage.rounds, counts=stage.scaled(1_000)
        )["ours"]
    what = "Already open, with the check that nobody else appended"
    return [
        report.at_most(SECTION, f"{what}, p50", timing.p50_ms, limit=0.05, key="reopen_ms"),
        report.shown_only(SECTION, f"{what}, p99", timing.p99_ms),
    ]


def _first(stage: Stage) -> list[Row]:
    path = stage.journal_path
    warm: list[float] = []
    cold: list[float] = []
    for _ in range(stage.scaled(20)):
        warm.append(process.first_open(path))
        cold.append(_first_cold(path))
    what = "First open in a new process, after imports"
    return [
        report.at_most(SECTION, f"{what}, p50", median(warm), limit=10, key="first_open_ms"),
        report.shown_only(SECTION, f"{what}, slowest of {len(warm)}", max(warm)),
        report.shown_only(
            SECTION, f"{what}, its files dropped from the page cache, p50", median(cold)
        ),
        report.shown_only(SECTION, f"{what}, the same, slowest", max(cold)),
    ]


def _first_cold(path: Path) -> float:
    process.drop_from_page_cache(path)
    return process.first_open(path)
