"""Memories that came with an import of whole sessions: they join the owner's own."""

from typing import Final

from novacore import journal
from novacore.memory.lifecycle import entries
from novacore.memory.lifecycle.memories import Memories
from novacore.memory.lifecycle.model import ImportResult
from novacore.memory.lifecycle.transfer import export_lines, import_lines

_SESSIONS_MAX: Final = 1_000


def adopt_imported(store: journal.JournalStore, memories: Memories) -> ImportResult:
    """Let the memories of other stores, imported beside this one's, join them.

    An import gives a session of memories another name where there is one already. What it holds is
    written among the owner's own first, ids kept; then that session is erased, so that what is
    forgotten later is not left there. Doing it again does nothing.

    Args:
        store: the owner's.
        memories: the owner's own.
    """
    added: list[str] = []
    known = forgotten = 0
    for info in store.list_sessions(workspace=entries.WORKSPACE, limit=_SESSIONS_MAX):
        if info.name == entries.SESSION_NAME:
            continue
        others = Memories(
            store, config=memories.config, clock=memories.clock, session_name=info.name
        )
        done = import_lines(memories, export_lines(others))
        added += done.ids
        known += done.known
        forgotten += done.forgotten
        store.erase(info.id)
    return ImportResult(added=len(added), known=known, forgotten=forgotten, ids=tuple(added))
