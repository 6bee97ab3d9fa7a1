"""Opening: a whole conversation, warm, already open, for the first time, and all of it decoded."""

from pathlib import Path

import msgspec

from benchmarks import measure, peers, process, report
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
    others = peers.all_peers(stage.fresh("peers"))
    for peer in others:
        peer.fill(stage.messages)
    with journal.open_store(stage.journal_path, config=_UNCACHED) as store:
        session = store.session(NAME)

        def open_whole() -> None:
            transcript = session.open()
            assert len(transcript) == len(stage.messages)
            assert not transcript.damaged
            transcript[-20:]

        actions: dict[str, measure.Action] = {"ours": open_whole}
        actions |= {peer.name: peer.load for peer in others}
        counts = {name: stage.scaled(200 if name == "ours" else 20) for name in actions}
        timings = measure.in_turns(actions, rounds=stage.rounds, counts=counts)
    ours = timings["ours"]
    what = "open whole, warm, every checksum verified, last 20 decoded"
    rows = [
        report.shown_only(SECTION, f"{what}, p50", report.ms(ours.p50_ms), ours.p50_ms),
        report.at_most(SECTION, f"{what}, p99", ours.p99_ms, 1.0),
        report.shown_only(
            SECTION, f"{what}, p99 of all runs pooled", report.ms(ours.worst_p99_ms),
            ours.worst_p99_ms,
        ),
    ]  # fmt: skip
    for peer in others:
        timing = timings[peer.name]
        times = measure.ratio(timing, ours)
        shown = f"{report.ms(timing.p50_ms)}, p99 {report.ms(timing.p99_ms)} ({times:.0f} x ours)"
        rows.append(report.shown_only(SECTION, peer.name, shown, timing.p50_ms, is_peer=True))
    return rows + _ratios(others, timings)


def _ratios(others: list[peers.Peer], timings: dict[str, measure.Timing]) -> list[Row]:
    ours = timings["ours"]
    durable = [
        measure.ratio(timings[peer.name], ours)
        for peer in others
        if peer.is_library and peer.is_durable and "plain" not in peer.name
    ]
    files = [measure.ratio(timings[p.name], ours) for p in others if "compact" in p.name]
    return [
        report.at_least(
            SECTION, "times faster than the fastest durable peer library", min(durable), 40, unit="x"
        ),
        report.at_least(
            SECTION, "times faster than json.loads of a compact file", min(files), 15, unit="x"
        ),
    ]


def _decode_all(stage: Stage) -> list[Row]:
    array = msgspec.msgpack.encode([(message,) for message in stage.messages])
    many = msgspec.msgpack.Decoder(list[journal.Message]).decode
    plain = msgspec.msgpack.Decoder(list[Plain]).decode
    with journal.open_store(stage.journal_path, config=_UNCACHED) as store:
        transcript = store.session(NAME).open()
        assert [dict(message) for message in transcript.decode_all()] == stage.messages
        timings = measure.in_turns(
            {
                "ours": transcript.decode_all,
                "array": lambda: many(array),
                "plain": lambda: plain(array),
            },
            rounds=stage.rounds,
            counts=stage.scaled(100),
        )
    ours, one, least = timings["ours"], timings["array"], timings["plain"]
    p50, p99 = report.ms(ours.p50_ms), report.ms(ours.p99_ms)
    return [
        report.shown_only(SECTION, "all messages decoded", f"{p50}, p99 {p99}", ours.p50_ms),
        report.shown_only(
            SECTION, "msgspec, one array of the same", report.ms(one.p50_ms), one.p50_ms,
            is_peer=True,
        ),
        report.shown_only(
            SECTION, "msgspec, one array to a plain struct", report.ms(least.p50_ms), least.p50_ms,
            is_peer=True,
        ),
        report.at_most(
            SECTION, "decode all, against msgspec on one array", measure.ratio(ours, one), 1.4,
            unit="x",
        ),
    ]  # fmt: skip


def _already_open(stage: Stage) -> list[Row]:
    with journal.open_store(stage.journal_path) as store:
        session = store.session(NAME)
        timing = measure.in_turns(
            {"ours": session.open}, rounds=stage.rounds, counts=stage.scaled(1_000)
        )["ours"]
    what = "already open, with the check that nobody else appended"
    return [
        report.at_most(SECTION, f"{what}, p50", timing.p50_ms, 0.05),
        report.shown_only(SECTION, f"{what}, p99", report.ms(timing.p99_ms), timing.p99_ms),
    ]


def _first(stage: Stage) -> list[Row]:
    path = stage.journal_path
    warm = [process.first_open(path) for _ in range(stage.scaled(20))]
    cold = [_first_cold(path) for _ in range(stage.scaled(20))]
    what = "first open in a new process, after imports"
    worst = measure.quantile(warm, 0.99)
    return [
        report.at_most(SECTION, f"{what}, p50", measure.quantile(warm, 0.5), 10.0),
        report.shown_only(SECTION, f"{what}, slowest of {len(warm)}", report.ms(worst), worst),
        report.shown_only(
            SECTION,
            f"{what}, data dropped from the page cache, p50",
            report.ms(measure.quantile(cold, 0.5)),
            measure.quantile(cold, 0.5),
        ),
    ]


def _first_cold(path: Path) -> float:
    process.drop_from_page_cache(path)
    return process.first_open(path)
