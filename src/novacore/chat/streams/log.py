"""The stream log: this process's running answers in memory, and everybody's in a mirror.

A producer puts events without ever waiting; a pump copies them to the mirror a few times a second,
for all streams together. Readers of a stream that runs here read from memory, all others from the
mirror. Start with `StreamLog.open` and `StreamLog.read`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from novacore import kit
from novacore.chat.errors import StreamsUnavailable
from novacore.chat.streams.model import TERMINAL, Mirror, Read, StreamEvent, StreamHead

_T = TypeVar("_T")
_PUMP_S: Final = 0.1
_GATHER_S: Final = 0.05
"""Pieces of text that come within this time are told to readers together, but the first one at
once: a person can't tell them apart, and each telling costs more than what is told."""
_TEXTS: Final = ("delta", "thinking")
_BEAT_S: Final = 1.0
_ID_BYTES: Final = 18
_CUT: Final = "The rest of this answer is too long to be streamed; it will be in the session."


class StreamLog:
    """All streams as one worker sees them. Lives in one event loop; made by bootstrap.

    Args:
        mirror: where the logs of all workers lie.
        bytes_max: the largest log of one stream; what comes after it is kept in the session only.
    """

    def __init__(self, mirror: Mirror, *, bytes_max: int) -> None:
        self._mirror = mirror
        self._bytes_max = bytes_max
        self._live: dict[str, LiveStream] = {}
        self._pump: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._copying: asyncio.Task[None] | None = None
        """Events of one stream are written in their order: one copying at a time."""
        self._next: asyncio.Task[None] | None = None
        """The copying that takes what is put until the one before it is over."""
        self._ended: set[str] = set()
        """Streams that end with the next copying."""
        self.problem = ""
        """What keeps the mirror from following; empty where nothing does."""

    async def open(self, *, account: str, session: str, clock: kit.Clock) -> "LiveStream":
        """A new stream with this process as its producer; `close` it on every way out.

        A mirror that is down keeps no stream from running: it is only that no other worker can
        resume it.
        """
        live, _none = await self.open_with(
            lambda _stream: None, account=account, session=session, clock=clock
        )
        return live

    async def open_with(
        self, work: Callable[[str], _T], *, account: str, session: str, clock: kit.Clock
    ) -> tuple["LiveStream", _T]:
        """See `open`; and what `work` gives, done in a thread once others can see the stream.

        Where `work` fails there is no stream.

        Args:
            work: given the stream's id.
            account: whose it is.
            session: the session that is answered in.
            clock: the time.
        """
        head = StreamHead(
            stream=secrets.token_urlsafe(_ID_BYTES),
            account=account,
            session=session,
            started_at_us=clock.now_us(),
        )
        live = LiveStream(head, log=self, bytes_max=self._bytes_max)
        self._live[head.stream] = live
        self._start_pump()
        try:
            return live, await self._created_with(head, work)
        except BaseException:
            await kit.to_end(self.discard(live))
            raise

    async def _created_with(self, head: StreamHead, work: Callable[[str], _T]) -> _T:
        creating = self._mirror.creating(head)
        if creating is None:
            try:
                await self._mirror.create(head)
            except StreamsUnavailable as error:
                self.problem = str(error)

        def done() -> _T:
            if creating is not None:
                try:
                    creating()
                except StreamsUnavailable as error:
                    self.problem = str(error)
            return work(head.stream)

        return await asyncio.to_thread(done)

    def _start_pump(self) -> None:
        loop = asyncio.get_running_loop()
        if self._pump is None or self._pump.done() or self._pump.get_loop() is not loop:
            self._wake = asyncio.Event()
            self._copying = self._next = None
            self._pump = loop.create_task(self._run(), name="stream log")

    async def discard(self, live: "LiveStream") -> None:
        """A stream is not needed after all: end it, and forget it."""
        await live.close()
        with contextlib.suppress(StreamsUnavailable):
            await self.forget(live.head.stream)

    async def find(self, stream: str) -> StreamHead | None:
        """The head of a stream, wherever it runs; None: there is none, or it was forgotten."""
        live = self._live.get(stream)
        return live.head if live is not None else await self._mirror.find(stream)

    async def read(self, stream: str, *, after: int = 0, wait_s: float = 0.0) -> Read:
        """Events after `after`; waits up to `wait_s` where there are none yet.

        Args:
            stream: its id.
            after: the id of the last event that the reader has; 0: none.
            wait_s: 0: don't wait.
        """
        live = self._live.get(stream)
        if live is not None:
            return await live.read(after=after, wait_s=wait_s)
        return await self._mirror.read(stream, after=after, wait_s=wait_s)

    async def stop(self, stream: str) -> None:
        """Ask the producer to stop, in whichever process it is."""
        live = self._live.get(stream)
        if live is not None:
            live.stopping.set()
        else:
            await self._mirror.ask_stop(stream)

    def is_here(self, stream: str) -> bool:
        """Whether this process produces it."""
        return stream in self._live

    async def heads(self) -> list[StreamHead]:
        """Every stream that is not forgotten, of all workers."""
        return await self._mirror.heads()

    async def erase(self, session: str) -> None:
        """Forget the ended streams of a session now."""
        wanted = [each.stream for each in await self.heads() if each.session == session]
        await self._mirror.erase([each for each in wanted if each not in self._live])

    async def forget(self, stream: str) -> None:
        """Forget one ended stream now."""
        await self._mirror.erase([stream])

    async def flush(self) -> None:
        """Copy everything that was put before to the mirror; who asks meanwhile shares one go."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._copy(self._copying))
        await asyncio.shield(self._next)

    async def _copy(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        self._copying, self._next = self._next, None
        pending = {stream: events for stream, live in self._live.items() if (events := live.take())}
        ended, self._ended = self._ended, set()
        if not pending and not ended:
            return
        try:
            await self._mirror.write(pending, ended=ended)
            self.problem = ""
        except StreamsUnavailable as error:
            # The answer goes on; only its copy has a hole: a resumer elsewhere sees an end.
            self.problem = str(error)

    def wake(self) -> None:
        """There is something to copy."""
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        beaten_s = loop.time()
        while self._live:
            # Not `wait_for`: on Python 3.11 it loses a cancellation that comes with the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_S):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_PUMP_S)
            await self.flush()
            if loop.time() - beaten_s >= _BEAT_S:
                beaten_s = loop.time()
                await self._beat()

    async def _beat(self) -> None:
        try:
            stops = await self._mirror.beat(list(self._live))
        except StreamsUnavailable as error:
            self.problem = str(error)
            return
        for stream in stops:
            if stream in self._live:
                self._live[stream].stopping.set()

    async def finish(self, live: "LiveStream") -> None:
        """A stream has ended: copy it whole, then let go of it."""
        self._ended.add(live.head.stream)
        try:
            await self.flush()
        finally:
            self._live.pop(live.head.stream, None)

    async def aclose(self) -> None:
        """Let go of the mirror; streams that run are left as if their producer had died."""
        if self._pump is not None and not self._pump.done():
            self._pump.cancel()
            await asyncio.wait({self._pump})
        under_way = {each for each in (self._copying, self._next) if each is not None}
        if under_way:
            await asyncio.wait(under_way)
        await self._mirror.aclose()


class LiveStream:
    """A stream that this process produces. Made by `StreamLog.open`."""

    def __init__(self, head: StreamHead, *, log: StreamLog, bytes_max: int) -> None:
        self.head = head
        self.stopping = asyncio.Event()
        """Set when somebody asks it to stop."""
        self._log = log
        self._events: list[StreamEvent] = []
        self._copied = 0
        self._room_bytes = bytes_max
        self._is_cut = False
        self._is_ended = False
        self._changed = asyncio.Event()
        self._told_text_s = float("-inf")
        self._telling: asyncio.TimerHandle | None = None

    @property
    def is_ended(self) -> bool:
        """Whether its terminal event was put."""
        return self._is_ended

    def put(self, name: str, data: Mapping[str, Any]) -> None:
        """Add an event. Never waits; a second terminal event, and what follows one, is ignored."""
        if self._is_ended:
            return
        is_text = name in _TEXTS
        if is_text:
            self._room_bytes -= 64 + len(str(data.get("text", "")))
            if self._room_bytes < 0:
                if self._is_cut:
                    return
                self._is_cut, name, data, is_text = True, "notice", {"text": _CUT}, False
        self._is_ended = name in TERMINAL
        self._events.append(StreamEvent(id=len(self._events) + 1, name=name, data=data))
        if is_text:
            self._tell_soon()
        else:
            self._tell()
        self._log.wake()

    def _tell_soon(self) -> None:
        """Tell readers of a piece of text: at once, or with those that come within a moment."""
        if self._telling is not None:
            return
        loop = asyncio.get_running_loop()
        due_s = self._told_text_s + _GATHER_S
        if loop.time() >= due_s:
            self._tell_text()
        else:
            self._telling = loop.call_at(due_s, self._tell_text)

    def _tell_text(self) -> None:
        self._told_text_s = asyncio.get_running_loop().time()
        self._tell()

    def _tell(self) -> None:
        """Wake who waits; a telling that was put off is done with it."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def take(self) -> list[StreamEvent]:
        """What was not copied yet."""
        taken = self._events[self._copied :]
        self._copied = len(self._events)
        return taken

    async def read(self, *, after: int, wait_s: float) -> Read:
        """See `StreamLog.read`."""
        changed = self._changed
        if len(self._events) <= after and not self._is_ended and wait_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await changed.wait()
        return Read(events=tuple(self._events[max(0, after) :]), is_alive=not self._is_ended)

    async def close(self) -> None:
        """The producer is done; a cancellation that comes meanwhile is raised at the end."""
        self._tell()
        await kit.to_end(self._log.finish(self))
