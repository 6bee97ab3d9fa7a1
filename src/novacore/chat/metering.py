"""The bridge between a hold and its usage entry: every model call goes through here.

A hold is reserved before the call and its lease renewed while the call lasts. The call ends in one
usage entry, whatever happens: a cancelled task, a client that left, an error, a full disk. A hold
is given back only where no call was made. Start with `Metering.call`.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from novacore import billing, journal, kit, llm
from novacore.chat.closing import Closer
from novacore.chat.errors import MeteringFailed
from novacore.chat.gathering import Ended, Gathering
from novacore.chat.ledger import Ledger
from novacore.chat.spool import Spool, Waiting
from novacore.chat.usage import USAGE, corrected, usage_entry
from novacore.chat.usage_feed import UsageFeed
from novacore.chat.usage_sessions import UsageSessions
from novacore.chat.waiting import outcome_of

_ADMIT_ATTEMPTS: Final = 4
_KEEPER_S: Final = 2.0
_US: Final = 1_000_000


class Metering:
    """Counts every model call of every account once. Safe between tasks; made by bootstrap.

    Args:
        sessions: where usage stands that belongs to no conversation.
        ledger: holds and the ledger: billing.
        feed: settles what is appended.
        closer: closes expired holds by estimate.
        spool: keeps what the journal can't take now.
        clock: the time.
    """

    def __init__(
        self,
        *,
        sessions: UsageSessions,
        ledger: Ledger,
        feed: UsageFeed,
        closer: Closer,
        spool: Spool,
        clock: kit.Clock,
    ) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._feed = feed
        self._closer = closer
        self._spool = spool
        self._clock = clock
        self._live: dict[str, MeteredCall] = {}
        self._appending: set[Future[journal.Appended]] = set()
        """What is on its way to the journal; nobody else may wait for it."""
        self._gathering = Gathering(self._append_ended)
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def clock(self) -> kit.Clock:
        """The time."""
        return self._clock

    @property
    def feed(self) -> UsageFeed:
        """Settles what is appended; `feed.drain()` waits for all of it."""
        return self._feed

    @property
    def closer(self) -> Closer:
        """Closes expired holds; `closer.close_expired(None)` those of all accounts."""
        return self._closer

    @property
    def waiting(self) -> int:
        """How many calls' usage waits for the journal to take it."""
        return len(self._spool)

    def start(self) -> None:
        """Take up what an earlier process left, and begin to settle. Idempotent."""
        self._spool.load()
        self._feed.start()

    def call(self, admission: billing.Admission) -> "MeteredCall":
        """One model call, as an async context manager.

        Entering it reserves the hold. Leaving it closes the hold in every case: by the usage that
        `finish` was given; by an estimate where the call had been sent; by release where not, or
        where the provider refused before anything came.

        Args:
            admission: a `billing.Admission`.

        Raises:
            NovaError: on entering, what billing says where there is no room.
        """
        return MeteredCall(self, admission)

    async def admit(self, admission: billing.Admission) -> billing.Hold:
        """A hold; closes the account's expired holds first where there are any.

        Raises:
            NovaError: what billing says where there is no room.
            MeteringFailed: expired holds can't be closed now.
        """
        for _attempt in range(_ADMIT_ATTEMPTS):
            try:
                hold = await self._admitted(admission)
            except billing.HoldsExpired:
                await self._closer.close_expired(admission.account_id)
                continue
            if hold.expired:
                self._in_background(self._closer.close_expired(admission.account_id))
            return hold
        raise MeteringFailed

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _admitted(self, admission: billing.Admission) -> billing.Hold:
        """A hold; where the task is cancelled while it waits, the hold is given back."""
        granted = self._ledger.admit(admission)
        try:
            return await outcome_of(granted)
        except asyncio.CancelledError:
            granted.add_done_callback(self._give_back)
            raise

    def _give_back(self, granted: Future[billing.Hold]) -> None:
        if not granted.cancelled() and granted.exception() is None:
            hold = granted.result()
            if hold.replay is None:
                self._ledger.release(hold.id)

    async def release(self, hold: billing.Hold) -> None:
        """There was no call."""
        await kit.to_end(asyncio.wrap_future(self._ledger.release(hold.id)))

    def submit(
        self, session: journal.Session, entries: Sequence[journal.NewEntry], *, hold: billing.Hold
    ) -> "Future[journal.Appended]":
        """Append entries, a call's usage among them; the usage is never lost after this.

        Where an estimate was written before, the usage becomes its correction. Where the journal
        can't take it now, it waits in the spool, and the future fails with the journal's error.
        """
        # A retry after a lost connection must find what was stored: every entry has its id now.
        named = [
            each if each.id else dataclasses.replace(each, id=str(kit.new_id(self._clock)))
            for each in entries
        ]
        done: Future[journal.Appended] = Future()
        self._appending.add(done)
        done.add_done_callback(self._appending.discard)
        self._attempt(session, named, hold=hold, done=done, is_correction=False)
        return done

    def submit_soon(
        self, session: journal.Session, entry: journal.NewEntry, *, hold: billing.Hold
    ) -> None:
        """Append a call's usage, together with that of others which end now; nobody waits for it.

        From the event loop only. Never lost after this, as with `submit`.
        """
        self._gathering.add(session, Ended(entry=entry, hold=hold))

    def _append_ended(self, session: journal.Session, ended: Sequence[Ended]) -> None:
        if len(ended) == 1:
            self.submit(session, [ended[0].entry], hold=ended[0].hold)
            return
        done: Future[journal.Appended] = Future()
        self._appending.add(done)
        done.add_done_callback(self._appending.discard)

        def settled(future: "Future[journal.Appended]") -> None:
            if future.exception() is None:
                self._feed.wake()
            else:
                # One of them may have spoiled it for the others: each by itself.
                self._append_singly(session, ended)
            done.set_result(journal.Appended(positions=(), sequences=()))

        try:
            future = session.submit(*(each.entry for each in ended))
        except kit.NovaError:
            self._append_singly(session, ended)
            done.set_result(journal.Appended(positions=(), sequences=()))
            return
        future.add_done_callback(settled)

    def _append_singly(self, session: journal.Session, ended: Sequence[Ended]) -> None:
        for each in ended:
            self.submit(session, [each.entry], hold=each.hold)

    def _attempt(
        self,
        session: journal.Session,
        entries: Sequence[journal.NewEntry],
        *,
        hold: billing.Hold,
        done: "Future[journal.Appended]",
        is_correction: bool,
    ) -> None:
        def ended(future: "Future[journal.Appended]") -> None:
            error = future.exception()
            if error is None:
                self._feed.wake()
                done.set_result(future.result())
            elif isinstance(error, journal.IdConflict) and not is_correction:
                again = corrected(entries)
                self._attempt(session, again, hold=hold, done=done, is_correction=True)
            else:
                self._keep(session, entries, hold=hold, error=error, done=done)

        try:
            future = session.submit(*entries)
        except kit.NovaError as error:
            self._keep(session, entries, hold=hold, error=error, done=done)
            return
        future.add_done_callback(ended)

    def _keep(
        self,
        session: journal.Session,
        entries: Sequence[journal.NewEntry],
        *,
        hold: billing.Hold,
        error: BaseException,
        done: "Future[journal.Appended]",
    ) -> None:
        """Let them wait in the spool, and tell `done` of the error once they are on its disk."""
        if isinstance(error, journal.IdConflict):
            done.set_exception(error)
            return
        kept = entries
        if isinstance(error, kit.NovaError) and error.kind is kit.ErrorKind.REFUSED:
            # The answer itself can't be kept, as in a session erased meanwhile: its usage can.
            kept = [each for each in entries if each.kind == USAGE]
        where = "" if len(kept) < len(entries) else session.id
        waiting = Waiting(hold=hold.id, owner=hold.account_id, session=where, entries=tuple(kept))
        self._spool.remember(waiting)

        def write() -> None:
            self._spool.write(waiting)
            done.set_exception(error)

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # The journal's own thread: nobody else waits for it.
            write()
        else:
            self._in_background(asyncio.to_thread(write))

    async def usage_session(self, hold: billing.Hold) -> journal.Session:
        """Where the usage of an account's calls stands that belong to no conversation."""
        known = self._sessions.known(hold.account_id, hold.day)
        if known is not None:
            return known
        return await asyncio.to_thread(self._sessions.get, hold.account_id, hold.day)

    def watch(self, call: "MeteredCall") -> None:
        """Renew the lease of a call until `unwatch`."""
        self._live[call.hold.id] = call
        loop = asyncio.get_running_loop()
        if self._keeper is None or self._keeper.done() or self._keeper.get_loop() is not loop:
            self._keeper = loop.create_task(self._keep_leases(), name="metering leases")

    def unwatch(self, call: "MeteredCall") -> None:
        """The call has ended."""
        self._live.pop(call.hold.id, None)

    async def _keep_leases(self) -> None:
        """Renew what lives, append what waits; ends where there is nothing of either."""
        while self._live or len(self._spool):
            await asyncio.sleep(_KEEPER_S)
            await self.keep()

    async def keep(self) -> None:
        """Renew every lease that has run a third of its time, and try again what waits."""
        now_s = self._clock.monotonic_s()
        for call in list(self._live.values()):
            if call.is_due(now_s):
                with contextlib.suppress(kit.NovaError):
                    await asyncio.wrap_future(self._ledger.renew(call.hold.id, call.output_tokens))
                    call.renewed(now_s)
        for waiting in self._spool.waiting():
            # Another attempt follows; meanwhile the hold stays open, so that nothing is given back.
            with contextlib.suppress(kit.NovaError):
                await asyncio.wrap_future(self._ledger.renew(waiting.hold, 0))
            with contextlib.suppress(kit.NovaError):
                await self._append_waiting(waiting)

    async def _append_waiting(self, waiting: Waiting) -> None:
        entries: Sequence[journal.NewEntry] = waiting.entries
        session = await asyncio.to_thread(self._session_of, waiting)
        try:
            await kit.to_end(asyncio.wrap_future(session.submit(*entries)))
        except journal.IdConflict:
            with contextlib.suppress(journal.IdConflict):
                await kit.to_end(asyncio.wrap_future(session.submit(*corrected(entries))))
        await asyncio.to_thread(self._spool.done, waiting.hold)
        self._feed.wake()

    def _session_of(self, waiting: Waiting) -> journal.Session:
        day = next(str(each.body["day"]) for each in waiting.entries if each.kind == USAGE)
        found = self._sessions.find(waiting.owner, waiting.session) if waiting.session else None
        return found or self._sessions.get(waiting.owner, day)

    async def flush(self) -> None:
        """Try once to append what waits, and settle everything up to the journal's head."""
        await self._appended()
        await self.keep()
        await asyncio.to_thread(self._feed.drain)

    async def _appended(self) -> None:
        """Wait until what is on its way is in the journal or in the spool."""
        self._gathering.send()
        while waited := [asyncio.wrap_future(each) for each in list(self._appending)]:
            await asyncio.gather(*waited, return_exceptions=True)

    async def close(self) -> None:
        """Stop renewing, append what still can be, settle it, and end the feed. Idempotent."""
        if self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        self._keeper = None
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._appended()
        if len(self._spool):
            await self.keep()
        await asyncio.to_thread(self._feed.close)


