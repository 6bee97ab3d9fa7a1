"""`nova backup`: make a backup that counts, list, verify and prune them."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from novacore import bootstrap, journal, kit, ops, settings
from novacore.cli import errors, making_backups, places, sessions
from novacore.cli.context import Context, open_context
from novacore.cli.exits import DONE, FAILED
from novacore.cli.progress import Bars

_MIB = 1024 * 1024


def run(arguments: argparse.Namespace) -> int:
    """Make a backup, or do what was asked of those that are there."""
    context = open_context(arguments)
    return _ACTIONS[arguments.action or "make"](context, arguments)


def _make(context: Context, arguments: argparse.Namespace) -> int:
    chosen = context.settings
    with bootstrap.open_replica(chosen) as source:
        catalog = places.new_catalog(chosen)
        _say_key(context, catalog)
        with Bars(context.console) as bars:
            done = _back_up(
                chosen,
                source,
                catalog,
                bars,
                is_full=arguments.full,
                server=_server(chosen) if arguments.physical else None,
            )
    made = done.backup
    if arguments.json:
        context.console.json(_told(catalog, chosen, made))
        return DONE
    kind = "full" if made.is_full else f"on top of {made.previous}"
    context.console.line(
        f"Backup {made.id}, {kind}: {made.entries:,} entries up to sequence {made.sequence:,}, "
        f"{made.size_bytes / _MIB:,.1f} MiB. Restored and found equal: {done.sessions:,} sessions"
        + (f", {done.rows:,} rows of accounts and usage." if done.rows else ".")
    )
    return DONE


def _back_up(
    chosen: settings.Settings,
    source: journal.Replica,
    catalog: ops.Catalog,
    bars: Bars,
    *,
    is_full: bool,
    server: ops.Server | None,
) -> ops.Verified:
    return making_backups.back_up(
        chosen, source, catalog, steps=_steps(bars), is_full=is_full, server=server
    )


def _server(chosen: settings.Settings) -> ops.Server:
    found = places.find_server(chosen)
    if found is None:
        raise errors.UsageWrong(
            "A physical backup is of a PostgreSQL server; this journal is in a folder.",
            hint="Leave --physical out.",
        )
    return found


def _steps(bars: Bars) -> ops.Steps:
    return lambda what: lambda done, total: bars.show(what, done, total)


def _say_key(context: Context, catalog: ops.Catalog) -> None:
    if catalog.key is not None and catalog.key.is_new:
        path = places.key_file(context.settings)
        context.console.error(
            f"A key for the backups was made: {path}.",
            hint="Copy it to another place now, apart from the backups. Without it nobody can "
            "read them, you neither.",
        )


def _list(context: Context, arguments: argparse.Namespace) -> int:
    catalog = places.peek_catalog(context.settings)
    known, damaged = catalog.list_backups(), catalog.list_damaged()
    if arguments.json:
        listed = [_told(catalog, context.settings, each) for each in known]
        problems = [each.message for each in damaged]
        age_s = ops.backup_age_s(catalog, now_us=kit.SystemClock().now_us())
        context.console.json({"backups": listed, "damaged": problems, "age_s": age_s})
        return FAILED if damaged else DONE
    if not known and not damaged:
        context.console.line(f"There are no backups in {catalog.folder}. Make one: nova backup.")
        return DONE
    head = ("backup", "made", "kind", "entries", "up to", "MiB", "verified", "kept until")
    rows = [_row(catalog, context.settings, each) for each in known]
    context.console.table(head, rows)
    for each in damaged:
        context.console.error(each.message, hint=each.hint)
    return FAILED if damaged else DONE


def _row(catalog: ops.Catalog, chosen: settings.Settings, each: ops.Backup) -> tuple[str, ...]:
    expires_us = ops.expires_at_us(catalog, each, keep_days=chosen.ops.backup_keep_days)
    return (
        each.id,
        sessions.local_time(each.created_at_us),
        ("full" if each.is_full else "new") + (" server" if each.kind == ops.PHYSICAL else ""),
        f"{each.entries:,}",
        f"{each.sequence:,}",
        f"{each.size_bytes / _MIB:,.1f}",
        sessions.local_time(each.verified_at_us) if each.is_verified else "never",
        sessions.local_time(expires_us)[:10],
    )


def _told(catalog: ops.Catalog, chosen: settings.Settings, each: ops.Backup) -> dict[str, Any]:
    expires_us = ops.expires_at_us(catalog, each, keep_days=chosen.ops.backup_keep_days)
    return {
        **dataclasses.asdict(each),
        "is_full": each.is_full,
        "is_verified": each.is_verified,
        "created_at": sessions.iso_time(each.created_at_us),
        "expires_at": sessions.iso_time(expires_us),
    }


def _verify(context: Context, arguments: argparse.Namespace) -> int:
    """Read every backup to its end, and restore the newest one, or the one that was named."""
    chosen = context.settings
    catalog = places.open_catalog(chosen)
    known = catalog.list_backups()
    wanted = [catalog.get_backup(arguments.backup)] if arguments.backup else known[-1:]
    problems: list[kit.NovaError] = [] if arguments.backup else list(catalog.list_damaged())
    done: list[ops.Verified] = []
    with Bars(context.console) as bars:
        if not arguments.backup:
            problems += _unreadable(catalog, known, bars)
        for each in wanted:
            try:
                done.append(
                    ops.verify_backup(
                        catalog,
                        each,
                        scratch=chosen.data_dir / places.SCRATCH,
                        clock=kit.SystemClock(),
                        config=chosen.journal,
                        server=places.find_server(chosen),
                        progress=_steps(bars)("restoring"),
                    )
                )
            except (ops.BackupDamaged, ops.CopyDiffers) as error:
                problems.append(error)
    return _report(context, arguments, known=known, done=done, problems=problems)


def _unreadable(
    catalog: ops.Catalog, known: Sequence[ops.Backup], bars: Bars
) -> list[kit.NovaError]:
    found: list[kit.NovaError] = []
    for number, each in enumerate(known, 1):
        try:
            for _ in catalog.read(each):
                pass
        except (ops.BackupDamaged, ops.KeyUnusable) as error:
            found.append(error)
        bars.show("reading", number, len(known))
    return found


def _report(
    context: Context,
    arguments: argparse.Namespace,
    *,
    known: Sequence[ops.Backup],
    done: Sequence[ops.Verified],
    problems: Sequence[kit.NovaError],
) -> int:
    messages = list(dict.fromkeys(each.message for each in problems))
    is_sound = not messages and bool(known)
    if arguments.json:
        restored = [dataclasses.asdict(each) for each in done]
        told = {"is_sound": is_sound, "restored": restored, "problems": messages}
        context.console.json(told)
        return DONE if is_sound else FAILED
    for each in done:
        context.console.line(
            f"{each.backup.id}: restored and sound, {each.sessions:,} sessions, "
            f"{each.entries:,} entries, {each.blobs:,} blobs"
            + (f", {each.rows:,} rows of accounts and usage." if each.rows else ".")
        )
    if not known:
        context.console.error("There is no backup to verify.", hint="Make one: nova backup.")
    elif is_sound and not arguments.backup:
        context.console.line(f"Every byte of {len(known):,} backups is what was written.")
    for message in messages:
        context.console.error(message)
    return DONE if is_sound else FAILED


def _prune(context: Context, arguments: argparse.Namespace) -> int:
    chosen = context.settings
    catalog = places.open_catalog(chosen)
    keep_days = chosen.ops.backup_keep_days if arguments.days is None else arguments.days
    with Bars(context.console) as bars:

        def make_full() -> ops.Backup:
            newest = catalog.newest()
            is_physical = newest is not None and newest.kind == ops.PHYSICAL
            server = places.find_server(chosen) if is_physical else None
            with bootstrap.open_replica(chosen) as source:
                return _back_up(chosen, source, catalog, bars, is_full=True, server=server).backup

        now_us = kit.SystemClock().now_us()
        done = ops.prune(catalog, keep_days=keep_days, now_us=now_us, make_full=make_full)
    if arguments.json:
        made = None if done.made is None else done.made.id
        removed = [each.id for each in done.removed]
        context.console.json({"removed": removed, "made": made})
        return DONE
    if done.made is not None:
        context.console.line(f"Made and verified a new full backup first: {done.made.id}.")
    size = sum(each.size_bytes for each in done.removed) / _MIB
    context.console.line(f"Removed {len(done.removed):,} backups, {size:,.1f} MiB.")
    return DONE


_ACTIONS: dict[str, Callable[[Context, argparse.Namespace], int]] = {
    "make": _make,
    "list": _list,
    "verify": _verify,
    "prune": _prune,
}
