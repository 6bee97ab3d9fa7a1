"""What is known about the owner and the work, and since when: facts over two times.

A fact holds from one moment to another (valid time), and the journal knows it since it was
recorded (recorded time); questions may fix both. Each names the sentence that it came from.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from novacore import journal, kit
from novacore.memory.facts.extraction import RULES, Reader
from novacore.memory.facts.finding import Finding
from novacore.memory.facts.ledger import Ledger
from novacore.memory.facts.predicates import topic_of
from novacore.memory.lifecycle import entries
from novacore.memory.lifecycle.fold import Fold, Record, normal
from novacore.memory.lifecycle.memories import Memories
from novacore.memory.lifecycle.model import EXPIRED, LONG, MERGED, Memory, Source, Statement

ENTRIES_PER_STEP: Final = 2_000
"""So many entries of a session are read at a time."""
_MARK_EVERY: Final = 200
_FINDINGS_PER_APPEND: Final = 100
_FACTS_MAX: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A fact as it was known at some moment. Times are µs UTC."""

    id: str
    """The memory that holds it."""
    subject: str
    """Whom or what it is about; `user` is the owner."""
    predicate: str
    object: str
    text: str
    """The fact as a sentence."""
    valid_from_us: int
    """Since when it holds."""
    valid_to_us: int | None
    """Until when it held, as far as was known; None: it still does."""
    recorded_at_us: int
    """Since when it is known."""
    confidence: float
    project: str
    sources: tuple[Source, ...]
    """The sentences that it came from, oldest first."""
    closes: tuple[str, ...] = ()
    """Facts that it contradicted."""
    closed_by: tuple[str, ...] = ()
    """Facts that contradicted it."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """What reading a session for facts gave."""

    added: tuple[str, ...] = ()
    """New facts, by id."""
    closed: tuple[str, ...] = ()
    """Older facts that were contradicted, by id."""
    entries: int = 0
    """Entries read."""
    refused: int = 0
    """What a model answered that stands in no message, or can't be read."""


