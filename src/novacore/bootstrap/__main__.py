"""The process that keeps the tiers up to date, so that appends need not share their interpreter.

Started by `projecting`, as `python -m novacore.bootstrap`. It takes its settings from its standard
input, works at a low priority, and watches that input: when it ends, the program that started it
has, and so does this process once the tiers have caught up, or after a while. It ends at once
when the data directory is gone.
"""

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Final

from novacore import bootstrap, kit, settings, tiers
from novacore.bootstrap import asked

_LOOK_S: Final = 1.0
_NICENESS: Final = 10
"""About a tenth of a processor that others keep busy: enough never to be left behind for good."""
_FINISH_S: Final = 60.0
"""How long it goes on after the program that started it ended."""


def main() -> int:
    """Project until standard input ends and the tiers have caught up."""
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    chosen = asked.decode(line)
    be_modest()
    parent_ended = threading.Event()
    threading.Thread(target=_watch_input, args=(parent_ended,), daemon=True).start()
    identity = _identity(chosen.data_dir)
    if identity is None:
        return 0
    try:
        with bootstrap.open_store(chosen) as store:
            opened = bootstrap.open_tiers(chosen, store)
            try:
                project(opened, chosen, identity=identity, parent_ended=parent_ended)
            finally:
                opened.close()
    except kit.NovaError:
        return 1  # the program beside us meets the same trouble and tells its user
    return 0


def project(
    opened: tiers.TierSet,
    chosen: settings.Settings,
    *,
    identity: tuple[int, int],
    parent_ended: threading.Event,
) -> None:
    """Run all tiers until the parent ended and they are at rest, or their folder is gone.

    Args:
        opened: the tiers.
        chosen: the settings, which name the data directory.
        identity: the device and the inode of the data directory when it was opened.
        parent_ended: set once the program that started this process has ended.
    """
    clock = kit.SystemClock()
    runner = opened.runner()
    runner.start()
    end_s = float("inf")
    try:
        while runner.watch(_LOOK_S):
            if _identity(chosen.data_dir) != identity:
                return
            if parent_ended.is_set():
                runner.hurry()
                end_s = min(end_s, clock.monotonic_s() + _FINISH_S)
                if runner.is_at_rest or clock.monotonic_s() > end_s:
                    return
    finally:
        runner.stop()


def be_modest() -> None:
    """Take little of a processor that others want, and never take it from them at once."""
    os.nice(_NICENESS)
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _watch_input(parent_ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    parent_ended.set()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


if __name__ == "__main__":
    sys.exit(main())
