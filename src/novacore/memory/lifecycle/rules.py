"""When a memory is promoted and when it fades: pure functions of what is known of it and the time.

Source: the numbers are the predecessor's (docs/decisions/memory-lifecycle.md).
"""

from collections.abc import Iterable
from typing import Final

from novacore.memory.config import Config
from novacore.memory.lifecycle.fold import Record
from novacore.memory.lifecycle.model import (
    CURRENT,
    EXPIRED,
    INTERMEDIATE,
    LONG,
    SHORT,
    Memory,
)

PROMOTE: Final = "promote"
EXPIRE: Final = "expire"
KEEP: Final = "keep"
NEXT_TERM: Final = {SHORT: INTERMEDIATE, INTERMEDIATE: LONG}

_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 60 * _MINUTE_US


def lifetime_us(term: str, config: Config) -> int | None:
    """How long a memory of this term lives unused, µs; None: for ever."""
    if term == SHORT:
        return config.short_minutes * _MINUTE_US
    return config.intermediate_days * _DAY_US if term == INTERMEDIATE else None


def expires_at_us(record: Record, config: Config) -> int | None:
    """When it fades unless it is used again, µs UTC; None: never."""
    lifetime = lifetime_us(record.memory.term, config)
    if lifetime is None or record.memory.is_pinned or record.memory.state != CURRENT:
        return None
    return record.touched_at_us + lifetime


def is_promotable(record: Record, config: Config) -> bool:
    """Whether what is known of it raises it to the next term.

    By use: in so many turns since it came to its term. Else a short-term one needs confidence or
    emotional weight, an intermediate one needs both.
    """
    memory = record.memory
    if memory.state != CURRENT or memory.term not in NEXT_TERM:
        return False
    if record.uses_in_term >= config.promote_uses:
        return True
    is_sure = memory.confidence > config.promote_confidence
    is_felt = abs(memory.emotional_weight) > config.promote_emotion
    return (is_sure and is_felt) if memory.term == INTERMEDIATE else (is_sure or is_felt)


def decide(record: Record, *, now_us: int, config: Config) -> str:
    """`PROMOTE`, `EXPIRE` or `KEEP`.

    Promotion comes first: uses after its time do not count, so what raises it was there in time.
    """
    if is_promotable(record, config):
        return PROMOTE
    expires = expires_at_us(record, config)
    return EXPIRE if expires is not None and expires <= now_us else KEEP


def state_at(record: Record, *, now_us: int, config: Config) -> str:
    """Its state, a fading included that nobody has written down yet."""
    if record.memory.state == CURRENT and decide(record, now_us=now_us, config=config) == EXPIRE:
        return EXPIRED
    return record.memory.state


def crowded_out(records: Iterable[Record], *, config: Config) -> list[Record]:
    """The intermediate memories above the owner's bound: least used first, then oldest.

    Pinned ones stay and take no place.
    """
    found = [
        record
        for record in records
        if record.memory.term == INTERMEDIATE
        and record.memory.state == CURRENT
        and not record.memory.is_pinned
    ]
    excess = len(found) - config.intermediate_max
    if excess <= 0:
        return []
    found.sort(key=_rank)
    return found[:excess]


def _rank(record: Record) -> tuple[int, int, int]:
    return record.access_count, record.touched_at_us, record.first_position


def context_memories(records: Iterable[Record], *, now_us: int, config: Config) -> list[Record]:
    """The memories that a context begins with: of each term so many.

    Short-term: the newest. Intermediate: the most used. Long-term: the newest confident ones;
    pinned ones first.
    """
    terms: dict[str, list[Record]] = {SHORT: [], INTERMEDIATE: [], LONG: []}
    for record in records:
        if state_at(record, now_us=now_us, config=config) != CURRENT:
            continue
        memory = record.memory
        is_enough = memory.is_pinned or memory.confidence > config.context_confidence
        if memory.term in terms and (memory.term != LONG or is_enough):
            terms[memory.term].append(record)
    terms[SHORT].sort(key=_age, reverse=True)
    terms[INTERMEDIATE].sort(key=_rank, reverse=True)
    terms[LONG].sort(key=lambda record: (record.memory.is_pinned, *_age(record)), reverse=True)
    return [record for term in terms.values() for record in term[: config.context_memories]]


def _age(record: Record) -> tuple[int, int]:
    return record.created_at_us, record.first_position


def shown(record: Record, *, now_us: int, config: Config) -> Memory:
    """The memory with its times, counts and state at this moment."""
    return record.view(
        state=state_at(record, now_us=now_us, config=config),
        expires_at_us=expires_at_us(record, config),
    )
