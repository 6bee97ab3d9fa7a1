"""The vector tier: one embedding for the text of each message and memory.

The text is all that the entry says: its words, what it asks of tools, what tools answered. A long
one is embedded by its beginning and its end.
"""

from collections.abc import Sequence
from typing import Final

from novacore.journal import Erased
from novacore.tiers.errors import TierUnavailable
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.embedding_store import EmbeddingStore
from novacore.tiers.projections.record_text import MESSAGE, make_item, plain, reading_of, texts_of

_KINDS: Final = frozenset({MESSAGE, "memory"})


class VectorProjection:
    """See `Projection`. Without an embedder it says so at the first record.

    Args:
        place: its embedder, and the folder where embeddings are kept.
    """

    tier = "vector"

    def __init__(self, place: Place) -> None:
        self._embedder = place.embedder
        self._chars_max = place.config.text_chars_max
        self._store = EmbeddingStore(
            place.folder / "embeddings.db", timeout_ms=place.config.timeout_ms
        )
        name = self._embedder.identity if self._embedder else "no embedder"
        self.identity = f"vector 1, {name}, {self._chars_max} characters"

    def items(self, records: Sequence[Record]) -> list[Item]:
        """One vector for each message and memory that says something."""
        if self._embedder is None:
            raise TierUnavailable(
                "The vector tier is off: no embedder.",
                hint="Install one: pip install 'novacore[recall]'.",
            )
        wanted = [
            (record, text)
            for record in records
            if record.kind in _KINDS and not record.is_erased and (text := self._text(record))
        ]
        vectors = self._store.vectors(
            self._embedder,
            [text for _, text in wanted],
            sources=[(record.session_id, record.position) for record, _ in wanted],
        )
        return [
            _item(record, vector)
            for (record, _), vector in zip(wanted, vectors, strict=True)
            if any(vector)
        ]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """Destroy the embeddings that are kept of erased entries."""
        self._store.forget(erased)

    def _text(self, record: Record) -> str:
        text = "\n".join(texts_of(record))
        half = self._chars_max // 2
        return text if len(text) <= self._chars_max else f"{text[:half]}\n…\n{text[-half:]}"


def _item(record: Record, vector: bytes) -> Item:
    value: dict[str, object] = {
        "vector": vector,
        "entry_id": record.id,
        "kind": record.kind,
        "said_at_us": record.said_at_us,
    }
    if record.kind == MESSAGE:
        value["role"] = plain(reading_of(record).role)
    return make_item(record, record.kind, value=value)
