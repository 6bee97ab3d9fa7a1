"""The agent: one session, one model, one set of tools, one turn at a time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from novacore import journal, kit, llm
from novacore.agent.calls import Calls
from novacore.agent.config import Config
from novacore.agent.context import Context
from novacore.agent.errors import AgentClosed, TurnRunning
from novacore.agent.events import AgentEvent, Notice, TurnFinished
from novacore.agent.gate import FreeMeter, Gate, Meter, OpenGate
from novacore.agent.history import VIEW, History, Session
from novacore.agent.notebook import NoteBook
from novacore.agent.permissions import Ask, Permissions
from novacore.agent.prompt import Prompt, PromptMaker
from novacore.agent.stats import Stats, stats_of
from novacore.agent.toolbox import Toolbox
from novacore.agent.turn import Desk, Turn, user_message
from novacore.agent.view import View

VIEW_MODES = ("auto", "narrow", "off")
_INLINE_MESSAGES = 4
"""So few are encoded in the event loop: a thread would cost more than that."""


class Agent:
    """Answers in one session, with every word in the journal before it counts.

    Lives in one event loop. Use `open`, then `run` for each message, then `close`.

    Args:
        model: who answers; not closed by the agent.
        session: where everything is kept.
        toolbox: what it can do; closed with the agent.
        permissions: what it may do.
        config: the limits.
        clock: the time.
        workspace: the folder; rules files are looked for in it.
        ask: asks the user about a call; None: nobody can be asked, such calls are refused.
        notebook: notes and answers of the workspace; None: none.
        gate: rules over messages and calls; None: everything passes.
        meter: counts model calls; None: nobody counts.
        prompt: makes the system prompt; None: that of an agent in its workspace.
    """

    def __init__(
        self,
        *,
        model: llm.Model,
        session: Session,
        toolbox: Toolbox,
        permissions: Permissions,
        config: Config,
        clock: kit.Clock,
        workspace: str | Path,
        ask: Ask | None = None,
        notebook: NoteBook | None = None,
        gate: Gate | None = None,
        meter: Meter | None = None,
        prompt: PromptMaker | None = None,
    ) -> None:
        history = History()
        self._permissions = permissions
        self._notebook = notebook
        self._worker: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[AgentEvent | None] = asyncio.Queue()
        self._is_open = False
        self._is_closed = False
        self._is_cancelling = False
        self._desk = Desk(
            session=session,
            history=history,
            context=Context(history, config=config),
            prompt=prompt or Prompt(Path(workspace), config=config, clock=clock),
            toolbox=toolbox,
            config=config,
            clock=clock,
            gate=gate or OpenGate(),
            meter=meter or FreeMeter(),
            model=model,
            emit=self._emit,
        )
        self._calls = Calls(
            session=session,
            toolbox=toolbox,
            permissions=permissions,
            config=config,
            clock=clock,
            gate=self._desk.gate,
            ask=ask,
            notebook=notebook,
            emit=self._emit,
        )

    async def open(self) -> list[AgentEvent]:
        """Read the session, mend what does not pair, and say what there is to say.

        Called by the first `run` where it was not called before; later calls do nothing.

        Raises:
            JournalError: the session can't be read, or a mend can't be written.
        """
        if self._is_open:
            return []
        desk = self._desk
        await desk.refresh()
        # Answers that came in with an import or a fork were given for something else.
        own = [each for each in desk.history.answers if each.get("session_id") == desk.session.id]
        self._take_answers(own)
        if self._notebook:
            desk.prompt.take_notes(await self._notebook.list_notes())
            self._take_answers(await self._notebook.list_answers())
        self._is_open = True
        await desk.mend()
        if desk.history.damaged:
            places = ", ".join(str(each) for each in desk.history.damaged[:5])
            self._emit(
                Notice(
                    text=f"{len(desk.history.damaged)} entries of this session are damaged and "
                    f"left out (positions {places} …). 'nova verify' says more."
                )
            )
        return self._drained()

    async def prepare(
        self, message: str | Mapping[str, Any], *, reminder: str = "", limit_tokens: int = 0
    ) -> int:
        """Estimated tokens of the request that a turn with this message would begin with.

        Writes nothing but what makes the history valid. What it sets holds for the next turn.

        Args:
            message: what would be said.
            reminder: a note to stand in front of it in requests; never journaled.
            limit_tokens: at most so many tokens are sent, by a view where need be; 0: as many as
                the model's window takes.

        Raises:
            MessageRefused: it is no user message.
            ContextTooLarge: the message alone is larger than the limit.
            TurnRunning: there is a turn.
        """
        if self._worker is not None:
            raise TurnRunning
        said = user_message(message)
        await self.open()
        desk, context = self._desk, self._desk.context
        # Others may have appended since the last turn.
        await desk.refresh()
        desk.is_prepared = True
        await Turn(desk, self._calls).refresh_system(writes=False)
        context.remind(reminder, limit_tokens=limit_tokens)
        if context.unread <= _INLINE_MESSAGES:
            return context.tokens_with(said)
        # A long conversation that is read for the first time is encoded whole.
        return await kit.to_end(asyncio.to_thread(context.tokens_with, said))

    async def run(
        self, message: str | Mapping[str, Any], *, beside: Sequence[journal.NewEntry] = ()
    ) -> AsyncGenerator[AgentEvent, None]:
        """One turn, as events; the last is `TurnFinished`, whatever happens.

        Leaving the iteration early, or cancelling the task that iterates, cancels the turn.

        Args:
            message: what the user says.
            beside: what else is known of it: journaled behind it, in the same append.

        Raises:
            MessageRefused: it is no user message.
            TurnRunning: there is a turn already.
            AgentClosed: the agent was closed.
        """
        if self._is_closed:
            raise AgentClosed
        if self._worker is not None:
            raise TurnRunning
        said = user_message(message)
        self._is_cancelling = False
        self._events = asyncio.Queue()
        worker = self._worker = asyncio.create_task(self._turn(said, beside))
        worker.add_done_callback(lambda _done: self._events.put_nowait(None))
        try:
            while (event := await self._events.get()) is not None:
                yield event
            if worker.cancelled():
                yield TurnFinished(reason="cancelled", steps=0)
            else:
                worker.result()
        finally:
            self.cancel()
            await asyncio.wait({worker})
            self._worker = None
            self._desk.context.remind("", limit_tokens=0)

    def cancel(self) -> bool:
        """Stop the running turn at once; its `TurnFinished` follows. False: there is none."""
        worker = self._worker
        if worker is None or worker.done() or self._is_cancelling:
            return False
        self._is_cancelling = True
        return worker.cancel()

    async def close(self) -> None:
        """Cancel a running turn and end every command. May be called more than once."""
        self._is_closed = True
        self.cancel()
        if self._worker is not None:
            await asyncio.wait({self._worker})
        await self._desk.toolbox.close()

    @property
    def model(self) -> llm.Model:
        """Who answers."""
        return self._desk.model

    def use_model(self, model: llm.Model, *, fallbacks: Sequence[llm.Model] = ()) -> None:
        """Let another model answer from the next turn on.

        Args:
            model: who answers.
            fallbacks: who answers instead, the first that can, for the rest of a turn in which it
                failed before anything was shown.

        Raises:
            TurnRunning: there is a turn.
        """
        if self._worker is not None:
            raise TurnRunning
        self._desk.fallbacks = tuple(fallbacks)
        self._desk.use(model)

    @property
    def permissions(self) -> Permissions:
        """What it may do."""
        return self._permissions

    @property
    def tools(self) -> tuple[llm.ToolSpec, ...]:
        """What it can do with this model."""
        return self._desk.toolbox.specs if self._desk.model.info.supports_tools else ()

    @property
    def view(self) -> View | None:
        """What requests leave out; None: nothing."""
        return self._desk.history.view

    @property
    def view_mode(self) -> str:
        """auto, narrow or off."""
        return self._desk.history.view_mode

    async def set_view_mode(self, mode: str) -> None:
        """Undo the present view and choose how the next one is made, if one is needed at all.

        Args:
            mode: auto: by the settings. narrow: leave out as little as possible. off: only what
                the model's window forces, whatever agent.context_tokens_max says.

        Raises:
            TurnRunning: there is a turn.
            SettingInvalid: there is no such mode.
        """
        if self._worker is not None:
            raise TurnRunning
        if mode not in VIEW_MODES:
            raise kit.SettingInvalid(
                f"The view mode is {mode!r}; expected one of {', '.join(VIEW_MODES)}.",
                name="view_mode",
            )
        await self._desk.record(journal.NewEntry(kind=VIEW, body={"mode": mode}, actor="user"))

    def stats(self) -> Stats:
        """Counts over the session, from its entries."""
        return stats_of(self._desk.session.open())

    async def _turn(self, message: Mapping[str, Any], beside: Sequence[journal.NewEntry]) -> None:
        try:
            for event in await self.open():
                self._emit(event)
        except kit.NovaError as error:
            self._emit(TurnFinished(reason="failed", steps=0, error=error))
            return
        await Turn(self._desk, self._calls).run(message, beside)

    def _take_answers(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Let remembered answers hold; what else is among the decisions is passed by."""
        for body in answers:
            effect, rule = body.get("effect"), body.get("rule")
            if body.get("type") != "permission" or body.get("scope") == "once":
                continue
            if effect in ("allow", "deny") and isinstance(rule, str):
                self._permissions.remember(rule, effect=effect)

    def _emit(self, event: AgentEvent) -> None:
        # Not bounded: what one answer can hold is, and tools wait for the model.
        self._events.put_nowait(event)

    def _drained(self) -> list[AgentEvent]:
        events: list[AgentEvent] = []
        while not self._events.empty():
            event = self._events.get_nowait()
            if event is not None:
                events.append(event)
        return events
