r"""The broker tier on a broker of the Kafka protocol: Kafka, Redpanda.

    prefix.broker.events.<generation>    every event, in one partition: one order for all
    prefix.broker.state                  the watermark, and how far each consumer has come

A Kafka topic can't lose a single record at once. So what is erased is destroyed by writing the
rest into a topic of the next generation and deleting the old one. Other programs subscribe to the
pattern `^prefix\.broker\.events\.\d+$`.

There is no transaction: events first, then the state, which says where they end. What a killed
writer left behind that end is found by the next one and not written again.
"""

import json
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import xxhash

from novacore.journal import Scope
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.reading import Delivery
from novacore.tiers.server_names import segment
from novacore.tiers.servers.kafka_link import KafkaLink, Stored
from novacore.tiers.servers.server_columns import scope_key
from novacore.tiers.servers.server_items import (
    decode_item,
    decode_state,
    encode_item,
    encode_set_aside,
)

_TIER: Final = "tier"
_PAGE: Final = 1_000
_GAP: Final = 500
"""Offsets of one session that lie closer together than this are read in one go."""
_POLL_S: Final = 0.02
_KEY_PARTS: Final = 5


@dataclass
class _Index:
    """Where a topic's events are: by session, and by key with the digest of the content."""

    topic: str = ""
    end: int = 0
    sessions: dict[str, "array[int]"] = field(default_factory=dict[str, "array[int]"])
    events: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, stored: Stored) -> None:
        """Take in the next record."""
        self.end = stored.offset + 1
        parts = stored.key.split("/")
        if len(parts) == _KEY_PARTS:
            self.sessions.setdefault(parts[1], array("q")).append(stored.offset)
            self.events[stored.key] = xxhash.xxh3_64_intdigest(stored.value)


