"""What a person at the terminal has open: a store, a model, a session, and an agent over them.

A session is made by its first message, so that looking around leaves nothing behind.
"""

import asyncio
import dataclasses
import datetime as dt
import time
from collections.abc import Sequence

from novacore import agent, bootstrap, journal, llm, settings

_NAME_FORMAT = "%Y-%m-%d-%H%M"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opened:
    """A session that was opened, with the time that it took."""

    session: journal.Session
    transcript: journal.Transcript
    elapsed_ms: float
    events: Sequence[agent.AgentEvent]
    """What the agent mended or found when it read the session."""

    def line(self) -> str:
        """What was opened, in one line."""
        count = len(self.transcript)
        word = "message" if count == 1 else "messages"
        return f"{self.session.name}: {count:,} {word}, opened in {self.elapsed_ms:.2f} ms"


class Desk:
    """The conversation's parts, exchanged one for another on request.

    Args:
        chosen: the settings.
        store: where sessions are; the caller closes it.
        model: who answers; closed with the desk.
    """

    def __init__(
        self,
        chosen: settings.Settings,
        *,
        store: journal.Store,
        model: llm.Model,
    ) -> None:
        self.settings = chosen
        self.store = store
        self.model = model
        self.session: journal.Session | None = None
        self.ask: agent.Ask | None = None
        """Asks the person about a call; None: nobody can be asked."""
        self._agent: agent.Agent | None = None
        self._next_name = ""

    @property
    def workspace(self) -> str:
        """The folder, as sessions name it."""
        return str(self.settings.workspace)

    def need_agent(self) -> agent.Agent:
        """The agent over the open session; the session is made where there is none."""
        if self.session is None:
            self.session = self._make_session()
        if self._agent is None:
            self._agent = bootstrap.open_agent(
                self.settings,
                model=self.model,
                store=self.store,
                session=self.session,
                ask=self.ask,
            )
        return self._agent

    async def open_session(self, session: journal.Session) -> Opened:
        """Go on in this session. The time is what reading it whole takes, measured here."""
        started_s = time.perf_counter()
        transcript = session.open()
        elapsed_ms = (time.perf_counter() - started_s) * 1_000
        await self._close_agent()
        self.session = session
        events = await self.need_agent().open()
        return Opened(session=session, transcript=transcript, elapsed_ms=elapsed_ms, events=events)

    async def begin_fresh(self, name: str = "") -> None:
        """Leave the session as it is; the next message begins another one."""
        await self._close_agent()
        self.session = None
        self._next_name = name

    async def change_model(self, config: llm.Config) -> None:
        """Let another model answer from here on.

        Raises:
            LLMError: it can't be used; the one before stays.
        """
        changed = dataclasses.replace(self.settings, llm=config)
        model = await bootstrap.open_model(changed)
        if self._agent is not None:
            self._agent.use_model(model)
        before, self.settings, self.model = self.model, changed, model
        await before.close()

    async def learn(self) -> None:
        """Keep what the last turn stated, and which memories it used.

        Raises:
            JournalError: not now; the next turn makes up for it.
        """
        if self.session is not None:
            await asyncio.to_thread(
                bootstrap.learn, self.store, self.session, config=self.settings.memory
            )

    async def close(self) -> None:
        """End what the agent runs, and close the model."""
        try:
            await self._close_agent()
        finally:
            await self.model.close()

    async def _close_agent(self) -> None:
        if self._agent is not None:
            running, self._agent = self._agent, None
            await running.close()

    def _make_session(self) -> journal.Session:
        name = self._next_name or fresh_name(self.store, workspace=self.workspace)
        return self.store.session(name, workspace=self.workspace)


def fresh_name(store: journal.Store, *, workspace: str) -> str:
    """A name by date and time that no session of this folder has."""
    name = dt.datetime.now(tz=dt.UTC).astimezone().strftime(_NAME_FORMAT)
    taken = {each.name for each in store.list_sessions(workspace=workspace, name=name)}
    number = 2
    fresh = name
    while fresh in taken:
        fresh, number = f"{name}-{number}", number + 1
    return fresh
