"""How new facts are laid over what is known: repeats join, contradictions close the older one.

Everything is worked out in memory first, so that the facts of one batch see one another; what
comes out are entries, the new ones before those that they retire.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from novacore import journal, kit
from novacore.memory.config import Config
from novacore.memory.lifecycle import checking, entries
from novacore.memory.lifecycle.fold import Fold, fact_key, normal
from novacore.memory.lifecycle.model import CLOSED, CURRENT, Link, Memory, Source, Statement

CLOSES: Final = "closes"
CLOSED_BY: Final = "closed_by"
CONTINUES: Final = "continues"
_EVER: Final = 2**63


class Ledger:
    """The facts as they will be after what was added so far.

    Args:
        fold: what is known.
        session_id: of the session that holds the memories.
        at_us: the time of the changes, µs UTC.
        config: limits.
    """

    def __init__(self, fold: Fold, session_id: str, *, at_us: int, config: Config) -> None:
        self._fold = fold
        self._session_id = session_id
        self._at_us = at_us
        self._config = config
        self._changed: dict[str, Memory] = {}
        self._versions: dict[str, int] = {}
        self._keys: dict[tuple[str, ...], dict[str, None]] = {}
        self.drafts: list[journal.NewEntry] = []
        self.added: list[str] = []
        self.closed: list[str] = []

    def add(self, fact: Memory) -> str:
        """Lay a fact over what is known; returns the id of the memory that now says it.

        Raises:
            MemoryInvalid: a field has a value that a memory can't have.
        """
        said = _said(fact)
        known = [each for each in self._about(fact) if _start(each) < _end(each)]
        for each in known:
            if _holds(each, said.valid_from_us) and _says_the_same(each, fact):
                self._confirm(each, fact.sources)
                return each.id
        later = [each for each in known if _start(each) > said.valid_from_us]
        after = min(later, key=_start, default=None)
        end = min(_end(fact), _start(after) if after else _EVER)
        if after is not None and _start(after) == end and _says_the_same(after, fact):
            return self._begin_earlier(after, fact)
        self._insert(fact, end=end, known=known)
        return fact.id

    def _insert(self, fact: Memory, *, end: int, known: Sequence[Memory]) -> None:
        said = _said(fact)
        over = next((each for each in known if _holds(each, said.valid_from_us)), None)
        links = (*fact.links, Link(kind=CLOSES, id=over.id)) if over else fact.links
        new = self._with_end(fact, None if end == _EVER else end, links=links)
        self._put(new, event="created")
        self.added.append(new.id)
        if over is None:
            return
        if end < _end(over):
            self._continue(over, start=end, cause=new)
        linked = (*over.links, Link(kind=CLOSED_BY, id=new.id))
        self._put(self._with_end(over, said.valid_from_us, links=linked), event="closed")
        self.closed.append(over.id)

    def _continue(self, over: Memory, *, start: int, cause: Memory) -> None:
        """What held before a stretch of something else holds again after it."""
        again = dataclasses.replace(
            over,
            id=str(kit.derived_id("continued fact", over.id, cause.id)),
            statement=dataclasses.replace(_said(over), valid_from_us=start),
            links=(Link(kind=CONTINUES, id=over.id),),
        )
        self._put(again, event="created")

    def _begin_earlier(self, later: Memory, fact: Memory) -> str:
        start = _said(fact).valid_from_us
        statement = dataclasses.replace(_said(later), valid_from_us=start)
        sources = self._joined(later, fact.sources)
        # Something else may have held at that time: it ends where this one now begins.
        held = [each for each in self._about(fact) if _holds(each, start) and each.id != later.id]
        for each in held:
            linked = (*each.links, Link(kind=CLOSED_BY, id=later.id))
            self._put(self._with_end(each, start, links=linked), event="closed")
            self.closed.append(each.id)
        links = (*later.links, *(Link(kind=CLOSES, id=each.id) for each in held))
        self._put(
            dataclasses.replace(
                later,
                statement=statement,
                sources=sources,
                links=tuple(dict.fromkeys(links)),
            ),
            event="confirmed",
        )
        return later.id

    def _confirm(self, known: Memory, sources: Sequence[Source]) -> None:
        joined = self._joined(known, sources)
        if joined != known.sources:
            self._put(dataclasses.replace(known, sources=joined), event="confirmed")

    def _joined(self, known: Memory, sources: Sequence[Source]) -> tuple[Source, ...]:
        joined = tuple(dict.fromkeys((*known.sources, *sources)))
        return joined[: max(len(known.sources), self._config.fact_sources_max)]

    def _about(self, fact: Memory) -> list[Memory]:
        key = fact_key(fact)
        ids = dict.fromkeys((*self._fold.facts.get(key, ()), *self._keys.get(key, ())))
        return [each for each in self._each(ids) if each.state in (CURRENT, CLOSED)]

    def _each(self, ids: dict[str, None]) -> Iterator[Memory]:
        for memory_id in ids:
            changed = self._changed.get(memory_id)
            record = self._fold.records.get(memory_id)
            if changed is not None:
                yield changed
            elif record is not None:
                yield record.memory

    def _with_end(
        self, fact: Memory, valid_to_us: int | None, *, links: tuple[Link, ...]
    ) -> Memory:
        has_ended = valid_to_us is not None and valid_to_us <= self._at_us
        return dataclasses.replace(
            fact,
            state=CLOSED if has_ended else CURRENT,
            statement=dataclasses.replace(_said(fact), valid_to_us=valid_to_us),
            links=tuple(dict.fromkeys(links)),
        )

    def _put(self, memory: Memory, *, event: str) -> None:
        checking.check(memory, self._config)
        record = self._fold.records.get(memory.id)
        version = self._versions.get(memory.id, record.version if record else 0)
        self._versions[memory.id] = version + 1
        self._changed[memory.id] = memory
        self._keys.setdefault(fact_key(memory), {})[memory.id] = None
        self.drafts.append(
            entries.snapshot(
                memory,
                event=event,
                entry_id=entries.entry_id(self._session_id, memory.id, version),
                at_us=self._at_us,
            )
        )


def _said(fact: Memory) -> Statement:
    if fact.statement is None:
        raise TypeError(f"Memory {fact.id} states nothing.")
    return fact.statement


def _start(fact: Memory) -> int:
    return _said(fact).valid_from_us


def _end(fact: Memory) -> int:
    end = _said(fact).valid_to_us
    return _EVER if end is None else end


def _holds(fact: Memory, at_us: int) -> bool:
    return _start(fact) <= at_us < _end(fact)


def _says_the_same(one: Memory, other: Memory) -> bool:
    mine, theirs = _said(one), _said(other)
    return normal(mine.object) == normal(theirs.object) and normal(mine.predicate) == normal(
        theirs.predicate
    )
