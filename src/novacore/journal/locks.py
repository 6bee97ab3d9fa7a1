"""Locks by name over all processes of one data directory, released by the kernel at a holder's end.

They choose who does a piece of background work, as projecting a tier: no clock, no lease to renew.
"""

import fcntl
import os
import re
import threading
from pathlib import Path
from typing import Protocol

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Lock(Protocol):
    """A lock that is held. Released by `close`, and when its holder dies."""

    @property
    def is_held(self) -> bool:
        """False: it was lost, as by a broken connection, or closed."""
        ...

    def close(self) -> None:
        """Release it. Idempotent."""
        ...


class FileLock:
    """A lock on a file of the data directory."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.is_held = True

    def close(self) -> None:
        """See `Lock.close`."""
        if self.is_held:
            self.is_held = False
            os.close(self._handle)


class MemoryLocks:
    """Locks within one process."""

    def __init__(self) -> None:
        self._held: dict[str, MemoryLock] = {}
        self._lock = threading.Lock()

    def try_lock(self, name: str) -> "MemoryLock | None":
        """The lock of that name; None: somebody holds it."""
        check_name(name)
        with self._lock:
            held = self._held.get(name)
            if held is not None and held.is_held:
                return None
            made = self._held[name] = MemoryLock()
            return made


class MemoryLock:
    """A lock within one process."""

    def __init__(self) -> None:
        self.is_held = True

    def close(self) -> None:
        """See `Lock.close`."""
        self.is_held = False


def check_name(name: str) -> None:
    """Raise `ValueError` for a name that can't be a file's."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"A lock's name is {name!r}; expected small letters, digits, '-' and '_', at most 63."
        )


def try_file_lock(folder: Path, name: str) -> FileLock | None:
    """The lock of that name in a data directory; None: another process or thread holds it."""
    check_name(name)
    locks = folder / "locks"
    locks.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return FileLock(handle)
