"""Settings of embedding; section `[embedding]` of nova.toml."""

import dataclasses

from novacore import kit

EMBEDDERS = ("auto", "wordllama", "minilm", "openai", "ollama", "none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """Which model makes vectors of texts. Checked when constructed."""

    embedder: str = kit.setting(
        "auto",
        choices=EMBEDDERS,
        doc="Who makes vectors for recall. auto: wordllama where it is installed, else none. "
        "openai: any compatible API.",
    )
    model: str = kit.setting(
        "", doc="The embedding model's name, for openai and ollama. Empty: a usual one."
    )
    base_url: str = kit.setting(
        "", doc="Address of the embedding API. Empty: the provider's own, or llm.ollama_url."
    )
    api_key: str = kit.setting("", secret=True, doc="The key for the embedding API.")
    batch_texts: int = kit.setting(
        64, unit="texts", minimum=1, maximum=2_048, doc="Texts in one request to an API."
    )
    timeout_ms: int = kit.setting(
        60_000,
        unit="ms",
        minimum=10,
        maximum=3_600_000,
        doc="How long one request to an embedding API may take.",
    )
    attempts_max: int = kit.setting(
        3, unit="requests", minimum=1, maximum=100, doc="How often such a request is sent at most."
    )
    threads: int = kit.setting(
        1, unit="threads", minimum=1, maximum=256, doc="Threads that MiniLM computes with."
    )

    def __post_init__(self) -> None:
        kit.check(self)
