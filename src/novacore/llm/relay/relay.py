"""Hands a request to its provider as it is, and gives back what comes as it comes.

Before the first byte of an answer a request may be sent again (within a budget), or to the model's
fallback; after it, never. Start with `Relay.send`.
"""

import asyncio
import random as random_numbers
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from novacore.kit import Clock, SystemClock
from novacore.llm.errors import LLMError, ReplyInvalid
from novacore.llm.families import WireName
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.encoding import decode_object, mapping_of
from novacore.llm.formats.failures import failure, failure_in_stream
from novacore.llm.relay.budget import RetryBudget
from novacore.llm.relay.catalog import CatalogModel
from novacore.llm.relay.config import RelayConfig
from novacore.llm.retry import RetryPolicy, may_fall_back
from novacore.llm.transport import Response

Sleep = Callable[[float], Awaitable[object]]
MakeBody = Callable[[CatalogModel], bytes]

_ERROR_BYTES_MAX = 65_536
_PATHS: Mapping[WireName, str] = {"openai": "/chat/completions", "anthropic": "/v1/messages"}
_ERROR_STARTS = (b'data: {"error"', b'data:{"error"', b"event: error", b"event:error")


class Reply:
    """The answer of a provider. Close it on every way out."""

    __slots__ = ("_context", "_pieces", "body", "content_type", "is_stream", "model")

    def __init__(
        self,
        model: CatalogModel,
        *,
        content_type: str,
        body: bytes = b"",
        pieces: AsyncIterator[bytes] | None = None,
        context: AbstractAsyncContextManager[Response] | None = None,
    ) -> None:
        self.model = model
        """Who answered: the model that was asked, or its fallback."""
        self.content_type = content_type
        """As the provider named it."""
        self.is_stream = pieces is not None
        """Whether it comes in pieces."""
        self.body = body
        """The whole answer, or the first piece of a stream."""
        self._pieces = pieces
        self._context = context

    async def pieces(self) -> AsyncIterator[bytes]:
        """The stream from its first piece on, as it came.

        Raises:
            LLMError: it broke off, or was silent for too long.
        """
        yield self.body
        if self._pieces is not None:
            async for piece in self._pieces:
                yield piece

    async def close(self) -> None:
        """Close the connection where the answer isn't done."""
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(None, None, None)


