"""A model behind HTTP: sends bodies, reads streams, retries what a retry can mend."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from novacore.kit import Clock, current_trace
from novacore.llm.conversation import EncodedConversation
from novacore.llm.errors import LLMError, ReplyInvalid, StreamBroken
from novacore.llm.formats.dialect import Dialect
from novacore.llm.formats.failures import failure
from novacore.llm.formats.tokens import count_tokens
from novacore.llm.formats.wire import Assembler, Wire
from novacore.llm.model import Event, Finished, ModelInfo, Retrying, ToolSpec
from novacore.llm.retry import RetryPolicy
from novacore.llm.sse import EventParser
from novacore.llm.transport import Response, Transport

_ERROR_BYTES_MAX = 65_536

Sleep = Callable[[float], Awaitable[object]]
"""Waits some seconds; tests give one that only notes them."""


class HTTPModel:
    """A `model.Model` over one wire format and one transport.

    Args:
        info: what is told about it.
        dialect: how it speaks.
        wire: makes the wire format, told whether tools will be offered.
        transport: closed with the model.
        base_url: what the wire's path is added to.
        api_key: never shown, not even where a provider quotes it.
        key_hint: the setting that holds the key, for messages.
    """

    def __init__(
        self,
        *,
        info: ModelInfo,
        dialect: Dialect,
        wire: Callable[[bool], Wire],
        transport: Transport,
        retry: RetryPolicy,
        clock: Clock,
        base_url: str,
        api_key: str = "",
        key_hint: str = "llm.api_key",
        event_bytes_max: int,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._info = info
        self._dialect = dialect
        self._make_wire = wire
        self._wire = wire(True)
        self._transport = transport
        self._retry = retry
        self._clock = clock
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._key_hint = key_hint
        self._event_bytes_max = event_bytes_max
        self._sleep = sleep

    @property
    def info(self) -> ModelInfo:
        """What is known about the model."""
        return self._info

    def conversation(self, *, system: str, tools: Sequence[ToolSpec] = ()) -> EncodedConversation:
        """A conversation without messages."""
        offered = tools if self._info.supports_tools else ()
        wire = self._make_wire(bool(offered))
        return EncodedConversation(wire, dialect=self._dialect, system=system, tools=offered)

    def stream(self, body: bytes) -> "HTTPStream":
        """Send a body and stream the answer; see `Model.stream`."""
        return HTTPStream(lambda stream: self._run(body, stream=stream), body=body, wire=self._wire)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _run(self, body: bytes, *, stream: "HTTPStream") -> AsyncGenerator[Event]:
        began_s = self._clock.monotonic_s()
        for attempt in range(1, self._retry.attempts_max + 1):
            stream.begin(self._wire.assembler())
            has_shown = False
            try:
                async with contextlib.aclosing(self._answer(body, stream.assembler)) as events:
                    async for event in events:
                        has_shown = True
                        yield event
                yield stream.finished()
                return
            except LLMError as error:
                if has_shown:
                    yield stream.finished(problem=str(error))
                    return
                stream.may_cost = False
                elapsed_ms = (self._clock.monotonic_s() - began_s) * 1_000
                delay_ms = self._retry.delay(error, attempt=attempt, elapsed_ms=elapsed_ms)
                if delay_ms is None:
                    error.attempts = attempt
                    raise
                reason = error.message
            yield Retrying(attempt=attempt + 1, delay_ms=delay_ms, reason=reason)
            await self._sleep(delay_ms / 1_000)

    async def _answer(self, body: bytes, assembler: Assembler) -> AsyncGenerator[Event]:
        """The events of one attempt."""
        url = self._base_url + self._wire.path
        headers = dict(self._wire.headers(self._api_key))
        if trace := current_trace():
            # So that the provider's log names the call as ours does.
            headers.update(trace.headers())
        async with self._transport.post(url, headers=headers, body=body) as response:
            if response.status != 200:
                raise await self._failure(response)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            async with contextlib.aclosing(self._data(response, kind=kind)) as events:
                async for data in events:
                    for event in assembler.feed(data):
                        yield event
                    if assembler.is_done:
                        return
        if not assembler.is_complete:
            raise StreamBroken("The answer broke off before its end.")

    async def _data(self, response: Response, *, kind: str) -> AsyncGenerator[bytes]:
        """The data of each event; an answer that came as one JSON document counts as one event."""
        if kind == "application/json":
            yield await response.read(bytes_max=self._event_bytes_max)
            return
        if kind != "text/event-stream":
            raise ReplyInvalid(
                f"The server answered with {kind or 'an unnamed type'} instead of a stream.",
                hint="Check the settings llm.base_url and llm.wire.",
            )
        parser = EventParser(event_bytes_max=self._event_bytes_max)
        async for chunk in response.chunks():
            for data in parser.feed(chunk):
                yield data
        for data in parser.flush():
            yield data

    async def _failure(self, response: Response) -> LLMError:
        body = await response.read(bytes_max=_ERROR_BYTES_MAX)
        if self._api_key:
            body = body.replace(self._api_key.encode(), b"(key)")
        return failure(
            response.status,
            body=body,
            headers={name.lower(): value for name, value in response.headers.items()},
            key_hint=self._key_hint,
            now_s=self._clock.now_us() / 1_000_000,
        )


class HTTPStream:
    """A `model.Stream`."""

    def __init__(
        self,
        run: "Callable[[HTTPStream], AsyncGenerator[Event]]",
        *,
        body: bytes,
        wire: Wire,
    ) -> None:
        self.assembler = wire.assembler()
        """Puts the current attempt's answer together."""
        self.may_cost = False
        """Whether a request is out that the provider may count."""
        self._body = body
        self._events = run(self)
        self._finished: Finished | None = None

    def begin(self, assembler: Assembler) -> None:
        """A further attempt goes out."""
        self.assembler, self.may_cost = assembler, True

    def __aiter__(self) -> AsyncIterator[Event]:
        """The stream itself."""
        return self

    async def __anext__(self) -> Event:
        """The next event."""
        return await anext(self._events)

    async def aclose(self) -> None:
        """Close the connection at once."""
        await self._events.aclose()

    def partial(self) -> Finished:
        """What has arrived so far; the whole answer where it has ended."""
        if self._finished is not None:
            return self._finished
        return self.assembler.finish(stop_reason="cancelled", count_input=self._count_input)

    def finished(self, *, problem: str = "") -> Finished:
        """The answer at its end, broken where there is a problem."""
        self._finished = self.assembler.finish(
            stop_reason="broken" if problem else None,
            problem=problem,
            count_input=self._count_input,
        )
        return self._finished

    def _count_input(self) -> int:
        return count_tokens(self._body.decode("utf-8", "replace")) if self.may_cost else 0
