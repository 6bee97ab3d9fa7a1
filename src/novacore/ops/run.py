"""A backup that counts, in one call: made, restored as a test, made anew where a line broke."""

from collections.abc import Callable, Iterable
from pathlib import Path

from novacore import journal
from novacore.kit import Clock
from novacore.ops.backup import make_backup
from novacore.ops.catalog import Catalog
from novacore.ops.errors import BackupDamaged, CopyDiffers
from novacore.ops.model import Progress, Verified
from novacore.ops.physical import make_physical
from novacore.ops.postgres_tools import Server
from novacore.ops.records import File
from novacore.ops.verify import verify_backup

Steps = Callable[[str], Progress]
"""Told of a step that begins, in a word or two; gives what is told of its progress."""


def back_up(
    source: journal.Replica,
    catalog: Catalog,
    *,
    clock: Clock,
    scratch: Path,
    full_days: int,
    is_full: bool = False,
    files: Iterable[File] = (),
    config: journal.Config | None = None,
    server: Server | None = None,
    steps: Steps,
) -> Verified:
    """Make a backup and verify it. Where the line that it continues is damaged, make a full one.

    Args and errors: those of `make_backup` and `verify_backup`; with a `server`, those of
    `make_physical`.
    """
    progress = steps("backing up")
    if server is None:
        made = make_backup(
            source, catalog, clock=clock, full_days=full_days, is_full=is_full, files=files,
            progress=progress,
        )  # fmt: skip
    else:
        made = make_physical(
            source, catalog, server=server, clock=clock, full_days=full_days, is_full=is_full,
            files=files, progress=progress,
        )  # fmt: skip
    try:
        return verify_backup(
            catalog, made, scratch=scratch, clock=clock, source=source, config=config,
            server=server, progress=steps("verifying"),
        )  # fmt: skip
    except (BackupDamaged, CopyDiffers):
        if made.is_full:
            raise
    with catalog.locked():
        catalog.remove(made.id)
    return back_up(
        source, catalog, clock=clock, scratch=scratch, full_days=full_days, is_full=True,
        files=files, config=config, server=server, steps=steps,
    )  # fmt: skip
