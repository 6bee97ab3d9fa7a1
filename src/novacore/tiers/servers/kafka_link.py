"""The way to a broker of the Kafka protocol: topics of one partition, written and read in order.

The client is aiokafka, on a private thread. The faster one, librdkafka, crashed the whole process
over an answer of the broker that the tests use.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from novacore.tiers.errors import ItemRefused, TierError, TierUnavailable
from novacore.tiers.model import Health
from novacore.tiers.servers.server_link import address, check_url, library, reason
from novacore.tiers.servers.server_loop import PrivateLoop

_PAGE: Final = 1_000
_POLL_MS: Final = 5
_STOP_S: Final = 0.5
_COPIES_MAX: Final = 3
_KEEP: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
_COMPACT: Final = {"cleanup.policy": "compact"}
_DONE: Final = 0
_ALREADY_THERE: Final = 36
_NOT_THERE: Final = 3

Given = TypeVar("Given")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A record of a topic."""

    offset: int
    key: str
    value: bytes


class KafkaLink:
    """A producer, a reader and an administrator. Nothing is connected before the first call.

    Args:
        url: kafka://[user:password@]host:port, or kafkas:// for TLS.
        timeout_ms: the longest wait for one answer.
        on_close: called when the connection is given up; what was read may not be there any more.
    """

    def __init__(self, url: str, *, timeout_ms: int, on_close: Callable[[], None]) -> None:
        self._url = url
        self._on_close = on_close
        self._timeout_s = timeout_ms / 1000
        self._turn = threading.RLock()
        self._loop = PrivateLoop("nova-kafka")
        self._clients: dict[str, Any] = {}

    def _settings(self) -> dict[str, Any]:
        check_url(self._url, what="the broker")
        found = urlsplit(self._url)
        is_tls = found.scheme == "kafkas"
        settings: dict[str, Any] = {
            "bootstrap_servers": found.netloc.rpartition("@")[2],
            "client_id": "novacore",
            "request_timeout_ms": round(self._timeout_s * 1000),
            "security_protocol": "SSL" if is_tls else "PLAINTEXT",
        }
        if is_tls:
            settings["ssl_context"] = library(
                "aiokafka.helpers", extra="kafka"
            ).create_ssl_context()
        if found.username:
            settings["security_protocol"] = "SASL_SSL" if is_tls else "SASL_PLAINTEXT"
            settings["sasl_mechanism"] = "PLAIN"
            settings["sasl_plain_username"] = unquote(found.username)
            settings["sasl_plain_password"] = unquote(found.password or "")
        return settings

    async def _client(self, kind: str) -> Any:
        """The producer, reader or administrator, started when it is first needed."""
        if kind not in self._clients:
            kafka = library("aiokafka", extra="kafka")
            # What fails is told by the call that fails.
            logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
            if kind == "admin":
                admin = library("aiokafka.admin", extra="kafka")
                made = admin.AIOKafkaAdminClient(**self._settings())
            elif kind == "producer":
                made = kafka.AIOKafkaProducer(**self._settings(), acks="all", linger_ms=1)
            else:
                made = kafka.AIOKafkaConsumer(
                    **self._settings(),
                    group_id=None,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    fetch_max_wait_ms=10,
                )
            try:
                await asyncio.wait_for(made.start(), self._timeout_s)
            except BaseException:
                await _stop(made)
                raise
            self._clients[kind] = made
        return self._clients[kind]

    @contextmanager
    def _told(self) -> Generator[None]:
        """One call at a time, its errors in our words."""
        wrong = library("aiokafka.errors", extra="kafka")
        try:
            with self._turn:
                yield
        except wrong.MessageSizeTooLargeError:
            raise ItemRefused("The broker takes no message of that size.") from None
        except (wrong.KafkaError, OSError, TimeoutError, ValueError) as error:
            self.close()
            raise TierUnavailable(
                f"The broker at {address(self._url)} does not serve us: "
                f"{reason(error, url=self._url)}"
            ) from None

    def _run(self, work: Coroutine[Any, Any, Given], *, steps: int = 1) -> Given:
        return self._loop.run(work, limit_s=self._timeout_s * (steps + 2))

    def topics(self, prefix: str) -> list[str]:
        """The names of topics that begin with a prefix."""

        async def ask() -> list[str]:
            return list(await (await self._client("admin")).list_topics())

        with self._told():
            return sorted(name for name in self._run(ask()) if name.startswith(prefix))

    def create(self, topic: str, *, is_compact: bool) -> None:
        """Create a topic of one partition, which keeps what it is given."""

        async def ask() -> None:
            admin = library("aiokafka.admin", extra="kafka")
            client = await self._client("admin")
            brokers = (await client.describe_cluster())["brokers"]
            made = admin.NewTopic(
                topic,
                1,
                max(1, min(_COPIES_MAX, len(brokers))),
                topic_configs=dict(_COMPACT if is_compact else _KEEP),
            )
            answer = await client.create_topics([made])
            self._check(answer.topic_errors, _ALREADY_THERE)

        with self._told():
            self._run(ask(), steps=2)

    def delete(self, topics: Sequence[str]) -> None:
        """Delete topics with all that they hold."""

        async def ask() -> None:
            answer = await (await self._client("admin")).delete_topics(list(topics))
            self._check(answer.topic_error_codes, _NOT_THERE)

        if topics:
            with self._told():
                self._run(ask())

    def _check(self, answers: Sequence[Sequence[Any]], fine: int) -> None:
        errors = library("aiokafka.errors", extra="kafka")
        for _, code, *_ in answers:
            if code not in {_DONE, fine}:
                refused = errors.for_code(code)
                raise refused

    def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Write records in order and wait until the broker has them."""

        async def write() -> None:
            producer = await self._client("producer")
            sent = [
                await producer.send(topic, value=value, key=key.encode(), partition=0)
                for key, value in records
            ]
            await asyncio.gather(*sent)

        if records:
            with self._told():
                self._run(write(), steps=2)

    def read(self, topic: str, start: int, end: int | None = None) -> Iterator[list[Stored]]:
        """The records of a topic from an offset, up to another one or to its end, in pages."""
        place = library("aiokafka", extra="kafka").TopicPartition(topic, 0)

        async def begin() -> None:
            reader = await self._client("reader")
            reader.assign([place])
            reader.seek(place, start)

        async def take() -> tuple[list[Any], int, int | None]:
            reader = await self._client("reader")
            found = await reader.getmany(place, timeout_ms=_POLL_MS, max_records=_PAGE)
            return found.get(place, []), await reader.position(place), reader.highwater(place)

        with self._told():
            self._run(begin())
            patience = time.monotonic() + self._timeout_s
            while True:
                found, position, highest = self._run(take())
                page = [_stored(record) for record in found if end is None or record.offset < end]
                if page:
                    patience = time.monotonic() + self._timeout_s
                    yield page
                is_end = not found and highest is not None and position >= highest
                if is_end or (end is not None and position >= end):
                    return
                if time.monotonic() > patience:
                    raise TimeoutError("It did not answer in time.")

    def health(self) -> Health:
        """A round trip, timed. The protocol does not tell a broker's version."""

        async def ask() -> tuple[float, int]:
            client = await self._client("admin")
            began = time.perf_counter()
            found = await client.describe_cluster()
            return (time.perf_counter() - began) * 1000, len(found["brokers"])

        try:
            with self._told():
                latency_ms, brokers = self._run(ask())
        except TierError as error:
            return Health(is_up=False, what=str(error))
        what = f"Kafka protocol, {brokers} broker(s)"
        return Health(is_up=True, what=what, latency_ms=latency_ms)

    def close(self) -> None:
        """Close the clients and end their thread; the next call begins anew."""
        with self._turn:
            self._on_close()
            made, self._clients = list(self._clients.values()), {}
            for client in made:
                with suppress(TimeoutError, CancelledError):
                    self._loop.run(_stop(client), limit_s=self._timeout_s)
            self._loop.close()


async def _stop(client: Any) -> None:
    """Stop a client; one that waits for a broker that is gone is torn down."""
    stop = getattr(client, "stop", None) or client.close
    try:
        await asyncio.wait_for(stop(), _STOP_S)
    except (TimeoutError, asyncio.CancelledError):
        for name in ("_sender", "client"):
            part = getattr(client, name, None)
            if part is not None:
                await part.close()


def _stored(record: Any) -> Stored:
    key = (record.key or b"").decode("utf-8", "replace")
    return Stored(offset=record.offset, key=key, value=record.value or b"")
