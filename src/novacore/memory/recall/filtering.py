"""Which documents may be found: filters as one mask over the index, before anything is ranked."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from novacore import journal
from novacore.memory.recall.documents import MEMORY
from novacore.memory.recall.index import Index
from novacore.memory.recall.model import Filters

_AGENT_TAG = "agent:"


def is_within(path: str, place: str) -> bool:
    """Whether a path is a place or lies in it, by whole segments: `a/b` is in `a`, `ab` is not."""
    place = place.rstrip("/")
    return path.rstrip("/") == place or path.startswith(f"{place}/")


def allowed(
    index: Index, filters: Filters, *, sessions: Mapping[str, int | None] | None
) -> NDArray[np.bool_]:
    """Per document, whether it may be found.

    Args:
        index: where they are.
        filters: what must hold.
        sessions: session ids with how many of their entries count (None: all); None: any session.
    """
    mask = index.alive.copy()
    if sessions is not None:
        mask &= _in_sessions(index, sessions)
    if filters.kinds:
        mask &= _named(
            index, "kind", [kind for kind in index.names["kind"].texts if kind in filters.kinds]
        )
    if filters.project is not None:
        mask &= _placed(index, "project", filters.project)
    if filters.agent is not None:
        shared = _tagged(index, f"{_AGENT_TAG}{filters.agent}")
        said = _placed(index, "actor", filters.agent) | _placed(index, "speaker", filters.agent)
        mask &= said | shared
    for tag in filters.tags:
        mask &= _tagged(index, tag)
    if filters.tiers:
        mask &= _named(index, "tier", filters.tiers)
    if filters.confidence_min > 0:
        is_sure = index.column("confidence") >= np.float32(filters.confidence_min)
        mask &= is_sure | ~_named(index, "kind", [MEMORY])
    if filters.since_us is not None:
        mask &= index.column("said_at") >= filters.since_us
    if filters.until_us is not None:
        mask &= index.column("said_at") < filters.until_us
    return mask


def lineage(store: journal.Store, session: journal.Session) -> dict[str, int | None]:
    """A session with those that it was forked from, and how many entries of each it holds."""
    made: dict[str, int | None] = {session.id: None}
    info, bound = session.info, None
    while info.parent_id is not None and info.parent_id not in made:
        bound = info.forked_at if bound is None else min(bound, info.forked_at or 0)
        made[info.parent_id] = bound
        try:
            info = store.get_session(info.parent_id).info
        except journal.SessionUnknown:
            break
    return made


def _in_sessions(index: Index, sessions: Mapping[str, int | None]) -> NDArray[np.bool_]:
    column, positions = index.column("session"), index.column("position")
    mask = np.zeros(index.count, np.bool_)
    for session_id, entries in sessions.items():
        number = index.names["session"].find(session_id)
        if number is None:
            continue
        here = column == number
        mask |= here if entries is None else here & (positions < entries)
    return mask


def _placed(index: Index, name: str, place: str) -> NDArray[np.bool_]:
    texts = index.names[name].texts
    return _named(index, name, [text for text in texts if text and is_within(text, place)])


def _named(index: Index, name: str, texts: Sequence[str]) -> NDArray[np.bool_]:
    numbers = [index.names[name].find(text) for text in texts]
    return np.isin(index.column(name), [number for number in numbers if number is not None])


def _tagged(index: Index, tag: str) -> NDArray[np.bool_]:
    mask = np.zeros(index.count, np.bool_)
    number = index.names["tag"].find(tag)
    if number is not None:
        for segment in index.segments:
            mask[segment.tags[segment.tags[:, 1] == number, 0]] = True
    return mask
