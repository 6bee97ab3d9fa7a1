"""A server's side of its memory process: starts it, asks it, and does without it."""

import asyncio
import contextlib
import subprocess
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from novacore import chat, kit, settings
from novacore.bootstrap.children import start_child
from novacore.bootstrap.memory_process import wire

_CHILD: Final = "novacore.bootstrap.memory_process"
_ANSWER_S: Final = 10.0
"""A turn that waited so long for what was said earlier goes on without."""
_RESTS_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0)
"""How long it is left alone after it ended, the first time, the second and so on."""
_WELL_S: Final = 60.0
"""One that ran so long starts counting anew."""
_READY_S: Final = 5.0
"""How long a server that starts waits for it: asked before, this process would load as much."""
_END_S: Final = 5.0
"""How long it may take to end with the server."""


class MemoryProcess:
    """Remembers in a process of its own; where that is away, `spare` does it in this one.

    The process starts at once, beside whatever else starts. What asks it lives in one event loop,
    between `start` and `stop`; `close` is for those who never came so far.

    Args:
        chosen: the settings, which the process is told.
        spare: remembers in this process.
        clock: the time.
    """

    def __init__(
        self, chosen: settings.Settings, *, spare: chat.Remembering, clock: kit.Clock
    ) -> None:
        self._chosen = chosen
        self._spare = spare
        self._clock = clock
        self._spawned = self._spawn()
        self._line: _Line | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process answers; the server's own does until then."""
        return self._line is not None and self._line.is_ready

    @property
    def process_id(self) -> int | None:
        """The process, where one runs."""
        return None if self._line is None else self._line.process.pid

    async def start(self) -> None:
        """Keep a process running from now on; returns when the first one answers, or too late."""
        ready = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(ready), name="memory process")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                await ready.wait()

    def close(self) -> None:
        """End a process that nobody has asked anything. Idempotent."""
        spawned, self._spawned = self._spawned, None
        if spawned is not None:
            _close_pipes(spawned)
            _end(spawned)

    async def stop(self) -> None:
        """End it: what it has begun is finished, and nobody waits for it for long. Idempotent."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        await asyncio.wait({self._keeper})
        self._keeper = None

    async def recall(
        self, account_id: str, text: str, *, session_id: str, limit: int, tokens_max: int
    ) -> Sequence[chat.Found]:
        """See `chat.Remembering`."""
        if not limit or not tokens_max:
            return ()
        line = self._line
        if line is not None and line.is_ready:
            request = wire.Recall(
                number=line.next_number(),
                account_id=account_id,
                text=text,
                session_id=session_id,
                limit=limit,
                tokens_max=tokens_max,
            )
            answer = await line.ask(request)
            if answer is not None:
                return answer.found
        return await self._spare.recall(
            account_id, text, session_id=session_id, limit=limit, tokens_max=tokens_max
        )

    async def learn(self, account_id: str, session_id: str) -> None:
        """See `chat.Remembering`."""
        line = self._line
        if line is not None and line.is_ready:
            number = line.next_number()
            request = wire.Learn(number=number, account_id=account_id, session_id=session_id)
            if await line.ask(request) is not None:
                return
        await self._spare.learn(account_id, session_id)

    async def _keep(self, ready: asyncio.Event) -> None:
        """Run one after another, each after a longer rest."""
        ended = 0
        while True:
            began_s = self._clock.monotonic_s()
            await self._run(ready)
            ready.set()  # nobody waits for the next one
            if self._clock.monotonic_s() - began_s > _WELL_S:
                ended = 0
            await asyncio.sleep(_RESTS_S[min(ended, len(_RESTS_S) - 1)])
            self._spawned = await asyncio.to_thread(self._spawn)
            ended += 1

    async def _run(self, ready: asyncio.Event) -> None:
        """Ask the process that was started until it ends."""
        process, self._spawned = self._spawned, None
        if process is None:
            return
        line = _Line(process, ready=ready)
        try:
            await line.open()
            self._line = line
            await line.lost.wait()
        finally:
            self._line = None
            line.close()
            await asyncio.shield(asyncio.to_thread(_end, process))

    def _spawn(self) -> "subprocess.Popen[bytes] | None":
        """One that knows its settings; None: there is no room for it, so we do its work."""
        return start_child(_CHILD, self._chosen, answers=True)


class _Line(asyncio.Protocol):
    """The pipes to one process, and who waits for its answers."""

    def __init__(self, process: "subprocess.Popen[bytes]", *, ready: asyncio.Event) -> None:
        self.process = process
        self.is_ready = False
        self._ready = ready
        self.lost = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[wire.Answer | None]] = {}
        self._number = wire.READY
        self._tail = b""
        self._to: asyncio.WriteTransport | None = None
        self._from: asyncio.BaseTransport | None = None

    async def open(self) -> None:
        """Take the pipes into the loop."""
        loop = asyncio.get_running_loop()
        self._from, _ = await loop.connect_read_pipe(lambda: self, self.process.stdout)
        self._to, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self.process.stdin)

    def next_number(self) -> int:
        """A request's own number."""
        self._number += 1
        return self._number

    async def ask(self, request: wire.Request) -> wire.Answer | None:
        """The answer; an empty one where it takes too long, None where the process is gone."""
        try:
            line = wire.encode(request)
        except UnicodeEncodeError:
            return None
        assert self._to is not None
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = waiting
        try:
            self._to.write(line)
            async with asyncio.timeout(_ANSWER_S):
                return await waiting
        except TimeoutError:
            return wire.Answer(number=request.number)
        finally:
            self._waiting.pop(request.number, None)

    def data_received(self, data: bytes) -> None:
        """Give each answer to whoever waits for it."""
        *lines, self._tail = (self._tail + data).split(b"\n")
        for line in lines:
            try:
                answer = wire.read_answer(line)
            except msgspec.DecodeError:
                continue  # something it printed
            if answer.number == wire.READY:
                self.is_ready = True
                self._ready.set()
            waiting = self._waiting.get(answer.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: nobody waits any longer."""
        self.is_ready = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self.lost.set()

    def close(self) -> None:
        """Close the pipes, which tells the process to end."""
        pipes: tuple[Any, ...] = (self._to or self.process.stdin, self._from or self.process.stdout)
        for each in pipes:
            each.close()


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for its end for a while, then insist."""
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
