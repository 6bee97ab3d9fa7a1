"""The hot tier on a server of the Redis protocol: Valkey, Redis, Dragonfly.

For each session a hash of its items and, for each collection, a sorted set of them by position.
A batch and its watermark are one MULTI/EXEC. Leases are values that the server forgets in time.
Not for a cluster of shards: a transaction must reach all keys.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from novacore.journal import Erased, Scope
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.projections.record_text import MESSAGE
from novacore.tiers.server_names import segment
from novacore.tiers.servers.redis_link import RedisLink
from novacore.tiers.servers.server_items import decode_item, decode_value, encode_item, encode_value

_READ_ITEMS: Final = 1_000


class RedisHot:
    """The newest messages and the live state of every owner.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "hot"
    name = "redis"
    tested_with = "Valkey 8.1.8"

    def __init__(self, place: Place) -> None:
        self._link = RedisLink(place.config.redis_url, place=place, tier=self.tier)

    def state(self) -> TierState:
        """The watermark and what was set aside."""
        return self._link.state()

    def apply(self, batch: Batch) -> None:
        """Store a batch and its watermark in one transaction."""
        with self._link.client() as client:
            gone = self._to_destroy(client, batch)
            pipe = client.pipeline(transaction=True)
            self._put(pipe, batch.items)
            for session_id, fields in gone.items():
                self._destroy(pipe, session_id, fields)
            for erased in batch.erased:
                if erased.positions is None:
                    pipe.hdel(self._link.own_key("sessions"), erased.session_id)
            self._link.put_state(pipe, batch)
            pipe.execute()
        if batch.erased:
            self._link.rewrite_log()

    def _put(self, pipe: Any, items: Sequence[Item]) -> None:
        """Store items with few commands: one for each hash and sorted set that changes."""
        texts: dict[str, dict[str, str]] = {}
        orders: dict[str, dict[str, int]] = {}
        for item in items:
            key, field = self._items_key(item.tenant, item.owner, item.session_id), _field(item)
            texts.setdefault(key, {})[field] = encode_item(item)
            orders.setdefault(_order_key(key, item.collection), {})[field] = item.position
        for key, fields in texts.items():
            pipe.hset(key, mapping=fields)
        for key, places in orders.items():
            pipe.zadd(key, places)
        if items:
            scopes = {item.session_id: _scope_text(item.tenant, item.owner) for item in items}
            pipe.hset(self._link.own_key("sessions"), mapping=scopes)
            times = {
                json.dumps([item.session_id, _field(item)]): item.recorded_at_us for item in items
            }
            pipe.zadd(self._link.own_key("recorded"), times)

    def _to_destroy(self, client: Any, batch: Batch) -> dict[str, tuple[str, set[str]]]:
        """By session: its items' key, and which of its fields go: erased ones and those too old."""
        coming: dict[str, tuple[str, set[str]]] = {}
        for item in batch.items:
            key = self._items_key(item.tenant, item.owner, item.session_id)
            coming.setdefault(item.session_id, (key, set()))[1].add(_field(item))
        gone: dict[str, tuple[str, set[str]]] = {}
        for erased in batch.erased:
            key, fields = self._fields(client, erased.session_id, coming)
            gone.setdefault(erased.session_id, (key, set()))[1].update(_chosen(fields, erased))
        for session_id, field in self._too_old(client, batch):
            key, _ = self._fields(client, session_id, coming, is_needed=False)
            gone.setdefault(session_id, (key, set()))[1].add(field)
        return gone

    def _fields(
        self,
        client: Any,
        session_id: str,
        coming: Mapping[str, tuple[str, set[str]]],
        *,
        is_needed: bool = True,
    ) -> tuple[str, set[str]]:
        """A session's key and fields, with those that this batch stores."""
        key, fields = coming.get(session_id, ("", set()))
        if not key:
            key = self._key_of(client, session_id)
        if key and is_needed:
            fields = fields | {field.decode() for field in client.hkeys(key)}
        return key, fields

    def _too_old(self, client: Any, batch: Batch) -> list[tuple[str, str]]:
        if not batch.forget_before_us:
            return []
        before = batch.forget_before_us
        stored = client.zrangebyscore(self._link.own_key("recorded"), "-inf", f"({before}")
        found: list[tuple[str, str]] = [(each[0], each[1]) for each in map(json.loads, stored)]
        late = (item for item in batch.items if item.recorded_at_us < before)
        return [*found, *((item.session_id, _field(item)) for item in late)]

    def _destroy(self, pipe: Any, session_id: str, found: tuple[str, set[str]]) -> None:
        items, fields = found
        if not items or not fields:
            return
        collections = {field.partition(":")[0] for field in fields}
        pipe.hdel(items, *fields)
        for collection in collections:
            own = [field for field in fields if field.partition(":")[0] == collection]
            pipe.zrem(f"{items}:{collection}", *own)
        pipe.zrem(
            self._link.own_key("recorded"), *(json.dumps([session_id, field]) for field in fields)
        )

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session: those that hash and sorted sets both hold."""
        with self._link.client() as client:
            items = self._key_of(client, session_id)
            if not items:
                return
            fields: list[str] = sorted(field.decode() for field in client.hkeys(items))
            for start in range(0, len(fields), _READ_ITEMS):
                yield from self._read(client, items, fields[start : start + _READ_ITEMS])

    def _read(self, client: Any, items: str, fields: Sequence[str]) -> list[Item]:
        """Items by their fields; one whose place in the order is not its own is not there."""
        pipe = client.pipeline(transaction=False)
        pipe.hmget(items, fields)
        for field in fields:
            pipe.zscore(f"{items}:{field.partition(':')[0]}", field)
        texts, *scores = pipe.execute()
        found = [_decoded(text) for text in texts]
        return [
            item
            for item, score, field in zip(found, scores, fields, strict=True)
            if item is not None and score == item.position and field == _field(item)
        ]

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        with self._link.client() as client:
            for session_id, _ in client.hscan_iter(self._link.own_key("sessions")):
                name = session_id.decode()
                if client.exists(self._key_of(client, name)):
                    yield name

    def last_messages(self, scope: Scope, session_id: str, *, limit: int) -> list[Item]:
        """The newest messages of a session, oldest first."""
        items = self._items_key(scope.tenant, scope.owner, session_id)
        with self._link.client() as client:
            order = _order_key(items, MESSAGE)
            fields = client.zrevrange(order, 0, max(limit, 1) - 1)
            texts: list[bytes | None] = client.hmget(items, fields) if fields and limit > 0 else []
        found = [_decoded(text) for text in reversed(texts)]
        return [item for item in found if item is not None]

    def put_lease(self, scope: Scope, key: str, *, value: Mapping[str, Any], ttl_ms: int) -> None:
        """Keep a value until its time is over or it is put again."""
        index = self._link.key(scope.tenant, scope.owner, "leases")
        until_ms = int(time.time() * 1000) + ttl_ms
        with self._link.client() as client:
            pipe = client.pipeline(transaction=True)
            pipe.set(f"{index}:{segment(key)}", json.dumps([key, encode_value(value)]), px=ttl_ms)
            # The index is cleaned by the writer's clock; only the server's decides what is alive.
            pipe.zremrangebyscore(index, "-inf", until_ms - ttl_ms - 60_000)
            pipe.zadd(index, {segment(key): until_ms})
            pipe.execute()

    def leases(self, scope: Scope, *, prefix: str = "") -> dict[str, Mapping[str, Any]]:
        """The values whose time is not over, by key."""
        index = self._link.key(scope.tenant, scope.owner, "leases")
        with self._link.client() as client:
            names: list[str] = [name.decode() for name in client.zrange(index, 0, -1)]
            texts: list[bytes | None] = (
                client.mget([f"{index}:{name}" for name in names]) if names else []
            )
        found = [json.loads(text) for text in texts if text is not None]
        return {key: decode_value(value) for key, value in found if key.startswith(prefix)}

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._link.wipe()

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    def _items_key(self, tenant: str, owner: str, session_id: str) -> str:
        return self._link.key(tenant, owner, segment(session_id))

    def _key_of(self, client: Any, session_id: str) -> str:
        """The key of a session's items; empty where it holds none."""
        text = client.hget(self._link.own_key("sessions"), session_id)
        if text is None:
            return ""
        try:
            tenant, owner = json.loads(text)
        except (ValueError, TypeError) as error:
            raise TierCorrupt("The hot tier's list of sessions can't be read.") from error
        return self._items_key(tenant, owner, session_id)


def _scope_text(tenant: str, owner: str) -> str:
    return json.dumps([tenant, owner])


def _field(item: Item) -> str:
    return f"{segment(item.collection)}:{item.position}:{segment(item.part)}"


def _order_key(items: str, collection: str) -> str:
    return f"{items}:{segment(collection)}"


def _chosen(fields: set[str], erased: Erased) -> set[str]:
    """Those fields that came from erased entries."""
    if erased.positions is None:
        return fields
    positions = {str(position) for position in erased.positions}
    return {field for field in fields if field.split(":")[1] in positions}


def _decoded(text: bytes | None) -> Item | None:
    if text is None:
        return None
    try:
        return decode_item(text)
    except (ValueError, TypeError):
        return None
