"""The memories of one owner, folded from the entries of their session: a cache, no more."""

import dataclasses
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from novacore import journal
from novacore.memory.lifecycle import entries
from novacore.memory.lifecycle.entries import Change
from novacore.memory.lifecycle.model import EXPIRED, MERGED, Memory, Statement

FactKey = tuple[str, str, str, str]
"""(agent, project, subject, topic) of facts; where several may hold at once, what is said too."""


def fact_key(memory: Memory) -> FactKey:
    """What a fact is about: those of one key repeat or contradict each other."""
    said = memory.statement or Statement(subject="", predicate="", object=memory.text)
    topic = said.topic or f"{normal(said.predicate)}={normal(said.object)}"
    return memory.agent, memory.project, normal(said.subject), topic


def normal(text: str) -> str:
    """A text as it is compared: whatever its case, spacing, width and closing punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split()).strip(" .!,;:\"'`")


class Record:
    """What is known of one memory: its content, and what happened to it."""

    __slots__ = (
        "access_count",
        "created_at_us",
        "first_position",
        "last_accessed_at_us",
        "memory",
        "places",
        "recorded_at_us",
        "retired_at_us",
        "term_since_us",
        "updated_at_us",
        "uses_in_term",
        "validity",
        "version",
    )

    def __init__(self, memory: Memory, *, at_us: int, entry: journal.Entry) -> None:
        self.memory = memory
        self.first_position = entry.position
        self.created_at_us = at_us
        self.updated_at_us = at_us
        self.term_since_us = at_us
        self.recorded_at_us = entry.recorded_at_us
        self.retired_at_us: int | None = None
        self.access_count = 0
        self.uses_in_term = 0
        self.last_accessed_at_us: int | None = None
        self.version = 0
        self.places: list[int] = []
        """Positions of the entries that hold its content."""
        self.validity: list[tuple[int, int, int | None]] = []
        """For a fact: (recorded at, valid from, valid until), oldest first."""

    @property
    def touched_at_us(self) -> int:
        """When it was last written or used."""
        return max(self.updated_at_us, self.last_accessed_at_us or 0)

    def view(self, *, state: str, expires_at_us: int | None) -> Memory:
        """The memory as users see it."""
        return dataclasses.replace(
            self.memory,
            state=state,
            created_at_us=self.created_at_us,
            updated_at_us=self.updated_at_us,
            term_since_us=self.term_since_us,
            access_count=self.access_count,
            last_accessed_at_us=self.last_accessed_at_us,
            expires_at_us=expires_at_us,
        )

    def validity_at(self, known_at_us: int) -> tuple[int, int | None] | None:
        """For a fact: (valid from, valid until) as was known at that time; None: not known yet."""
        found: tuple[int, int | None] | None = None
        for recorded_at_us, valid_from_us, valid_to_us in self.validity:
            if recorded_at_us <= known_at_us:
                found = valid_from_us, valid_to_us
        return found


class Fold:
    """All memories of one owner after some number of entries.

    Args:
        expires_at_us: when a record fades; a use after that does not count.
    """

    def __init__(self, expires_at_us: Callable[[Record], int | None]) -> None:
        self._expires_at_us = expires_at_us
        self.position = 0
        self.records: dict[str, Record] = {}
        self.deleted: set[str] = set()
        self.unfinished: set[int] = set()
        """Positions of content of deleted memories that is not destroyed yet."""
        self.owners: dict[int, str] = {}
        """The memory whose content an entry holds, by the entry's position."""
        self.marks: dict[tuple[str, str], int] = {}
        """(session, by whom) to how many of its entries were read for facts."""
        self.facts: dict[FactKey, dict[str, None]] = {}
        """The facts that may say different things about one topic."""

    def add(self, found: Sequence[journal.Entry]) -> None:
        """Go on with the next entries of the session."""
        for entry in found:
            self.position = entry.position + 1
            if entry.is_erased:
                continue
            if entry.kind == entries.MEMORY_KIND:
                change = entries.read_change(entry.body.fields)
                if change is not None:
                    self._change(entry, change)
            elif entry.kind == entries.ACCESS_KIND:
                self._access(entry)
            elif entry.kind == entries.EXTRACTION_KIND:
                self._mark(entry.body.fields)

    def is_touched_by(self, positions: Sequence[int] | None) -> bool:
        """Whether erasing these entries (None: all) took away something that is still shown."""
        if positions is None:
            return True
        self.unfinished.difference_update(positions)
        return any(position in self.owners for position in positions)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())

    def _change(self, entry: journal.Entry, change: Change) -> None:
        memory_id = change.memory_id
        if memory_id in self.deleted:
            if change.memory is not None:
                self.unfinished.add(entry.position)
            return
        if change.state == entries.DELETED:
            self._delete(memory_id)
            return
        record = self.records.get(memory_id)
        if change.memory is not None:
            record = self._write(entry, change, change.memory, record)
        elif record is not None:
            links = dict.fromkeys((*record.memory.links, *change.links))
            record.memory = dataclasses.replace(
                record.memory, state=change.state, links=tuple(links)
            )
            record.updated_at_us = entry.said_at_us
        if record is None:
            return
        record.version += 1
        is_retired = record.memory.state in (EXPIRED, MERGED)
        record.retired_at_us = entry.recorded_at_us if is_retired else None

    def _write(
        self, entry: journal.Entry, change: Change, memory: Memory, record: Record | None
    ) -> Record:
        if record is None:
            at_us = entry.said_at_us if change.created_at_us is None else change.created_at_us
            record = Record(memory, at_us=at_us, entry=entry)
            if change.term_since_us is not None:
                record.term_since_us = change.term_since_us
            if change.recorded_at_us is not None:
                record.recorded_at_us = min(change.recorded_at_us, entry.recorded_at_us)
            record.access_count = change.access_count
            record.last_accessed_at_us = change.last_accessed_at_us
            self.records[memory.id] = record
        elif memory.term != record.memory.term or record.memory.state != memory.state:
            record.term_since_us = entry.said_at_us
            record.uses_in_term = 0
        record.memory = memory
        record.updated_at_us = entry.said_at_us
        record.places.append(entry.position)
        self.owners[entry.position] = memory.id
        if memory.statement is not None:
            known = record.recorded_at_us if not record.validity else entry.recorded_at_us
            said = memory.statement
            record.validity.append((known, said.valid_from_us, said.valid_to_us))
            self.facts.setdefault(fact_key(memory), {})[memory.id] = None
        return record

    def _delete(self, memory_id: str) -> None:
        self.deleted.add(memory_id)
        record = self.records.pop(memory_id, None)
        if record is not None and record.memory.statement is not None:
            self.facts.get(fact_key(record.memory), {}).pop(memory_id, None)
        for place in record.places if record else ():
            self.owners.pop(place, None)
            self.unfinished.add(place)

    def _access(self, entry: journal.Entry) -> None:
        for memory_id in entries.read_ids(entry.body.fields):
            record = self.records.get(memory_id)
            if record is None or record.memory.state in (EXPIRED, MERGED):
                continue
            expires = self._expires_at_us(record)
            if expires is not None and expires <= entry.said_at_us:
                continue
            record.access_count += 1
            record.uses_in_term += 1
            record.last_accessed_at_us = max(record.last_accessed_at_us or 0, entry.said_at_us)

    def _mark(self, fields: Any) -> None:
        if not isinstance(fields, dict):
            return
        body = cast("dict[str, Any]", fields)
        session_id, by, position = body.get("session_id"), body.get("by"), body.get("position")
        if isinstance(session_id, str) and isinstance(by, str) and isinstance(position, int):
            key = (session_id, by)
            self.marks[key] = max(position, self.marks.get(key, 0))
