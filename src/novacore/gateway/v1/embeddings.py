"""`/v1/embeddings` in OpenAI's format."""

import base64
import dataclasses
from typing import Any

import msgspec

from novacore import chat, llm


class _Asked(msgspec.Struct):
    input: Any
    model: str = ""
    encoding_format: str | None = None
    dimensions: int | None = None
    user: Any = None


_read = msgspec.json.Decoder(_Asked).decode


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingRequest:
    """What was asked for."""

    texts: list[str]
    model: str
    dimensions: int | None
    is_base64: bool


def read_request(data: bytes) -> EmbeddingRequest:
    """The request in a body.

    Raises:
        BodyInvalid: it can't be read, or asks for what is not made here.
    """
    try:
        asked = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise llm.BodyInvalid(f"The body can't be read: {error}.", "") from error
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise llm.BodyInvalid(
            "input: a text or a list of texts is needed; tokens by number are not taken.", "input"
        )
    if not all(texts):
        raise llm.BodyInvalid("input: no text may be empty.", "input")
    if asked.encoding_format not in (None, "float", "base64"):
        raise llm.BodyInvalid("encoding_format: float or base64.", "encoding_format")
    return EmbeddingRequest(
        texts=texts,
        model=asked.model,
        dimensions=asked.dimensions,
        is_base64=asked.encoding_format == "base64",
    )


def told(made: chat.Embedded, *, is_base64: bool) -> bytes:
    """The answer's body."""
    rows = made.vectors.astype("<f4")
    data: list[dict[str, Any]] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.tobytes()).decode() if is_base64 else row.tolist(),
        }
        for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": made.tokens, "total_tokens": made.tokens}
    return msgspec.json.encode(
        {"object": "list", "data": data, "model": made.model, "usage": usage}
    )