class Facts:
    """The facts among one owner's memories. They never fade; a newer one closes an older one.

    Args:
        memories: where they are; what an agent sees of them it sees here.
    """

    def __init__(self, memories: Memories) -> None:
        self._memories = memories

    def record(
        self,
        subject: str,
        predicate: str,
        *,
        object: str,  # noqa: A002 - what it is called everywhere
        text: str = "",
        valid_from_us: int | None = None,
        valid_to_us: int | None = None,
        confidence: float = 0.9,
        sources: Sequence[Source] = (),
        project: str = "",
        topic: str | None = None,
    ) -> Fact:
        """State a fact; one that says the same is confirmed, one that contradicts it is closed.

        Args:
            subject: whom or what it is about; `user` is the owner.
            predicate: name, lives in, likes …
            object: what is said of it.
            text: the fact as a sentence; empty: made of the three.
            valid_from_us: since when, µs UTC; None: from now on.
            valid_to_us: until when; None: it still holds.
            confidence: how sure it is, 0 to 1.
            sources: the entries that it came from.
            project: what it is about.
            topic: what can have one value at a time; None: what the predicate says, empty: several
                may hold at once.

        Raises:
            MemoryInvalid: a field has a value that a fact can't have.
        """
        now_us = self._memories.clock.now_us()
        finding = Finding(
            subject=subject,
            predicate=predicate,
            object=object,
            text=text or f"{subject} {predicate} {object}.",
            topic=topic_of(predicate, object) if topic is None else topic,
            confidence=confidence,
        )
        start = now_us if valid_from_us is None else valid_from_us
        fact = self._memory(finding, project=project, valid_from_us=start)
        statement = dataclasses.replace(self._said(fact), valid_to_us=valid_to_us)
        fact = dataclasses.replace(fact, statement=statement, sources=tuple(sources))
        found = ""

        def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
            nonlocal found
            ledger = self._ledger(fold, session_id)
            found = ledger.add(fact)
            return ledger.drafts

        self._memories.book.change(build)
        return self.get(found)

    def get(self, fact_id: str) -> Fact:
        """A fact by its memory's id.

        Raises:
            MemoryUnknown: there is no such fact.
        """
        memory = self._memories.get(fact_id)
        with self._memories.book.read() as fold:
            return _fact(fold.records[memory.id], *self._validity(memory))

    def list(
        self,
        *,
        valid_at_us: int | None = None,
        known_at_us: int | None = None,
        subject: str | None = None,
        predicate: str | None = None,
        text: str = "",
        limit: int = 100,
    ) -> Sequence[Fact]:
        """The facts that held at one time, as was known at another; the newest first.

        Args:
            valid_at_us: when they held, µs UTC; None: now.
            known_at_us: as known then; None: now.
            subject: only about this.
            predicate: only this predicate.
            text: only those that say this.
            limit: at most so many, and at most 1,000.
        """
        now_us = self._memories.clock.now_us()
        valid = now_us if valid_at_us is None else valid_at_us
        known = 2**62 if known_at_us is None else known_at_us
        found = [
            fact
            for fact in self._known(known)
            if fact.valid_from_us <= valid
            and (fact.valid_to_us is None or valid < fact.valid_to_us)
            and _is_wanted(fact, subject=subject, predicate=predicate, text=text)
        ]
        return found[: max(1, min(limit, _FACTS_MAX))]

    def history(
        self,
        subject: str | None = None,
        *,
        predicate: str | None = None,
        text: str = "",
        limit: int = _FACTS_MAX,
    ) -> Sequence[Fact]:
        """Everything known about a subject (None: all), what no longer holds too; newest first."""
        found = [
            fact
            for fact in self._known(2**62)
            if _is_wanted(fact, subject=subject, predicate=predicate, text=text)
        ]
        return found[: max(1, min(limit, _FACTS_MAX))]

    def extract(self, session: journal.Session) -> Extracted:
        """Read what a session says since the last time, by rules, and record what it states.

        What was read is journaled with what was found in it, so nothing is read twice, whoever
        reads; a kill in between loses nothing. A fork's shared entries are its parent's.

        Raises:
            SessionUnknown: the session was erased.
        """
        transcript = session.open()
        reader = Reader()
        done = Extracted()
        start = self.read_until(session.id, by=RULES)
        for base in range(start, transcript.position, ENTRIES_PER_STEP):
            end = min(base + ENTRIES_PER_STEP, transcript.position)
            own = readable(transcript, base, end)
            found = reader.read(own)
            done = _sum(done, self.add(found, session=session, by=RULES, until=end))
        return done

    def read_until(self, session_id: str, *, by: str) -> int:
        """How many of a session's entries were read for facts by these rules or this model."""
        with self._memories.book.read() as fold:
            return fold.marks.get((session_id, by), 0)

    def add(
        self, found: Sequence[Finding], *, session: journal.Session, by: str, until: int
    ) -> Extracted:
        """Record what was found in a session's entries before `until`, each place once."""
        before = self.read_until(session.id, by=by)
        done = Extracted(entries=max(0, until - before))
        for start in range(0, max(1, len(found)), _FINDINGS_PER_APPEND):
            part = found[start : start + _FINDINGS_PER_APPEND]
            following = found[start + _FINDINGS_PER_APPEND :][:1]
            # What comes before the first finding of the next part is read.
            mark = following[0].position if following else until
            added = self._add_part(part, session=session, by=by, mark=mark)
            done = _sum(done, added)
        return done

    def _add_part(
        self, found: Sequence[Finding], *, session: journal.Session, by: str, mark: int
    ) -> Extracted:
        made = [self._from_entry(each, session) for each in found]
        ledger: Ledger | None = None

        def build(fold: Fold, session_id: str) -> list[journal.NewEntry]:
            nonlocal ledger
            ledger = self._ledger(fold, session_id)
            before = fold.marks.get((session.id, by), 0)
            for finding, fact in zip(found, made, strict=True):
                if finding.position >= before:
                    ledger.add(fact)
            is_much = mark - before >= _MARK_EVERY
            if mark <= before or not (ledger.drafts or is_much):
                return ledger.drafts
            body = {"session_id": session.id, "by": by, "position": mark}
            return [*ledger.drafts, journal.NewEntry(kind=entries.EXTRACTION_KIND, body=body)]

        self._memories.book.change(build)
        if ledger is None:
            return Extracted()
        return Extracted(added=tuple(ledger.added), closed=tuple(ledger.closed))

    def _from_entry(self, finding: Finding, session: journal.Session) -> Memory:
        source = Source(
            session_id=session.id,
            position=finding.position,
            entry_id=finding.entry_id,
            start=finding.start,
            end=finding.end,
        )
        is_personal = normal(finding.subject).startswith("user")
        since = finding.valid_from_us
        fact = self._memory(
            finding,
            project="" if is_personal else session.workspace,
            valid_from_us=finding.said_at_us if since is None else since,
        )
        return dataclasses.replace(fact, sources=(source,))

    def _memory(self, finding: Finding, *, project: str, valid_from_us: int) -> Memory:
        return Memory(
            id=str(kit.new_id(self._memories.clock)),
            type="fact",
            text=finding.text,
            term=LONG,
            confidence=finding.confidence,
            tags=tuple(sorted(finding.tags)),
            agent=self._memories.agent or "",
            project=project,
            outcome=finding.outcome,
            statement=Statement(
                subject=finding.subject,
                predicate=finding.predicate,
                object=finding.object,
                topic=finding.topic,
                valid_from_us=valid_from_us,
            ),
        )

    def _ledger(self, fold: Fold, session_id: str) -> Ledger:
        now_us = self._memories.clock.now_us()
        return Ledger(fold, session_id, at_us=now_us, config=self._memories.config)

    def _known(self, known_at_us: int) -> Iterator[Fact]:
        """The facts that were known at a time, with the validity known then, newest first."""
        with self._memories.book.read() as fold:
            records = [record for record in fold if record.memory.statement is not None]
        records.sort(key=lambda record: record.first_position, reverse=True)
        for record in records:
            if not self._memories.sees(record.memory):
                continue
            is_gone = record.memory.state in (EXPIRED, MERGED)
            if is_gone and (record.retired_at_us or 0) <= known_at_us:
                continue
            validity = record.validity_at(known_at_us)
            if validity is not None:
                yield _fact(record, *validity)

    @staticmethod
    def _said(memory: Memory) -> Statement:
        if memory.statement is None:
            raise TypeError(f"Memory {memory.id} states nothing.")
        return memory.statement

    def _validity(self, memory: Memory) -> tuple[int, int | None]:
        said = self._said(memory)
        return said.valid_from_us, said.valid_to_us


