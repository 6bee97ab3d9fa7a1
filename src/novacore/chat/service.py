"""Chat for all accounts of one server: turns, their streams, and what follows them."""

import asyncio
import contextlib
import dataclasses
import functools
import json
from collections.abc import AsyncGenerator, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from novacore import agent, billing, journal, kit, llm
from novacore.chat.admitting import Admitting
from novacore.chat.calls_model import Caller
from novacore.chat.config import Config
from novacore.chat.desks import Desk, Desks
from novacore.chat.entrance import Entering, Entrance
from novacore.chat.errors import (
    MessageEmpty,
    MessageTooLong,
    ModelForbidden,
    PolicyRefused,
    StreamMissing,
    StreamsUnavailable,
    TurnBusy,
    TurnsFull,
)
from novacore.chat.lineup import Lineup, lineup
from novacore.chat.metering import MeteredCall, Metering
from novacore.chat.model import Asked, SessionFacts, StatePatch
from novacore.chat.policy import Policy
from novacore.chat.recovering import Recovering
from novacore.chat.remembering import Found, Remembering
from novacore.chat.reminding import Reminder, chosen, seen_in
from novacore.chat.session_index import SessionIndex
from novacore.chat.session_rows import SessionRows
from novacore.chat.sessions import Sessions, state_entry
from novacore.chat.streams.log import LiveStream, StreamLog
from novacore.chat.streams.model import STEP, TERMINAL, StreamEvent, StreamHead
from novacore.chat.telling import BROKEN_OFF
from novacore.chat.titles import title_by_model, words_of
from novacore.chat.turn import Ready, Turn
from novacore.chat.usage_sessions import UsageSessions

_SWEEP_S: Final = 15.0
_STOP_S: Final = 5.0
"""How long turns may take to journal what they have, when the server stops."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Begun:
    """A turn that runs, or ran under the same Idempotency-Key."""

    stream: str
    """The id of its stream; follow it from event 0."""
    session: str
    is_replay: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Looked:
    """What a turn read before it began."""

    facts: SessionFacts
    session: journal.JournalSession
    models: Lineup
    plan: billing.Plan
    is_claimed: bool
    """The session is the turn's; False: another one has it, or had it when it died."""


