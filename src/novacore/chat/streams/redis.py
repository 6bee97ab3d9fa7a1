"""Stream logs as Redis Streams: for the workers of several machines.

On a server of the Redis protocol: Valkey, Redis, Dragonfly. A producer's life is a key that expires
unless it is renewed; who resumes sees it gone some seconds after the producer died.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any, Final

from novacore.chat.errors import StreamsUnavailable
from novacore.chat.streams.model import Read, StreamEvent, StreamHead

_LEASE_MS: Final = 10_000
_TIMEOUT_S: Final = 2.0
_BLOCK_MS_MAX: Final = 1_000
_READERS_MAX: Final = 64
_PREFIX: Final = "novacore:chat"


class RedisMirror:
    """Streams of a server. Lives in one event loop; connects when first used.

    Args:
        url: redis://[user:password@]host:port/database, or rediss:// for TLS.
        keep_s: how long a log is kept after its last event.
        lease_ms: how long a producer that was not heard of counts as alive.
        prefix: in front of every key.
    """

    def __init__(
        self, url: str, *, keep_s: float, lease_ms: int = _LEASE_MS, prefix: str = _PREFIX
    ) -> None:
        self._url = url
        self._keep_s = max(1, round(keep_s))
        self._lease_ms = lease_ms
        self._prefix = prefix
        self._made: Any = None
        self._making = asyncio.Lock()
        self._failures: tuple[type[Exception], ...] = (OSError, ValueError)
        self._readers = asyncio.Semaphore(_READERS_MAX)

    def _key(self, stream: str, *more: str) -> str:
        # The braces keep a stream's keys on one node of a cluster.
        return ":".join([self._prefix, f"{{{stream}}}", *more])

    @property
    def _index(self) -> str:
        return f"{self._prefix}:streams"

    async def create(self, head: StreamHead) -> None:
        """See `Mirror`."""
        fields = json.dumps({name: getattr(head, name) for name in StreamHead.__slots__})
        async with self._client() as client:
            pipe = client.pipeline(transaction=False)
            pipe.set(self._key(head.stream, "head"), fields, ex=self._keep_s)
            pipe.set(self._key(head.stream, "alive"), "1", px=self._lease_ms)
            pipe.zadd(self._index, {head.stream: time.time()})
            pipe.zremrangebyscore(self._index, "-inf", time.time() - 100 * self._keep_s)
            await pipe.execute()

    def creating(self, head: StreamHead) -> None:
        """See `Mirror`: a server is asked by awaiting."""

    async def write(
        self, events: Mapping[str, Sequence[StreamEvent]], *, ended: Collection[str] = ()
    ) -> None:
        """See `Mirror`."""
        async with self._client() as client:
            pipe = client.pipeline(transaction=False)
            for stream, added in events.items():
                self._add(pipe, stream, added)
            for stream in ended:
                pipe.unlink(self._key(stream, "alive"), self._key(stream, "stop"))
            await pipe.execute()

    def _add(self, pipe: Any, stream: str, events: Sequence[StreamEvent]) -> None:
        for each in events:
            pipe.xadd(
                self._key(stream, "log"),
                {"name": each.name, "data": json.dumps(each.data)},
                id=f"{each.id}-0",
            )
        self._renew(pipe, stream)

    def _renew(self, pipe: Any, stream: str) -> None:
        pipe.set(self._key(stream, "alive"), "1", px=self._lease_ms)
        pipe.expire(self._key(stream, "log"), self._keep_s)
        pipe.expire(self._key(stream, "head"), self._keep_s)

    async def beat(self, streams: Sequence[str]) -> frozenset[str]:
        """See `Mirror`."""
        if not streams:
            return frozenset()
        async with self._client() as client:
            pipe = client.pipeline(transaction=False)
            for stream in streams:
                pipe.exists(self._key(stream, "stop"))
            for stream in streams:
                self._renew(pipe, stream)
            found = await pipe.execute()
        asked = zip(streams, found[: len(streams)], strict=True)
        return frozenset(stream for stream, is_asked in asked if is_asked)

    async def find(self, stream: str) -> StreamHead | None:
        """See `Mirror`."""
        async with self._client() as client:
            return _head(await client.get(self._key(stream, "head")))

    async def read(self, stream: str, *, after: int, wait_s: float) -> Read:
        """See `Mirror`."""
        ends_s = time.monotonic() + wait_s
        while True:
            left_ms = round((ends_s - time.monotonic()) * 1_000)
            # In this order: what a producer wrote before it ended is read after its end was seen.
            async with self._client() as client:
                is_alive = bool(await client.exists(self._key(stream, "alive")))
            if is_alive and left_ms > 0:
                events = await self._wait(stream, after, min(left_ms, _BLOCK_MS_MAX))
            else:
                events = await self._range(stream, after)
            if events or not is_alive or left_ms <= 0:
                return Read(events=events, is_alive=is_alive)

    async def _wait(self, stream: str, after: int, block_ms: int) -> tuple[StreamEvent, ...]:
        # Each reader that waits needs a connection; those beyond the bound look now and then.
        if self._readers.locked():
            await asyncio.sleep(block_ms / 1_000)
            return await self._range(stream, after)
        async with self._readers, self._client() as client:
            found = await client.xread({self._key(stream, "log"): f"{after}-0"}, block=block_ms)
        return _events(found[0][1]) if found else ()

    async def _range(self, stream: str, after: int) -> tuple[StreamEvent, ...]:
        async with self._client() as client:
            return _events(await client.xrange(self._key(stream, "log"), min=f"({after}-0"))

    async def ask_stop(self, stream: str) -> None:
        """See `Mirror`."""
        async with self._client() as client:
            if await client.exists(self._key(stream, "alive")):
                await client.set(self._key(stream, "stop"), "1", ex=self._keep_s)

    async def heads(self) -> list[StreamHead]:
        """See `Mirror`."""
        async with self._client() as client:
            streams = [each.decode() for each in await client.zrange(self._index, 0, -1)]
            pipe = client.pipeline(transaction=False)
            for stream in streams:
                pipe.get(self._key(stream, "head"))
            found = [_head(each) for each in await pipe.execute()]
            gone = [name for name, head in zip(streams, found, strict=True) if head is None]
            if gone:
                await client.zrem(self._index, *gone)
        return [each for each in found if each is not None]

    async def erase(self, streams: Sequence[str]) -> None:
        """See `Mirror`."""
        async with self._client() as client:
            for stream in streams:
                await client.unlink(*(self._key(stream, each) for each in ("log", "head", "stop")))
                await client.zrem(self._index, stream)

    async def aclose(self) -> None:
        """See `Mirror`."""
        made, self._made = self._made, None
        if made is not None:
            await made.aclose()

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncGenerator[Any]:
        """The client, its errors in our words."""
        try:
            if self._made is None:
                async with self._making:
                    if self._made is None:
                        # Loading a library reads files.
                        self._made = await asyncio.to_thread(self._make)
            yield self._made
        except StreamsUnavailable:
            raise
        except self._failures as error:
            # Its text may quote a command, and with it somebody's words.
            raise StreamsUnavailable(
                f"The server of stream logs does not serve us: {type(error).__name__}.",
                hint="See server.shared_url.",
            ) from error

    def _make(self) -> Any:
        try:
            import redis.asyncio as redis_asyncio  # noqa: PLC0415 - only where it is configured
            from redis.exceptions import RedisError  # noqa: PLC0415 - only where it is configured
        except ImportError as error:
            raise StreamsUnavailable(
                "Stream logs on a Redis server need a library.",
                hint="Install it with: pip install 'novacore[redis]'",
            ) from error
        self._failures = (RedisError, OSError, ValueError)
        return redis_asyncio.Redis.from_url(
            self._url,
            socket_connect_timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S + _BLOCK_MS_MAX / 1_000,
            protocol=2,
            # Each connection would look up the library's version in its files to tell it.
            driver_info=None,
        )


def _head(data: bytes | None) -> StreamHead | None:
    return None if data is None else StreamHead(**json.loads(data))


def _events(found: Sequence[Any]) -> tuple[StreamEvent, ...]:
    return tuple(
        StreamEvent(
            id=int(number.partition(b"-")[0]),
            name=fields[b"name"].decode(),
            data=json.loads(fields[b"data"]),
        )
        for number, fields in found
    )
