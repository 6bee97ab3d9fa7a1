"""Entries for each way to change memories, made from what is known: pure but for the ids given."""

import dataclasses
from collections.abc import Iterable, Sequence

from novacore import journal
from novacore.memory.errors import MemoryInvalid
from novacore.memory.lifecycle import entries
from novacore.memory.lifecycle.fold import Fold, Record
from novacore.memory.lifecycle.model import (
    CLOSED,
    CURRENT,
    MERGED,
    TERMS,
    Link,
    Memory,
    Source,
)

MERGED_INTO = "merged_into"
MERGED_FROM = "merged_from"
CLOSES = "closes"
CLOSED_BY = "closed_by"


def written(
    fold: Fold, session_id: str, memory: Memory, *, event: str, at_us: int
) -> journal.NewEntry:
    """The entry that says all of a memory as it now is."""
    record = fold.records.get(memory.id)
    version = record.version if record else 0
    return entries.snapshot(
        memory,
        event=event,
        entry_id=entries.entry_id(session_id, memory.id, version),
        at_us=at_us,
    )


def retired(
    session_id: str,
    record: Record,
    *,
    event: str,
    at_us: int,
    links: Sequence[Link] = (),
) -> journal.NewEntry:
    """The entry that says that a memory is no more to be found."""
    return entries.retirement(
        record.memory,
        event=event,
        entry_id=entries.entry_id(session_id, record.memory.id, record.version),
        at_us=at_us,
        links=links,
    )


def moved(memory: Memory, step: int) -> Memory:
    """The memory one term up or down; one that faded is current again.

    Raises:
        MemoryInvalid: there is no further term, or it was merged or closed.
    """
    if memory.state in (MERGED, CLOSED):
        raise MemoryInvalid(f"Memory {memory.id} is {memory.state}.", field="term")
    at = TERMS.index(memory.term) + step
    if not 0 <= at < len(TERMS):
        raise MemoryInvalid(f"Memory {memory.id} is {memory.term}-term already.", field="term")
    return dataclasses.replace(memory, term=TERMS[at], state=CURRENT)


def merged(memories: Sequence[Memory], *, memory_id: str, text: str | None) -> Memory:
    """One memory that says what several said, and names them.

    It is as sure as the surest, lives as long as the longest-lived, belongs to the narrowest.

    Raises:
        MemoryInvalid: fewer than two, or they belong to two agents, or one is a fact in parts.
    """
    if len(memories) < 2:
        raise MemoryInvalid("Merging takes at least two memories.", field="ids")
    if any(memory.statement for memory in memories):
        raise MemoryInvalid(
            "A fact with a subject and a time can't be merged.",
            field="ids",
            hint="Record a newer fact: it closes the older one.",
        )
    if any(memory.state != CURRENT for memory in memories):
        raise MemoryInvalid("Only current memories can be merged.", field="ids")
    agents = {memory.agent for memory in memories if memory.agent}
    if len(agents) > 1:
        raise MemoryInvalid(
            f"They belong to different agents: {', '.join(sorted(agents))}.", field="ids"
        )
    owned = [memory for memory in memories if memory.agent]
    readers = set(owned[0].shared_with if owned else ())
    for memory in owned:
        readers.intersection_update(memory.shared_with)
    weights = [memory.emotional_weight for memory in memories]
    first = memories[0]
    texts = dict.fromkeys(memory.text.strip() for memory in memories)
    return Memory(
        id=memory_id,
        type=first.type,
        text="\n".join(texts) if text is None else text,
        term=max((memory.term for memory in memories), key=TERMS.index),
        confidence=max(memory.confidence for memory in memories),
        emotional_weight=max(weights, key=abs),
        tags=tuple(sorted({tag for memory in memories for tag in memory.tags})),
        sources=_united(memory.sources for memory in memories),
        agent=next(iter(agents), ""),
        shared_with=tuple(sorted(readers)),
        project=first.project if len({memory.project for memory in memories}) == 1 else "",
        outcome=first.outcome if len({memory.outcome for memory in memories}) == 1 else "",
        is_pinned=any(memory.is_pinned for memory in memories),
        links=tuple(Link(kind=MERGED_FROM, id=memory.id) for memory in memories),
    )


def forgotten(
    fold: Fold, session_id: str, records: Sequence[Record], *, at_us: int
) -> list[journal.NewEntry]:
    """Entries that forget memories, with those that were merged into them.

    A fact that one of them had closed holds again for as long as the forgotten one held.
    """
    going = _with_parts(fold, records)
    found: list[journal.NewEntry] = []
    for record in going.values():
        found += [
            written(fold, session_id, memory, event="reopened", at_us=at_us)
            for memory in _reopened(fold, record.memory, going)
        ]
    found += [
        retired(session_id, record, event=entries.DELETED, at_us=at_us) for record in going.values()
    ]
    return found


def _with_parts(fold: Fold, records: Iterable[Record]) -> dict[str, Record]:
    going: dict[str, Record] = {}
    waiting = list(records)
    while waiting:
        record = waiting.pop()
        if record.memory.id in going:
            continue
        going[record.memory.id] = record
        parts = (link.id for link in record.memory.links if link.kind == MERGED_FROM)
        waiting += [fold.records[part] for part in parts if part in fold.records]
    return going


def _reopened(fold: Fold, closer: Memory, going: dict[str, Record]) -> list[Memory]:
    said = closer.statement
    if said is None:
        return []
    found: list[Memory] = []
    for link in closer.links:
        record = fold.records.get(link.id)
        if link.kind != CLOSES or record is None or link.id in going:
            continue
        memory = record.memory
        if memory.statement is None or memory.statement.valid_to_us != said.valid_from_us:
            continue
        until = said.valid_to_us
        found.append(
            dataclasses.replace(
                memory,
                state=CURRENT if until is None else CLOSED,
                statement=dataclasses.replace(memory.statement, valid_to_us=until),
                links=tuple(each for each in memory.links if each.id != closer.id),
            )
        )
    return found


def _united(several: Iterable[Sequence[Source]]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for sources in several for source in sources))
