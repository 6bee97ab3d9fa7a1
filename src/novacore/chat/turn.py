"""One turn as it runs: the agent's events become those of a stream, whoever reads it.

It is a task of its own: a client that leaves does not end it. Whatever happens, every hold is
closed, and there is exactly one `done` or `error` for the stream to end in.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any, Final

from novacore import agent, journal, kit, llm
from novacore.chat import recalled
from novacore.chat.desks import Desk
from novacore.chat.entrance import Entering
from novacore.chat.errors import PolicyRefused
from novacore.chat.metering import MeteredCall
from novacore.chat.model import Asked
from novacore.chat.recovering import step_of
from novacore.chat.reminding import Reminder
from novacore.chat.streams.log import LiveStream, StreamLog
from novacore.chat.streams.model import STEP
from novacore.chat.telling import told_error

_CHARS_PER_TOKEN: Final = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready:
    """A turn that may begin: its hold is there, its session claimed, nothing written."""

    asked: Asked
    desk: Desk
    live: LiveStream
    reminder: Reminder
    first: MeteredCall
    admission: Callable[[str, int, llm.ModelInfo], Any]
    """Makes the admission of a further call: told purpose, input tokens and model."""
    entering: Entering
    """The turn's wait for its first words."""
    beside: tuple[journal.NewEntry, ...] = ()
    """What else is journaled with the message: the title of a conversation that has none."""


class Turn:
    """Runs once. Made when everything that can refuse it has not.

    Args:
        ready: what it needs.
        streams: copies what was put where other workers see it.
        titled: told where the entry of a new title stands; gives the title.
    """

    def __init__(
        self,
        ready: Ready,
        *,
        streams: StreamLog,
        titled: Callable[[int], Coroutine[Any, Any, str]],
    ) -> None:
        self._ready = ready
        self._live = ready.live
        self._streams = streams
        self._titled = titled
        self._recalled = recalled.entries_of(ready.reminder)
        self._chars = 0
        self._answer_position = -1
        self._titling: asyncio.Task[str] | None = None
        self._logging: asyncio.Task[None] | None = None
        self._logged: dict[str, Any] = {}
        """What the log has of the first call."""
        self.is_answered = False
        """An answer was journaled, whole or in part."""
        self.end: tuple[str, dict[str, Any]] = ("error", {"error": told_error(None)})
        """The stream's last event, once the turn is over. Not put by the turn: first the session
        has to be free, so that whoever reads the end can speak again."""

    async def run(self) -> None:
        """The whole turn."""
        desk = self._ready.desk
        desk.meter.begin(
            self._ready.first, admission=self._ready.admission, began=self._call_begins
        )
        stopper = asyncio.create_task(self._stop_when_asked())
        # Beside the journaling of what was said: the first call waits for both.
        self._logged = step_of(self._ready.first.hold)
        self._live.put(STEP, self._logged)
        self._logging = asyncio.create_task(self._streams.flush())
        error: BaseException | None = None
        try:
            running = desk.agent.run(
                self._ready.asked.text, beside=(*self._recalled, *self._ready.beside)
            )
            async with contextlib.aclosing(running) as events:
                async for event in events:
                    await self._take(event)
        except kit.NovaError as failure:
            error = failure
        except BaseException as failure:
            error = failure
            raise
        finally:
            stopper.cancel()
            await kit.to_end(self._beside_ended())
            await desk.meter.end(error)
            if error is not None:
                self.end = ("error", {"error": told_error(error)})

    async def _beside_ended(self) -> None:
        """Wait for what ran beside the answer; what went wrong with it is nobody's error."""
        beside: list[asyncio.Task[Any]] = []
        beside += [] if self._logging is None else [self._logging]
        beside += [] if self._titling is None else [self._titling]
        await asyncio.gather(*beside, return_exceptions=True)

    async def _stop_when_asked(self) -> None:
        await self._live.stopping.wait()
        self._ready.desk.agent.cancel()

    async def _call_begins(self, call: MeteredCall) -> None:
        """Log the hold before the call is made, so that whoever finds the log can close it."""
        step = step_of(call.hold)
        if step != self._logged or call.is_sent:
            self._live.put(STEP, step)
            await self._streams.flush()
        elif self._logging is not None:
            await asyncio.shield(self._logging)

    async def _take(self, event: agent.AgentEvent) -> None:
        put = self._live.put
        match event:
            case agent.TextDelta(text=text):
                self._note(text)
                put("delta", {"text": text})
            case agent.ThinkingDelta(text=text):
                self._note(text)
                put("thinking", {"text": text})
            case agent.TurnStarted(position=position):
                await self._started(position)
            case agent.ViewMade(view=view):
                put("view", {"left_out": view.messages, "text": view.line()})
            case agent.MessageRecorded(position=position, message=message):
                if llm.read_message(message).role == "assistant":
                    self._answer_position, self.is_answered = position, True
            case agent.Notice(text=text) | agent.Repaired(why=text):
                put("notice", {"text": text})
            case agent.Retrying(reason=reason):
                put("notice", {"text": f"{reason} Trying again."})
            case agent.ToolStarted(call=call):
                put("tool", {"id": call.id, "name": call.name, "arguments": call.arguments})
            case agent.ToolFinished(call=call, outcome=outcome):
                put("tool_result", {"id": call.id, "is_error": outcome.is_error})
            case agent.TurnFinished():
                await self._finish(event)
            case _:
                pass

    async def _started(self, position: int) -> None:
        head = self._live.head
        self._live.put(
            "start", {"stream": head.stream, "session": head.session, "position": position}
        )
        if self._ready.reminder.hits:
            self._live.put("recall", {"hits": self._ready.reminder.shown()})
        if self._ready.beside:
            # Nothing of the answer waits for its conversation's title.
            at = position + 1 + len(self._recalled)
            self._titling = asyncio.create_task(self._titled(at))

    def _note(self, text: str) -> None:
        self._ready.entering.over()
        self._chars += len(text)
        self._ready.desk.meter.note(1 + self._chars // _CHARS_PER_TOKEN)

    async def _finish(self, event: agent.TurnFinished) -> None:
        meter = self._ready.desk.meter
        error = event.error
        if isinstance(error, agent.GateRefused):
            error = PolicyRefused(error.message, version=error.version)
        if error is not None or event.reason == "failed":
            self.end = ("error", {"error": told_error(error)})
            return
        reason = {"cancelled": "stopped", "step_limit": "step_limit"}.get(event.reason)
        done: dict[str, Any] = {
            "position": self._answer_position if self.is_answered else None,
            "stop_reason": reason or meter.stop_reason or "end",
            "usage": {
                "input_tokens": meter.input_tokens,
                "output_tokens": meter.output_tokens,
            },
        }
        title = "" if self._titling is None else await asyncio.shield(self._titling)
        if title:
            done["title"] = title
        self.end = ("done", done)
