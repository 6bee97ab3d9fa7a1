"""Appending beside seven tiers that follow, and how fast they come back after an outage."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import measure, report
from benchmarks.crowds import Crowd
from benchmarks.report import Row
from benchmarks.stage import NAME, Stage, fill, size_of
from novacore import bootstrap, journal, settings, tiers

SECTION = "Seven tiers that follow the journal"
_SESSIONS = 50
_SHARE_MIN = 0.8
_P99_MS_MAX = 150
_OUTAGE_TIMES = 7
"""How many conversations of 738 messages pass while the tiers are stopped."""
_LONG_TIMES = 100
_PATIENCE_S = 600


def run(stage: Stage) -> list[Row]:
    """Every row of this section."""
    return [*_beside_appends(stage), *_after_an_outage(stage), *_one_long_session(stage)]


def _chosen(folder: Path) -> settings.Settings:
    return settings.load(env={"HOME": str(folder)}, overrides={"data_dir": str(folder)})


def _beside_appends(stage: Stage) -> list[Row]:
    """The same crowd with the tiers off and on, in turn; each on a fresh journal."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    p99s: dict[bool, list[float]] = {False: [], True: []}
    behind: list[int] = []
    for _ in range(1 if stage.is_quick else 5):
        for is_on in (False, True):
            rate, p99_ms, lag = _one_crowd(stage, is_on=is_on)
            rates[is_on].append(rate)
            p99s[is_on].append(p99_ms)
            behind += [lag] if is_on else []
    off, on = median(rates[False]), median(rates[True])
    # Neighbours on this machine hit a pair alike: the share is taken within each.
    share = median(b / a for a, b in zip(rates[False], rates[True], strict=True))
    what = f"{_SESSIONS} sessions"
    return [
        report.shown_only(
            SECTION, f"{what}, tiers off", off,
            shown=f"{report.number(off)} appends/s, p99 {report.ms(median(p99s[False]))}",
        ),
        report.shown_only(
            SECTION, f"{what}, seven tiers on", on,
            shown=f"{report.number(on)} appends/s, p99 {report.ms(median(p99s[True]))}",
        ),
        report.at_least(
            SECTION, f"{what}: the rate with seven tiers on, of that with them off", 100 * share,
            limit=100 * _SHARE_MIN, unit="%", key="tiers_append_share",
        ),
        report.at_most(
            SECTION, f"{what}, seven tiers on, p99", median(p99s[True]), limit=_P99_MS_MAX,
            key="tiers_append_p99_ms",
        ),
        report.shown_only(
            SECTION, f"{what}: entries that the tiers were behind at the end", median(behind),
            shown=f"{median(behind):,.0f}",
        ),
    ]  # fmt: skip


def _one_crowd(stage: Stage, *, is_on: bool) -> tuple[float, float, int]:
    """(appends a second, p99 ms, entries that the slowest tier is behind at the end)."""
    chosen = _chosen(stage.fresh("crowd-tiers"))
    projecting = bootstrap.projecting(chosen) if is_on else contextlib.nullcontext()
    with journal.open_store(chosen.data_dir) as store, projecting:
        crowd = Crowd(store, stage.messages, size=_SESSIONS)
        if is_on:
            _wait_for(chosen, store, is_held=True)
        rate = crowd.in_tasks(1 if stage.is_quick else 6)
        lag = max(_lags(chosen, store)) if is_on else 0
    if is_on:
        # The process goes on after us; let it be done before the next round.
        with journal.open_store(chosen.data_dir) as store:
            _wait_for(chosen, store)
    return rate, measure.quantile(crowd.samples_ms, 0.99), lag


def _lags(chosen: settings.Settings, store: journal.JournalStore) -> list[int]:
    opened = bootstrap.open_tiers(chosen, store)
    try:
        return [each.lag_entries for each in opened.status() if each.engine != "off"]
    finally:
        opened.close()


def _wait_for(
    chosen: settings.Settings, store: journal.JournalStore, *, is_held: bool = False
) -> None:
    """Until every tier is at the journal's end, and, where wanted, a process projects it."""
    end_s = time.monotonic() + _PATIENCE_S
    opened = bootstrap.open_tiers(chosen, store)
    try:
        while any(
            each.state == "behind" or (is_held and not each.is_held)
            for each in opened.status()
            if each.engine != "off"
        ):
            if time.monotonic() > end_s:
                raise SystemExit("The tiers did not catch up.")
            time.sleep(0.2)
    finally:
        opened.close()


def _after_an_outage(stage: Stage) -> list[Row]:
    """Everything stopped while conversations passed: each tier alone, then all side by side."""
    chosen = _chosen(stage.fresh("outage"))
    rows: list[Row] = []
    with journal.open_store(chosen.data_dir) as store:
        for number in range(1 if stage.is_quick else _OUTAGE_TIMES):
            fill(store.session(f"{NAME}-{number}"), stage.messages)
        entries = store.feed().state().sequence
        opened = bootstrap.open_tiers(chosen, store)
        try:
            for tier in opened.names:
                rate = entries / _timed(lambda tier=tier: opened.rebuild(tier))
                rows.append(_rate_row(f"Catching up alone: {tier}", rate))
            for tier in opened.names:
                opened.rebuild(tier, timeout_ms=0)
            took_s = _timed(lambda: opened.catch_up(timeout_ms=_PATIENCE_S * 1_000))
            rows.append(
                _rate_row(
                    f"Catching up {entries:,} entries, all {len(opened.names)} tiers",
                    entries / took_s, key="tiers_catch_up_rate",
                )
            )  # fmt: skip
            took_s = _timed(lambda: _check(opened))
            rows.append(
                _rate_row("Verifying all of them, entries of the journal", entries / took_s)
            )
        finally:
            opened.close()
        share = size_of(chosen.data_dir / "tiers") / size_of(chosen.data_dir)
        rows.append(
            report.shown_only(
                SECTION, "The tiers' part of the data directory", share, shown=f"{share:.0%}"
            )
        )
    return rows


def _one_long_session(stage: Stage) -> list[Row]:
    """One session of 73,800 messages: every engine's limits are met, and verify says equal."""
    chosen = _chosen(stage.fresh("long"))
    times = _LONG_TIMES // (20 if stage.is_quick else 1)
    with journal.open_store(chosen.data_dir) as store:
        session = store.session(NAME)
        for _ in range(times):
            fill(session, stage.messages)
        opened = bootstrap.open_tiers(chosen, store)
        try:
            took_s = _timed(lambda: opened.catch_up(timeout_ms=_PATIENCE_S * 1_000))
            checked_s = _timed(lambda: _check(opened))
        finally:
            opened.close()
    entries = times * len(stage.messages)
    what = f"One session of {entries:,} messages"
    return [
        _rate_row(f"{what}: catching up", entries / took_s),
        _rate_row(f"{what}: verifying, equal in every tier", entries / checked_s),
    ]


def _check(opened: tiers.TierSet) -> None:
    wrong = [each for each in opened.verify() if not each.is_equal]
    if wrong:
        raise SystemExit(f"A tier does not equal the journal: {wrong[0]}")


def _timed(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def _rate_row(what: str, rate: float, *, key: str = "") -> Row:
    return report.shown_only(SECTION, what, rate, shown=f"{rate:,.0f} entries/s", key=key)
