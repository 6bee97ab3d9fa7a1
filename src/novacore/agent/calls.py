"""Runs the tool calls of one answer: checked, permitted, side by side where independent."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from novacore import journal, kit
from novacore.agent import pairing
from novacore.agent.config import Config
from novacore.agent.events import AgentEvent, MessageRecorded, ToolFinished, ToolStarted
from novacore.agent.gate import Gate
from novacore.agent.history import DECISION, Session, append
from novacore.agent.notebook import NoteBook
from novacore.agent.output import fitted
from novacore.agent.permissions import (
    Answer,
    Ask,
    Permissions,
    Question,
    suggested_rules,
)
from novacore.agent.tool import NO_SUBJECT, Access, Subject, Tool, ToolOutcome, failed
from novacore.agent.toolbox import Toolbox
from novacore.llm import ToolCall

_NOBODY_TO_ASK = (
    "Not run: nobody can be asked for permission here. {setting} = [{rule!r}] in nova.toml would "
    "allow it. Go on without it, or say what you need."
)
_NOTHING = "(no output)"


@dataclasses.dataclass(kw_only=True, eq=False)
class _Running:
    """One call on its way."""

    call: ToolCall
    access: Access
    subject: Subject
    task: asyncio.Task[None] | None = None


class Calls:
    """Carries out calls for one agent and journals each result the moment it is there.

    Reads run side by side, and so do commands. A write waits for what was called before it, and
    what is called after a write waits for it, unless they name different files.
    """

    def __init__(
        self,
        *,
        session: Session,
        toolbox: Toolbox,
        permissions: Permissions,
        config: Config,
        clock: kit.Clock,
        gate: Gate,
        ask: Ask | None,
        notebook: NoteBook | None,
        emit: Callable[[AgentEvent], None],
    ) -> None:
        self._session = session
        self._toolbox = toolbox
        self._permissions = permissions
        self._config = config
        self._clock = clock
        self._gate = gate
        self._ask = ask
        self._notebook = notebook
        self._emit = emit
        self._asking = asyncio.Lock()
        self._slots = asyncio.Semaphore(config.tools_parallel_max)

    async def run(self, calls: Sequence[ToolCall]) -> None:
        """Run all calls of one answer; each has its result in the journal when this returns.

        Cancelling ends what runs, journals what each call had by then, and raises at the end.
        """
        running: list[_Running] = []
        tools = [self._toolbox.find(call.name) for call in calls]
        # To resolve a path is to look at the disk.
        subjects = await asyncio.to_thread(lambda: list(map(_subject, tools, calls)))
        for call, tool, subject in zip(calls, tools, subjects, strict=True):
            access = tool.access if tool else Access.NOTHING
            mine = _Running(call=call, access=access, subject=subject)
            before = [each.task for each in running if each.task and _must_wait(mine, each)]
            mine.task = asyncio.create_task(self._one(call, before=before))
            running.append(mine)
        tasks = [each.task for each in running if each.task]
        if not tasks:
            return
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _one(self, call: ToolCall, *, before: Sequence[asyncio.Task[None]]) -> None:
        started_s = self._clock.monotonic_s()
        try:
            if before:
                await asyncio.wait(before)
            async with self._slots:
                outcome = await self._outcome(call)
        except asyncio.CancelledError:
            # Spent on the result that says so; the task ends right after it is journaled.
            outcome = failed(pairing.CANCELLED)
        elapsed_ms = round((self._clock.monotonic_s() - started_s) * 1_000)
        await self._record(call, outcome, elapsed_ms=elapsed_ms)

    async def _outcome(self, call: ToolCall) -> ToolOutcome:
        problem = self._toolbox.problem(call)
        tool = self._toolbox.find(call.name)
        if problem or tool is None or call.arguments is None:
            return failed(problem)
        try:
            refusal = await self._refusal(tool, call, call.arguments)
            if refusal:
                return failed(refusal)
            self._emit(ToolStarted(call=call))
            outcome = await tool.run(call.arguments)
        except Exception as error:  # noqa: BLE001 - a tool's failure is the model's to read
            return failed(_told(error))
        most = max(self._config.tool_output_bytes_max, self._config.read_bytes_max) * 2
        if outcome.blob:
            return outcome
        return await fitted(
            outcome.text or _NOTHING,
            bytes_max=most,
            blobs=self._session,
            is_error=outcome.is_error,
        )

    async def _refusal(self, tool: Tool, call: ToolCall, arguments: Mapping[str, Any]) -> str:
        """Why the call may not run, for the model; empty where it may."""
        subject = await asyncio.to_thread(tool.subject, arguments)
        name = tool.spec.name
        decision = self._permissions.decide(name, access=tool.access, subject=subject)
        if decision.effect == "deny":
            return f"Not run: it is not permitted. {decision.reason}"
        if decision.effect == "ask":
            async with self._asking:
                # An answer given meanwhile may cover this call, too.
                decision = self._permissions.decide(name, access=tool.access, subject=subject)
                if decision.effect != "allow":
                    refusal = await self._asked(tool, call, subject, decision.reason)
                    if refusal:
                        return refusal
        verdict = await self._gate.review_call(name, arguments)
        return "" if verdict.is_allowed else f"Not run: {verdict.reason}"

    async def _asked(self, tool: Tool, call: ToolCall, subject: Subject, reason: str) -> str:
        rules = suggested_rules(tool.spec.name, subject)
        if self._ask is None:
            rule = rules[min(1, len(rules) - 1)]
            return _NOBODY_TO_ASK.format(setting="agent.permissions_allow", rule=rule)
        question = Question(call=call, subject=subject, reason=reason, rules=rules)
        answer = await self._ask(question)
        await self._remember(answer, rule=answer.rule or rules[0])
        if answer.effect == "allow":
            return ""
        said = f" They say: {answer.message}" if answer.message else ""
        return f"Not run: the user does not permit it.{said}"

    async def _remember(self, answer: Answer, *, rule: str) -> None:
        """Journal the answer and let it hold as far as it was meant to."""
        body = {
            "type": "permission",
            "effect": answer.effect,
            "scope": answer.scope,
            "rule": rule,
            "session_id": self._session.id,
        }
        await append(self._session, journal.NewEntry(kind=DECISION, body=body, actor="user"))
        if answer.scope == "once":
            return
        self._permissions.remember(rule, effect=answer.effect)
        if answer.scope == "always" and self._notebook:
            await self._notebook.add_answer(body)

    async def _record(self, call: ToolCall, outcome: ToolOutcome, *, elapsed_ms: int) -> None:
        message = pairing.result_of(
            call.id, name=call.name, text=outcome.text, is_error=outcome.is_error
        )
        entry = journal.NewEntry(body=message, actor="tool")
        (position,) = await append(self._session, entry)
        self._emit(MessageRecorded(position=position, message=message))
        self._emit(ToolFinished(call=call, outcome=outcome, elapsed_ms=elapsed_ms))


def _subject(tool: Tool | None, call: ToolCall) -> Subject:
    """What a call is about, for the order of calls; a call that can't be read is about nothing."""
    if tool is None or call.arguments is None:
        return NO_SUBJECT
    try:
        return tool.subject(call.arguments)
    except (kit.NovaError, ValueError, KeyError, TypeError, OSError):
        return NO_SUBJECT


def _must_wait(later: _Running, earlier: _Running) -> bool:
    """Whether a call must see what an earlier one of the same answer did."""
    kinds = {later.access, earlier.access}
    if Access.WRITE not in kinds or Access.NOTHING in kinds:
        return False
    subjects = (later.subject, earlier.subject)
    if any(each.kind != "path" for each in subjects):
        return True
    one, other = (each.text for each in subjects)
    return one == other or _holds(one, other) or _holds(other, one)


def _holds(folder: str, path: str) -> bool:
    return folder == "." or path.startswith(folder + "/")


def _told(error: Exception) -> str:
    """An exception in words for the model."""
    if isinstance(error, kit.NovaError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}."
    if isinstance(error, ValueError) and str(error):
        return str(error)
    return f"The tool failed: {type(error).__name__}: {error}"
