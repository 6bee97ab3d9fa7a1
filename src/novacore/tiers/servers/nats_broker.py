"""The broker tier on NATS JetStream: one stream, and for each event a subject of its own.

    prefix.tenant.owner.kind.session.position.collection.part

A stream keeps one message per subject, and an event is published on the condition that its subject
has none: so each is there once by construction, however often a batch is repeated and whatever was
killed in between. The watermark is a message of the same stream that follows the events it speaks
of, so a stream that lost its end lost the watermark with it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final

import xxhash

from novacore.journal import Erased, Scope
from novacore.tiers.errors import ItemRefused, TierCorrupt
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.reading import Delivery
from novacore.tiers.server_names import segment
from novacore.tiers.servers.nats_link import NatsLink
from novacore.tiers.servers.server_items import (
    decode_item,
    decode_state,
    encode_item,
    encode_set_aside,
)
from novacore.tiers.servers.server_link import library

_AT_ONCE: Final = 256
_PAGE: Final = 500
_HAS_A_MESSAGE: Final = 10071
_NOT_FOUND: Final = 10037
_IDLE_S: Final = 30.0
_ONLY_IF_NEW: Final = {"Nats-Expected-Last-Subject-Sequence": "0"}


class NatsBroker:
    """Events to other systems and agents, delivered at least once each.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "broker"
    name = "nats"
    tested_with = "NATS 2.15.1"

    def __init__(self, place: Place) -> None:
        config = place.config
        self._prefix = segment(config.prefix)
        self._stream = f"{self._prefix}-broker"
        self._state = f"{self._prefix}.state"
        self._link = NatsLink(
            config.nats_url, timeout_ms=config.timeout_ms, prepare=self._create_stream
        )
        self._timeout_s = config.timeout_ms / 1000
        self._given: dict[str, dict[int, Any]] = {}

    async def _create_stream(self, _: Any, stream: Any) -> None:
        """Create the stream where it is not there."""
        api = library("nats.js.api", extra="nats")
        wrong = library("nats.js.errors", extra="nats")
        try:
            await stream.stream_info(self._stream)
        except wrong.NotFoundError:
            await stream.add_stream(
                api.StreamConfig(
                    name=self._stream,
                    subjects=[f"{self._prefix}.*.*.*.>", self._state],
                    max_msgs_per_subject=1,
                    storage=api.StorageType.FILE,
                    retention=api.RetentionPolicy.LIMITS,
                )
            )

    def state(self) -> TierState:
        """The watermark and what was set aside, from the last message that says so."""

        async def ask(_: Any, stream: Any) -> bytes | None:
            found = await self._last(stream, self._state)
            return found and found.data

        data = self._link.call(ask, steps=2)
        if not data:
            return TierState(watermark=None)
        try:
            watermark, set_aside = json.loads(data)
        except (ValueError, TypeError):
            return TierState(watermark=None)
        return decode_state(watermark, set_aside)

    async def _last(self, stream: Any, subject: str) -> Any:
        """The last message of a subject; None: there is none."""
        wrong = library("nats.js.errors", extra="nats")
        try:
            return await stream.get_msg(self._stream, subject=subject)
        except wrong.NotFoundError:
            return None

    def apply(self, batch: Batch) -> None:
        """Publish what is new, destroy what was erased, then say how far it came."""
        events = [
            (self._subject(item), encode_item(item).encode(), item)
            for item in {item.key: item for item in batch.items}.values()
        ]
        state = json.dumps([batch.watermark.encode(), encode_set_aside(batch.set_aside)])

        async def store(connection: Any, stream: Any) -> None:
            await self._ensure_stream(stream)
            _check_sizes(connection.max_payload, events)
            for start in range(0, len(events), _AT_ONCE):
                page = events[start : start + _AT_ONCE]
                await asyncio.gather(*(self._publish(stream, *event[:2]) for event in page))
            for erased in batch.erased:
                await self._destroy(connection, stream, erased.session_id, _of_erased(erased))
            if batch.forget_before_us:
                await self._forget(stream, batch.forget_before_us)
            await stream.publish(self._state, state.encode(), stream=self._stream)

        self._link.call(store, steps=10 + len(events) // _AT_ONCE + 10 * len(batch.erased))

    async def _ensure_stream(self, stream: Any) -> None:
        """Another engine may have destroyed it since we connected."""
        await self._create_stream(None, stream)

    async def _publish(self, stream: Any, subject: str, data: bytes) -> None:
        """Publish an event where its subject has none; another content replaces the old one."""
        wrong = library("nats.js.errors", extra="nats")
        try:
            await stream.publish(subject, data, stream=self._stream, headers={**_ONLY_IF_NEW})
        except wrong.APIError as error:
            if error.err_code != _HAS_A_MESSAGE:
                raise
            held = await self._last(stream, subject)
            if held is not None and held.data == data:
                return
            if held is not None:
                await stream.delete_msg(self._stream, held.seq)
            await stream.publish(subject, data, stream=self._stream)

    async def _destroy(
        self, connection: Any, stream: Any, session_id: str, is_gone: Callable[[list[str]], bool]
    ) -> None:
        """Overwrite and delete those messages of a session whose subject's parts are chosen."""
        subjects = f"{self._prefix}.*.*.*.{segment(session_id)}.>"
        doomed = [
            message.metadata.sequence.stream
            async for message in self._messages(stream, subjects, is_headers_only=True)
            if is_gone(message.subject.split("."))
        ]
        for start in range(0, len(doomed), _AT_ONCE):
            page = doomed[start : start + _AT_ONCE]
            await asyncio.gather(*(self._delete(stream, sequence) for sequence in page))

    async def _delete(self, stream: Any, sequence: int) -> None:
        """Delete a message; the server overwrites its bytes first."""
        wrong = library("nats.js.errors", extra="nats")
        try:
            await stream.delete_msg(self._stream, sequence)
        except wrong.NotFoundError:
            return

    async def _forget(self, stream: Any, before_us: int) -> None:
        """Delete what was recorded before a time. The broker's projection forgets nothing today."""
        subjects = f"{self._prefix}.*.*.*.>"
        async for message in self._messages(stream, subjects):
            item = self._item(message.subject, message.data)
            if item is not None and item.recorded_at_us < before_us:
                await self._delete(stream, message.metadata.sequence.stream)

    async def _messages(
        self, stream: Any, subjects: str, *, is_headers_only: bool = False
    ) -> AsyncIterator[Any]:
        """The messages whose subject matches, in order, all that are there now."""
        api = library("nats.js.api", extra="nats")
        wrong = library("nats.js.errors", extra="nats")
        try:
            info = await stream.add_consumer(
                self._stream,
                api.ConsumerConfig(
                    ack_policy=api.AckPolicy.NONE,
                    filter_subject=subjects,
                    headers_only=is_headers_only,
                    inactive_threshold=_IDLE_S,
                    mem_storage=True,
                    num_replicas=1,
                ),
            )
        except wrong.NotFoundError:
            return
        reader = await stream.pull_subscribe_bind(info.name, stream=self._stream)
        left: int = info.num_pending
        try:
            while left > 0:
                page = await reader.fetch(min(left, _PAGE), timeout=self._timeout_s)
                left = page[-1].metadata.num_pending
                for message in page:
                    yield message
        finally:
            await reader.unsubscribe()
            await stream.delete_consumer(self._stream, info.name)

    def read(self, session_id: str) -> Iterator[Item]:
        """The events of one session."""
        subjects = f"{self._prefix}.*.*.*.{segment(session_id)}.>"

        async def collect(_: Any, stream: Any) -> list[Item]:
            found = [
                self._item(message.subject, message.data)
                async for message in self._messages(stream, subjects)
            ]
            return [item for item in found if item is not None]

        return iter(self._link.call(collect, steps=100))

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds events of, from the first event of each."""

        async def collect(connection: Any, stream: Any) -> set[str]:
            firsts: dict[str, str] = {}
            for subject in await self._subjects(connection):
                firsts.setdefault(subject.split(".")[4], subject)
            found: set[str] = set()
            for subject in firsts.values():
                message = await self._last(stream, subject)
                item = message and self._item(subject, message.data or b"")
                if item:
                    found.add(item.session_id)
            return found

        return iter(self._link.call(collect, steps=100))

    async def _subjects(self, connection: Any) -> list[str]:
        """The subjects of all events; the server gives them by the hundred thousand."""
        found: list[str] = []
        while True:
            ask = {"subjects_filter": f"{self._prefix}.*.*.*.>", "offset": len(found)}
            answer = await connection.request(
                f"$JS.API.STREAM.INFO.{self._stream}",
                json.dumps(ask).encode(),
                timeout=self._timeout_s,
            )
            told = json.loads(answer.data)
            page: list[str] = list(told.get("state", {}).get("subjects") or ())
            found += page
            if not page or len(found) >= told.get("total", 0):
                return found

    def fetch(
        self, consumer: str, *, scope: Scope | None = None, limit: int = 100, wait_ms: int = 0
    ) -> list[Delivery]:
        """The next events of a named consumer: first those given to it and not acknowledged."""
        durable = _durable(consumer, scope)
        subjects = (
            f"{self._prefix}.*.*.*.>"
            if scope is None
            else f"{self._prefix}.{segment(scope.tenant)}.{segment(scope.owner)}.>"
        )

        async def take(_: Any, stream: Any) -> list[Any]:
            for message in self._given.pop(durable, {}).values():
                await message.nak()
            await self._ensure_stream(stream)
            reader = await self._durable_reader(stream, durable, subjects)
            try:
                return await self._take(reader, limit, wait_ms)
            finally:
                await reader.unsubscribe()

        messages = self._link.call(take, steps=4, wait_ms=wait_ms)
        return self._deliveries(durable, messages)

    async def _durable_reader(self, stream: Any, durable: str, subjects: str) -> Any:
        api = library("nats.js.api", extra="nats")
        config = api.ConsumerConfig(
            durable_name=durable,
            ack_policy=api.AckPolicy.EXPLICIT,
            filter_subject=subjects,
            ack_wait=_IDLE_S,
        )
        await stream.add_consumer(self._stream, config)
        return await stream.pull_subscribe_bind(durable, stream=self._stream)

    async def _take(self, reader: Any, limit: int, wait_ms: int) -> list[Any]:
        nats = library("nats", extra="nats")
        info = await reader.consumer_info()
        ready = info.num_pending + info.num_ack_pending
        if not ready and not wait_ms:
            return []
        wait_s = self._timeout_s if ready and not wait_ms else wait_ms / 1000
        try:
            return await reader.fetch(min(limit, ready or 1), timeout=wait_s)
        except nats.errors.TimeoutError:
            return []

    def _deliveries(self, durable: str, messages: Sequence[Any]) -> list[Delivery]:
        found: list[Delivery] = []
        ordered = sorted(messages, key=lambda message: message.metadata.sequence.stream)
        for message in ordered:
            item = self._item(message.subject, message.data)
            if item is None:
                raise TierCorrupt("The broker's stream holds a message that is none of ours.")
            sequence = message.metadata.sequence.stream
            self._given.setdefault(durable, {})[sequence] = message
            token = durable, sequence, message.reply
            found.append(Delivery(subject=message.subject, item=item, token=token))
        return found

    def ack(self, consumer: str, token: Any) -> None:
        """Say that an event was dealt with; any process may, with the token."""
        durable, sequence, reply = token
        self._given.get(durable, {}).pop(sequence, None)

        async def confirm(connection: Any, _: Any) -> None:
            # With a reply asked for: what was acknowledged is not given again, whatever dies now.
            await connection.request(reply, b"+ACK", timeout=self._timeout_s)

        self._link.call(confirm)

    def wipe(self) -> None:
        """Destroy everything that the tier holds: the stream with its watermark."""

        async def destroy(_: Any, stream: Any) -> None:
            wrong = library("nats.js.errors", extra="nats")
            try:
                state = await self._last(stream, self._state)
                if state is not None:
                    await stream.delete_msg(self._stream, state.seq)
                await stream.delete_stream(self._stream)
            except wrong.NotFoundError:
                pass
            await self._create_stream(None, stream)

        self._given.clear()
        self._link.call(destroy, steps=4)

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the connection and end its thread."""
        self._given.clear()
        self._link.close()

    def _subject(self, item: Item) -> str:
        return ".".join(
            [
                self._prefix,
                segment(item.tenant),
                segment(item.owner),
                segment(str(item.value.get("kind", ""))),
                segment(item.session_id),
                str(item.position),
                segment(item.collection),
                segment(item.part),
            ]
        )

    def _item(self, subject: str, data: bytes) -> Item | None:
        """The event of a message; None where it does not belong to its subject."""
        try:
            item = decode_item(data)
        except (ValueError, TypeError):
            return None
        return item if self._subject(item) == subject else None


def _durable(consumer: str, scope: Scope | None) -> str:
    """A consumer's name on the server: consumers of one name and another scope are others."""
    if scope is None:
        return f"all-{segment(consumer)}"
    owner = f"{segment(scope.tenant)}.{segment(scope.owner)}"
    return f"one-{segment(consumer)}-{xxhash.xxh3_64_hexdigest(owner.encode())}"


def _of_erased(erased: Erased) -> Callable[[list[str]], bool]:
    if erased.positions is None:
        return lambda _: True
    positions = {str(position) for position in erased.positions}
    return lambda parts: parts[5] in positions


def _check_sizes(limit_bytes: int, events: Sequence[tuple[str, bytes, Item]]) -> None:
    """Refuse what the server would cut the connection for.

    Raises:
        ItemRefused: an event is larger than the server takes; names all that are.
    """
    # The headers and the subject count too.
    large = [item for subject, data, item in events if len(data) + len(subject) + 256 > limit_bytes]
    if large:
        raise ItemRefused(
            f"NATS takes no message above {limit_bytes:,} bytes.",
            keys=tuple(item.key for item in large),
        )
