"""The embedder that the settings name, as the tiers take it."""

from collections.abc import Sequence
from typing import Any

from novacore import llm, settings, tiers


class TierEmbedder:
    """An embedder whose vectors are bytes, so that the tiers need no library for arrays."""

    def __init__(self, embedder: llm.Embedder) -> None:
        self._embedder = embedder

    @property
    def identity(self) -> str:
        """The model and everything that changes what it gives."""
        return self._embedder.identity

    @property
    def dimensions(self) -> int:
        """Numbers in one vector."""
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector per text, as float32 in little-endian order.

        Raises:
            TierUnavailable: the model behind it does not answer.
            ItemRefused: it takes no such text.
        """
        try:
            rows: Any = self._embedder.embed(texts)
        except llm.RequestRefused as error:
            raise tiers.ItemRefused(error.message, hint=error.hint) from error
        except llm.LLMError as error:
            raise tiers.TierUnavailable(
                f"The embedder does not answer: {error.message}", hint=error.hint
            ) from error
        return [row.astype("<f4").tobytes() for row in rows]


def open_embedder(chosen: settings.Settings) -> llm.Embedder | None:
    """The embedder that the settings name; None: none, or none is installed. Loads nothing yet.

    Raises:
        EmbedderMissing: the one that was named is not installed.
    """
    return llm.open_embedder(
        chosen.embedding,
        ollama_url=chosen.llm.ollama_url,
        proxy_url=chosen.llm.proxy_url,
        vendor_key=chosen.vendor_keys.get("OPENAI_API_KEY", ""),
    )
