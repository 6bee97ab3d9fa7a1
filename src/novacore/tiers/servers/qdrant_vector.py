"""The vector tier on Qdrant: a collection for each number of dimensions, a point for each item.

A point has its vector twice: `raw` as it was given, which is read back, and `cosine`, which Qdrant
brings to length 1 and searches. Only the client's local mode was at hand to test with, no server.
There is no transaction: points first, the watermark last.
"""

import math
import sys
import time
import uuid
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from novacore.journal import Scope
from novacore.tiers.errors import TierError
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.reading import Neighbour
from novacore.tiers.server_names import segment
from novacore.tiers.servers.qdrant_link import QdrantLink
from novacore.tiers.servers.server_columns import restored, scope_key, storable
from novacore.tiers.servers.server_items import (
    decode_state,
    decode_value,
    encode_set_aside,
    encode_value,
)
from novacore.tiers.servers.server_link import library

_VECTOR: Final = "vector"
_RAW: Final = "raw"
_COSINE: Final = "cosine"
_REQUEST_NUMBERS: Final = 100_000
"""Numbers of vectors in one request: as JSON about 4 MB, where Qdrant takes 32."""
_PAGE: Final = 500
_SESSIONS_MAX: Final = 10_000_000
_ALIKE: Final = 1e-4
_INDEXED: Final = {"session": "keyword", "scope": "keyword", "position": "integer"}