class Chat:
    """Turns and streams. Lives in one event loop between `start` and `stop`; made by bootstrap.

    Args:
        config: limits.
        agent_config: the agent's limits, as for the terminal.
        remembering: finds what was said earlier, and learns from answers.
        feed: the journal's, of all accounts.
        rows: the rows of conversations.
        sessions: the conversations.
        usage_sessions: finds an account's session by id.
        metering: counts every call.
        ledger: knows plans, and keeps replies of Idempotency-Keys.
        catalog: the models.
        policy: reviews what goes in and out.
        streams: the streams' logs.
        folder: where the folders of accounts are that tools work in.
        clock: the time.
    """

    def __init__(
        self,
        *,
        config: Config,
        agent_config: agent.Config,
        remembering: Remembering,
        feed: journal.Feed,
        rows: SessionRows,
        sessions: Sessions,
        usage_sessions: UsageSessions,
        metering: Metering,
        ledger: billing.Billing,
        catalog: llm.Catalog,
        policy: Policy,
        streams: StreamLog,
        folder: Path,
        clock: kit.Clock,
    ) -> None:
        self.config = config
        self.sessions = sessions
        """The conversations: plain functions, for threads."""
        self.streams = streams
        """The streams' logs."""
        self._remembering = remembering
        self._rows = rows
        self._metering = metering
        self._ledger = ledger
        self._catalog = catalog
        self._policy = policy
        self._clock = clock
        self._index = SessionIndex(feed, rows=rows)
        self._recovering = Recovering(
            streams=streams, rows=rows, sessions=usage_sessions, feed=metering.feed
        )
        self._desks = Desks(
            metering=metering,
            config=agent_config,
            system_prompt=config.system_prompt,
            kept_max=config.open_sessions_max,
            clock=clock,
            workspace_of=lambda owner: folder / owner,
            has_tools=config.tools == "workspace",
            policy=policy,
        )
        self._admitting = Admitting(metering, config=config)
        self._running: dict[str, LiveStream] = {}
        self._entrance = Entrance()
        self._learning = asyncio.Semaphore(1)
        self._unlearnt: set[str] = set()
        """Conversations that wait to be learnt from."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Look after what an earlier process left, and begin to keep the lists up to date."""
        self._metering.feed.observer = self._index.observe
        self._metering.closer.find_partial = self._recovering.find_partial
        await self._recovering.recover_all()
        await self._metering.closer.close_expired(None)
        self._sweeper = asyncio.create_task(self._sweep(), name="chat sweeper")

    async def stop(self) -> None:
        """End running turns: each journals what it has. Then let go of everything."""
        self._is_stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
        for live in self._running.values():
            live.stopping.set()
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=_STOP_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._desks.close()
        await self.streams.aclose()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            # What fails now is tried again; the status has the metering's own problem.
            with contextlib.suppress(kit.NovaError):
                await self._metering.closer.close_expired(None)
            with contextlib.suppress(kit.NovaError):
                await self._recovering.recover_all()

    async def settled(self) -> None:
        """Wait for every turn that runs now, and for what follows it: learning, a title."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def running(self) -> int:
        """How many turns this process runs."""
        return len(self._running)

    def list_models(self, caller: Caller) -> list[llm.CatalogModel]:
        """The models that the caller's plan has; may read the database."""
        plan = self._ledger.plan_of(caller.account_id).plan
        return [
            each
            for each in self._catalog.list_for(plan.name)
            if any(map(plan.allows_model, (each.name, *each.aliases)))
        ]

    async def turn(
        self,
        caller: Caller,
        session_id: str,
        *,
        asked: Asked,
        claim: billing.Claim | None = None,
    ) -> Begun:
        """Begin a turn: what can refuse it does so here, and then nothing was written.

        Args:
            caller: who asks, and who pays.
            session_id: the conversation.
            asked: what is said.
            claim: the request's Idempotency-Key; the same one gives the same turn.

        Returns:
            The stream to follow. The turn goes on by itself, whoever reads it.

        Raises:
            MessageEmpty, MessageTooLong: the message.
            SessionMissing: the account has no such conversation.
            TurnBusy: it answers already; names the stream.
            ModelForbidden: the plan has no such model.
            QuotaSpent: no room is left; says when it starts anew.
            PolicyRefused: a rule.
        """
        self._check(asked)
        entering = self._entrance.enter()
        try:
            return await self._begun(
                caller, session_id, asked=asked, claim=claim, entering=entering
            )
        except BaseException:
            entering.over()
            raise

    async def _begun(
        self,
        caller: Caller,
        session_id: str,
        *,
        asked: Asked,
        claim: billing.Claim | None,
        entering: Entering,
    ) -> Begun:
        owner = caller.session_owner
        live, looked, recalling = await self._entered(caller, session_id, asked)
        desk: Desk | None = None
        call: MeteredCall | None = None
        facts, models = looked.facts, looked.models
        try:
            desk = await self._desks.take(looked.session, owner=owner, models=models.opened)
            reminder = self._reminded(desk, await recalling)
            admitted = await self._admitting.admit(
                caller,
                plan=looked.plan,
                desk=desk,
                asked=asked,
                models=models,
                reminder=reminder,
                claim=claim,
            )
            call = admitted.call
            if call.hold.replay is not None:
                begun = json.loads(call.hold.replay.body)
                await self._undo(facts, live, desk, call)
                entering.over()
                return Begun(stream=begun["stream"], session=session_id, is_replay=True)
            await self._review(asked)
            if claim is not None:
                await self._keep_reply(call, live)
        except BaseException:
            recalling.cancel()
            await kit.to_end(self._undo(facts, live, desk, call))
            raise
        ready = Ready(
            asked=asked,
            desk=desk,
            live=live,
            reminder=admitted.reminder,
            first=call,
            admission=admitted.further,
            entering=entering,
            beside=() if facts.title else (state_entry(_named(asked.text)),),
        )
        self._running[live.head.stream] = live
        self._in_background(self._run(ready, caller, facts, models.first))
        return Begun(stream=live.head.stream, session=session_id)

    def _check(self, asked: Asked) -> None:
        if self._is_stopping or len(self._running) >= self.config.turns_max:
            raise TurnsFull
        if not asked.text.strip():
            raise MessageEmpty
        most = self.config.message_characters_max
        if len(asked.text) > most:
            raise MessageTooLong(characters=len(asked.text), characters_max=most)

    async def _entered(
        self, caller: Caller, session_id: str, asked: Asked
    ) -> tuple[LiveStream, _Looked, "asyncio.Task[Sequence[Found]]"]:
        """A fresh stream that has the session to itself, what was read for it, and the recall."""
        owner = caller.session_owner
        # Beside the claim: it only reads.
        recalling = asyncio.create_task(self._recalled(owner, session_id, asked))
        try:
            live, looked = await self.streams.open_with(
                functools.partial(self._look_and_claim, caller, session_id, asked),
                account=owner,
                session=session_id,
                clock=self._clock,
            )
            if not looked.is_claimed:
                await self._claim(looked.facts, live)
        except BaseException:
            recalling.cancel()
            raise
        return live, looked, recalling

    def _look_and_claim(
        self, caller: Caller, session_id: str, asked: Asked, stream: str
    ) -> _Looked:
        """All that a turn has to read of the databases, and then the claim on its session."""
        facts, session = self.sessions.look(caller.session_owner, session_id)
        name = asked.model or facts.model
        allowed = self.list_models(caller)
        try:
            models = lineup(self._catalog, name, is_allowed=allowed.__contains__)
        except llm.ModelNotListed:
            raise ModelForbidden(name) from None
        if models.first not in allowed:
            raise ModelForbidden(name or models.first.name)
        return _Looked(
            facts=facts,
            session=session,
            models=models,
            plan=self._ledger.plan_of(caller.account_id).plan,
            is_claimed=self._rows.claim(facts.id, stream),
        )

    async def _claim(self, facts: SessionFacts, live: LiveStream) -> None:
        """Let a stream have a session that another one had just now."""
        stream = live.head.stream
        try:
            now = await asyncio.to_thread(self.sessions.get, facts.account_id, facts.id)
            other = now.active_stream
            if other is not None:
                if not await self._recovering.is_dead(other):
                    raise TurnBusy(stream=other)
                await self._recovering.recover(other, owner=facts.account_id, session_id=facts.id)
            if not await asyncio.to_thread(self._rows.claim, facts.id, stream):
                raise TurnBusy(stream=other or "")
        except BaseException:
            await kit.to_end(self.streams.discard(live))
            raise

    async def _undo(
        self, facts: SessionFacts, live: LiveStream, desk: Desk | None, call: MeteredCall | None
    ) -> None:
        """The turn does not begin: give everything back."""
        if call is not None:
            await call.end()
        if desk is not None:
            await self._desks.give_back(desk)
        await asyncio.to_thread(
            self._rows.let_go,
            facts.id,
            live.head.stream,
            messages=facts.messages,
            at_us=facts.updated_at_us,
        )
        await self.streams.discard(live)

    async def _recalled(self, owner: str, session_id: str, asked: Asked) -> Sequence[Found]:
        """What fits what is said."""
        if not asked.has_memory:
            return ()
        return await self._remembering.recall(
            owner,
            asked.text,
            session_id=session_id,
            limit=self.config.recall_hits,
            tokens_max=self.config.recall_tokens_max,
        )

    def _reminded(self, desk: Desk, found: Sequence[Found]) -> Reminder:
        return chosen(
            found,
            limit=self.config.recall_hits,
            score_min=self.config.recall_score_min,
            is_seen=seen_in(desk.agent.view),
        )

    async def _review(self, asked: Asked) -> None:
        verdict = await self._policy.review_input([{"role": "user", "content": asked.text}])
        if not verdict.is_allowed:
            raise PolicyRefused(verdict.reason, version=verdict.version)

    async def _keep_reply(self, call: MeteredCall, live: LiveStream) -> None:
        """A retry with the same key gets the same stream, from now on."""
        body = json.dumps({"stream": live.head.stream}).encode()
        reply = billing.StoredReply(status=200, headers=(), body=body)
        await asyncio.wrap_future(self._ledger.store_reply(call.hold.id, reply))

    async def _run(
        self, ready: Ready, caller: Caller, facts: SessionFacts, model: llm.CatalogModel
    ) -> None:
        stream = ready.live.head.stream

        async def titled(at: int) -> str:
            changes = _named(ready.asked.text)
            with contextlib.suppress(kit.NovaError):  # the journal's feed brings it later
                await asyncio.to_thread(
                    self.sessions.show_state, ready.desk.session, at, changes=changes
                )
            return changes.title or ""

        turn = Turn(ready, streams=self.streams, titled=titled)
        try:
            await turn.run()
        finally:
            ready.entering.over()
            self._running.pop(stream, None)
            await kit.to_end(self._ended(ready, facts, turn))
        if turn.is_answered:
            await self._learn_from(facts)
            if self._wants_title(facts, model):
                await self._entrance.run_after(functools.partial(self._title, caller, facts, model))

    def _wants_title(self, facts: SessionFacts, model: llm.CatalogModel) -> bool:
        """Whether the model is to name it; the small one that ships with us can't do it well."""
        is_new = facts.messages == 0 and facts.title_by in ("", "words")
        is_able = not self._catalog.opened(model.name).info.is_builtin
        return self.config.titles and is_new and is_able

    async def _ended(self, ready: Ready, facts: SessionFacts, turn: Turn) -> None:
        """Free the session, then end the stream: who sees its end can speak again."""
        await self._desks.give_back(ready.desk)
        stream = ready.live.head.stream
        with contextlib.suppress(kit.NovaError):
            # Where the database is away the claim is freed by the sweeper, as a dead stream's.
            await asyncio.to_thread(
                self._recovering.free,
                facts.account_id,
                facts.id,
                stream,
                session=ready.desk.session,
            )
        ready.live.put(*turn.end)
        await ready.live.close()

    async def _learn_from(self, facts: SessionFacts) -> None:
        """Take in what was said: one conversation after another, so that turns come first.

        A conversation that waits for it already is read once, with what was said meanwhile.
        """
        if facts.id in self._unlearnt:
            return
        self._unlearnt.add(facts.id)
        async with self._learning:
            self._unlearnt.discard(facts.id)
            await self._remembering.learn(facts.account_id, facts.id)

    async def _name(self, facts: SessionFacts, changes: StatePatch) -> None:
        with contextlib.suppress(kit.NovaError):
            await asyncio.to_thread(
                self.sessions.change, facts.account_id, facts.id, changes=changes
            )

    async def _title(self, caller: Caller, facts: SessionFacts, model: llm.CatalogModel) -> None:
        page = await asyncio.to_thread(self.sessions.messages, facts.account_id, facts.id, limit=2)
        title = await title_by_model(
            [each.text for each in page.messages],
            model=self._catalog.opened(model.name),
            name=model.name,
            metering=self._metering,
            caller=caller,
        )
        if self._policy.reads_output and not (await self._policy.review_output(title)).is_allowed:
            return
        now = await asyncio.to_thread(self.sessions.get, facts.account_id, facts.id)
        if title and now.title_by != "person":
            await self._name(facts, StatePatch(title=title, title_by="model"))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def check_stream(self, owner: str, stream: str) -> StreamHead:
        """The head of a stream; another account's is as one that is not there.

        Raises:
            StreamMissing: this account has no such stream, or it was forgotten.
        """
        head = await self.streams.find(stream)
        if head is None or head.account != owner:
            raise StreamMissing
        return head

    async def follow(
        self, owner: str, stream: str, *, after: int = 0
    ) -> AsyncGenerator[Sequence[StreamEvent]]:
        """A stream's events behind `after`, as they come together; none now and then: it lives.

        The last one is `done` or `error`, on every way: where the producer died the reader is told
        so, and what had arrived is put in the conversation.

        Raises:
            StreamMissing: this account has no such stream, or it was forgotten.
        """
        head = await self.check_stream(owner, stream)
        while True:
            read = await self.streams.read(stream, after=after, wait_s=self.config.heartbeat_s)
            shown = [each for each in read.events if each.name != STEP]
            if shown or not read.events:
                is_dead = not read.events and not read.is_alive
                if is_dead:
                    await self._recovering.recover(stream, owner=owner, session_id=head.session)
                    shown = [StreamEvent(id=after + 1, name="error", data={"error": BROKEN_OFF})]
                yield shown
                if shown and shown[-1].name in TERMINAL:
                    return
            after = read.events[-1].id if read.events else after

    async def stop_stream(self, owner: str, stream: str) -> None:
        """Ask a turn to stop; what has arrived is journaled and charged.

        Raises:
            StreamMissing: this account has no such stream, or it was forgotten.
        """
        await self.check_stream(owner, stream)
        await self.streams.stop(stream)

    async def delete(self, owner: str, session_id: str) -> None:
        """Destroy a conversation everywhere.

        Raises:
            SessionMissing: the account has no such conversation.
            TurnBusy: it answers; stop it first.
        """
        facts = await asyncio.to_thread(self.sessions.get, owner, session_id)
        if facts.active_stream is not None and not await self._recovering.is_dead(
            facts.active_stream
        ):
            raise TurnBusy(stream=facts.active_stream)
        await self._desks.forget(session_id)
        await kit.to_end(asyncio.to_thread(self.sessions.delete, owner, session_id))
        with contextlib.suppress(StreamsUnavailable):
            await self.streams.erase(session_id)


def _named(text: str) -> StatePatch:
    """The title that a conversation has from its first words."""
    return StatePatch(title=words_of(text), title_by="words")
