"""One turn: the user's message, then answers and tool calls until there are no more calls."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from novacore import journal, kit, llm
from novacore.agent import summary
from novacore.agent.calls import Calls
from novacore.agent.config import Config
from novacore.agent.context import Context, Draft, Request
from novacore.agent.errors import ContextTooLarge, GateRefused, MessageRefused
from novacore.agent.events import (
    AgentEvent,
    FinishReason,
    MessageRecorded,
    Notice,
    Repaired,
    StepStarted,
    TurnFinished,
    TurnStarted,
    UsageNoted,
    ViewMade,
)
from novacore.agent.gate import Gate, Hold, MadeCall, Meter
from novacore.agent.history import STATE, VIEW, History, Session, repair_entries
from novacore.agent.pairing import CANCELLED, NO_RESULT
from novacore.agent.prompt import PromptMaker
from novacore.agent.reviewed import Reviewed
from novacore.agent.toolbox import Toolbox
from novacore.agent.view import View

_BATCH_ENTRIES = 200
_VIEW_ATTEMPTS = 3
_BROKEN_OFF = "Not run: the answer broke off."


@dataclasses.dataclass(kw_only=True, eq=False)
class Desk:
    """What the turns of one agent share."""

    session: Session
    history: History
    context: Context
    prompt: PromptMaker
    toolbox: Toolbox
    config: Config
    clock: kit.Clock
    gate: Gate
    meter: Meter
    model: llm.Model
    emit: Callable[[AgentEvent], None]
    system: str = ""
    """The system prompt in use; empty: none yet, or the model was changed."""
    tools: tuple[llm.ToolSpec, ...] = ()
    """The tools that the model is told of."""
    fallbacks: tuple[llm.Model, ...] = ()
    """Who answers instead where the model can't, in order."""
    is_fresh: bool = False
    """The history was read after the last append of this turn: nothing has to be read again."""
    is_prepared: bool = False
    """The next turn was prepared: the history is as it was then, a moment ago."""

    def use(self, model: llm.Model) -> None:
        """Let this model answer; what it is sent is encoded anew where it is another one."""
        if model is not self.model:
            self.model, self.system = model, ""

    async def record(self, *entries: Mapping[str, Any] | journal.NewEntry) -> tuple[int, ...]:
        """Append entries, if any, and take them into the history; returns their positions.

        In one thread: to be told of the commit and then to read would be two.
        """

        def recorded() -> tuple[int, ...]:
            done = self.session.append(*entries)
            self._refresh()
            return done.positions

        return await kit.to_end(asyncio.to_thread(recorded))

    async def record_call(
        self, call: MadeCall, hold: Hold, *entries: journal.NewEntry
    ) -> tuple[int, ...]:
        """Append what a model call gave together with what it cost."""
        future = self.meter.submit(hold, call, session=self.session, entries=entries)
        done = await kit.to_end(asyncio.wrap_future(future))
        await self.refresh()
        return done.positions

    async def refresh(self) -> None:
        """Take in what was appended, by whomever, and the files of rules: read in a thread."""
        await kit.to_end(asyncio.to_thread(self._refresh))

    def _refresh(self) -> None:
        self.prompt.look()
        self.history.refresh(self.session.open())
        self.is_fresh = True

    async def mend(self, *, note: str = NO_RESULT, with_tail: bool = True) -> None:
        """Journal what makes the history valid, and say so.

        Args:
            note: what is said for calls at the end without a result.
            with_tail: False: those calls are about to be run; leave them.
        """
        if not self.is_fresh:
            await self.refresh()
        mends = self.history.mends(note=note)
        if not with_tail:
            mends = dataclasses.replace(mends, appends=())
        if not mends.count:
            return
        entries = repair_entries(mends)
        for start in range(0, len(entries), _BATCH_ENTRIES):
            batch = entries[start : start + _BATCH_ENTRIES]
            positions = await self.record(*batch)
            for position, entry in zip(positions, batch, strict=True):
                if entry.kind == journal.MESSAGE:
                    self.emit(MessageRecorded(position=position, message=entry.body))
        self.emit(Repaired(count=mends.count, why=mends.why()))


