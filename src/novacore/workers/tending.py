"""What is done by the clock: trials, memories, cleaning up, and the daily backup."""

import contextlib
import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from novacore import bootstrap, settings
from novacore.workers import exporting
from novacore.workers.errors import WorkFailed
from novacore.workers.schedules import Schedule, hours
from novacore.workers.store import OutboxStore

_WORKFLOWS_KEPT_DAYS: Final = 3
_MODEST: Final = (
    "import os, sys; os.nice(10); "
    "from novacore.cli import main; sys.exit(main(sys.argv[1:]))"
)  # fmt: skip
"""The command line at a low priority: what is asked of the server comes first."""


def list_schedules(
    platform: "bootstrap.Platform",
    store: OutboxStore,
    *,
    forget: Callable[[dt.datetime], int],
) -> list[Schedule]:
    """Everything that is done by the clock, in the order of status; times are UTC.

    Args:
        platform: what it is done to.
        store: the outbox.
        forget: drops what is known about workflows that ended before a time.
    """
    found = [
        Schedule(
            name="trial-expiry",
            at_us=hours(2),
            do=lambda: f"{platform.billing.expire_trials():,} plans ended",
        ),
        Schedule(
            name="trial-reminder",
            at_us=hours(10),
            do=lambda: f"{platform.billing.remind_trials():,} owners reminded",
        ),
        Schedule(name="memories", at_us=hours(2), do=lambda: _advance(platform)),
        Schedule(name="cleanup", at_us=hours(3.5), do=lambda: _clean_up(platform, store, forget)),
        Schedule(name="storage", at_us=hours(3.75), do=lambda: _measure(platform)),
        Schedule(name="reconcile", at_us=hours(4), do=lambda: _reconcile(platform)),
    ]
    if platform.chosen.workers.daily_backup:
        found.append(Schedule(name="backup", at_us=hours(1.5), do=lambda: _back_up(platform)))
    return found


def _advance(platform: "bootstrap.Platform") -> str:
    """Let every owner's memories age; where a turn did it already, nothing is left to do."""
    owners = {each.scope for each in platform.store.feed().list_sessions() if not each.is_erased}
    changed = 0
    for scope in sorted(owners, key=lambda each: (each.tenant, each.owner)):
        done = platform.store.for_owner(scope).memories.advance()
        changed += len(done.promoted) + len(done.expired) + len(done.crowded_out)
    return f"{changed:,} memories of {len(owners):,} owners moved"


def _clean_up(
    platform: "bootstrap.Platform", store: OutboxStore, forget: Callable[[dt.datetime], int]
) -> str:
    gone: dict[str, int] = {}
    gone.update(platform.identity.clean_up())
    gone.update(platform.billing.clean_up())
    gone.update({f"outbox_{state}": count for state, count in store.clean_up().items()})
    chosen = platform.chosen
    gone["exports"] = exporting.remove_old(
        chosen.data_dir,
        keep_days=chosen.workers.export_keep_days,
        now_us=platform.clock.now_us(),
    )
    before = dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=_WORKFLOWS_KEPT_DAYS)
    gone["workflows"] = forget(before)
    told = ", ".join(f"{name} {count:,}" for name, count in gone.items() if count)
    return f"removed: {told}" if told else "nothing to remove"


def _measure(platform: "bootstrap.Platform") -> str:
    """Count what each account stores; in a process of its own, for it reads the whole journal."""
    return _command(platform.chosen, "billing", "storage")


def _reconcile(platform: "bootstrap.Platform") -> str:
    """Compare journal, ledger and counters; what differs is a failure, seen in status and metrics.

    Raises:
        WorkFailed: they differ.
    """
    return _command(platform.chosen, "billing", "reconcile")


def _back_up(platform: "bootstrap.Platform") -> str:
    """A verified backup, then those that are too old go; in a process of its own."""
    made = _command(platform.chosen, "backup", "--json")
    with contextlib.suppress(ValueError):
        made = json.loads(made)["id"]
    _command(platform.chosen, "backup", "prune", "--json")
    return f"made and verified {made}"


def _command(chosen: settings.Settings, *arguments: str) -> str:
    """Run the command line with these settings, and give what it prints.

    Raises:
        WorkFailed: it failed; its own words.
    """
    done = subprocess.run(
        # -P: nothing of the folder that we stand in is imported.
        [sys.executable, "-P", "-c", _MODEST, *_flags(chosen), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise WorkFailed(" ".join(lines[-3:]) or f"It ended with {done.returncode}.")
    return done.stdout.strip()


def _flags(chosen: settings.Settings) -> Sequence[str]:
    """What makes another process choose the same settings; it shares environment and files."""
    flags = [f"--data-dir={chosen.data_dir}"]
    usual = {chosen.user_file.absolute(), (chosen.workspace / settings.FILE_NAME).absolute()}
    if chosen.files and chosen.files[0].absolute() not in usual:
        flags.append(f"--config={chosen.files[0]}")
    flags += [
        f"--set={each.name}={_as_text(each.value)}"
        for each in chosen.list_shown()
        if each.origin == "command line" and each.name != "data_dir"
    ]
    return flags


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "none" if value is None else json.dumps(value)