class Relay:
    """Sends bodies to the providers of catalog models. For one event loop.

    Args:
        config: how patient it is.
        clock: for Retry-After dates and waits.
        random: gives numbers from 0 to 1, for the length of waits.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        config: RelayConfig,
        *,
        clock: Clock | None = None,
        random: Callable[[], float] = random_numbers.random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._budget = RetryBudget(config)
        self._policy = RetryPolicy(
            is_enabled=True,
            attempts_max=config.retry_attempts_max,
            delay_ms=config.retry_delay_ms,
            delay_max_ms=config.retry_delay_ms * 8,
            after_max_ms=config.retry_after_max_ms,
            total_ms=3_600_000,
            random=random,
        )

    async def send(
        self,
        models: Sequence[CatalogModel],
        *,
        make_body: MakeBody,
        headers: Mapping[str, str] | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Reply:
        """The answer of the first of these models that gives one.

        A model's fault (no connection, 5xx, 429, silence, an open breaker, a key that is refused)
        sends the request to the next one; what is wrong with the request itself does not.

        Args:
            models: the one that was asked for, then its fallbacks.
            make_body: the body in a model's own format; called once a model.
            headers: further headers for the provider.
            on_sent: called just before each request goes out.

        Raises:
            LLMError: nobody answered; what the last one said. `reply` holds its answer's body.
        """
        self._budget.earn()
        problem: LLMError | None = None
        for model in models:
            try:
                body = make_body(model)
                return await self._ask(model, body, headers=headers or {}, on_sent=on_sent)
            except LLMError as error:
                problem = problem or error
                if not may_fall_back(error):
                    raise
        assert problem is not None, "no model was given"
        raise problem

    async def _ask(
        self,
        model: CatalogModel,
        body: bytes,
        *,
        headers: Mapping[str, str],
        on_sent: Callable[[], None] | None,
    ) -> Reply:
        began_s = self._clock.monotonic_s()
        attempt = 1
        while True:
            try:
                return await self._once(model, body, headers=headers, on_sent=on_sent)
            except LLMError as error:
                elapsed_ms = (self._clock.monotonic_s() - began_s) * 1_000
                delay_ms = self._policy.delay(error, attempt=attempt, elapsed_ms=elapsed_ms)
                if delay_ms is None or not self._budget.spend():
                    error.attempts = attempt
                    raise
            await self._sleep(delay_ms / 1_000)
            attempt += 1

    async def _once(
        self,
        model: CatalogModel,
        body: bytes,
        *,
        headers: Mapping[str, str],
        on_sent: Callable[[], None] | None,
    ) -> Reply:
        choice = model.choice
        sent = headers_of(model, further=headers)
        url = choice.base_url + _PATHS[choice.wire]
        context = model.transport.post(url, headers=sent, body=body)
        if on_sent is not None:
            on_sent()
        response = await context.__aenter__()
        is_kept = False
        try:
            reply = await self._read(model, response, context=context)
            is_kept = reply.is_stream
            return reply
        finally:
            if not is_kept:
                await context.__aexit__(None, None, None)

    async def _read(
        self,
        model: CatalogModel,
        response: Response,
        *,
        context: AbstractAsyncContextManager[Response],
    ) -> Reply:
        if response.status != 200:
            raise await self._failure(model, response)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream":
            pieces = response.chunks()
            first = await anext(pieces, b"")
            _check_first(first)
            return Reply(model, content_type=kind, body=first, pieces=pieces, context=context)
        if kind != "application/json":
            raise ReplyInvalid(
                f"The provider answered with {kind or 'an unnamed type'}.",
                hint="Check base_url and wire of the model.",
            )
        size = self._config.answer_bytes_max
        body = await response.read(bytes_max=size)
        if len(body) >= size:
            raise ReplyInvalid(
                f"The answer is larger than {size} bytes.",
                hint="The setting relay.answer_bytes_max allows larger ones.",
            )
        return Reply(model, content_type=kind, body=body)

    async def _failure(self, model: CatalogModel, response: Response) -> LLMError:
        body = await response.read(bytes_max=_ERROR_BYTES_MAX)
        key = model.choice.api_key
        if key:
            body = body.replace(key.encode(), b"(key)")
        error = failure(
            response.status,
            body=body,
            headers={name.lower(): value for name, value in response.headers.items()},
            key_hint=model.choice.key_hint,
            now_s=self._clock.now_us() / 1_000_000,
        )
        error.reply = body
        return error


def headers_of(model: CatalogModel, *, further: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request to a model's provider."""
    choice = model.choice
    headers = {"content-type": "application/json", **further}
    if choice.wire == "anthropic":
        headers["anthropic-version"] = further.get("anthropic-version", "2023-06-01")
        if choice.api_key:
            headers["x-api-key"] = choice.api_key
    if choice.api_key and (choice.wire == "openai" or choice.provider != "anthropic"):
        headers["authorization"] = f"Bearer {choice.api_key}"
    return headers


def dialect_for(model: CatalogModel) -> Dialect:
    """How a model speaks its format, native tools assumed."""
    choice = model.choice
    return Dialect(
        provider=choice.provider,
        model=choice.model,
        output_tokens_max=choice.output_tokens_max,
        tokens_percent=choice.tokens_percent,
        thinking=choice.config.thinking,
        thinking_tokens=choice.config.thinking_tokens,
    )


def _check_first(first: bytes) -> None:
    """A stream that begins with an error has not begun: another provider may still answer."""
    if not first.startswith(_ERROR_STARTS):
        return
    for line in first.splitlines():
        if line.startswith(b"data:"):
            told: Mapping[str, Any] = decode_object(line[5:]) or {}
            error = mapping_of(told.get("error")) or {"message": str(told.get("error", ""))}
            raise failure_in_stream(error)
