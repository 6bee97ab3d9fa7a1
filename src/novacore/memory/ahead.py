"""Loading ahead what the first question and the first answer would wait for."""

from typing import Final

from novacore import journal, llm
from novacore.memory.config import Config
from novacore.memory.facts.facts import Facts
from novacore.memory.lifecycle.memories import Memories
from novacore.memory.recall.config import RecallConfig
from novacore.memory.recall.service import Recall

_SAID: Final = "My sister is called Ada and she lives in Lisbon."
_ASKED: Final = "What is the name of my sister?"


def load_ahead(embedder: llm.Embedder | None, *, config: Config, recall: RecallConfig) -> None:
    """Ask a question of a journal that nobody has: what that loads is loaded for everybody.

    Takes some tenths of a second of a thread; the first person to ask would wait as long.

    Args:
        embedder: who makes vectors; one that another server answers for is left alone.
        config: the limits of memories.
        recall: the limits of recall.
    """
    local = embedder if embedder is not None and embedder.is_cheap else None
    with journal.open_memory() as store:
        session = store.session("ahead")
        session.append({"role": "user", "content": _SAID})
        with Recall(store, embedder=local, config=recall) as asked:
            asked.recall(_ASKED)
        Facts(Memories(store, config=config)).extract(session)
