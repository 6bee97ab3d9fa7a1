"""What follows a turn: its uses are written, what was stated is learnt, and time passes."""

from novacore import journal, memory
from novacore.bootstrap.remembering_store import RememberingStore


def learn(store: journal.Store, session: journal.Session, *, config: memory.Config) -> None:
    """Write which memories the turn used, read what was said for facts, and age the memories.

    The turn's caller does it once the answer is shown; it takes milliseconds, and where nothing
    was used, stated or is due it writes nothing.

    Args:
        store: the owner's; one without memories is left alone.
        session: where the turn was.
        config: `learn` says whether facts are looked for.

    Raises:
        JournalError: not now; the next turn makes up for it.
    """
    if not isinstance(store, RememberingStore):
        return
    memories = store.memories
    memories.flush_access()
    if config.learn:
        memory.Facts(memories).extract(session)
    memories.advance()
