"""The memories of one owner: made, found, changed, shared, and grown older. Start here.

They are entries of one session of the owner's in the journal. What is shown is folded from them,
so it can't say more or less than they do; nothing changes without an entry.
"""

import dataclasses
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from novacore import journal, kit
from novacore.memory.config import Config
from novacore.memory.errors import (
    MemoryForbidden,
    MemoryForgotten,
    MemoryInvalid,
    MemoryUnknown,
)
from novacore.memory.lifecycle import ageing, changes, checking, entries, filtering, rules
from novacore.memory.lifecycle.access import AccessBuffer
from novacore.memory.lifecycle.book import BATCH_MAX, Book, Store
from novacore.memory.lifecycle.fold import Fold, Record
from novacore.memory.lifecycle.model import (
    CURRENT,
    EXPIRED,
    MERGED,
    SHORT,
    Advanced,
    Filter,
    Link,
    Memory,
    Page,
    Source,
)

_DELETE_BATCH = 100
_EVERYTHING = Filter()


class Memories:
    """One owner's memories, seen by the owner or by one of the owner's agents.

    An agent sees what belongs to all agents, its own, and what another agent shared with it; it
    changes the first two. Other owners' memories are out of reach whatever is asked. Safe between
    threads; several processes may share the journal.

    Args:
        store: the owner's sessions.
        config: how memories live; None: the defaults.
        clock: the time; None: the machine's.
        agent: who looks; None: the owner, who sees and changes all.
        session_name: of the session that holds them; another one's are not these.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config | None = None,
        clock: kit.Clock | None = None,
        agent: str | None = None,
        session_name: str = entries.SESSION_NAME,
    ) -> None:
        self.config = config or Config()
        self.clock = clock or kit.SystemClock()
        self.agent = agent
        self.book = Book(
            store,
            expires_at_us=lambda record: rules.expires_at_us(record, self.config),
            name=session_name,
        )
        self._used = AccessBuffer(self.config.access_ids_max)

    def for_agent(self, agent: str | None) -> "Memories":
        """The same memories as one agent sees them; None: as the owner does."""
        view = object.__new__(Memories)
        view.config, view.clock, view.agent, view.book = self.config, self.clock, agent, self.book
        view._used = AccessBuffer(self.config.access_ids_max)
        return view

    @property
    def damaged(self) -> int:
        """How many entries are damaged: what they said is not among the memories."""
        with self.book.read():
            return len(self.book.damaged)

    def create(
        self,
        text: str,
        *,
        type: str = "note",  # noqa: A002 - what the field is called everywhere
        term: str = SHORT,
        confidence: float = 0.5,
        emotional_weight: float = 0.0,
        tags: Iterable[str] = (),
        sources: Iterable[Source] = (),
        project: str = "",
        outcome: str = "",
        agent: str | None = None,
        is_pinned: bool = False,
        links: Iterable[Link] = (),
        id: str | None = None,  # noqa: A002 - as above
    ) -> Memory:
        """Remember something; it is durable when this returns.

        Args:
            text: what to remember.
            type: one of `MEMORY_TYPES`.
            term: one of `TERMS`.
            confidence: how sure it is, 0 to 1.
            emotional_weight: how it felt, -1 to 1.
            tags: words to find it by.
            sources: the entries that it came from.
            project: what it is about.
            outcome: success, failure, neutral or empty.
            agent: whose it is; None: the one that looks, empty: all agents'.
            is_pinned: it never fades.
            links: memories that it is derived from.
            id: a UUID that makes a retry safe; None: a fresh one.

        Raises:
            MemoryInvalid: a field has a value that a memory can't have.
            MemoryForgotten: a memory of this id was forgotten.
        """
        owner = self.agent if agent is None else agent
        if self.agent is not None and owner not in ("", self.agent):
            raise MemoryInvalid("An agent can't remember for another one.", field="agent")
        memory = Memory(
            id=_checked_id(id) if id else str(kit.new_id(self.clock)),
            type=type,
            text=text,
            term=term,
            confidence=confidence,
            emotional_weight=emotional_weight,
            tags=checking.clean_tags(tags),
            sources=tuple(dict.fromkeys(sources)),
            project=project,
            outcome=outcome,
            agent=owner or "",
            is_pinned=is_pinned,
            links=tuple(links),
        )
        self.write([memory], event="created")
        return self.get(memory.id)

    def write(self, made: Sequence[Memory], *, event: str) -> int:
        """Append new memories as they are given; returns how many were not there already.

        Raises:
            MemoryInvalid: one has a field that a memory can't have.
            MemoryForgotten: one of an id was forgotten.
        """
        for memory in made:
            checking.check(memory, self.config)
        count = 0
        for start in range(0, len(made), BATCH_MAX):
            count += self.book.change(_writing(made[start : start + BATCH_MAX], event, self.clock))
        return count

    def get(self, memory_id: str) -> Memory:
        """A memory, faded and merged ones too. Reading it is no use: see `note_access`.

        Raises:
            MemoryUnknown: there is none, or this agent may not see it.
        """
        with self.book.read() as fold:
            return self._shown(self._visible(fold, memory_id))

    def find_ids(self, part: str) -> Sequence[str]:
        """The ids that contain this, at most ten, sorted."""
        wanted = part.strip().lower()
        with self.book.read() as fold:
            found = (
                record.memory.id
                for record in fold
                if wanted in record.memory.id and self.sees(record.memory)
            )
            return heapq.nsmallest(10, found)

    def list(self, wanted: Filter | None = None, *, after: str = "", limit: int = 100) -> Page:
        """Memories that a filter lets through, newest first.

        Args:
            wanted: which; None: all current ones.
            after: the `next` of the page before; empty: from the newest.
            limit: at most so many, and at most `memory.page_max`.

        Raises:
            MemoryInvalid: `after` is of no page.
        """
        limit = max(1, min(limit, self.config.page_max))
        before = filtering.read_cursor(after)
        matches = filtering.matcher(
            wanted or _EVERYTHING, now_us=self.clock.now_us(), config=self.config
        )
        with self.book.read() as fold:
            found = heapq.nlargest(
                limit + 1,
                (
                    record
                    for record in fold
                    if (before is None or filtering.place(record) < before)
                    and self.sees(record.memory)
                    and matches(record)
                ),
                key=filtering.place,
            )
            memories = tuple(self._shown(record) for record in found[:limit])
        last = filtering.write_cursor(found[limit - 1]) if len(found) > limit else ""
        return Page(memories=memories, next=last)

    def every(self, wanted: Filter | None = None) -> Iterator[Memory]:
        """All that a filter lets through, newest first, page by page."""
        after = ""
        while True:
            page = self.list(wanted, after=after, limit=self.config.page_max)
            yield from page.memories
            after = page.next
            if not after:
                return

    def edit(self, memory_id: str, **fields: Any) -> Memory:
        """Change text, type, confidence, emotional_weight, project or outcome.

        Raises:
            MemoryUnknown, MemoryForbidden: there is none, or it is another agent's.
            MemoryInvalid: no such field, or a value that it can't have.
        """
        unknown = fields.keys() - _EDITABLE
        if unknown:
            name = min(unknown)
            raise MemoryInvalid(
                f"{name} can't be edited; {', '.join(sorted(_EDITABLE))} can.", field=name
            )

        def edited(memory: Memory) -> Memory:
            if memory.statement and {"text", "type"} & fields.keys():
                raise MemoryInvalid(
                    "What a fact says can't be edited.",
                    field="text",
                    hint="Record the new fact: it closes this one. Or forget it, if it is wrong.",
                )
            return dataclasses.replace(memory, **fields)

        return self._rewrite(memory_id, edited, event="edited")

    def tag(self, memory_id: str, *tags: str, remove: Iterable[str] = ()) -> Memory:
        """Add tags to a memory and take others away."""
        added, gone = set(checking.clean_tags(tags)), set(checking.clean_tags(remove))

        def tagged(memory: Memory) -> Memory:
            kept = (set(memory.tags) | added) - gone
            return dataclasses.replace(memory, tags=tuple(sorted(kept)))

        return self._rewrite(memory_id, tagged, event="tagged")

    def pin(self, memory_id: str, *, is_pinned: bool = True) -> Memory:
        """Keep a memory from fading, or let it fade again."""

        def pinned(memory: Memory) -> Memory:
            return dataclasses.replace(memory, is_pinned=is_pinned)

        return self._rewrite(memory_id, pinned, event="pinned" if is_pinned else "unpinned")

    def promote(self, memory_id: str) -> Memory:
        """Raise a memory to the next term; one that faded comes back."""
        return self._rewrite(memory_id, lambda memory: changes.moved(memory, 1), event="promoted")

    def demote(self, memory_id: str) -> Memory:
        """Lower a memory to the term before."""
        return self._rewrite(memory_id, lambda memory: changes.moved(memory, -1), event="demoted")

    def share(self, memory_id: str, *agents: str) -> Memory:
        """Let other agents of the same owner read a memory."""

        def shared(memory: Memory) -> Memory:
            if not memory.agent:
                raise MemoryInvalid("It belongs to all agents already.", field="shared_with")
            granted = checking.clean_agents((*memory.shared_with, *agents), without=memory.agent)
            return dataclasses.replace(memory, shared_with=granted)

        return self._rewrite(memory_id, shared, event="shared")

    def unshare(self, memory_id: str, *agents: str) -> Memory:
        """Take a grant back."""

        def kept(memory: Memory) -> Memory:
            left = tuple(agent for agent in memory.shared_with if agent not in agents)
            return dataclasses.replace(memory, shared_with=left)

        return self._rewrite(memory_id, kept, event="unshared")

    def merge(self, *memory_ids: str, text: str | None = None) -> Memory:
        """One memory in the place of several. They stay in the journal, as parts of the new one.

        Args:
            memory_ids: two or more current memories; the first gives type and project.
            text: what the new one says; None: what they said, each once.
        """
        memory_id = str(kit.new_id(self.clock))
        at_us = self.clock.now_us()

        def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
            records = [self._changeable(fold, each) for each in dict.fromkeys(memory_ids)]
            parts = [self._shown(record) for record in records]
            made = changes.merged(parts, memory_id=memory_id, text=text)
            checking.check(made, self.config)
            link = Link(kind=changes.MERGED_INTO, id=memory_id)
            return [
                changes.written(fold, session_id, made, event="created", at_us=at_us),
                *(
                    changes.retired(session_id, record, event=MERGED, at_us=at_us, links=[link])
                    for record in records
                ),
            ]

        self.book.change(build)
        return self.get(memory_id)

    def delete(self, *memory_ids: str) -> int:
        """Forget memories: their content is destroyed in the journal, with all its versions.

        What was merged into one of them goes with it; a fact that one of them had closed holds
        again. A kill in between is finished by the next `delete` or `advance`.

        Returns:
            How many entries were destroyed.

        Raises:
            MemoryUnknown, MemoryForbidden: there is none, or it is another agent's.
        """
        at_us = self.clock.now_us()
        wanted = list(dict.fromkeys(memory_ids))

        def build(fold: Fold, session_id: str, ids: Sequence[str]) -> list[journal.NewEntry]:
            # One that went with an earlier one of the same call is gone already.
            records = [self._changeable(fold, each) for each in ids if each not in fold.deleted]
            return changes.forgotten(fold, session_id, records, at_us=at_us)

        with self.book.read() as fold:
            for each in wanted:
                self._changeable(fold, each)
        for start in range(0, len(wanted), _DELETE_BATCH):
            part = wanted[start : start + _DELETE_BATCH]
            self.book.change(lambda fold, session_id, part=part: build(fold, session_id, part))
        return self.book.destroy()

    def note_access(self, memory_ids: Iterable[str]) -> None:
        """Say that these were used in this turn. Writes nothing and waits for nothing."""
        self._used.note(memory_ids)

    def flush_access(self) -> int:
        """Write what was noted as one entry, at the turn's end; returns how many memories it was.

        Raises:
            JournalError: not now; what was noted is kept for the next time.
        """
        used = self._used.take()
        if not used:
            return 0
        draft = entries.access(used, actor=self.agent or "", at_us=self.clock.now_us())
        try:
            self.book.append(draft)
        except journal.JournalError:
            self._used.note(used)
            raise
        return len(used)

    def ids_at(self, session_id: str, positions: Iterable[int]) -> Sequence[str]:
        """The memories whose content stands at these places, as recall names them."""
        with self.book.read() as fold:
            if session_id != self.book.session_id:
                return []
            found = (fold.owners.get(position) for position in positions)
            return list(dict.fromkeys(each for each in found if each))

    def derived_from(self, places: Mapping[str, Sequence[int] | None]) -> Sequence[str]:
        """The memories that would not be there without these entries.

        A fact stays while a sentence elsewhere states it, too; of any other memory nobody can tell
        which of its sources a word came from, so one is enough.

        Args:
            places: positions by session; None: all of the session's entries.
        """
        with self.book.read() as fold:
            return [
                record.memory.id
                for record in fold
                if self.sees(record.memory) and _stands_on(record.memory, places)
            ]

    def context(self, *, projects: Sequence[str] | None = None) -> Sequence[Memory]:
        """The memories that a conversation begins with: of each term `memory.context_memories`.

        Args:
            projects: only of these; None: of any.
        """
        with self.book.read() as fold:
            records = [
                record
                for record in fold
                if self.sees(record.memory)
                and (projects is None or record.memory.project in projects)
            ]
            chosen = rules.context_memories(records, now_us=self.clock.now_us(), config=self.config)
            return [self._shown(record) for record in chosen]

    def advance(self) -> Advanced:
        """Let time pass: promote what was used, let fade what was not, keep to the bound.

        Each change is an entry. Doing it again changes nothing; a kill in between loses nothing.
        """
        now_us = self.clock.now_us()
        done: dict[str, list[str]] = {"promoted": [], "expired": [], "crowded_out": []}
        while True:
            step: dict[str, list[str]] = {}

            def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
                nonlocal step
                step, drafts = ageing.next_step(fold, session_id, now_us=now_us, config=self.config)
                return drafts

            if not self.book.change(build):
                break
            for name, ids in step.items():
                done[name] += ids
        return Advanced(
            promoted=tuple(done["promoted"]),
            expired=tuple(done["expired"]),
            crowded_out=tuple(done["crowded_out"]),
            destroyed_entries=self.book.destroy(),
        )

    def _rewrite(self, memory_id: str, change: Callable[[Memory], Memory], *, event: str) -> Memory:
        at_us = self.clock.now_us()

        def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
            record = self._changeable(fold, memory_id)
            before = dataclasses.replace(
                record.memory,
                state=rules.state_at(record, now_us=at_us, config=self.config),
            )
            if before.state == MERGED:
                raise MemoryInvalid(f"Memory {memory_id} was merged into another.", field="id")
            after = change(before)
            checking.check(after, self.config)
            if after == record.memory:
                return []
            if after.state == EXPIRED:
                # Whoever changes a faded memory wants it back.
                after = dataclasses.replace(after, state=CURRENT)
            return [changes.written(fold, session_id, after, event=event, at_us=at_us)]

        self.book.change(build)
        return self.get(memory_id)

    def _shown(self, record: Record) -> Memory:
        return rules.shown(record, now_us=self.clock.now_us(), config=self.config)

    def _visible(self, fold: Fold, memory_id: str) -> Record:
        record = fold.records.get(memory_id)
        if record is None or not self.sees(record.memory):
            raise MemoryUnknown(memory_id)
        return record

    def _changeable(self, fold: Fold, memory_id: str) -> Record:
        record = self._visible(fold, memory_id)
        if self.agent is not None and record.memory.agent not in ("", self.agent):
            raise MemoryForbidden(memory_id, agent=record.memory.agent)
        return record

    def sees(self, memory: Memory) -> bool:
        """Whether who looks may see this memory."""
        agent = self.agent
        return agent is None or memory.agent in ("", agent) or agent in memory.shared_with


_EDITABLE = frozenset({"text", "type", "confidence", "emotional_weight", "project", "outcome"})


def _stands_on(memory: Memory, places: Mapping[str, Sequence[int] | None]) -> bool:
    def is_there(source: Source) -> bool:
        positions = places.get(source.session_id, ())
        return positions is None or source.position in positions

    found = [is_there(source) for source in memory.sources]
    return bool(found) and (all(found) if memory.statement else any(found))


def _writing(
    made: Sequence[Memory], event: str, clock: kit.Clock
) -> Callable[[Fold, str], list[journal.NewEntry]]:
    """Entries for those that are new; one that is there with the same text is a retry."""
    at_us = clock.now_us()

    def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
        drafts: list[journal.NewEntry] = []
        for memory in made:
            if memory.id in fold.deleted:
                raise MemoryForgotten(memory.id)
            known = fold.records.get(memory.id)
            if known is None:
                drafts.append(changes.written(fold, session_id, memory, event=event, at_us=at_us))
            elif known.memory.text != memory.text:
                raise MemoryInvalid(f"There is a memory {memory.id} that says else.", field="id")
        return drafts

    return build


def _checked_id(text: str) -> str:
    try:
        return str(kit.parse_id(text))
    except ValueError as error:
        raise MemoryInvalid(f"{text!r} is no id; an id is a UUID.", field="id") from error