class KafkaBroker:
    """Events to other systems and agents, delivered at least once each.

    A consumer's name is for one process at a time: two of one name are given the same events.

    Args:
        place: its settings say where the broker is, the prefix and the limits.
    """

    tier = "broker"
    name = "kafka"
    tested_with = "Tansu 0.6.0 (Kafka's protocol, in memory; no Apache Kafka was at hand)"

    def __init__(self, place: Place) -> None:
        config = place.config
        begin = f"{segment(config.prefix)}.broker"
        self._events = f"{begin}.events."
        self._topic_of_state = f"{begin}.state"
        self._link = KafkaLink(
            config.kafka_url, timeout_ms=config.timeout_ms, on_close=self._forget
        )
        self._known: dict[str, dict[str, Any]] = {}
        self._known_to = 0
        self._index = _Index()
        self._out: dict[str, set[int]] = {}
        self._reached: dict[str, int] = {}

    def _refresh(self, topics: Sequence[str]) -> None:
        """Read what is new in the topic of states; a topic that is not there says nothing."""
        if self._topic_of_state not in topics:
            self._known, self._known_to = {}, 0
            return
        for page in self._link.read(self._topic_of_state, self._known_to):
            for stored in page:
                try:
                    self._known[stored.key] = dict(json.loads(stored.value))
                except (ValueError, TypeError):
                    self._known.pop(stored.key, None)
                self._known_to = stored.offset + 1

    def _topics(self) -> list[str]:
        topics = self._link.topics(self._events.removesuffix("events."))
        self._refresh(topics)
        return topics

    def _put(self, key: str, facts: dict[str, Any]) -> None:
        self._link.send(self._topic_of_state, [(key, json.dumps(facts).encode())])
        self._known[key] = facts

    def _topic(self) -> str:
        return f"{self._events}{self._known.get(_TIER, {}).get('generation', 0)}"

    def state(self) -> TierState:
        """The watermark and what was set aside, as the last record about it says."""
        self._topics()
        facts = self._known.get(_TIER, {})
        return decode_state(facts.get("watermark"), facts.get("set_aside"))

    def apply(self, batch: Batch) -> None:
        """Write what is new, destroy what was erased, then say how far it came."""
        events = {item.key: (_key(item), encode_item(item).encode()) for item in batch.items}
        topics = self._topics()
        if self._topic_of_state not in topics:
            self._link.create(self._topic_of_state, is_compact=True)
        self._settle(topics)
        held = self._look(self._topic())
        fresh = [
            (key, value)
            for key, value in events.values()
            if held.events.get(key) != xxhash.xxh3_64_intdigest(value)
        ]
        for start in range(0, len(fresh), _PAGE):
            self._link.send(self._topic(), fresh[start : start + _PAGE])
        generation = self._generation()
        if batch.erased or batch.forget_before_us:
            generation = self._without(batch)
        facts = {
            "generation": generation,
            "watermark": batch.watermark.encode(),
            "set_aside": encode_set_aside(batch.set_aside),
        }
        before = self._topic()
        self._put(_TIER, facts)
        if before != self._topic():
            self._link.delete([before])

    def _generation(self) -> int:
        return int(self._known.get(_TIER, {}).get("generation", 0))

    def _settle(self, topics: Sequence[str]) -> None:
        """Make the topic of this generation, and delete what a killed rebuild left behind."""
        if self._topic() not in topics:
            self._link.create(self._topic(), is_compact=False)
        others = (name for name in topics if name.startswith(self._events))
        self._link.delete([name for name in others if name != self._topic()])

    def _look(self, topic: str) -> _Index:
        """The index of a topic, with what was written since the last look."""
        if self._index.topic != topic:
            self._index = _Index(topic=topic)
        for page in self._link.read(topic, self._index.end):
            for stored in page:
                self._index.add(stored)
        return self._index

    def _without(self, batch: Batch) -> int:
        """Write what stays into a topic of the next generation; returns its number."""
        index = self._look(self._topic())
        doomed = _erased(batch, index)
        if not doomed and not batch.forget_before_us:
            return self._generation()
        generation = self._generation() + 1
        topic = f"{self._events}{generation}"
        self._link.create(topic, is_compact=False)
        moved = array("q")
        for page in self._link.read(self._topic(), 0):
            kept = [
                stored
                for stored in page
                if stored.key not in doomed
                and index.events.get(stored.key) == xxhash.xxh3_64_intdigest(stored.value)
                and not _is_before(stored, batch.forget_before_us)
            ]
            self._link.send(topic, [(stored.key, stored.value) for stored in kept])
            moved.extend(stored.offset for stored in kept)
        self._move_consumers(generation, moved)
        return generation

    def _move_consumers(self, generation: int, moved: "array[int]") -> None:
        """Tell each consumer its place in the topic of the next generation."""
        for key, facts in list(self._known.items()):
            if key != _TIER and facts.get("generation") == self._generation():
                offset = sum(1 for old in moved if old < facts["offset"])
                self._put(key, {"generation": generation, "offset": offset})
        self._out.clear()
        self._reached.clear()

    def read(self, session_id: str) -> Iterator[Item]:
        """The events of one session; of two with one key, the later."""
        topics = self._topics()
        if self._topic() not in topics:
            return
        offsets = self._look(self._topic()).sessions.get(segment(session_id), array("q"))
        found: dict[str, Item] = {}
        for start, end in _runs(offsets):
            for page in self._link.read(self._topic(), start, end):
                for stored in page:
                    is_ours = stored.key.split("/")[1:2] == [segment(session_id)]
                    item = _item(stored) if is_ours else None
                    if item is not None and item.session_id == session_id:
                        found[stored.key] = item
        yield from found.values()

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds events of, from the first event of each."""
        topics = self._topics()
        if self._topic() not in topics:
            return
        for name, offsets in list(self._look(self._topic()).sessions.items()):
            if "_" not in name:
                yield name
                continue
            pages = list(self._link.read(self._topic(), offsets[0], offsets[0] + 1))
            yield from (item.session_id for page in pages for at in page if (item := _item(at)))

    def fetch(
        self, consumer: str, *, scope: Scope | None = None, limit: int = 100, wait_ms: int = 0
    ) -> list[Delivery]:
        """The next events of a named consumer, from the first that it did not acknowledge."""
        durable = _durable(consumer, scope)
        begin = "" if scope is None else f"{scope_key(scope.tenant, scope.owner)}/"
        until = time.monotonic() + wait_ms / 1000
        while True:
            found = self._fetch(durable, begin, limit)
            if found or time.monotonic() >= until:
                return found
            time.sleep(_POLL_S)

    def _fetch(self, durable: str, begin: str, limit: int) -> list[Delivery]:
        if self._topic() not in self._topics() or limit < 1:
            return []
        out = self._out.setdefault(durable, set())
        offset = max(self._offset(durable), min(out, default=self._reached.get(durable, 0)))
        found: list[Delivery] = []
        for page in self._link.read(self._topic(), offset):
            for stored in page:
                is_done = stored.offset < self._reached.get(durable, 0) and stored.offset not in out
                item = None if is_done or not stored.key.startswith(begin) else _item(stored)
                if item is not None:
                    token = self._generation(), stored.offset, durable
                    subject = str(item.value.get("subject", stored.key))
                    found.append(Delivery(subject=subject, item=item, token=token))
                    out.add(stored.offset)
                self._reached[durable] = max(self._reached.get(durable, 0), stored.offset + 1)
                if len(found) >= limit:
                    return found
        return found

    def _offset(self, durable: str) -> int:
        """Where a consumer goes on; at the beginning after the tier was made anew."""
        facts = self._known.get(durable, {})
        return int(facts["offset"]) if facts.get("generation") == self._generation() else 0

    def ack(self, consumer: str, token: Any) -> None:
        """Say that an event was dealt with. Kept in order: a later one alone is given again."""
        generation, offset, durable = token
        self._topics()
        if generation != self._generation():
            return
        out = self._out.setdefault(durable, set())
        out.discard(offset)
        reached = max(self._reached.get(durable, 0), offset + 1)
        position = min(out, default=reached)
        if position > self._offset(durable):
            self._put(durable, {"generation": generation, "offset": position})

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        topics = self._topics()
        if self._topic_of_state in topics:
            self._put(_TIER, {"generation": self._generation() + 1})
        self._link.delete([name for name in topics if name.startswith(self._events)])
        self._index = _Index()
        self._out.clear()
        self._reached.clear()

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the clients."""
        self._link.close()

    def _forget(self) -> None:
        """What was read is read again: the broker may have lost it since."""
        self._known, self._known_to, self._index = {}, 0, _Index()
        self._out.clear()
        self._reached.clear()


