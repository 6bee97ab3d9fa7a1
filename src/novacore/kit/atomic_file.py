"""Files that are there whole or not at all: written beside, synced, renamed, the folder synced."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(path: Path, *, syncs_folder: bool = True) -> Generator[BinaryIO]:
    """A file to write to; at the end it takes the place of `path`, durably, or leaves it as it was.

    Args:
        path: the file.
        syncs_folder: False: the caller syncs the folder, after several files; until then the old
            one may come back when the machine fails.

    Raises:
        OSError: the folder is missing, or the disk is full or failing.
    """
    partial = path.with_name(f".{path.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if syncs_folder:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
