"""A model that says what a script tells it to, in this process.

Bodies are encoded by the real wire formats and refused in the real services' words; only the
connection and the reply's own encoding are left out.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.scripted_provider import rules

from novacore import llm

HANG = "hang"
BREAK = "break"


@dataclasses.dataclass(kw_only=True)
class Reply:
    """One answer."""

    text: str | Sequence[str] = ""
    thinking: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    """Tool and arguments; arguments that are text are sent as they stand."""
    ids: Sequence[str] = ()
    """Ids of the calls; made up where there are none."""
    stop: llm.StopReason | None = None
    then: str = ""
    """HANG or BREAK: what happens after the last delta instead of the end."""
    error: llm.LLMError | None = None
    usage: llm.Usage | None = None


class ScriptedModel:
    """A `llm.Model`; `requests` holds the body of each request, decoded."""

    def __init__(
        self,
        *replies: Reply,
        wire: str = "anthropic",
        window_tokens: int = 200_000,
        output_tokens_max: int = 8_000,
        tool_mode: llm.ToolMode = "native",
    ) -> None:
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.open_streams = 0
        self.hanging = asyncio.Event()
        self._wire = wire
        self._ids = iter(range(10_000))
        self._info = llm.ModelInfo(
            name="scripted",
            provider=wire,
            window_tokens=window_tokens,
            output_tokens_max=output_tokens_max,
            tool_mode=tool_mode,
        )
        # Opened for its encoding; it is never asked anything.
        self._encoder = llm.open_model(
            llm.Choice(
                provider=wire,
                wire=wire,
                model="scripted",
                base_url="http://127.0.0.1:9",
                api_key="",
                window_tokens=window_tokens,
                output_tokens_max=output_tokens_max,
                reason="",
                config=llm.Config(),
            ),
            data_dir=Path("/nowhere"),
        )

    @property
    def info(self) -> llm.ModelInfo:
        return self._info

    def conversation(self, *, system: str, tools: Sequence[llm.ToolSpec] = ()) -> llm.Conversation:
        return self._encoder.conversation(system=system, tools=tools)

    def stream(self, body: bytes) -> "ScriptedStream":
        return ScriptedStream(self, body)

    async def close(self) -> None:
        await self._encoder.close()

    def take(self, body: bytes) -> Reply:
        request = json.loads(body)
        self.requests.append(request)
        is_anthropic = self._wire == "anthropic"
        check = rules.anthropic_problem if is_anthropic else rules.openai_problem
        headers = {"anthropic-version": "x"}
        problem = check(request, headers=headers, signatures=rules.Signatures())
        if problem:
            raise llm.RequestRefused(problem)
        if not self.replies:
            return Reply(text="(the script is over)")
        return self.replies.pop(0)

    def message(self, reply: Reply, *, text: str | None = None) -> dict[str, Any]:
        """The whole answer; with `text` only what came before the calls."""
        said = "".join(reply.text) if text is None else text
        calls = reply.calls if text is None else ()
        ids = [*reply.ids, *(f"call_{next(self._ids)}" for _ in calls)]
        if self._wire == "anthropic":
            blocks: list[dict[str, Any]] = []
            if reply.thinking:
                blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2ln"})
            if said:
                blocks.append({"type": "text", "text": said})
            for call_id, (name, arguments) in zip(ids, calls, strict=False):
                block: dict[str, Any] = {"type": "tool_use", "id": call_id, "name": name}
                if isinstance(arguments, str):
                    block |= {"input": {}, "raw_input": arguments}
                else:
                    block["input"] = arguments
                blocks.append(block)
            return {"role": "assistant", "content": blocks, "provider": "anthropic"}
        message: dict[str, Any] = {"role": "assistant", "content": said or None}
        if calls:
            message["tool_calls"] = [
                {
                    "id": call_id,
                    "type": "function",
                    "function": {
                        "name": name,
                        "arguments": arguments
                        if isinstance(arguments, str)
                        else json.dumps(arguments),
                    },
                }
                for call_id, (name, arguments) in zip(ids, calls, strict=False)
            ]
        return message


class ScriptedStream:
    """A `llm.Stream`."""

    def __init__(self, model: ScriptedModel, body: bytes) -> None:
        self._model = model
        self._body = body
        self._reply = Reply()
        self._shown = ""
        self._finished: llm.Finished | None = None
        self._events = self._run()

    def __aiter__(self) -> AsyncIterator[llm.Event]:
        return self

    async def __anext__(self) -> llm.Event:
        return await anext(self._events)

    async def aclose(self) -> None:
        await self._events.aclose()

    def partial(self) -> llm.Finished:
        if self._finished is not None:
            return self._finished
        return self._end("cancelled", text=self._shown)

    async def _run(self):
        reply = self._reply = self._model.take(self._body)
        if reply.error:
            raise reply.error
        self._model.open_streams += 1
        try:
            if reply.thinking:
                yield llm.ThinkingDelta(text=reply.thinking)
            pieces = [reply.text] if isinstance(reply.text, str) else reply.text
            for piece in pieces:
                if piece:
                    self._shown += piece
                    yield llm.TextDelta(text=piece)
                await asyncio.sleep(0)
            if reply.then == HANG:
                self._model.hanging.set()
                await asyncio.Event().wait()
            if reply.then == BREAK:
                self._finished = self._end("broken", text=self._shown)
            else:
                stop = reply.stop or ("tool_calls" if reply.calls else "end")
                self._finished = self._end(stop)
            yield self._finished
        finally:
            self._model.open_streams -= 1

    def _end(self, stop: llm.StopReason, *, text: str | None = None) -> llm.Finished:
        message = self._model.message(self._reply, text=text)
        usage = self._reply.usage or llm.Usage(input_tokens=10, output_tokens=5)
        is_partial = stop in ("cancelled", "broken")
        return llm.Finished(message=message, usage=usage, stop_reason=stop, is_partial=is_partial)