def _durable(consumer: str, scope: Scope | None) -> str:
    """A consumer's key among the states: one name with another scope is another consumer."""
    owner = "" if scope is None else scope_key(scope.tenant, scope.owner)
    return f"consumer/{segment(consumer)}/{owner}"


def _key(item: Item) -> str:
    """An event's key: whole segments, so one can be told from its beginning."""
    parts = [item.session_id, str(item.position), item.collection, item.part]
    return "/".join([scope_key(item.tenant, item.owner), *map(segment, parts)])


def _item(stored: Stored) -> Item | None:
    """The event of a record; None where it is none of ours or has another one's key."""
    try:
        item = decode_item(stored.value)
    except (ValueError, TypeError):
        return None
    return item if _key(item) == stored.key else None


def _erased(batch: Batch, index: _Index) -> set[str]:
    """The keys of events that came from erased entries."""
    gone: dict[str, set[str] | None] = {}
    for erased in batch.erased:
        session = segment(erased.session_id)
        if erased.positions is None:
            gone[session] = None
        elif (some := gone.setdefault(session, set())) is not None:
            some.update(map(str, erased.positions))
    found: set[str] = set()
    for key in index.events:
        _, session, position, *_ = key.split("/")
        if session in gone and ((some := gone[session]) is None or position in some):
            found.add(key)
    return found


def _is_before(stored: Stored, before_us: int) -> bool:
    if not before_us:
        return False
    item = _item(stored)
    return item is not None and item.recorded_at_us < before_us


def _runs(offsets: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of a topic that hold these offsets, without long gaps."""
    runs: list[tuple[int, int]] = []
    for offset in offsets:
        if runs and offset - runs[-1][1] < _GAP:
            runs[-1] = (runs[-1][0], offset + 1)
        else:
            runs.append((offset, offset + 1))
    return runs