class QdrantVector:
    """Embeddings of messages and memories.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "vector"
    name = "qdrant"
    tested_with = "qdrant-client 1.20.0 in its local mode (no Qdrant server was at hand)"

    def __init__(self, place: Place) -> None:
        self._link = QdrantLink(place.config.qdrant_url, timeout_ms=place.config.timeout_ms)
        self._prefix = segment(place.config.prefix)

    def _collections(self, client: Any) -> list[str]:
        """Our collections of vectors, those that are there."""
        begin = f"{self._prefix}_vectors_"
        names = (each.name for each in client.get_collections().collections)
        return sorted(name for name in names if name.startswith(begin))

    def _ensure(self, client: Any, name: str, dimensions: int) -> None:
        """Create a collection where it is not there."""
        if client.collection_exists(name):
            return
        models = library("qdrant_client.models", extra="qdrant")
        whole = models.HnswConfigDiff(m=0)
        client.create_collection(
            name,
            vectors_config={
                _RAW: models.VectorParams(
                    size=dimensions,
                    distance=models.Distance.DOT,
                    on_disk=True,
                    hnsw_config=whole,
                ),
                _COSINE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE),
            },
        )
        if not self._link.is_local:
            for field, schema in _INDEXED.items():
                client.create_payload_index(name, field_name=field, field_schema=schema)

    def state(self) -> TierState:
        """The watermark and what was set aside: one point."""
        with self._link.client() as client:
            name = f"{self._prefix}_state"
            if not client.collection_exists(name):
                return TierState(watermark=None)
            found = client.retrieve(name, ids=[1], with_payload=True)
        if not found:
            return TierState(watermark=None)
        payload = found[0].payload
        watermark, set_aside = payload.get("watermark"), payload.get("set_aside")
        if not isinstance(watermark, str) or not isinstance(set_aside, str):
            return TierState(watermark=None)
        return decode_state(restored(watermark), restored(set_aside))

    def _put_state(self, client: Any, batch: Batch) -> None:
        models = library("qdrant_client.models", extra="qdrant")
        name = f"{self._prefix}_state"
        self._ensure(client, name, 1)
        payload = {
            "watermark": storable(batch.watermark.encode()),
            "set_aside": storable(encode_set_aside(batch.set_aside)),
        }
        vector = {_RAW: [1.0], _COSINE: [1.0]}
        client.upsert(name, points=[models.PointStruct(id=1, vector=vector, payload=payload)])

    def apply(self, batch: Batch) -> None:
        """Store points, take away what was erased, then store the watermark."""
        by_size: dict[int, dict[Any, Item]] = {}
        for item in batch.items:
            by_size.setdefault(len(_given(item.value)) // 4, {})[item.key] = item
        with self._link.client() as client:
            for dimensions, items in by_size.items():
                self._store(client, dimensions, list(items.values()))
            if batch.erased or batch.forget_before_us:
                for name in self._collections(client):
                    for chosen in _erasing(batch):
                        client.delete(name, points_selector=chosen, wait=True)
            self._put_state(client, batch)

    def _store(self, client: Any, dimensions: int, items: Sequence[Item]) -> None:
        models = library("qdrant_client.models", extra="qdrant")
        name = f"{self._prefix}_vectors_{dimensions}"
        points = [
            models.PointStruct(
                id=_point_id(item), vector=_vectors(item.value), payload=_payload(item)
            )
            for item in items
        ]
        self._ensure(client, name, max(dimensions, 1))
        at_once = max(1, min(_PAGE, _REQUEST_NUMBERS // max(dimensions, 1)))
        for start in range(0, len(points), at_once):
            client.upsert(name, points=points[start : start + at_once], wait=True)

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session with the vectors that Qdrant holds."""
        with self._link.client() as client:
            found = [
                item
                for name in self._collections(client)
                for point in _scroll(client, name, _of_session(session_id))
                if (item := _item(point, name)) is not None
            ]
        return iter(found)

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        found: set[str] = set()
        with self._link.client() as client:
            for name in self._collections(client):
                hits = client.facet(name, key="session", limit=_SESSIONS_MAX, exact=True).hits
                found.update(restored(str(hit.value)) for hit in hits)
        return iter(found)

    def neighbours(
        self,
        scope: Scope,
        vector: bytes,
        *,
        limit: int,
        sessions: Sequence[str] | None = None,
        without: str | None = None,
    ) -> list[Neighbour]:
        """The stored vectors nearest to `vector`, the nearest first."""
        models = library("qdrant_client.models", extra="qdrant")
        must = [_equals("scope", scope_key(scope.tenant, scope.owner))]
        if sessions is not None:
            any_of = models.MatchAny(any=[storable(each) for each in sessions])
            must.append(models.FieldCondition(key="session", match=any_of))
        must_not = [_equals("is_nothing", True)]
        if without is not None:
            must_not.append(_equals("session", storable(without)))
        numbers = _numbers(vector)
        name = f"{self._prefix}_vectors_{len(vector) // 4}"
        with self._link.client() as client:
            is_answerable = limit > 0 and sessions != [] and any(numbers)
            if not is_answerable or not client.collection_exists(name):
                return []
            answer = client.query_points(
                name,
                query=numbers,
                using=_COSINE,
                query_filter=models.Filter(must=must, must_not=must_not),
                limit=limit,
                with_payload=["session", "position", "part"],
            )
        return [
            Neighbour(
                session_id=restored(point.payload["session"]),
                position=point.payload["position"],
                part=restored(point.payload["part"]),
                score=point.score,
            )
            for point in answer.points
        ]

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        with self._link.client() as client:
            for name in (f"{self._prefix}_state", *self._collections(client)):
                if client.collection_exists(name):
                    client.delete_collection(name)

    def health(self) -> Health:
        """One real round trip. Never raises."""
        try:
            with self._link.client() as client:
                began = time.perf_counter()
                client.get_collections()
                latency_ms = (time.perf_counter() - began) * 1000
                what = "local mode" if self._link.is_local else client.info().version
        except TierError as error:
            return Health(is_up=False, what=str(error))
        return Health(is_up=True, what=f"Qdrant {what}", latency_ms=latency_ms)

    def close(self) -> None:
        """Close the client."""
        self._link.close()