def readable(transcript: journal.Transcript, start: int, end: int) -> list[journal.Entry]:
    """A session's own entries in this range whose bytes are sound."""
    damaged = frozenset(transcript.damaged)
    own, entries_now = transcript.session_id, transcript.entries
    found = (entries_now[at] for at in range(start, end) if at not in damaged)
    return [entry for entry in found if entry.session_id == own]


def _sum(one: Extracted, other: Extracted) -> Extracted:
    return Extracted(
        added=one.added + other.added,
        closed=one.closed + other.closed,
        entries=one.entries + other.entries,
        refused=one.refused + other.refused,
    )


def _is_wanted(fact: Fact, *, subject: str | None, predicate: str | None, text: str) -> bool:
    return (
        (subject is None or normal(fact.subject) == normal(subject))
        and (predicate is None or normal(fact.predicate) == normal(predicate))
        and text.casefold() in fact.text.casefold()
    )


def _fact(record: Record, valid_from_us: int, valid_to_us: int | None) -> Fact:
    memory = record.memory
    said = memory.statement or Statement(subject="", predicate="", object=memory.text)
    return Fact(
        id=memory.id,
        subject=said.subject,
        predicate=said.predicate,
        object=said.object,
        text=memory.text,
        valid_from_us=valid_from_us,
        valid_to_us=valid_to_us,
        recorded_at_us=record.recorded_at_us,
        confidence=memory.confidence,
        project=memory.project,
        sources=memory.sources,
        closes=tuple(link.id for link in memory.links if link.kind == "closes"),
        closed_by=tuple(link.id for link in memory.links if link.kind == "closed_by"),
    )
