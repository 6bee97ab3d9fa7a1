"""Folders that hold a journal for a while, in the clear: private, locked, and gone afterwards.

A killed process leaves its folder; nobody holds the lock then, so the next one removes it. So does
an erase: what is erased must not live on in what a kill left.
"""

import fcntl
import os
import pwd
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "nova-scratch-"
_LOCK = "lock"


def unprivileged() -> pwd.struct_passwd | None:
    """Who programs run as that refuse root: `postgres`, else `nobody`; None: we are not root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextmanager
def own_folder(scratch: Path, *, user: pwd.struct_passwd | None = None) -> Generator[Path]:
    """A folder, mode 0700, that is gone afterwards; its lock says that we are still at it.

    Args:
        scratch: where to make it; made when missing.
        user: who is to enter it, where that is another one: he can't pass through a private data
            directory, so it is made where the system keeps such things.
    """
    remove_leftovers(scratch)
    place = scratch if user is None else Path(tempfile.gettempdir())
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    handle = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Locked before it has its name: nobody may take it for a leftover in between.
        fcntl.flock(handle, fcntl.LOCK_EX)
        (folder / "new").rename(folder / _LOCK)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def remove_leftovers(scratch: Path) -> None:
    """Remove the folders that killed processes left."""
    for folder in scratch.glob(f"{_PREFIX}*"):
        _remove_if_left(folder)
    user = unprivileged()
    if user is not None:
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if not folder.is_symlink() and folder.stat().st_uid == user.pw_uid:
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # it is just being made, or being removed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(handle)
