"""What an agent is reminded of when it starts: its workspace's notes, and memories beside them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from novacore import agent, memory


class RememberingNoteBook:
    """A notebook that shows the memories a conversation begins with among its notes.

    They are of each term a few (`memory.context_memories`), of this workspace or of none. To be
    shown so is no use of a memory: only what recall finds counts.

    Args:
        notebook: the workspace's own.
        memories: the owner's.
        workspace: whose.
    """

    def __init__(
        self, notebook: agent.NoteBook, *, memories: memory.Memories, workspace: str
    ) -> None:
        self._notebook = notebook
        self._memories = memories
        self._projects = ("", workspace)

    async def add_note(self, text: str, *, category: str, session_id: str) -> None:
        """See `agent.NoteBook`."""
        await self._notebook.add_note(text, category=category, session_id=session_id)

    async def list_notes(self) -> Sequence[agent.Note]:
        """The workspace's notes, then memories; what comes last is left out last."""
        found = await asyncio.to_thread(self._memories.context, projects=self._projects)
        remembered = [
            agent.Note(text=each.text, category=each.type, said_at_us=each.created_at_us)
            for each in sorted(found, key=lambda each: each.created_at_us)
        ]
        return [*await self._notebook.list_notes(), *remembered]

    async def add_answer(self, body: Mapping[str, Any]) -> None:
        """See `agent.NoteBook`."""
        await self._notebook.add_answer(body)

    async def list_answers(self) -> Sequence[Mapping[str, Any]]:
        """See `agent.NoteBook`."""
        return await self._notebook.list_answers()
