"""Peers that remember and recall, given the same static embedder: mem0 and LangGraph's store."""

import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

DIMENSIONS = 256


class RecallPeer(Protocol):
    """Something that takes texts with ids and finds them again."""

    name: str

    def add(self, turn: str, text: str) -> None:
        """Remember one text; `turn` names it."""
        ...

    def search(self, question: str, *, limit: int) -> Sequence[str]:
        """The ids of the best texts, best first."""
        ...


@cache
def wordllama() -> Any:
    """The static embedder that ours uses too, from its wheel, without the network."""
    import wordllama as package  # noqa: PLC0415 - loads its weights

    where = find_spec("wordllama")
    assert where is not None
    assert where.origin is not None
    return package.WordLlama.load(
        cache_dir=Path(where.origin).parent, disable_download=True, dim=DIMENSIONS
    )


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of texts, normalised."""
    return wordllama().embed(list(texts), norm=True).tolist()


class Mem0:
    """mem0's Memory without a language model (`infer=False`), on its Qdrant in a folder."""

    name = "mem0, infer=False"

    def __init__(self, folder: Path) -> None:
        os.environ["MEM0_TELEMETRY"] = "False"
        os.environ["MEM0_DIR"] = str(folder / "home")
        os.environ.setdefault("OPENAI_API_KEY", "none: nothing is asked of a model")
        from mem0 import Memory  # noqa: PLC0415 - reads the environment when it is imported

        store = {"path": str(folder / "qdrant"), "embedding_model_dims": DIMENSIONS}
        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": store},
                "history_db_path": str(folder / "history.db"),
            }
        )
        self._memory.embedding_model = _Mem0Embedder()

    def add(self, turn: str, text: str) -> None:
        message = [{"role": "user", "content": text}]
        self._memory.add(message, user_id="bench", infer=False, metadata={"turn": turn})

    def search(self, question: str, *, limit: int) -> Sequence[str]:
        found = self._memory.search(
            question, top_k=limit, filters={"user_id": "bench"}, threshold=0.0
        )
        return [each["metadata"]["turn"] for each in found["results"]]


class _Mem0Embedder:
    """What mem0 asks of an embedder."""

    class config:  # noqa: N801 - mem0 reads this name
        embedding_dims = DIMENSIONS

    def embed(self, text: str, _action: str | None = None) -> list[float]:
        return embed([text])[0]

    def embed_batch(self, texts: Sequence[str], _action: str | None = None) -> list[list[float]]:
        return embed(texts)


class LangGraphStore:
    """LangGraph's InMemoryStore with a vector index."""

    name = "LangGraph InMemoryStore, index"

    def __init__(self) -> None:
        from langgraph.store.memory import InMemoryStore  # noqa: PLC0415 - heavy

        self._store = InMemoryStore(index={"dims": DIMENSIONS, "embed": embed, "fields": ["text"]})

    def add(self, turn: str, text: str) -> None:
        self._store.put(("bench",), turn, {"text": text})

    def search(self, question: str, *, limit: int) -> Sequence[str]:
        return [item.key for item in self._store.search(("bench",), query=question, limit=limit)]


def all_recall_peers(folder: Path) -> list[RecallPeer]:
    """Every peer, each empty."""
    return [Mem0(folder), LangGraphStore()]
