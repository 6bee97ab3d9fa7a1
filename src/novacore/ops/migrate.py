"""Moving a whole installation into another store, and back: an exact copy that takes over.

The source is used as before while it is copied; what is appended meanwhile is caught up. Only for
the last stretch and the comparison it takes no appends: whoever tries is told so. When every
session is proven equal, the copy opens a new epoch and the source stays closed to appends.
"""

from collections.abc import Callable

from novacore import journal
from novacore.ops.copying import Copying, new_epoch
from novacore.ops.errors import CopyDiffers, PlaceRefused
from novacore.ops.model import Copied, Moment, Progress
from novacore.ops.run import Steps
from novacore.ops.source import read_journal

_CLOSE = 1_000
"""When so few entries are left to copy, the source is closed to appends for the rest."""
_ROUNDS_MAX = 20


def migrate(
    source: journal.Replica,
    target: journal.Replica,
    *,
    place: str,
    steps: Steps,
    before_end: Callable[[], None] | None = None,
) -> Copied:
    """Copy everything, prove it equal, and let the target take over.

    A kill at any point loses nothing and leaves one store in use: called again, it goes on. Where
    the copy differs, the source takes appends again and the target is not used.

    Args:
        source: the journal in use.
        target: an empty store, or an unfinished or older copy of this journal.
        place: what the target is called, without secrets; refused appends name it.
        steps: told of what begins.
        before_end: called when the journal is proven equal and before the target takes over; where
            it fails, the source takes appends again.

    Returns:
        What was copied in this call.

    Raises:
        CopyDiffers: a session is not equal in both.
        PlaceRefused: the source was moved elsewhere already.
        StoreUnusable: the target holds another journal, or one in use.
    """
    if source.standing and source.moved_to != place:
        raise PlaceRefused(
            f"This store can't be the source of a move; it is {source.standing}.",
            hint="Use the store that is in use.",
        )
    if _is_done(source, target):
        return _copied(target, entries=0)
    target.begin_copy(source.state().journal)
    entries = 0
    progress = steps("copying")
    for _ in range(_ROUNDS_MAX):
        entries += _copy(source, target, progress).entries
        if source.state().sequence - target.state().sequence <= _CLOSE:
            break
    source.mark_moved(place)
    try:
        entries += _copy(source, target, progress).entries
        compare(source, target, progress=steps("comparing"))
        if before_end is not None:
            before_end()
    except BaseException:
        source.mark_moved("")
        raise
    target.end_copy(new_epoch())
    return _copied(target, entries=entries)


def _is_done(source: journal.Replica, target: journal.Replica) -> bool:
    """A kill came after the target had taken over."""
    same = source.state().journal == target.state().journal
    return same and bool(source.moved_to) and not target.standing


def _copied(target: journal.Replica, *, entries: int) -> Copied:
    state = target.state()
    return Copied(
        entries=entries,
        sequence=state.sequence,
        sessions=len(target.sessions()),
        erasures=state.erasures,
        epoch=state.epoch,
    )


def _copy(source: journal.Replica, target: journal.Replica, progress: Progress) -> Copied:
    state = source.state()
    copying = Copying(
        target,
        until=Moment(),
        erasures=source.erasures(),
        progress=progress,
        total=state.sequence,
    )
    copying.add_all(read_journal(source, after=target.state().sequence, until=state.sequence))
    return copying.finish()


def compare(source: journal.Replica, target: journal.Replica, *, progress: Progress) -> int:
    """Compare every session of two stores: count, chain, and the digest of what it says.

    Returns:
        How many sessions there are.

    Raises:
        CopyDiffers: names the first session that differs.
    """
    theirs = {row.id: row for row in source.sessions()}
    ours = {row.id: row for row in target.sessions()}
    if missing := theirs.keys() ^ ours.keys():
        raise CopyDiffers(f"{len(missing)} sessions are in one of them only")
    for number, (key, row) in enumerate(theirs.items(), 1):
        other = ours[key]
        facts = (row.entries, row.messages, row.is_erased, row.name, row.parent, row.forked_at)
        same = (
            other.entries, other.messages, other.is_erased, other.name, other.parent,
            other.forked_at,
        )  # fmt: skip
        if facts != same or source.chain_at(key, row.entries) != target.chain_at(key, row.entries):
            raise CopyDiffers("a session has other facts", session_id=key.hex())
        if not row.is_erased and source.digest(key) != target.digest(key):
            raise CopyDiffers("a session has another digest", session_id=key.hex())
        progress(number, len(theirs))
    return len(theirs)