class Turn:
    """Runs once. Whatever happens, it ends with `TurnFinished` and a valid history."""

    def __init__(self, desk: Desk, calls: Calls) -> None:
        self._desk = desk
        self._calls = calls
        self._steps = 0
        self._fallbacks = list(desk.fallbacks)
        self._input_tokens_max: int | None = None

    async def run(
        self, message: Mapping[str, Any], beside: Sequence[journal.NewEntry] = ()
    ) -> None:
        """The whole turn; cancelling the task ends it at once and keeps what was said."""
        reason: FinishReason = "failed"
        error: kit.NovaError | None = None
        model = self._desk.model
        try:
            await self._begin(message, beside)
            reason = await self._loop()
        except asyncio.CancelledError:
            reason = "cancelled"
        except kit.NovaError as failure:
            error = failure
        self._desk.use(model)
        note = CANCELLED if reason == "cancelled" else NO_RESULT
        self._desk.is_fresh &= reason == "end"
        try:
            await kit.result_of(self._desk.mend(note=note))
        except kit.NovaError as failure:
            # The next start mends it; what failed first matters more than that this did, too.
            error, reason = error or failure, "failed"
        self._desk.emit(TurnFinished(reason=reason, steps=self._steps, error=error))

    async def _begin(self, message: Mapping[str, Any], beside: Sequence[journal.NewEntry]) -> None:
        verdict = await self._desk.gate.review_message(message)
        if not verdict.is_allowed:
            raise GateRefused(verdict.reason)
        desk = self._desk
        desk.is_fresh, desk.is_prepared = desk.is_prepared, False
        await desk.mend()
        entry = journal.NewEntry(body=message, actor="user")
        # What is known to be new of the system goes along: one wait for the disk less.
        told = self._told_state(desk.system) if desk.system else ()
        position, *_ = await desk.record(entry, *beside, *told)
        self._desk.emit(TurnStarted(position=position))
        self._desk.emit(MessageRecorded(position=position, message=message))

    async def _loop(self) -> FinishReason:
        while self._steps < self._desk.config.steps_max:
            calls = await self._step()
            if not calls:
                return "end"
            self._desk.is_fresh = False
            await self._calls.run(calls)
        return "step_limit"

    async def _step(self) -> tuple[llm.ToolCall, ...]:
        desk = self._desk
        await desk.mend()
        await self.refresh_system()
        finished = await self._answer()
        if finished.is_partial:
            await desk.mend(note=_BROKEN_OFF)
            raise llm.StreamBroken(
                f"The answer broke off: {finished.problem or 'the connection ended'}.",
                hint="What arrived is kept. Ask to go on.",
            )
        self._notice(finished)
        await desk.mend(with_tail=False)
        return desk.history.open_calls()

    async def refresh_system(self, *, writes: bool = True) -> None:
        """Make system prompt and tools what they must be now; journal them when they changed."""
        desk = self._desk
        info = desk.model.info
        tools = desk.toolbox.specs if info.supports_tools else ()
        text = desk.prompt.text(with_tools=bool(tools), window_tokens=info.window_tokens)
        if text != desk.system:
            self._use_system(text, tools)
        told = self._told_state(text)
        if writes and told:
            await desk.record(*told)

    def _told_state(self, text: str) -> tuple[journal.NewEntry, ...]:
        """The entry that tells of this system prompt and the model; none where it is told."""
        desk = self._desk
        info = desk.model.info
        if (desk.history.system, desk.history.model) == (text, info.name):
            return ()
        body = {"system": text, "model": info.name, "provider": info.provider}
        return (journal.NewEntry(kind=STATE, body=body),)

    def _use_system(self, text: str, tools: tuple[llm.ToolSpec, ...]) -> None:
        desk = self._desk
        info = desk.model.info
        desk.context.use(desk.model, system=text, tools=tools)
        if tools and desk.context.conversation.base_tokens > info.window_tokens // 2:
            tools = ()
            bare = desk.prompt.text(with_tools=False, window_tokens=info.window_tokens)
            desk.context.use(desk.model, system=bare, tools=())
            desk.emit(
                Notice(
                    text=f"The tools don't fit the window of {info.name} "
                    f"({info.window_tokens:,} tokens), so it can only chat. Set llm.model."
                )
            )
        desk.system, desk.tools = text, tools

    async def _request(self) -> Request:
        """What is sent next; a view that this needs is journaled and shown first."""
        desk = self._desk
        for _attempt in range(_VIEW_ATTEMPTS):
            found = desk.context.next()
            if isinstance(found, Request):
                return found
            view = found.view
            if found.summary_tokens_max and found.left_out:
                view = await self._summarised(found)
            body = {**view.to_body(), "mode": desk.history.view_mode}
            (position,) = await desk.record(journal.NewEntry(kind=VIEW, body=body))
            desk.emit(ViewMade(view=dataclasses.replace(view, position=position)))
        raise ContextTooLarge(
            needed_tokens=desk.context.tokens, limit_tokens=desk.model.info.window_tokens
        )

    async def _summarised(self, draft: Draft) -> View:
        """The view with a summary; without one where the model gives none, and says so."""
        desk = self._desk
        try:
            text = await summary.summarise(
                draft.left_out,
                model=desk.model,
                calls_max=desk.config.summary_calls_max,
                tokens_max=draft.summary_tokens_max,
                call=self._summary_call,
            )
        except kit.NovaError as error:
            desk.emit(Notice(text=f"No summary of what is left out: {error}"))
            return draft.view
        if not text:
            desk.emit(Notice(text="No summary of what is left out: the model gave none."))
            return draft.view
        return desk.context.summarised(draft, text)

    async def _summary_call(self, body: bytes, tokens: int) -> llm.Finished:
        desk = self._desk
        async with self._held(tokens, purpose="summary") as hold:
            started_s = desk.clock.monotonic_s()
            finished = await summary.finished_of(desk.model.stream(body))
            made = self._made(finished, started_s=started_s, purpose="summary")
            await desk.record_call(made, hold)
            await self._settle(finished, hold, purpose="summary")
        return finished

    async def _answer(self) -> llm.Finished:
        """One answer, journaled; a request that turns out too large is made smaller and sent.

        Where the model can't answer, the next of its fallbacks does, from here to the turn's end.
        """
        while True:
            request = await self._request()
            try:
                return await self._asked(request)
            except llm.WindowExceeded:
                if not self._desk.context.learn_overflow(request):
                    raise
                self._desk.emit(
                    Notice(text="The model's window is smaller than expected; sending less.")
                )
            except llm.LLMError as error:
                if not self._fallbacks or not llm.may_fall_back(error):
                    raise
                await self._fall_back()

    async def _fall_back(self) -> None:
        desk = self._desk
        away = desk.model.info.name
        desk.use(self._fallbacks.pop(0))
        desk.emit(Notice(text=f"{away} can't answer now; {desk.model.info.name} does instead."))
        if self._input_tokens_max is not None:
            desk.context.limit(self._input_tokens_max)
        await self.refresh_system()

    async def _asked(self, request: Request) -> llm.Finished:
        desk = self._desk
        async with self._held(request.tokens, purpose="answer") as hold:
            output_tokens_max = request.output_tokens_max
            self._input_tokens_max = hold.input_tokens_max
            if hold.output_tokens_max is not None:
                output_tokens_max = min(output_tokens_max, hold.output_tokens_max)
            body = desk.context.conversation.body(
                keep=request.keep,
                lead=request.lead or None,
                output_tokens_max=output_tokens_max,
            )
            self._steps += 1
            desk.emit(
                StepStarted(
                    step=self._steps,
                    steps_max=desk.config.steps_max,
                    context_tokens=request.tokens,
                    window_tokens=desk.model.info.window_tokens,
                )
            )
            finished = await self._streamed(body, hold)
        if not finished.is_partial:
            desk.context.learn(request, finished.usage)
        return finished

    async def _streamed(self, body: bytes, hold: Hold) -> llm.Finished:
        """The answer, shown as it comes and journaled when it ends, in whatever way it does."""
        desk = self._desk
        started_s = desk.clock.monotonic_s()
        stream = desk.model.stream(body)
        finished: llm.Finished | None = None
        passing = Reviewed(desk.gate)
        try:
            async with contextlib.aclosing(stream):
                async for event in stream:
                    await passing.take(event)
                    if isinstance(event, llm.Finished):
                        finished = event
                    else:
                        desk.emit(event)
        except asyncio.CancelledError:
            came = passing.kept(finished or stream.partial())
            await self._keep(came, hold, started_s=started_s)
            raise
        except GateRefused as error:
            came = passing.refused(stream.partial())
            await self._keep(came, hold, started_s=started_s, beside=passing.decision(error))
            raise
        finished = finished or stream.partial()
        await self._keep(finished, hold, started_s=started_s)
        return finished

    async def _keep(
        self,
        finished: llm.Finished,
        hold: Hold,
        *,
        started_s: float,
        beside: journal.NewEntry | None = None,
    ) -> None:
        """Journal an answer with its usage, whole or in part; nothing at all is not an answer."""
        desk = self._desk
        message: dict[str, Any] = dict(finished.message)
        if finished.is_partial:
            message |= {"is_partial": True, "stop_reason": finished.stop_reason}
        entries: list[journal.NewEntry] = []
        is_answer = not finished.is_partial or _says_something(message)
        if is_answer:
            entries.append(journal.NewEntry(body=message, actor=desk.model.info.name[:200]))
        if beside is not None:
            entries.append(beside)
        if finished.usage.total > 0:
            call = self._made(finished, started_s=started_s, purpose="answer")
            positions = await desk.record_call(call, hold, *entries)
        else:
            positions = await desk.record(*entries)
        if is_answer:
            desk.emit(MessageRecorded(position=positions[0], message=message))
        await self._settle(finished, hold, purpose="answer")

    async def _settle(self, finished: llm.Finished, hold: Hold, *, purpose: str) -> None:
        """The call is over and journaled; a call that cost nothing gives its room back."""
        desk = self._desk
        if finished.usage.total == 0:
            await desk.meter.release(hold)
            return
        await desk.meter.settle(hold, finished.usage)
        desk.emit(UsageNoted(usage=finished.usage, purpose=purpose))

    def _made(self, finished: llm.Finished, *, started_s: float, purpose: str) -> MadeCall:
        desk = self._desk
        ms = round((desk.clock.monotonic_s() - started_s) * 1_000)
        return MadeCall(model=desk.model.info, finished=finished, purpose=purpose, ms=ms)

    @contextlib.asynccontextmanager
    async def _held(self, tokens: int, *, purpose: str) -> AsyncGenerator[Hold]:
        """Room reserved for one call; given back where the call did not happen."""
        desk = self._desk
        hold = await desk.meter.reserve(model=desk.model.info, input_tokens=tokens, purpose=purpose)
        try:
            yield hold
        except llm.LLMError:
            await desk.meter.release(hold)
            raise

    def _notice(self, finished: llm.Finished) -> None:
        """Say what the user should know about how an answer ended."""
        if finished.stop_reason == "length":
            text = "The answer reached its limit and was cut (llm.output_tokens_max)."
        elif finished.stop_reason == "refusal":
            text = "The model refused to answer."
        elif not _says_something(finished.message):
            text = "The model gave an empty answer."
        else:
            return
        self._desk.emit(Notice(text=text))


def user_message(message: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """What the user says, as a message.

    Raises:
        MessageRefused: it is no user message, or says nothing.
    """
    if isinstance(message, str):
        message = {"role": "user", "content": message}
    reading = llm.read_message(message)
    if reading.role != "user" or not (reading.text.strip() or reading.images):
        raise MessageRefused
    return message


def _says_something(message: Mapping[str, Any]) -> bool:
    reading = llm.read_message(message)
    unfinished = message.get("unfinished_tool_calls")
    return bool(reading.text or reading.thinking or reading.tool_calls or unfinished)
