"""Conversations that are open for turns: an agent each, encoded once, the least used let go."""

import asyncio
import contextlib
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from novacore import agent, journal, kit, llm
from novacore.chat.meter import TurnMeter
from novacore.chat.metering import Metering
from novacore.chat.policy import Policy, PolicyGate
from novacore.chat.prompt import ChatPrompt


@dataclasses.dataclass(kw_only=True, eq=False)
class Desk:
    """One open conversation."""

    session: journal.JournalSession
    agent: agent.Agent
    meter: TurnMeter
    is_taken: bool = False
    """A turn is using it."""


class Desks:
    """Opens them, and keeps those that were used last. Lives in one event loop.

    Args:
        metering: where holds come from.
        config: the agent's limits, as for the terminal.
        system_prompt: what the assistant is told first; empty: our own.
        kept_max: so many stay open.
        clock: the time.
        workspace_of: the folder of an account where tools may work; None: there are no tools.
        has_tools: whether the standard tools are offered.
        policy: reviews answers as they come.
    """

    def __init__(
        self,
        *,
        metering: Metering,
        config: agent.Config,
        system_prompt: str,
        kept_max: int,
        clock: kit.Clock,
        workspace_of: Callable[[str], Path],
        has_tools: bool,
        policy: Policy,
    ) -> None:
        self._metering = metering
        # A folder of each account is all that its tools may touch, whatever the settings say.
        self._config = dataclasses.replace(config, workspace_confined=True)
        self._prompt = system_prompt
        self._kept_max = kept_max
        self._clock = clock
        self._workspace_of = workspace_of
        self._has_tools = has_tools
        self._gate = PolicyGate(policy)
        self._open: OrderedDict[str, Desk] = OrderedDict()

    async def take(
        self, session: journal.JournalSession, *, owner: str, models: Sequence[llm.Model]
    ) -> Desk:
        """The desk of a session, with this model and its fallbacks; the caller gives it back.

        One turn at a time has a session (`SessionRows.claim`), so nobody else has it.
        """
        found = self._open.pop(session.id, None)
        if found is None:
            # Tools look for their folder, and make it.
            found = await asyncio.to_thread(self._made, session, owner=owner, model=models[0])
        assert not found.is_taken, "two turns at one desk"
        found.agent.use_model(models[0], fallbacks=models[1:])
        found.is_taken = True
        self._open[session.id] = found
        return found

    async def give_back(self, desk: Desk) -> None:
        """The turn is over; what was used longest ago is let go where there are too many."""
        desk.is_taken = False
        idle = [key for key, each in self._open.items() if not each.is_taken]
        for key in idle[: max(0, len(self._open) - self._kept_max)]:
            await self._open.pop(key).agent.close()

    async def forget(self, session_id: str) -> None:
        """The session was deleted."""
        desk = self._open.pop(session_id, None)
        if desk is not None:
            await desk.agent.close()

    async def close(self) -> None:
        """Let go of all."""
        while self._open:
            _key, desk = self._open.popitem()
            with contextlib.suppress(kit.NovaError):
                await desk.agent.close()

    def _made(self, session: journal.JournalSession, *, owner: str, model: llm.Model) -> Desk:
        meter = TurnMeter(self._metering)
        permissions = agent.permissions_from(self._config)
        folder = self._workspace_of(owner)
        toolbox: Any = agent.Toolbox([])
        if self._has_tools:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            standard = agent.standard_tools(
                folder, session=session, permissions=permissions, config=self._config
            )
            # A command can't be kept to a folder, so the server runs none, whatever is permitted.
            toolbox = agent.Toolbox(
                each for each in standard if each.access is not agent.Access.COMMAND
            )
        made = agent.Agent(
            model=model,
            session=session,
            toolbox=toolbox,
            permissions=permissions,
            config=self._config,
            clock=self._clock,
            workspace=folder,
            gate=self._gate,
            meter=meter,
            prompt=ChatPrompt(self._prompt),
        )
        return Desk(session=session, agent=made, meter=meter)