class MeteredCall:
    """One model call with its hold. Made by `Metering.call`."""

    def __init__(self, metering: Metering, admission: billing.Admission) -> None:
        self._metering = metering
        self._admission = admission
        self._hold: billing.Hold | None = None
        self._is_sent = False
        self._is_closed = False
        self._began_s = 0.0
        self._renewed_s = 0.0
        self._lease_s = 0.0
        self.output_tokens = 0
        """What has come so far, as far as it was noted."""

    @property
    def hold(self) -> billing.Hold:
        """The `billing.Hold`."""
        assert self._hold is not None, "the call was not entered"
        return self._hold

    @property
    def is_sent(self) -> bool:
        """Whether the request may have reached the provider."""
        return self._is_sent

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end(error)

    async def begin(self) -> None:
        """Reserve the hold: what entering does."""
        hold = self._hold = await self._metering.admit(self._admission)
        if hold.replay is not None:
            self._is_closed = True
            return
        clock = self._metering.clock
        self._began_s = self._renewed_s = clock.monotonic_s()
        self._lease_s = max(1.0, (hold.lease_until_us - clock.now_us()) / _US)
        self._metering.watch(self)

    async def end(self, error: BaseException | None = None) -> None:
        """Close the hold where it is still open: what leaving does."""
        try:
            await self._close(error)
        finally:
            self._metering.unwatch(self)

    @property
    def is_closed(self) -> bool:
        """Whether it was finished or given back."""
        return self._is_closed

    def answers(self, model: str) -> None:
        """This model is asked, in place of the one that the hold was made for."""
        if model != self.hold.model:
            self._hold = msgspec.structs.replace(self.hold, model=model)

    def sent(self) -> None:
        """The request goes out now: from here on the call is charged, if only by estimate."""
        self._is_sent = True
        self._began_s = self._metering.clock.monotonic_s()

    def note(self, output_tokens: int) -> None:
        """So much has come so far. Costs nothing; the next renewal writes it down."""
        self._is_sent = True
        self.output_tokens = max(self.output_tokens, output_tokens)

    def is_due(self, now_s: float) -> bool:
        """Whether a third of the lease has passed since it was renewed."""
        return now_s - self._renewed_s >= self._lease_s / 3

    def renewed(self, now_s: float) -> None:
        """The lease begins anew."""
        self._renewed_s = now_s

    def entry(
        self, usage: llm.Usage, *, outcome: str = "done", provider: str = ""
    ) -> journal.NewEntry:
        """The usage entry of this call, for whoever appends it together with the answer."""
        ms = round((self._metering.clock.monotonic_s() - self._began_s) * 1_000)
        return usage_entry(self.hold, usage, provider=provider, outcome=outcome, ms=ms)

    def submit(
        self, session: journal.Session, *entries: journal.NewEntry
    ) -> "Future[journal.Appended]":
        """Append entries, `entry(…)` among them, and so close the call; see `Metering.submit`."""
        assert any(each.kind == USAGE for each in entries), "no usage among the entries"
        self._is_closed = True
        return self._metering.submit(session, entries, hold=self.hold)

    def submit_soon(self, session: journal.Session, entry: journal.NewEntry) -> None:
        """Append `entry(…)` and so close the call, where nobody waits for it."""
        assert entry.kind == USAGE, "not a usage entry"
        self._is_closed = True
        self._metering.submit_soon(session, entry, hold=self.hold)

    async def finish(
        self,
        usage: llm.Usage,
        *,
        outcome: str = "done",
        provider: str = "",
        entries: Sequence[journal.NewEntry] = (),
        session: journal.Session | None = None,
    ) -> journal.Appended | None:
        """The call is over: append its usage, once, with what else belongs to it.

        A cancellation that comes meanwhile is raised at the end. What the journal can't take now
        waits in the spool and is no error: the answer was delivered.

        Args:
            usage: what it cost.
            outcome: done, stopped or broken.
            provider: who answered.
            entries: appended before it, in the same append.
            session: where; None: the account's session of that day's usage.

        Returns:
            Where they are; None: they wait in the spool.
        """
        assert not self._is_closed, "a call is finished once"
        self._is_closed = True
        usage_at = self.entry(usage, outcome=outcome, provider=provider)
        return await kit.to_end(self._finished([*entries, usage_at], session))

    async def _finished(
        self, entries: Sequence[journal.NewEntry], session: journal.Session | None
    ) -> journal.Appended | None:
        where = session or await self._metering.usage_session(self.hold)
        try:
            return await asyncio.wrap_future(self._metering.submit(where, entries, hold=self.hold))
        except kit.NovaError:
            return None

    async def release(self) -> None:
        """No call was made, or it cost nothing: give the hold back. Does nothing once closed."""
        if not self._is_closed:
            self._is_closed = True
            await self._metering.release(self.hold)

    async def _close(self, error: BaseException | None) -> None:
        if self._is_closed:
            return
        is_refused = isinstance(error, llm.LLMError) and not self.output_tokens
        if is_refused or not self._is_sent:
            await self.release()
            return
        left = isinstance(error, asyncio.CancelledError | GeneratorExit)
        usage = llm.Usage(
            input_tokens=self.hold.input_tokens,
            output_tokens=self.output_tokens,
            source="estimate",
        )
        await self.finish(usage, outcome="stopped" if left else "broken")
