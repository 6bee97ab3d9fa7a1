"""LangGraph's long-term store on the journal."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    ensure_embeddings,
    get_text_at_path,
    tokenize_path,
    validate_op_namespace,
)

from novacore import journal, kit
from novacore.adapters.langgraph import searching
from novacore.adapters.langgraph.config import Config
from novacore.adapters.langgraph.items import Namespace, Row, Space, pack_vector
from novacore.adapters.langgraph.spaces import Appends, Spaces
from novacore.adapters.plain import plain
from novacore.adapters.words import by_words

_MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Vectors = Mapping[str, Sequence[float]]
Puts = Mapping[tuple[Namespace, str], PutOp]


class JournalStore(BaseStore):
    """Long-term memory for LangGraph in a journal; may be shared between threads and processes.

    A namespace is a session: `("users", "1")` never matches `("users", "10")`. What was put is
    durable when `put` returns; what was deleted is destroyed with all its versions. Values are
    JSON; a tuple comes back as a list. Expired items are never returned; `sweep_ttl` destroys them.

    Args:
        store: the journal, as `novacore.open` gives it; it stays yours to close.
        index: LangGraph's `IndexConfig`: an embedder and the fields to embed. With it a search's
            `query` ranks by meaning; without, by the words that are shared (BM25).
        ttl: LangGraph's `TTLConfig`: default expiry, in minutes, and whether reading refreshes it.
        clock: the time; None: the machine's.
        config: limits; None: the defaults.

    Example:
        >>> import novacore
        >>> from novacore.adapters.langgraph import JournalStore
        >>> with novacore.open("agents") as opened:
        ...     store = JournalStore(opened)
        ...     store.put(("users", "ada"), "food", {"text": "loves figs"})
        ...     store.search(("users",), query="figs")[0].value
        {'text': 'loves figs'}
    """

    supports_ttl = True

    def __init__(
        self,
        store: journal.Store,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        clock: kit.Clock | None = None,
        config: Config | None = None,
    ) -> None:
        self.ttl_config = ttl
        self.index_config = index
        self.embeddings: Embeddings | None = (
            ensure_embeddings(index.get("embed")) if index else None
        )
        self._clock = clock or kit.SystemClock()
        self._spaces = Spaces(store, config or Config())

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations; reads see what was there before the batch, the last put of a key wins.

        All puts to one namespace are stored or none; durable on return.

        Raises:
            InvalidNamespaceError: a label is empty, no text, or holds a period.
            EntryRefused: a value holds what JSON can't, or is over a limit of the journal.
        """
        listed = _checked(ops)
        queries = _queries(listed) if self.embeddings else []
        vectors: Vectors = {}
        if self.embeddings and queries:
            vectors = {text: self.embeddings.embed_query(text) for text in queries}
        results = self._read(listed, vectors)
        puts = _puts(listed)
        texts = self._texts(puts)
        if self.embeddings and texts:
            vectors = dict(zip(texts, self.embeddings.embed_documents(texts), strict=True))
        for future in self._write(puts, vectors):
            future.result()
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch`, without holding up the event loop."""
        listed = _checked(ops)
        vectors: Vectors = {}
        queries = _queries(listed)
        if self.embeddings and queries:
            found = await asyncio.gather(*(self.embeddings.aembed_query(text) for text in queries))
            vectors = dict(zip(queries, found, strict=True))
        results = await asyncio.to_thread(self._read, listed, vectors)
        puts = _puts(listed)
        texts = self._texts(puts)
        if self.embeddings and texts:
            found = await self.embeddings.aembed_documents(texts)
            vectors = dict(zip(texts, found, strict=True))
        if puts:
            appends = await asyncio.to_thread(self._write, puts, vectors)
            await asyncio.gather(*(asyncio.wrap_future(future) for future in appends))
        return results

    def sweep_ttl(self) -> int:
        """Destroy what has expired; returns how many items it was. Call it now and then."""
        count = 0
        now_us = self._clock.now_us()
        for namespace, expires in self._spaces.namespaces().items():
            space = self._spaces.find(namespace) if expires else None
            if space is None:
                continue
            with space.lock:
                dead = [row.key for row in space.rows.values() if not row.is_live(now_us)]
            if dead:
                self._spaces.delete(namespace, dead)
            count += len(dead)
        return count

    def _read(self, ops: Sequence[Op], vectors: Vectors) -> list[Result]:
        results: list[Result] = []
        for op in ops:
            if isinstance(op, GetOp):
                results.append(self._get(op))
            elif isinstance(op, SearchOp):
                results.append(self._search(op, vectors.get(op.query or "")))
            elif isinstance(op, ListNamespacesOp):
                results.append(self._list(op))
            else:
                results.append(None)
        return results

    def _get(self, op: GetOp) -> Item | None:
        space = self._spaces.find(tuple(op.namespace))
        if space is None:
            return None
        now_us = self._clock.now_us()
        with space.lock:
            row = space.rows.get(op.key)
            if row is None or not row.is_live(now_us):
                return None
            if op.refresh_ttl:
                self._spaces.touch(space, [row], now_us=now_us)
            return Item(
                value=space.value(row), key=row.key, namespace=row.namespace,
                created_at=_time(row.created_at_us), updated_at=_time(row.updated_at_us),
            )  # fmt: skip

    def _search(self, op: SearchOp, vector: Sequence[float] | None) -> list[SearchItem]:
        now_us = self._clock.now_us()
        found = [
            (space, row, value)
            for space in self._within(tuple(op.namespace_prefix))
            for row, value in _live_items(space, now_us)
            if searching.matches(value, op.filter)
        ]
        found.sort(key=lambda each: each[1].updated_at_us, reverse=True)
        scores = self._scores(op, vector, found)
        ranked = sorted(
            zip(scores, found, strict=True), key=lambda each: (each[0] is None, -(each[0] or 0.0))
        )
        chosen = ranked[op.offset : op.offset + op.limit]
        if op.refresh_ttl:
            for space in {id(each[1][0]): each[1][0] for each in chosen}.values():
                rows = [row for _, (of, row, _) in chosen if of is space]
                with space.lock:
                    self._spaces.touch(space, rows, now_us=now_us)
        return [
            SearchItem(
                namespace=row.namespace, key=row.key, value=value, score=score,
                created_at=_time(row.created_at_us), updated_at=_time(row.updated_at_us),
            )
            for score, (_, row, value) in chosen
        ]  # fmt: skip

    def _scores(
        self,
        op: SearchOp,
        vector: Sequence[float] | None,
        found: Sequence[tuple[Space, Row, dict[str, Any]]],
    ) -> list[float | None]:
        if not op.query:
            return [None] * len(found)
        if vector is None:
            texts = (json.dumps(value, ensure_ascii=False) for _, _, value in found)
            return by_words(op.query, texts)
        held: list[Sequence[Sequence[float]]] = []
        for space, row, _ in found:
            with space.lock:
                held.append(space.vectors(row))
        return searching.by_vectors(vector, held)

    def _list(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        found: set[Namespace] = set()
        now_us = self._clock.now_us()
        for namespace, expires in self._spaces.namespaces().items():
            conditions = op.match_conditions or ()
            if not all(searching.is_within(namespace, each) for each in conditions):
                continue
            if expires and not self._has_live(namespace, now_us):
                continue
            found.add(namespace if op.max_depth is None else namespace[: op.max_depth])
        return sorted(found)[op.offset : op.offset + op.limit]

    def _has_live(self, namespace: Namespace, now_us: int) -> bool:
        space = self._spaces.find(namespace)
        if space is None:
            return False
        with space.lock:
            return any(row.is_live(now_us) for row in space.rows.values())

    def _within(self, prefix: Namespace) -> Iterable[Space]:
        """The namespaces that begin with these labels, whole ones."""
        for namespace in self._spaces.namespaces():
            if namespace[: len(prefix)] == prefix:
                space = self._spaces.find(namespace)
                if space is not None:
                    yield space

    def _texts(self, puts: Puts) -> list[str]:
        """Every text that is to be embedded, once."""
        if self.embeddings is None:
            return []
        texts = (text for op in puts.values() for text in self._indexed(op).values())
        return list(dict.fromkeys(texts))

    def _indexed(self, op: PutOp) -> dict[str, str]:
        """The texts of an item by the path where they are."""
        if op.value is None or op.index is False or self.index_config is None:
            return {}
        paths = (self.index_config.get("fields") or ["$"]) if op.index is None else op.index
        found: dict[str, str] = {}
        for path in paths:
            texts = get_text_at_path(op.value, tokenize_path(path) if path != "$" else path)
            for place, text in enumerate(texts):
                found[f"{path}.{place}" if len(texts) > 1 else path] = text
        return found

    def _write(self, puts: Puts, vectors: Vectors) -> Appends:
        by_namespace: dict[Namespace, list[dict[str, Any]]] = {}
        deleted: dict[Namespace, list[str]] = {}
        for (namespace, key), op in puts.items():
            if op.value is None:
                deleted.setdefault(namespace, []).append(key)
            else:
                by_namespace.setdefault(namespace, []).append(self._body(op, vectors))
        appends: Appends = []
        for namespace, bodies in by_namespace.items():
            appends += self._spaces.put(namespace, bodies)
        for namespace, keys in deleted.items():
            self._spaces.delete(namespace, keys)
        return appends

    def _body(self, op: PutOp, vectors: Vectors) -> dict[str, Any]:
        body: dict[str, Any] = {"key": op.key, "value": plain(op.value)}
        if op.ttl is not None:
            body["ttl_us"] = int(op.ttl * _MINUTE_US)
        indexed = self._indexed(op) if self.embeddings else {}
        if indexed:
            body["vectors"] = {path: pack_vector(vectors[text]) for path, text in indexed.items()}
        return body


def _checked(ops: Iterable[Op]) -> list[Op]:
    listed = list(ops)
    for op in listed:
        if not isinstance(op, GetOp | SearchOp | PutOp | ListNamespacesOp):
            raise TypeError(f"{type(op).__name__} is no operation of a store.")
        validate_op_namespace(op)
    return listed


def _puts(ops: Iterable[Op]) -> dict[tuple[Namespace, str], PutOp]:
    return {(tuple(op.namespace), op.key): op for op in ops if isinstance(op, PutOp)}


def _queries(ops: Iterable[Op]) -> list[str]:
    return list(dict.fromkeys(op.query for op in ops if isinstance(op, SearchOp) and op.query))


def _live_items(space: Space, now_us: int) -> list[tuple[Row, dict[str, Any]]]:
    with space.lock:
        return [(row, space.value(row)) for row in space.rows.values() if row.is_live(now_us)]


def _time(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
