"""The stream tier as Redis Streams, on a server of the Redis protocol: Valkey, Redis, Dragonfly.

Each session is a stream; an entry's id is its sequence in the journal and its rank there, so the
same events always have the same ids. A stream only grows at its end: an event that comes late or
comes again has its session's stream written anew, in the same transaction. Beside them, for each
owner, a sorted set of all events by sequence, for the tail over all sessions; for each session one
of the points to come back to.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from novacore.journal import Erased, Scope
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.projections.stream import ANCHOR
from novacore.tiers.server_names import segment
from novacore.tiers.servers.redis_link import RedisLink
from novacore.tiers.servers.server_items import decode_value, encode_value

_PAGE: Final = 500

Key = tuple[str, str, int, str]


class RedisStream:
    """What happened, in order, for every session and owner.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "stream"
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
            pipe = client.pipeline(transaction=True)
            erased: dict[str, list[Erased]] = {}
            for each in batch.erased:
                erased.setdefault(each.session_id, []).append(each)
            coming: dict[str, dict[Key, Item]] = {}
            for item in batch.items:
                coming.setdefault(item.session_id, {})[item.key] = item
            old = self._sessions_with_old(client, batch.forget_before_us)
            for session_id in sorted({*coming, *erased, *old}):
                items = coming.get(session_id, {})
                losses = erased.get(session_id, [])
                if losses or session_id in old or not self._grows(client, session_id, items):
                    kept = self._merged(client, session_id, items, losses, batch.forget_before_us)
                    self._write_anew(client, pipe, session_id, kept)
                else:
                    self._append(pipe, items.values())
            self._link.put_state(pipe, batch)
            pipe.execute()
        if batch.erased:
            self._link.rewrite_log()

    def _grows(self, client: Any, session_id: str, items: dict[Key, Item]) -> bool:
        """True when all items come after what the session's stream ever held."""
        last = client.hget(self._link.own_key("sessions"), session_id)
        first = min(item.sequence for item in items.values())
        return last is None or json.loads(last)[2] < first

    def _merged(
        self,
        client: Any,
        session_id: str,
        items: dict[Key, Item],
        losses: Sequence[Erased],
        forget_before_us: int,
    ) -> list[Item]:
        """What a session's stream holds afterwards."""
        found = {item.key: item for item in self._read(client, session_id)} | items
        return [
            item
            for item in found.values()
            if item.recorded_at_us >= forget_before_us
            and not any(
                loss.positions is None or item.position in loss.positions for loss in losses
            )
        ]

    def _sessions_with_old(self, client: Any, before_us: int) -> set[str]:
        """Sessions whose first event is too old. The stream's projection forgets nothing today."""
        if not before_us:
            return set()
        return {
            session_id
            for session_id in self._catalog(client)
            if any(item.recorded_at_us < before_us for item in self._read(client, session_id))
        }

    def _write_anew(self, client: Any, pipe: Any, session_id: str, items: list[Item]) -> None:
        scope = self._scope(client, session_id)
        if scope is not None:
            stream = self._link.key(*scope, segment(session_id))
            entries = client.xrange(stream)
            pipe.unlink(stream, f"{stream}:anchors")
            owned = self._link.key(*scope, "events")
            for start in range(0, len(entries), _PAGE):
                page = entries[start : start + _PAGE]
                pipe.zrem(owned, *(_reference(session_id, entry[0]) for entry in page))
            pipe.hdel(self._link.own_key("sessions"), session_id)
        self._append(pipe, items)

    def _append(self, pipe: Any, items: Iterable[Item]) -> None:
        ranks: dict[int, int] = {}
        ordered = sorted(items, key=lambda item: (item.sequence, item.collection, item.part))
        for item in ordered:
            rank = ranks[item.sequence] = ranks.get(item.sequence, -1) + 1
            stream = self._link.key(item.tenant, item.owner, segment(item.session_id))
            entry_id = f"{item.sequence}-{rank}"
            pipe.xadd(stream, cast(Any, _fields(item)), id=entry_id)
            events = self._link.key(item.tenant, item.owner, "events")
            pipe.zadd(events, {_reference(item.session_id, entry_id): item.sequence})
            if item.collection == ANCHOR:
                pipe.zadd(f"{stream}:anchors", {entry_id: item.sequence})
        if ordered:
            last = ordered[-1]
            text = json.dumps([last.tenant, last.owner, last.sequence])
            pipe.hset(self._link.own_key("sessions"), last.session_id, text)

    def read(self, session_id: str) -> Iterator[Item]:
        """The events of one session that both its stream and the owner's list hold."""
        with self._link.client() as client:
            scope = self._scope(client, session_id)
            if scope is None:
                return
            events = self._link.key(*scope, "events")
            anchors = f"{self._link.key(*scope, segment(session_id))}:anchors"
            for page in self._pages(client, session_id):
                pipe = client.pipeline(transaction=False)
                for entry_id, _ in page:
                    pipe.zscore(events, _reference(session_id, entry_id))
                    pipe.zscore(anchors, entry_id)
                scores = pipe.execute()
                for (_, item), listed, anchored in zip(
                    page, scores[::2], scores[1::2], strict=True
                ):
                    is_anchored = anchored == item.sequence
                    if listed == item.sequence and is_anchored == (item.collection == ANCHOR):
                        yield item

    def _read(self, client: Any, session_id: str) -> Iterator[Item]:
        for page in self._pages(client, session_id):
            yield from (item for _, item in page)

    def _pages(self, client: Any, session_id: str) -> Iterator[list[tuple[bytes, Item]]]:
        scope = self._scope(client, session_id)
        if scope is None:
            return
        stream = self._link.key(*scope, segment(session_id))
        start = "-"
        while entries := client.xrange(stream, min=start, count=_PAGE):
            start = f"({entries[-1][0].decode()}"
            yield [
                (entry_id, item)
                for entry_id, fields in entries
                if (item := _item(session_id, scope, entry_id, fields)) is not None
            ]

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        with self._link.client() as client:
            yield from self._catalog(client)

    def _catalog(self, client: Any) -> list[str]:
        return [found.decode() for found in client.hkeys(self._link.own_key("sessions"))]

    def timeline(
        self, scope: Scope, session_id: str, *, after: int | None = None, limit: int = 100
    ) -> list[Item]:
        """Events of a session with a sequence above `after`, else the newest; oldest first."""
        place = scope.tenant, scope.owner
        stream = self._link.key(*place, segment(session_id))
        if limit < 1:
            return []
        with self._link.client() as client:
            if after is None:
                entries = client.xrevrange(stream, count=limit)[::-1]
            else:
                entries = client.xrange(stream, min=f"{after + 1}-0", count=limit)
        items = [_item(session_id, place, *entry) for entry in entries]
        return [item for item in items if item is not None]

    def anchors(self, scope: Scope, session_id: str, *, limit: int = 20) -> list[Item]:
        """The newest points to come back to, oldest first."""
        stream = self._link.key(scope.tenant, scope.owner, segment(session_id))
        if limit < 1:
            return []
        with self._link.client() as client:
            ids = client.zrevrange(f"{stream}:anchors", 0, limit - 1)
            references = [(session_id, entry_id.decode()) for entry_id in reversed(ids)]
            return self._fetch(client, scope, references)

    def tail(self, scope: Scope, *, after: int, limit: int) -> list[Item]:
        """Events of all the owner's sessions with a sequence above `after`, oldest first."""
        events = self._link.key(scope.tenant, scope.owner, "events")
        if limit < 1:
            return []
        with self._link.client() as client:
            page = client.zrangebyscore(events, f"({after}", "+inf", start=0, num=limit)
            references = [cast(tuple[str, str], tuple(json.loads(each))) for each in page]
            return self._fetch(client, scope, references)

    def _fetch(
        self, client: Any, scope: Scope, references: Sequence[tuple[str, str]]
    ) -> list[Item]:
        """Events by session and id, in that order."""
        place = scope.tenant, scope.owner
        pipe = client.pipeline(transaction=False)
        for session_id, entry_id in references:
            pipe.xrange(self._link.key(*place, segment(session_id)), entry_id, entry_id)
        items = [
            _item(session_id, place, *entry)
            for (session_id, _), entries in zip(references, pipe.execute(), strict=True)
            for entry in entries
        ]
        return [item for item in items if item is not None]

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._link.wipe()

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    def _scope(self, client: Any, session_id: str) -> tuple[str, str] | None:
        """Whose a session is; None: it holds nothing of it."""
        text = client.hget(self._link.own_key("sessions"), session_id)
        if text is None:
            return None
        try:
            tenant, owner, _ = json.loads(text)
        except (ValueError, TypeError) as error:
            raise TierCorrupt("The stream tier's list of sessions can't be read.") from error
        return tenant, owner


def _reference(session_id: str, entry_id: str | bytes) -> str:
    name = entry_id if isinstance(entry_id, str) else entry_id.decode()
    return json.dumps([session_id, name])


def _fields(item: Item) -> dict[str, str | int]:
    """An event as the fields of a stream's entry; JSON where a text may hold anything."""
    return {
        "collection": item.collection,
        "position": item.position,
        "part": json.dumps(item.part),
        "recorded_at_us": item.recorded_at_us,
        "value": encode_value(item.value),
    }


def _item(
    session_id: str, scope: tuple[str, str], entry_id: bytes, fields: dict[bytes, bytes]
) -> Item | None:
    """An event from a stream's entry; None where it is none of ours."""
    try:
        return Item(
            collection=fields[b"collection"].decode(),
            session_id=session_id,
            position=int(fields[b"position"]),
            part=json.loads(fields[b"part"]),
            tenant=scope[0],
            owner=scope[1],
            sequence=int(entry_id.partition(b"-")[0]),
            recorded_at_us=int(fields[b"recorded_at_us"]),
            value=decode_value(fields[b"value"]),
        )
    except (KeyError, ValueError, TypeError):
        return None
