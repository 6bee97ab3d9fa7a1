"""Whether a store takes appends: in use, being made as a copy, or moved elsewhere.

It is one text in the store itself, looked at by every writer in its turn:

    ""           in use
    "copying"    a copy is being made here; it is not complete yet
    "moved TO"   the journal lives on at TO; reading here still works
"""

import dataclasses

from novacore.journal.errors import JournalError, StoreMoved, StoreUnfinished, StoreUnusable
from novacore.journal.store import SessionRow

IN_USE = ""
COPYING = "copying"
_MOVED = "moved "


def moved_to(standing: str) -> str:
    """Where the journal moved; empty: it did not."""
    return standing.removeprefix(_MOVED) if standing.startswith(_MOVED) else ""


def as_moved(place: str) -> str:
    """The standing of a store whose journal lives on at `place`."""
    return f"{_MOVED}{place}"


def find_refusal(standing: str) -> JournalError | None:
    """Why a store of this standing takes no appends; None: it does."""
    if not standing:
        return None
    if standing == COPYING:
        return StoreUnfinished()
    return StoreMoved(moved_to(standing))


def check_begin(standing: str, *, is_empty: bool, is_same: bool) -> None:
    """Raise `StoreUnusable` where no copy may be made.

    Args:
        standing: the store's.
        is_empty: it holds no session.
        is_same: it holds the journal that is to be copied.
    """
    if is_empty or (is_same and standing):
        return
    what = "a journal that is in use" if is_same else "another journal"
    raise StoreUnusable(
        f"The place for the copy holds {what}; nothing was changed.",
        hint="Choose a new folder or an empty database.",
    )


def check_copying(standing: str) -> None:
    """Raise `StoreUnusable` where no copy was begun."""
    if standing != COPYING:
        raise StoreUnusable("Nothing can be copied into this store: no copy was begun.")


def copied_row(row: SessionRow) -> SessionRow:
    """A session as a copy begins it: at the end of what it shares with its parent."""
    return dataclasses.replace(
        row,
        entries=row.forked_at,
        messages=0,
        name="" if row.is_erased else row.name,
        workspace="" if row.is_erased else row.workspace,
    )
