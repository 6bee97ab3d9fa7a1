"""Vectors from an embedding API: OpenAI's, any compatible one, or Ollama's."""

import asyncio
import json
import random
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from novacore.kit import Clock
from novacore.llm.embedding.model import whole_text
from novacore.llm.errors import LLMError, ReplyInvalid
from novacore.llm.formats.failures import failure
from novacore.llm.retry import RetryPolicy
from novacore.llm.transport import Transport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ERROR_BYTES_MAX: Final = 64 * 1024
_REPLY_BYTES_MAX: Final = 64 * 1024 * 1024
_CHARS_MAX: Final = 32_768
_DELAY_MS: Final = 500
_DELAY_MAX_MS: Final = 8_000


@dataclass(frozen=True, kw_only=True)
class Service:
    """Where the API is, and how it is spoken to."""

    kind: str
    """openai or ollama: which of the two formats."""
    model: str
    url: str
    """The whole address that texts are posted to."""
    api_key: str = ""
    batch_texts: int = 64
    attempts_max: int = 3


class RemoteEmbedder:
    """A `model.Embedder` behind an API. Connects to nothing before its first use.

    Its requests run in an event loop in a thread of its own, so that it may be called from
    anywhere.

    Args:
        service: where it is.
        open_transport: makes the transport; called in that thread.
        clock: for the waits between attempts.
    """

    def __init__(
        self, service: Service, *, open_transport: Callable[[], Transport], clock: Clock
    ) -> None:
        self._service = service
        self._open_transport = open_transport
        self._clock = clock
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._transport: Transport | None = None
        self._dimensions = 0
        self._retry = RetryPolicy(
            is_enabled=service.attempts_max > 1,
            attempts_max=service.attempts_max,
            delay_ms=_DELAY_MS,
            delay_max_ms=_DELAY_MAX_MS,
            after_max_ms=60_000,
            total_ms=180_000,
            random=random.random,
        )

    @property
    def identity(self) -> str:
        """The format and the model's name."""
        return f"{self._service.kind}/{self._service.model}"

    @property
    def dimensions(self) -> int:
        """What the last answer had; 0: none came yet."""
        return self._dimensions

    @property
    def is_cheap(self) -> bool:
        """False: each text is a request's part, and may cost money."""
        return False

    def embed(self, texts: Sequence[str], *, is_query: bool = False) -> "NDArray[np.float32]":
        """Unit vectors in the texts' order; see `Embedder.embed`.

        Raises:
            LLMError: the API does not answer, refuses, or answers something else.
        """
        import numpy as np  # noqa: PLC0415 - loads in 0.1 s

        rows: list[list[float]] = []
        size = self._service.batch_texts
        for start in range(0, len(texts), size):
            # An empty text is refused by some APIs.
            batch = [whole_text(text[:_CHARS_MAX]) or " " for text in texts[start : start + size]]
            rows.extend(self._run(self._ask(batch)))
        if not rows:
            return np.zeros((0, self._dimensions), np.float32)
        if len({len(row) for row in rows}) != 1:
            raise ReplyInvalid("The embedding API gave vectors of several lengths.")
        made = np.array(rows, np.float32)
        self._dimensions = made.shape[1]
        lengths = np.sqrt(np.einsum("ij,ij->i", made, made))
        return made / np.maximum(lengths, np.float32(1e-12))[:, None]

    def close(self) -> None:
        """Close the connections and end the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close_transport(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _close_transport(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def _run(self, work: Coroutine[Any, Any, list[list[float]]]) -> list[list[float]]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="embedding", daemon=True
                )
                self._thread.start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    async def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        began_s = self._clock.monotonic_s()
        attempt = 0
        while True:
            attempt += 1
            try:
                return _read(await self._post(texts), count=len(texts))
            except LLMError as error:
                elapsed_ms = (self._clock.monotonic_s() - began_s) * 1_000
                delay_ms = self._retry.delay(error, attempt=attempt, elapsed_ms=elapsed_ms)
                if delay_ms is None:
                    error.attempts = attempt
                    raise
            await asyncio.sleep(delay_ms / 1_000)

    async def _post(self, texts: Sequence[str]) -> bytes:
        if self._transport is None:
            self._transport = self._open_transport()
        service = self._service
        headers = {"content-type": "application/json"}
        if service.api_key:
            headers["authorization"] = f"Bearer {service.api_key}"
        body = json.dumps({"model": service.model, "input": list(texts)}).encode()
        async with self._transport.post(service.url, headers=headers, body=body) as response:
            if response.status == 200:
                return await response.read(bytes_max=_REPLY_BYTES_MAX)
            told = await response.read(bytes_max=_ERROR_BYTES_MAX)
            if service.api_key:
                told = told.replace(service.api_key.encode(), b"(key)")
            raise failure(
                response.status,
                body=told,
                headers={name.lower(): value for name, value in response.headers.items()},
                key_hint="The key is set by embedding.api_key.",
                now_s=self._clock.now_us() / 1_000_000,
            )


def _read(body: bytes, *, count: int) -> list[list[float]]:
    """The vectors of an answer in either format, in the order of the texts."""
    try:
        found: Any = json.loads(body)
        rows = found["embeddings"] if "embeddings" in found else _ordered(found["data"])
        vectors = [[float(number) for number in row] for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ReplyInvalid(
            "The embedding API answered something else than vectors.",
            hint="Check embedding.base_url and embedding.embedder.",
        ) from error
    if len(vectors) != count or not all(vectors):
        raise ReplyInvalid(f"The embedding API gave {len(vectors)} vectors for {count} texts.")
    return vectors


def _ordered(data: Any) -> list[Any]:
    parts = sorted(cast("list[Mapping[str, Any]]", data), key=lambda part: int(part["index"]))
    return [part["embedding"] for part in parts]
