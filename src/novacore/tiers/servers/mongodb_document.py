"""The document tier on a server of the MongoDB protocol: a session as documents of 256 entries.

A document above its share of bytes is continued in further ones of the same number, and an entry
that alone is larger in pieces of its text: no document reaches the 16 MiB that the protocol takes.
There is no transaction without a replica set: documents are replaced whole, the watermark last.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast

from novacore.journal import Erased, Scope
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.place import Place
from novacore.tiers.projections.document import ENTRY, document_of
from novacore.tiers.server_names import segment
from novacore.tiers.servers.mongodb_link import MongoLink
from novacore.tiers.servers.server_columns import fits, restored, scope_key, storable
from novacore.tiers.servers.server_items import decode_item, decode_value, encode_item, encode_value
from novacore.tiers.servers.server_link import library

_DOCUMENTS: Final = "documents"
_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""Entries are put into one document up to this size, as they are counted here."""
_PIECE_CHARS: Final = 1024 * 1024
_WRITE_BYTES: Final = 16 * 1024 * 1024
_READ_DOCUMENTS: Final = 4
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KINDS: Final = ("text", "integer", "real")

Key = tuple[str, str, int, str]


class MongoDocument:
    """Whole sessions and memories as documents.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    tier = "document"
    name = "mongodb"
    tested_with = "nx-27017 0.8.1 (MongoDB's protocol over SQLite; no mongod was at hand)"

    def __init__(self, place: Place) -> None:
        config = place.config
        self._link = MongoLink(
            config.mongodb_url, prefix=config.prefix, timeout_ms=config.timeout_ms
        )
        self._entries = config.document_entries
        self._has_index = False

    def state(self) -> TierState:
        """The watermark and what was set aside."""
        return self._link.state()

    def apply(self, batch: Batch) -> None:
        """Replace the documents that change, then the watermark."""
        coming: dict[str, dict[int, dict[Key, Item]]] = {}
        for item in batch.items:
            number = item.position // self._entries
            coming.setdefault(item.session_id, {}).setdefault(number, {})[item.key] = item
        losses: dict[str, list[Erased]] = {}
        for erased in batch.erased:
            losses.setdefault(erased.session_id, []).append(erased)
        with self._link.collection(_DOCUMENTS) as documents:
            self._ensure_index(documents)
            for session_id in {*coming, *losses}:
                numbers = coming.get(session_id, {})
                erased = losses.get(session_id, ())
                self._change(documents, session_id, numbers, erased, batch.forget_before_us)
            if batch.forget_before_us:
                self._forget(documents, batch.forget_before_us)
        self._link.put_state(batch)

    def _ensure_index(self, documents: Any, *, is_new: bool = False) -> None:
        if is_new or not self._has_index:
            documents.create_index([("session", 1), ("number", 1)])
            self._has_index = True

    def _change(
        self,
        documents: Any,
        session_id: str,
        numbers: Mapping[int, Mapping[Key, Item]],
        erased: Sequence[Erased],
        before_us: int,
    ) -> None:
        """Bring one session's documents to what they hold after the batch."""
        wanted: dict[str, Any] = {"session": storable(session_id)}
        if not any(loss.positions is None for loss in erased):
            gone = {at for loss in erased for at in loss.positions or ()}
            touched = {*numbers, *(position // self._entries for position in gone)}
            wanted["number"] = {"$in": sorted(touched)}
        stored = list(documents.find(wanted))
        held: dict[int, dict[Key, Item]] = {}
        for item in _items(stored):
            held.setdefault(item.position // self._entries, {})[item.key] = item
        for number, items in numbers.items():
            held.setdefault(number, {}).update(items)
        kept = [
            document
            for number, items in held.items()
            for document in _documents(
                number, [item for item in items.values() if _stays(item, erased, before_us)]
            )
        ]
        self._replace(documents, stored, kept)

    def _replace(
        self, documents: Any, stored: Sequence[Mapping[str, Any]], kept: Sequence[dict[str, Any]]
    ) -> None:
        """Write what changed and delete what is no more."""
        pymongo = library("pymongo", extra="mongodb")
        before = {document["_id"]: document for document in stored}
        writes: list[Any] = []
        size = 0
        for document in kept:
            if before.pop(document["_id"], None) == document:
                continue
            writes.append(pymongo.ReplaceOne({"_id": document["_id"]}, document, upsert=True))
            size += document["bytes"]
            if size > _WRITE_BYTES:
                documents.bulk_write(writes, ordered=True)
                writes, size = [], 0
        writes += [pymongo.DeleteOne({"_id": name}) for name in before]
        if writes:
            documents.bulk_write(writes, ordered=True)

    def _forget(self, documents: Any, before_us: int) -> None:
        """Drop what was recorded too early. The document projection forgets nothing today."""
        for name in documents.distinct("session", {"first_us": {"$lt": before_us}}):
            stored = list(documents.find({"session": name, "first_us": {"$lt": before_us}}))
            numbers: dict[int, dict[Key, Item]] = {each["number"]: {} for each in stored}
            self._change(documents, restored(name), numbers, (), before_us)

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session, put together from the documents' fields."""
        with self._link.collection(_DOCUMENTS) as documents:
            # By the index, so the server holds no more than it sends; pieces stay together.
            found = documents.find({"session": storable(session_id)}, batch_size=_READ_DOCUMENTS)
            for _, same in groupby(found.sort("number", 1), key=_number):
                yield from _items(same)

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        with self._link.collection(_DOCUMENTS) as documents:
            pipeline = [{"$group": {"_id": "$session"}}]
            found = [restored(each["_id"]) for each in documents.aggregate(pipeline)]
        return iter(found)

    def document(self, scope: Scope, session_id: str, *, number: int) -> Mapping[str, Any] | None:
        """One document of a session by its number from 0; None: there is none."""
        wanted = {
            "session": storable(session_id),
            "number": number,
            "scope": scope_key(scope.tenant, scope.owner),
        }
        with self._link.collection(_DOCUMENTS) as documents:
            items = list(_items(documents.find(wanted)))
        return document_of(item for item in items if item.collection == ENTRY)

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._link.wipe(_DOCUMENTS)
        with self._link.collection(_DOCUMENTS) as documents:
            self._ensure_index(documents, is_new=True)

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._link.health()

    def close(self) -> None:
        """Close the client."""
        self._link.close()


def _place(item: Item) -> tuple[int, str, str]:
    return item.position, item.collection, item.part


def _stays(item: Item, erased: Sequence[Erased], before_us: int) -> bool:
    if item.recorded_at_us < before_us:
        return False
    return not any(loss.positions is None or item.position in loss.positions for loss in erased)


def _documents(number: int, items: Iterable[Item]) -> Iterator[dict[str, Any]]:
    """One number's items as documents of a bounded size; owners never share one."""
    by_scope: dict[tuple[str, str], list[Item]] = {}
    for item in sorted(items, key=_place):
        by_scope.setdefault((item.tenant, item.owner), []).append(item)
    for own in by_scope.values():
        entries: list[dict[str, Any]] = []
        chunk, size = 0, 0
        for item in own:
            for entry, length in _entries(item):
                if entries and size + length > _DOCUMENT_BYTES:
                    yield _document(number, chunk, own, entries, size)
                    entries, size, chunk = [], 0, chunk + 1
                entries.append(entry)
                size += length
        yield _document(number, chunk, own, entries, size)


def _document(
    number: int, chunk: int, own: Sequence[Item], entries: list[dict[str, Any]], size: int
) -> dict[str, Any]:
    first = own[0]
    scope = scope_key(first.tenant, first.owner)
    return {
        "_id": f"{scope}:{segment(first.session_id)}:{number}:{chunk}",
        "scope": scope,
        "tenant": storable(first.tenant),
        "owner": storable(first.owner),
        "session": storable(first.session_id),
        "number": number,
        "chunk": chunk,
        "first_us": min(item.recorded_at_us for item in own),
        "bytes": size,
        "entries": entries,
    }


def _entries(item: Item) -> Iterator[tuple[dict[str, Any], int]]:
    """An item as one entry of a document, or, when it is large, as the pieces of its text."""
    whole = encode_item(item)
    if len(whole) > _PIECE_CHARS:
        key = storable("\n".join([item.collection, str(item.position), item.part]))
        for start in range(0, len(whole), _PIECE_CHARS):
            text = storable(whole[start : start + _PIECE_CHARS])
            yield {"piece_of": key, "text": text}, len(text.encode())
        return
    native = {
        name: value
        for name, value in item.value.items()
        if _FIELD.fullmatch(name) and any(fits(value, kind) for kind in _KINDS)
    }
    rest = {name: value for name, value in item.value.items() if name not in native}
    entry = {
        "collection": storable(item.collection),
        "position": item.position,
        "part": storable(item.part),
        "sequence": item.sequence,
        "recorded_at_us": item.recorded_at_us,
        "value": native,
        "rest": storable(encode_value(rest)),
    }
    yield entry, 2 * len(whole.encode("utf-8", "surrogatepass"))


def _items(documents: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """The items of documents; what can't be one of ours is not there."""
    pieces: dict[tuple[str, str], list[str]] = {}
    for document in sorted(documents, key=_order):
        for entry in document.get("entries", ()):
            if "piece_of" in entry:
                key = document["scope"], entry["piece_of"]
                pieces.setdefault(key, []).append(restored(entry["text"]))
                continue
            item = _item(document, entry)
            if item is not None:
                yield item
    for texts in pieces.values():
        try:
            yield decode_item("".join(texts))
        except (ValueError, TypeError):
            continue


def _number(document: Mapping[str, Any]) -> Any:
    return document.get("number")


def _order(document: Mapping[str, Any]) -> tuple[str, int, int]:
    return str(document.get("scope")), document.get("number", 0), document.get("chunk", 0)


def _item(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Item | None:
    try:
        tenant, owner = restored(document["tenant"]), restored(document["owner"])
        value = {**decode_value(restored(entry["rest"])), **_plain(entry["value"])}
        item = Item(
            collection=restored(entry["collection"]),
            session_id=restored(document["session"]),
            position=int(entry["position"]),
            part=restored(entry["part"]),
            tenant=tenant,
            owner=owner,
            sequence=int(entry["sequence"]),
            recorded_at_us=int(entry["recorded_at_us"]),
            value=value,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return item if document["scope"] == scope_key(tenant, owner) else None


def _plain(value: Any) -> dict[str, Any]:
    """The fields without the protocol's own types: its 64-bit integers are a class of their own."""
    fields = cast(Mapping[str, Any], value)
    return {
        name: int(found) if isinstance(found, int) and not isinstance(found, bool) else found
        for name, found in fields.items()
    }
