"""Erasing a session, an agent or an owner everywhere: journal, memories, notes, tiers, recall.

What was derived goes first, so that a kill in between leaves a session that can be erased again.
Then the journal, which lists the erasure; tiers and recall follow that list. Last, each tier is
read back, and what could not be reached is named.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from novacore import agent, journal, kit, llm, memory, tiers
from novacore.bootstrap.library import MemoryStore

_USAGE: Final = "usage"
CATCH_UP_MS: Final = 120_000
"""The longest that the tiers are given to follow."""
_MINUTE_S: Final = 60.0

Progress = Callable[[str, int, int], None]
"""Told a tier's name, how many entries it has taken, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be erased, found and counted before anything is."""

    what: str
    """In words: session talk, agent coder, owner local."""
    places: Mapping[str, tuple[int, ...] | None]
    """Positions by session; None: all of the session's own entries, and its name."""
    memories: tuple[str, ...]
    """Memories that came from there."""
    entries: int
    """Entries of the journal, those of memories not counted."""
    forks: tuple[str, ...] = ()
    """Sessions that branched off; what they said since is theirs and stays."""
    said: tuple[str, ...] = ()
    """What the user typed there; it may stand in the file of typed lines."""
    is_owner: bool = False


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Whether one copy of the journal followed an erasure."""

    name: str
    """The tier, or `recall`."""
    is_erased: bool
    note: str = ""
    """Where it did not: why, and what happens then."""


@dataclass(frozen=True, kw_only=True)
class ErasureReport:
    """What was erased, and where."""

    what: str
    entries: int
    """Entries of the journal whose content was destroyed, in all."""
    memories: int
    """Memories that were forgotten."""
    forks: tuple[str, ...]
    """Sessions that branched off and keep what was said in them since."""
    reached: tuple[Reached, ...]
    """The tiers and recall."""

    @property
    def is_complete(self) -> bool:
        """Whether every copy that is kept was reached."""
        return all(each.is_erased for each in self.reached)


def find_session(store: MemoryStore, session: journal.Session) -> Target:
    """What erasing a session destroys: its own entries, notes and memories made from it.

    What a metered call cost holds no word of it, and the ledger stands on it: it stays.
    """
    transcript = session.open()
    every = [each for each in _entries(transcript) if each.session_id == session.id]
    own = [each for each in every if not _is_metered(each)]
    is_whole = len(own) == len(every)
    positions = None if is_whole else tuple(each.position for each in own)
    places: dict[str, tuple[int, ...] | None] = {session.id: positions}
    places.update(_notes_of(store, session.id))
    return Target(
        what=f"session {session.name}",
        places=places,
        memories=tuple(store.memories.derived_from({session.id: None})),
        entries=len(own),
        forks=tuple(each.id for each in store.all_sessions() if each.parent_id == session.id),
        said=_said(own),
    )


def find_agent(store: MemoryStore, name: str) -> Target:
    """What erasing an agent destroys: its entries in every session, its memories, and those made
    from its entries. Agents within it (`name/…`) go with it.
    """
    places: dict[str, tuple[int, ...] | None] = {}
    for info in store.all_sessions():
        if info.workspace == memory.WORKSPACE:
            continue
        own = _entries(store.get_session(info.id).open())
        found = tuple(
            each.position
            for each in own
            if each.session_id == info.id and _is_within(each.actor, name) and not _is_metered(each)
        )
        if found:
            places[info.id] = found
    memories = store.memories
    everything = memory.Filter(states=())
    owned = [each.id for each in memories.every(everything) if _is_within(each.agent, name)]
    derived = memories.derived_from(places) if places else ()
    return Target(
        what=f"agent {name}",
        places=places,
        memories=tuple(dict.fromkeys((*owned, *derived))),
        entries=sum(len(each) for each in places.values() if each),
    )


def find_owner(store: MemoryStore) -> Target:
    """What erasing an owner destroys: every session, with notes and memories."""
    infos = store.all_sessions()
    said: list[str] = []
    for info in infos:
        said += _said(_entries(store.get_session(info.id).open()))
    kept = store.memories.every(memory.Filter(states=()))
    return Target(
        what=f"owner {store.scope.owner}",
        places={info.id: None for info in infos},
        memories=tuple(each.id for each in kept),
        entries=sum(info.entries - (info.forked_at or 0) for info in infos),
        said=tuple(said),
        is_owner=True,
    )


def erase(
    store: MemoryStore,
    target: Target,
    *,
    timeout_ms: int = CATCH_UP_MS,
    progress: Progress | None = None,
) -> ErasureReport:
    """Destroy what was found, everywhere, and say where that is proven.

    Args:
        store: the owner's.
        target: what; found before, so that it can be shown and agreed to.
        timeout_ms: the longest that the tiers are waited for; what is down follows later.
        progress: called while they catch up.
    """
    count = 0
    if target.is_owner:
        count = store.erase_owner()
    else:
        if target.memories:
            count += store.memories.delete(*target.memories)
        for session_id, positions in target.places.items():
            count += store.erase(session_id, positions=positions)
    reached = _tiers_reached(store, target, timeout_ms=timeout_ms, progress=progress)
    reached.append(_recall_reached(store))
    return ErasureReport(
        what=target.what,
        entries=count,
        memories=len(target.memories),
        forks=target.forks,
        reached=tuple(reached),
    )


def _entries(transcript: journal.Transcript) -> list[journal.Entry]:
    damaged = frozenset(transcript.damaged)
    found = transcript.entries
    return [found[at] for at in range(len(found)) if at not in damaged]


def _is_metered(entry: journal.Entry) -> bool:
    """Whether it tells what a call cost that an account was charged for."""
    fields = entry.body.fields
    return entry.kind == _USAGE and isinstance(fields, dict) and "hold" in fields


def _is_within(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(f"{wanted}/")


def _said(entries: Iterable[journal.Entry]) -> tuple[str, ...]:
    said: list[str] = []
    for entry in entries:
        fields = entry.body.fields
        if entry.kind != journal.MESSAGE or entry.is_erased or not isinstance(fields, dict):
            continue
        reading = llm.read_message(cast("dict[str, Any]", fields))
        if reading.role == "user" and reading.text:
            said.append(reading.text)
    return tuple(said)


def _notes_of(store: MemoryStore, session_id: str) -> dict[str, tuple[int, ...]]:
    """The notes that were made in a session, in the notebooks of their workspaces."""
    found: dict[str, tuple[int, ...]] = {}
    for info in store.all_sessions():
        if not info.workspace.startswith(f"{agent.NOTEBOOK_NAME}:"):
            continue
        places = tuple(
            entry.position
            for entry in _entries(store.get_session(info.id).open())
            if not entry.is_erased and _session_named(entry) == session_id
        )
        if places:
            found[info.id] = places
    return found


def _session_named(entry: journal.Entry) -> object:
    fields = entry.body.fields
    return cast("dict[str, Any]", fields).get("session_id") if isinstance(fields, dict) else None


def _tiers_reached(
    store: MemoryStore,
    target: Target,
    *,
    timeout_ms: int,
    progress: Progress | None,
) -> list[Reached]:
    if not store.has_tiers:
        return []
    kept = store.tiers
    for name in kept.names:
        # One that was never filled holds nothing that would have to go.
        if _holds_something(kept, name):
            kept.catch_up(timeout_ms=timeout_ms, tier=name, progress=progress)
    behind = {each.tier: each for each in kept.status() if each.lag_erasures or not each.is_up}
    return [_tier_reached(kept, name, target, behind.get(name)) for name in kept.names]


def _holds_something(kept: tiers.TierSet, name: str) -> bool:
    try:
        engine = kept.reads(name)
        return engine is not None and engine.state().watermark is not None
    except kit.NovaError:
        return True


def _tier_reached(
    kept: tiers.TierSet, name: str, target: Target, behind: tiers.TierStatus | None
) -> Reached:
    if not _holds_something(kept, name):
        return Reached(name=name, is_erased=True)
    if behind is not None:
        why = "it is behind" if behind.is_up else f"it is down ({behind.what})"
        return Reached(
            name=name, is_erased=False, note=f"{why}; it follows the list of erasures by itself"
        )
    try:
        engine = kept.reads(name)
        left = 0 if engine is None else sum(_left_in(engine, target))
    except kit.NovaError as error:
        return Reached(name=name, is_erased=False, note=error.message)
    if left:
        return Reached(
            name=name,
            is_erased=False,
            note=f"{left:,} items are left; `nova tiers rebuild {name}` makes it anew",
        )
    return Reached(name=name, is_erased=True)


def _left_in(engine: tiers.Engine, target: Target) -> Iterable[int]:
    for session_id, positions in target.places.items():
        wanted = None if positions is None else set(positions)
        for item in engine.read(session_id):
            yield wanted is None or item.position in wanted


def _recall_reached(store: MemoryStore) -> Reached:
    """Take the erased words out of the owner's index, in this process and in its files.

    A fork's owner has none of them in theirs: shared entries are indexed where they were said.
    """
    name = "recall"
    if not store.has_recall_index:
        return Reached(name=name, is_erased=True)
    ends_s = time.monotonic() + _MINUTE_S
    while time.monotonic() < ends_s:
        state = store.recall_index.catch_up(1_000)
        if state.is_current:
            store.recall_index.publish()
            return Reached(name=name, is_erased=True)
    return Reached(
        name=name, is_erased=False, note="its index is behind; the next question mends it"
    )
