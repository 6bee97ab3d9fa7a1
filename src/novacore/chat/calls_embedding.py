"""Vectors of texts for an account: admitted, made by the configured embedder, counted."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

from novacore import billing, llm
from novacore.chat.calls_model import Caller
from novacore.chat.metering import Metering

PURPOSE: Final = "embedding"
_TOKENS_OF_MODEL: Final = 120
"""Percent of our estimate: embedders' vocabularies are small."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """Texts as vectors."""

    model: str
    """Which model made them."""
    vectors: Any
    """Shape (texts, dimensions), float32, each of length 1."""
    tokens: int
    """What the texts cost."""


class Embeddings:
    """Makes vectors for accounts.

    Args:
        open_embedder: gives the embedder of the settings; None: there is none. Called in a thread.
        metering: holds and usage.
        texts_max: most texts of one request.
    """

    def __init__(
        self,
        *,
        open_embedder: Callable[[], llm.Embedder | None],
        metering: Metering,
        texts_max: int,
    ) -> None:
        self._open_embedder = open_embedder
        self._metering = metering
        self._texts_max = texts_max

    async def name(self) -> str:
        """The embedding model's name; empty: there is none."""
        embedder = await asyncio.to_thread(self._open_embedder)
        return "" if embedder is None else name_of(embedder)

    async def embed(
        self, texts: Sequence[str], *, caller: Caller, model: str, dimensions: int | None
    ) -> Embedded:
        """One vector a text, in their order.

        Args:
            texts: at least one, none empty.
            caller: who asks.
            model: the model's name; empty or `default`: the configured one.
            dimensions: how long the vectors must be; None: as the model makes them.

        Raises:
            BodyInvalid: too many texts, or other dimensions than the model's.
            ModelNotListed: there is no such embedding model here.
            NovaError: what billing or the embedder says.
        """
        embedder = await asyncio.to_thread(self._open_embedder)
        if embedder is None or model not in ("", "default", name_of(embedder), embedder.identity):
            raise llm.ModelNotListed(
                f"There is no embedding model {model[:128]!r} here.",
                hint="Leave the model out, or call it default.",
            )
        if len(texts) > self._texts_max:
            raise llm.BodyInvalid(f"input: at most {self._texts_max:,} texts at once.", "input")
        if dimensions is not None and embedder.dimensions not in (0, dimensions):
            raise llm.BodyInvalid(
                f"dimensions: {name_of(embedder)} makes vectors of {embedder.dimensions} numbers "
                "and no others.",
                "dimensions",
            )
        counted = await asyncio.to_thread(_count, texts)
        admission = billing.Admission(
            account_id=caller.account_id,
            purpose=PURPOSE,
            model=name_of(embedder),
            input_tokens=counted,
            output_tokens_max=0,
            output_tokens_min=0,
            agent_id=caller.agent_id,
            agent_tokens_per_day=caller.agent_tokens_per_day,
            key_id=caller.key_id,
            key_tokens_per_day=caller.key_tokens_per_day,
        )
        async with self._metering.call(admission) as call:
            usage_at = await self._metering.usage_session(call.hold)
            call.sent()
            vectors = await asyncio.to_thread(embedder.embed, texts)
            usage = llm.Usage(input_tokens=counted, output_tokens=0, source="estimate")
            call.submit_soon(
                usage_at, call.entry(usage, provider=embedder.identity.partition(":")[0])
            )
        return Embedded(model=name_of(embedder), vectors=vectors, tokens=counted)


def name_of(embedder: llm.Embedder) -> str:
    """The name under which clients know an embedder."""
    return embedder.identity.partition("@")[0]


def _count(texts: Sequence[str]) -> int:
    return sum(-(-llm.count_tokens(text) * _TOKENS_OF_MODEL // 100) for text in texts)
