"""One relayed answer on its way to the client: its bytes, and what is known of it at any moment."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from novacore.llm.errors import LLMError, ReplyInvalid, StreamBroken
from novacore.llm.formats.anthropic_reply import AnthropicAssembler
from novacore.llm.formats.encoding import mapping_of
from novacore.llm.formats.failures import failure_in_stream
from novacore.llm.formats.openai_reply import OpenAIAssembler
from novacore.llm.formats.wire import Assembler
from novacore.llm.model import Finished, Usage
from novacore.llm.relay.body import Body
from novacore.llm.relay.config import RelayConfig
from novacore.llm.relay.relay import Reply
from novacore.llm.relay.replies import open_rewriter
from novacore.llm.relay.tap import StreamTap, anthropic_usage, openai_usage
from novacore.llm.sse import EventParser


class _Whole(msgspec.Struct):
    """What is looked at of an answer that came in one piece."""

    usage: Any = None
    error: Any = None


_read_whole = msgspec.json.Decoder(_Whole).decode
_DONE = b"data: [DONE]\n\n"
_LOST_BYTES_PER_TOKEN = 40
"""What was too much to be kept: a token comes with so many bytes of its frame."""


class Answer:
    """What a provider answers, as the client is told it. Close it on every way out.

    Args:
        reply: what the relay gave.
        body: the client's request.
        config: how much of a stream is kept.
        answer_id: names the answer where the provider's own name can't be passed on.
        now_s: UTC seconds, for the same.
        count_input: our estimate of the input, asked for where the provider has not counted.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        body: Body,
        config: RelayConfig,
        answer_id: str,
        now_s: int,
        count_input: Callable[[], int],
    ) -> None:
        self.model = reply.model
        """Who answers."""
        self.is_stream = body.is_stream
        """Whether the client gets it in pieces."""
        self.events = 0
        """Events that came so far: about a token each."""
        self.is_complete = False
        """The provider said how the answer ended."""
        self._reply = reply
        self._body = body
        self._choice = reply.model.choice
        self._kept_bytes_max = config.kept_bytes_max
        self._answer_id = answer_id
        self._now_s = now_s
        self._count_input = count_input
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._lost_bytes = 0
        self._usage: Usage | None = None
        self._finished: Finished | None = None
        wire = self._choice.wire
        self._is_passed_on = wire == body.wire and reply.is_stream == body.is_stream
        if self._is_passed_on and not body.is_stream:
            self._read_whole()

    def whole(self) -> bytes:
        """The whole answer, for a client that asked for no stream and got it in one piece."""
        assert self._is_passed_on, "the answer comes in pieces"
        return self._reply.body

    @property
    def is_whole(self) -> bool:
        """Whether `whole` may be asked: nothing has to be waited for."""
        return self._is_passed_on and not self.is_stream

    async def collected(self) -> bytes:
        """The whole answer, for a client that asked for no stream.

        Raises:
            LLMError: it broke off.
        """
        if self.is_whole:
            return self.whole()
        finished = await self._finish()
        return self._rewriter().whole(finished)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The stream, as the client is told it.

        Raises:
            LLMError: it broke off; the client is to be told. What came is in `usage`, `message`.
        """
        source = self._passed_on() if self._is_passed_on else self._rewritten()
        async for piece in source:
            if piece:
                yield piece

    def usage(self) -> Usage:
        """What it cost: the provider's count, else our estimate of what has come so far."""
        if self._usage is not None:
            return self._usage
        return self.finished().usage

    def finished(self) -> Finished:
        """The answer as it stands, put together; partial where its end has not come."""
        if self._finished is not None:
            return self._finished
        assembler = self._assembler()
        try:
            for data in self._parsed():
                for _event in assembler.feed(data):
                    pass
        except LLMError:
            # What came before the error still counts.
            self.is_complete = False
        done = assembler.finish(
            count_input=self._count_input,
            stop_reason=None if self.is_complete else "broken",
        )
        return self._with_usage(done)

    async def close(self) -> None:
        """Close the connection to the provider where the answer isn't done."""
        await self._reply.close()

    def _with_usage(self, done: Finished) -> Finished:
        usage = self._usage
        if usage is None and done.usage.source == "estimate":
            lost = self._lost_bytes // _LOST_BYTES_PER_TOKEN
            # Several answers at once are not told apart here; each event of theirs is a token.
            floor = self.events if self._body.choices > 1 else 0
            usage = Usage(
                input_tokens=done.usage.input_tokens,
                output_tokens=max(done.usage.output_tokens, floor) + lost,
                source="estimate",
            )
        if usage is None or usage == done.usage:
            return done
        return Finished(
            message=done.message,
            usage=usage,
            stop_reason=done.stop_reason,
            is_partial=done.is_partial,
            problem=done.problem,
        )

    async def _passed_on(self) -> AsyncIterator[bytes]:
        tap = StreamTap(
            self._body.wire,
            hides_usage=not self._body.shows_usage,
            event_bytes_max=self._choice.config.event_bytes_max,
        )
        try:
            async for piece in self._reply.pieces():
                self._keep(piece)
                told = tap.feed(piece)
                self.events = tap.events
                yield told
            yield tap.rest()
        finally:
            self._usage = tap.usage()
            self.is_complete = tap.is_done and tap.error is None
        if tap.error is not None:
            if self._body.wire == "openai" and not tap.is_done:
                yield _DONE
            return
        if not tap.is_done:
            self._check_end()
            if self._body.wire == "openai":
                yield _DONE

    def _check_end(self) -> None:
        """A stream without its end mark: fine where the answer had ended, else broken."""
        assembler = self._assembler()
        for data in self._parsed():
            for _event in assembler.feed(data):
                pass
        if not assembler.is_complete:
            raise StreamBroken("The answer broke off before its end.")
        self.is_complete = True

    async def _rewritten(self) -> AsyncIterator[bytes]:
        rewriter = self._rewriter()
        yield rewriter.begin()
        assembler = self._assembler()
        async for data in self._data():
            for event in assembler.feed(data):
                yield rewriter.event(event)
            if assembler.is_done:
                break
        yield rewriter.end(self._end(assembler))

    async def _finish(self) -> Finished:
        assembler = self._assembler()
        async for data in self._data():
            for _event in assembler.feed(data):
                pass
            if assembler.is_done:
                break
        return self._end(assembler)

    def _end(self, assembler: Assembler) -> Finished:
        if not assembler.is_complete:
            raise StreamBroken("The answer broke off before its end.")
        self.is_complete = True
        self._finished = assembler.finish(count_input=self._count_input)
        self._usage = self._finished.usage
        return self._finished

    async def _data(self) -> AsyncIterator[bytes]:
        """The data of each event; an answer that came as one document counts as one event."""
        if not self._reply.is_stream:
            self._keep(self._reply.body)
            yield self._reply.body
            return
        parser = EventParser(event_bytes_max=self._choice.config.event_bytes_max)
        async for piece in self._reply.pieces():
            self._keep(piece)
            for data in parser.feed(piece):
                self.events += 1
                yield data
        for data in parser.flush():
            yield data

    def _read_whole(self) -> None:
        """Look into an answer that came in one piece.

        Raises:
            LLMError: it is none: another format, or an error under a status of 200.
        """
        try:
            told = _read_whole(self._reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ReplyInvalid("The provider's answer is no JSON object.") from error
        if told.error:
            raise failure_in_stream(mapping_of(told.error) or {"message": str(told.error)})
        read = openai_usage if self._choice.wire == "openai" else anthropic_usage
        self._usage = read(mapping_of(told.usage) or {})
        self.is_complete = True
        self._kept.append(self._reply.body)

    def _keep(self, piece: bytes) -> None:
        if self._kept_bytes + len(piece) > self._kept_bytes_max:
            self._lost_bytes += len(piece)
            return
        self._kept.append(piece)
        self._kept_bytes += len(piece)

    def _parsed(self) -> Iterator[bytes]:
        if not self._reply.is_stream:
            yield from self._kept
            return
        parser = EventParser(event_bytes_max=max(self._kept_bytes_max, 65_536) * 2)
        for piece in self._kept:
            yield from parser.feed(piece)

    def _assembler(self) -> Assembler:
        choice = self._choice
        if choice.wire == "anthropic":
            return AnthropicAssembler(provider=choice.provider, model=choice.model)
        return OpenAIAssembler(provider=choice.provider, model=choice.model)

    def _rewriter(self) -> Any:
        return open_rewriter(
            self._body.wire,
            model=self._body.model or self.model.name,
            answer_id=self._answer_id,
            now_s=self._now_s,
            shows_usage=self._body.shows_usage,
            input_tokens=self._count_input() if self._body.wire == "anthropic" else 0,
        )
