"""`nova tiers`: how the tiers stand, whether they equal the journal, and how to mend them."""

import argparse
import dataclasses
from typing import Any

from novacore import bootstrap, tiers
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.progress import Bars

_CATCH_UP_MS = 600_000


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked of all tiers, or of one."""
    context = open_context(arguments)
    with bootstrap.open_store(context.settings) as store:
        opened = bootstrap.open_tiers(context.settings, store)
        try:
            return _ACTIONS[arguments.action](context, opened, arguments)
        finally:
            opened.close()


def _chosen(opened: tiers.TierSet, arguments: argparse.Namespace) -> list[str]:
    if arguments.tier is None:
        return list(opened.names)
    if arguments.tier not in opened.names:
        raise tiers.TierUnknown(
            f"There is no tier {arguments.tier!r}, or it is off.",
            hint=f"Kept: {', '.join(opened.names)}.",
        )
    return [arguments.tier]


def _status(context: Context, opened: tiers.TierSet, arguments: argparse.Namespace) -> int:
    wanted = set(_chosen(opened, arguments)) if arguments.tier else set(tiers.TIERS)
    found = [each for each in opened.status() if each.tier in wanted]
    is_well = all(each.is_well for each in found)
    if arguments.json:
        listed = [{"is_well": each.is_well, **dataclasses.asdict(each)} for each in found]
        context.console.json({"is_well": is_well, "tiers": listed})
        return DONE if is_well else FAILED
    head = ("tier", "engine", "state", "behind", "set aside", "answers", "projected by")
    context.console.table(head, [_row(each) for each in found])
    for each in found:
        _explain(context, each)
    return DONE if is_well else FAILED


def _row(status: tiers.TierStatus) -> tuple[str, ...]:
    if status.engine == "off":
        return (status.tier, "off", "", "", "", "", "")
    behind = "-"
    if status.lag_entries or status.lag_erasures:
        behind = f"{status.lag_entries:,} entries, {_seconds(status.lag_s)}"
        if status.lag_erasures:
            behind += f", {status.lag_erasures:,} erasures"
    answers = "no" if not status.is_up else "yes"
    if status.is_up and status.latency_ms is not None:
        answers = f"{status.latency_ms:.1f} ms"
    holder = "nobody"
    if status.is_held:
        holder = f"process {status.holder_pid}" if status.holder_pid else "another process"
    aside = f"{len(status.set_aside):,}" if status.set_aside else "-"
    return (status.tier, status.engine, status.state, behind, aside, answers, holder)


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7_200 else f"{seconds / 3_600:,.0f} h"


def _explain(context: Context, status: tiers.TierStatus) -> None:
    """Below the table: what is wrong, and what was set aside."""
    if not status.is_up:
        context.console.line(f"{status.tier} is down: {status.what}")
    if status.note:
        context.console.line(f"{status.tier}: {status.note}")
    if status.engine != "off" and not status.tested_with:
        context.console.line(f"{status.tier}: its engine {status.engine} was tested with no server")
    _list_aside(context, status.tier, status.set_aside)


def _list_aside(
    context: Context, tier: str, set_aside: tuple[tiers.SetAside, ...], *, most: int = 5
) -> None:
    for each in set_aside[:most]:
        place = f"session {each.session_id}, position {each.position}"
        context.console.line(f"- {tier} set aside {place} after {each.tries:,} tries: {each.error}")
    if len(set_aside) > most:
        context.console.line(f"- and {len(set_aside) - most:,} more; --json lists them")


def _verify(context: Context, opened: tiers.TierSet, arguments: argparse.Namespace) -> int:
    chosen = _chosen(opened, arguments)
    behind = sum(each.lag_entries for each in opened.status() if each.tier in chosen and each.is_up)
    with Bars(context.console) as bars:
        if behind and not arguments.json:
            context.console.line("The tiers are behind; bringing them up to date first.")
        opened.catch_up(timeout_ms=_CATCH_UP_MS, tier=arguments.tier, progress=bars.show)
    with Bars(context.console) as bars:
        found = opened.verify(arguments.tier, progress=bars.show)
    equal = sum(report.is_equal for report in found)
    if arguments.json:
        listed = [_as_data(report) for report in found]
        is_equal = equal == len(found)
        context.console.json({"is_equal": is_equal, "equal": equal, "tiers": listed})
    else:
        for report in found:
            _show(context, report)
        context.console.line(f"{equal} of {len(found)} tiers equal the journal.")
    return DONE if equal == len(found) else FAILED


def _as_data(report: tiers.TierReport) -> dict[str, Any]:
    return {"is_equal": report.is_equal, **dataclasses.asdict(report)}


def _show(context: Context, report: tiers.TierReport) -> None:
    console = context.console
    name = f"{report.tier:<10} {report.engine:<10}"
    read = f"{report.sessions:,} sessions, {report.items:,} items read back"
    if report.is_equal:
        console.line(f"{name} equal: {read}")
        return
    if report.error:
        console.line(f"{name} could not be compared: {report.error}")
    if report.difference is not None:
        console.line(f"{name} differs in {report.differing:,} sessions; the first:")
        console.line(f"  {_told(report.difference)}")
        console.line(f"  `nova tiers rebuild {report.tier}` makes it anew from the journal.")
    elif report.set_aside:
        count = len(report.set_aside)
        console.line(f"{name} equal but for {count:,} entries set aside: {read}")
        console.line(f"  `nova tiers retry {report.tier}` tries them again.")
    _list_aside(context, report.tier, report.set_aside)


def _told(difference: tiers.Difference) -> str:
    place = f"session {difference.session_id}: " if difference.session_id else ""
    if difference.position is not None:
        part = f" {difference.part!r}" if difference.part else ""
        place = (
            f"session {difference.session_id}, position {difference.position}, "
            f"{difference.collection}{part}: "
        )
    return place + difference.what


def _rebuild(context: Context, opened: tiers.TierSet, arguments: argparse.Namespace) -> int:
    done: dict[str, bool] = {}
    with Bars(context.console) as bars:
        for tier in _chosen(opened, arguments):
            done[tier] = opened.rebuild(tier, progress=bars.show)
    if arguments.json:
        context.console.json({"is_rebuilt": all(done.values()), "tiers": done})
    else:
        for tier, is_done in done.items():
            context.console.line(f"{tier}: {'made anew' if is_done else 'not done yet'}")
    return DONE if all(done.values()) else FAILED


def _retry(context: Context, opened: tiers.TierSet, arguments: argparse.Namespace) -> int:
    left: dict[str, tuple[tiers.SetAside, ...]] = {}
    with Bars(context.console) as bars:
        for tier in _chosen(opened, arguments):
            left[tier] = opened.retry(tier, progress=bars.show)
    if arguments.json:
        listed = {tier: [dataclasses.asdict(each) for each in rest] for tier, rest in left.items()}
        context.console.json({"left": sum(map(len, left.values())), "tiers": listed})
    else:
        for tier, rest in left.items():
            context.console.line(f"{tier}: {len(rest):,} entries are set aside")
            _list_aside(context, tier, rest)
    return FAILED if any(left.values()) else DONE


_ACTIONS = {"status": _status, "verify": _verify, "rebuild": _rebuild, "retry": _retry}
