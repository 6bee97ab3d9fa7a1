"""What is remembered beyond one session: a workspace's notes, and its answers for always.

They are entries of one session that each workspace has for this, beside its conversations, so
that later sessions find them at once however many there are.
"""

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from novacore import journal
from novacore.agent.history import Session, append

NOTE_KIND = "memory"
ANSWER_KIND = "decision"
NOTEBOOK_NAME = "notebook"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Note:
    """One note."""

    text: str
    category: str
    said_at_us: int
    """When it was noted, µs UTC."""


class NoteBook(Protocol):
    """Notes and answers of one workspace, over all its sessions. Bootstrap opens it."""

    async def add_note(self, text: str, *, category: str, session_id: str) -> None:
        """Journal a note and which session it came from; it is durable when this returns."""
        ...

    async def list_notes(self) -> Sequence[Note]:
        """Every note, oldest first."""
        ...

    async def add_answer(self, body: Mapping[str, Any]) -> None:
        """Journal an answer that holds for always; it is durable when this returns."""
        ...

    async def list_answers(self) -> Sequence[Mapping[str, Any]]:
        """Every answer for always, oldest first."""
        ...


class Store(Protocol):
    """The part of a session store that a notebook needs."""

    def session(self, name: str, *, workspace: str = "") -> Session:
        """The session of that name, created when there is none."""
        ...

    def get_session(self, name_or_id: str, *, workspace: str | None = None) -> Session:
        """The session of that name.

        Raises:
            SessionUnknown: there is none.
        """
        ...


class JournalNoteBook:
    """The notebook of a workspace in a session store. Its session is made by the first note.

    Args:
        store: where sessions are.
        workspace: whose notes; as the workspace's sessions name it.
    """

    def __init__(self, store: Store, *, workspace: str) -> None:
        self._store = store
        # Not the workspace itself: its last session is what a start resumes.
        self._workspace = f"{NOTEBOOK_NAME}:{workspace}"

    async def add_note(self, text: str, *, category: str, session_id: str) -> None:
        """Journal a note; it is durable when this returns."""
        body = {"type": "note", "text": text, "category": category, "session_id": session_id}
        await self._add(journal.NewEntry(kind=NOTE_KIND, body=body))

    async def list_notes(self) -> Sequence[Note]:
        """Every note, oldest first."""
        return [
            Note(
                text=str(entry.body.get("text", "")),
                category=str(entry.body.get("category", "")),
                said_at_us=entry.said_at_us,
            )
            for entry in await asyncio.to_thread(self._entries, NOTE_KIND)
        ]

    async def add_answer(self, body: Mapping[str, Any]) -> None:
        """Journal an answer; it is durable when this returns."""
        await self._add(journal.NewEntry(kind=ANSWER_KIND, body=body))

    async def list_answers(self) -> Sequence[Mapping[str, Any]]:
        """Every answer for always, oldest first."""
        return [dict(entry.body) for entry in await asyncio.to_thread(self._entries, ANSWER_KIND)]

    async def _add(self, entry: journal.NewEntry) -> None:
        session = await asyncio.to_thread(
            self._store.session, NOTEBOOK_NAME, workspace=self._workspace
        )
        await append(session, entry)

    def _entries(self, kind: str) -> list[journal.Entry]:
        try:
            session = self._store.get_session(NOTEBOOK_NAME, workspace=self._workspace)
        except journal.SessionUnknown:
            return []
        entries = session.open().entries
        return [entry for entry in entries if entry.kind == kind and not entry.is_erased]


def note_line(note: Note) -> str:
    """A note on one line, with its day and category."""
    said = dt.datetime.fromtimestamp(note.said_at_us / 1_000_000, tz=dt.UTC)
    return f"- {said:%Y-%m-%d} [{note.category}] {' '.join(note.text.split())}"
