"""What a group of appends will write: the rules of `append`, the same for every engine.

The engine gives look-ups into what is stored; the planner adds what this group has planned so far,
so that two appends in one group see each other as if they had come one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from novacore.journal import frame as frames
from novacore.journal.errors import (
    EntryRefused,
    IdConflict,
    JournalError,
    PositionConflict,
    SessionUnknown,
)
from novacore.journal.frame import Frame
from novacore.journal.model import ANY, Appended
from novacore.journal.store import Draft, Submission


@dataclass(slots=True)
class Head:
    """Where a session ends, while a group is planned."""

    session: bytes
    scope: tuple[str, str]
    """Tenant and owner."""
    position: int
    chain: bytes
    messages: int
    ancestors: dict[bytes, int]
    """Each session it was forked from, and how many of its entries it shares."""
    is_erased: bool = False
    key: int = 0
    """The engine's own number for the session."""
    sealed: int = 0
    """Entries below this position are in segments."""
    tail_bytes: int = 0
    """The size of the entries that are not in segments."""
    updated_at_us: int = 0


class LookUp(Protocol):
    """What the planner asks of an engine."""

    def head(self, session: bytes) -> Head:
        """Where a session ends; raises `SessionUnknown`."""
        ...

    def find_entry(self, scope: tuple[str, str], entry_id: bytes) -> Frame | None:
        """The stored entry of that id among one owner's sessions."""
        ...


@dataclass(slots=True)
class Planned:
    """One entry that the group will write."""

    head: Head
    sequence: int
    position: int
    id: bytes
    stored: bytes
    blobs: tuple[tuple[bytes, bytes], ...]


@dataclass
class Planner:
    """Plans the appends of one group in order."""

    look_up: LookUp
    next_sequence: int
    recorded_at_us: int
    heads: dict[bytes, Head] = field(default_factory=dict[bytes, Head])
    planned: list[Planned] = field(default_factory=list[Planned])
    touched: dict[bytes, Head] = field(default_factory=dict[bytes, Head])
    _ids: dict[tuple[tuple[str, str], bytes], Planned] = field(
        default_factory=dict[tuple[tuple[str, str], bytes], Planned]
    )

    def plan(self, submission: Submission) -> Appended:
        """Add one append to the group; a refusal adds nothing.

        Raises:
            SessionUnknown: there is no such session, or it was erased.
            IdConflict: an id is known with other content, or only some ids are known.
            PositionConflict: the session is not at the expected position.
            EntryRefused: the same id stands twice in the batch.
        """
        head = self.heads.get(submission.session)
        if head is None:
            head = self.heads[submission.session] = self.look_up.head(submission.session)
        drafts = submission.drafts
        retried = self._retried(head, drafts)
        if retried is not None:
            return retried
        if head.is_erased:
            raise SessionUnknown(frames.session_text(head.session))
        if submission.expected not in (ANY, head.position):
            raise PositionConflict(
                session_id=frames.session_text(head.session),
                expected=submission.expected,
                actual=head.position,
            )
        return self._write(head, drafts)

    def _retried(self, head: Head, drafts: Sequence[Draft]) -> Appended | None:
        """The first positions when every id is known with the same content; None: all are new."""
        checked: list[Draft] = [d for d in drafts if not d.is_fresh]
        if not checked:
            return None
        if len({d.id for d in checked}) < len(checked):
            raise EntryRefused("The same entry id stands twice in one append.", path="id")
        found = [self._known(head, draft) for draft in checked]
        known = [frame for frame in found if frame is not None]
        if not known:
            return None
        first = str(frames.session_text(known[0].id))
        if len(known) < len(drafts):
            raise IdConflict(
                f"Entry id {first} is known, others of the same append are not.", entry_id=first
            )
        for draft, stored in zip(checked, known, strict=True):
            self._compare(head, draft, stored)
        return Appended(
            positions=tuple(frame.position for frame in known),
            sequences=tuple(frame.sequence for frame in known),
            is_retry=True,
        )

    def _known(self, head: Head, draft: Draft) -> Frame | None:
        planned = self._ids.get((head.scope, draft.id))
        if planned is not None:
            return frames.parse(planned.stored)
        return self.look_up.find_entry(head.scope, draft.id)

    @staticmethod
    def _compare(head: Head, draft: Draft, stored: Frame) -> None:
        text = frames.session_text(draft.id)
        shared = head.ancestors.get(stored.session, 0)
        if stored.session != head.session and stored.position >= shared:
            where = frames.session_text(stored.session)
            raise IdConflict(f"Entry id {text} belongs to session {where}.", entry_id=text)
        if stored.is_erased or draft.is_erased:
            return
        digest = frames.content_digest(
            salt=stored.salt,
            version=draft.version,
            kind=draft.kind,
            actor=draft.actor,
            body=draft.body,
        )
        if digest != stored.digest:
            raise IdConflict(f"Entry id {text} is known with other content.", entry_id=text)

    def _write(self, head: Head, drafts: Sequence[Draft]) -> Appended:
        first_position, first_sequence = head.position, self.next_sequence
        now_us = self.recorded_at_us
        for draft in drafts:
            stored, head.chain = frames.build(
                before=head.chain,
                sequence=self.next_sequence,
                position=head.position,
                said_at_us=now_us if draft.said_at_us is None else draft.said_at_us,
                recorded_at_us=now_us,
                entry_id=draft.id,
                session=head.session,
                salt=draft.salt,
                digest=draft.digest,
                version=draft.version,
                kind=draft.kind,
                actor=draft.actor,
                body=draft.body,
                is_erased=draft.is_erased,
            )
            item = Planned(head, self.next_sequence, head.position, draft.id, stored, draft.blobs)
            self.planned.append(item)
            if not draft.is_fresh:
                self._ids[head.scope, draft.id] = item
            head.messages += draft.kind == b"message" and not draft.is_erased
            head.tail_bytes += len(stored)
            head.position += 1
            self.next_sequence += 1
        head.updated_at_us = now_us
        self.touched[head.session] = head
        count = len(drafts)
        return Appended(
            positions=tuple(range(first_position, first_position + count)),
            sequences=tuple(range(first_sequence, first_sequence + count)),
        )


Outcome = Appended | JournalError


def plan_all(planner: Planner, batch: Sequence[Submission]) -> list[Outcome]:
    """The outcome of every append of a group, in order; refusals are values here, not raised."""
    outcomes: list[Outcome] = []
    for submission in batch:
        try:
            outcomes.append(planner.plan(submission))
        except JournalError as error:
            outcomes.append(error)
    return outcomes


def deliver(batch: Sequence[Submission], outcomes: list[Outcome]) -> None:
    """Resolve every future of a group."""
    for submission, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, JournalError):
            submission.future.set_exception(outcome)
        else:
            submission.future.set_result(outcome)
