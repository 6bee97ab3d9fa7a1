"""Which entries of a conversation its forks still show: deleting it leaves those to them."""

from collections.abc import Collection, Mapping, Sequence

from novacore import journal


def shared_entries(
    session_id: str, infos: Mapping[str, journal.SessionInfo], *, gone: Collection[str]
) -> int:
    """How many of a session's first entries some fork that is not gone shows.

    Args:
        session_id: the session.
        infos: all sessions of its owner, by id.
        gone: ids of sessions that were deleted.
    """
    most = 0
    for info in infos.values():
        if info.id == session_id or info.id in gone:
            continue
        shared = _shared(info, session_id, infos)
        most = max(most, shared)
    return most


def _shared(
    info: journal.SessionInfo, session_id: str, infos: Mapping[str, journal.SessionInfo]
) -> int:
    """How many of an ancestor's entries a session begins with; 0: it is no ancestor."""
    least: int | None = None
    at: journal.SessionInfo | None = info
    while at is not None and at.parent_id is not None:
        forked_at = at.forked_at or 0
        least = forked_at if least is None else min(least, forked_at)
        if at.parent_id == session_id:
            return least
        at = infos.get(at.parent_id)
    return 0


def ancestors(session_id: str, infos: Mapping[str, journal.SessionInfo]) -> Sequence[str]:
    """The sessions that a session was forked from, the nearest first."""
    found: list[str] = []
    at = infos.get(session_id)
    while at is not None and at.parent_id is not None:
        found.append(at.parent_id)
        at = infos.get(at.parent_id)
    return found