def _given(value: Mapping[str, Any]) -> bytes:
    """The vector of a value, where it is one; else nothing."""
    found = value.get(_VECTOR)
    return found if isinstance(found, bytes) and len(found) % 4 == 0 else b""


def _numbers(vector: bytes) -> list[float]:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _vectors(value: Mapping[str, Any]) -> dict[str, list[float]]:
    numbers = _numbers(_given(value)) or [1.0]
    return {_RAW: numbers, _COSINE: numbers}


def _point_id(item: Item) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, encode_value({"key": item.key})))


def _payload(item: Item) -> dict[str, Any]:
    rest = {
        name: value
        for name, value in item.value.items()
        if name != _VECTOR or not _given(item.value)
    }
    return {
        "scope": scope_key(item.tenant, item.owner),
        "session": storable(item.session_id),
        "position": item.position,
        "collection": storable(item.collection),
        "part": storable(item.part),
        "tenant": storable(item.tenant),
        "owner": storable(item.owner),
        "sequence": item.sequence,
        "recorded_at_us": item.recorded_at_us,
        # Nothing is near to a vector of zeros, but its product with any other is a number.
        "is_nothing": not any(_given(item.value)),
        "rest": storable(encode_value(rest)),
    }


def _item(point: Any, name: str) -> Item | None:
    """The item of a point; None where it is none of ours, or its two vectors are not one."""
    found = point.payload
    try:
        native: dict[str, Any] = {}
        if not name.endswith("_vectors_0"):
            raw, searched = point.vector[_RAW], point.vector[_COSINE]
            if not _are_one(raw, searched):
                return None
            numbers = array("f", raw)
            if sys.byteorder == "big":
                numbers.byteswap()
            native = {_VECTOR: numbers.tobytes()}
        item = Item(
            collection=restored(found["collection"]),
            session_id=restored(found["session"]),
            position=found["position"],
            part=restored(found["part"]),
            tenant=restored(found["tenant"]),
            owner=restored(found["owner"]),
            sequence=found["sequence"],
            recorded_at_us=found["recorded_at_us"],
            value={**decode_value(restored(found["rest"])), **native},
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    is_whole = found["scope"] == scope_key(item.tenant, item.owner)
    return item if is_whole and str(point.id) == _point_id(item) else None


def _are_one(raw: Sequence[float], searched: Sequence[float]) -> bool:
    """True when the vector that is searched is the given one at length 1."""
    length = math.sqrt(math.fsum(each * each for each in raw)) or 1.0
    return all(
        abs(each / length - other) < _ALIKE for each, other in zip(raw, searched, strict=True)
    )


def _equals(field: str, value: str | bool) -> Any:
    models = library("qdrant_client.models", extra="qdrant")
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _of_session(session_id: str) -> Any:
    models = library("qdrant_client.models", extra="qdrant")
    return models.Filter(must=[_equals("session", storable(session_id))])


def _scroll(client: Any, name: str, chosen: Any) -> Iterator[Any]:
    offset: Any = None
    while True:
        page, offset = client.scroll(
            name,
            scroll_filter=chosen,
            limit=_PAGE,
            offset=offset,
            with_payload=True,
            with_vectors=True,
        )
        yield from page
        if offset is None:
            return


def _erasing(batch: Batch) -> list[Any]:
    """Filters for what a batch destroys."""
    models = library("qdrant_client.models", extra="qdrant")
    found: list[Any] = []
    for erased in batch.erased:
        must = [_equals("session", storable(erased.session_id))]
        if erased.positions is not None:
            any_of = models.MatchAny(any=list(erased.positions))
            must.append(models.FieldCondition(key="position", match=any_of))
        found.append(models.FilterSelector(filter=models.Filter(must=must)))
    if batch.forget_before_us:
        old = models.Range(lt=batch.forget_before_us)
        condition = models.FieldCondition(key="recorded_at_us", range=old)
        found.append(models.FilterSelector(filter=models.Filter(must=[condition])))
    return found
