"""The graph tier in Cypher: what both dialects, FalkorDB's and Neo4j's, have in common.

Nodes and links are merged by key, so storing twice is storing once. In a statement `@` stands for
the prefix of every label.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from novacore.journal import Erased, Scope
from novacore.tiers.model import Batch, Health, Item, TierState
from novacore.tiers.projections.entities import fold
from novacore.tiers.reading import Related
from novacore.tiers.servers.cypher_items import (
    BASE,
    LABELS,
    LINKS,
    NATIVE,
    NODES,
    PROPERTIES,
    LinkKind,
    entity_key,
    item_of,
    link_of,
    properties_of,
    scope_of,
    source_key,
    target_key,
    target_properties,
)
from novacore.tiers.servers.server_columns import restored, scope_key, storable
from novacore.tiers.servers.server_items import decode_state, encode_set_aside

Statement = tuple[str, Mapping[str, Any]]
Rows = list[list[Any]]

_POSITIONS: Final = 2_000
_COMMON: Final = 200
"""An entity that more entries than this name says little about what two sessions share."""
_RARE: Final = 64
"""So many of a session's entities, the rarest, are compared with other sessions."""
_STATE: Final = "MERGE (n:`@State` {key: 'state'}) SET n.watermark = $watermark, n.aside = $aside"


class Dialect(Protocol):
    """A graph server: how statements reach it."""

    def run(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run statements one after another, in one transaction where the server has them."""
        ...

    def wipe(self) -> None:
        """Destroy everything under the prefix, and make its indexes anew."""
        ...

    def forget_log(self) -> None:
        """Have nothing erased stay in the server's files, where that can be asked for."""
        ...

    def health(self) -> Health:
        """One round trip. Never raises."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class CypherGraph:
    """Sessions, entries, what they name, and how they hang together.

    Args:
        dialect: the server.
    """

    tier = "graph"

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def state(self) -> TierState:
        """The watermark and what was set aside."""
        query = "MATCH (n:`@State` {key: 'state'}) RETURN n.watermark, n.aside"
        (rows,) = self._dialect.run([(query, {})])
        if not rows or not all(isinstance(text, str) for text in rows[0]):
            return TierState(watermark=None)
        return decode_state(restored(rows[0][0]), restored(rows[0][1]))

    def apply(self, batch: Batch) -> None:
        """Merge nodes and links, take away what was erased, then store the watermark."""
        items = list({item.key: item for item in batch.items}.values())
        statements = [*_node_statements(items), *_link_statements(items)]
        for erased in batch.erased:
            statements += _erase_statements(erased)
        if batch.forget_before_us:
            statements += _forget_statements(batch.forget_before_us)
        if batch.erased or batch.forget_before_us:
            statements += _ORPHANS
        state = {
            "watermark": storable(batch.watermark.encode()),
            "aside": storable(encode_set_aside(batch.set_aside)),
        }
        self._dialect.run([*statements, (_STATE, state)])
        if batch.erased:
            self._dialect.forget_log()

    def read(self, session_id: str) -> Iterator[Item]:
        """The items of one session, put together from nodes and links."""
        session = storable(session_id)
        last = "MATCH (n:`@Entry` {session: $session}) RETURN max(n.position)"
        (rows,) = self._dialect.run([(last, {"session": session})])
        end = rows[0][0] if rows and rows[0][0] is not None else -1
        yield from self._read(session_id, "Session", {"session": session})
        for start in range(0, end + 1, _POSITIONS):
            window = {"session": session, "start": start, "end": start + _POSITIONS}
            yield from self._read(session_id, "Entry", window)

    def _read(self, session_id: str, label: str, window: Mapping[str, Any]) -> Iterator[Item]:
        """The items that begin at nodes of a label, those whose ends are where they say."""
        where = " WHERE n.position >= $start AND n.position < $end" if "end" in window else ""
        match = f"MATCH (n:`@{label}` {{session: $session}}){where}"
        kinds = [kind for kind in LINKS.values() if kind.source == label]
        statements = [(f"{match} RETURN {_listed('n')}, n.key AS source, n.key AS target", window)]
        for kind in kinds:
            link = f"{match} WITH n MATCH (n)-[r:{kind.type}]->(b:`@{kind.target}`)"
            statements.append(
                (f"{link} RETURN {_listed('r')}, n.key AS source, b.key AS target", window)
            )
        for kind, rows in zip([None, *kinds], self._dialect.run(statements), strict=True):
            for *row, source, target in rows:
                item = item_of(session_id, row)
                if item is not None and _is_in_place(item, kind, label, (source, target)):
                    yield item

    def sessions(self) -> Iterator[str]:
        """The ids of all sessions that it holds items of."""
        found: set[str] = set()
        for label in ("Session", "Entry"):
            query = (
                f"MATCH (n:`@{label}`) WHERE n.sequence IS NOT NULL OR (n)-->()"
                " RETURN DISTINCT n.session"
            )
            (rows,) = self._dialect.run([(query, {})])
            found.update(restored(row[0]) for row in rows if isinstance(row[0], str))
        return iter(found)

    def entities(self, scope: Scope, session_id: str, *, limit: int) -> list[tuple[str, int]]:
        """(entity, mentions) of a session, the most mentioned first."""
        query = (
            "MATCH (s:`@Entry` {session: $session})-[r:MENTIONS]->(n:`@Entity`)"
            " WHERE s.scope = $scope RETURN n.name, min(r.name), sum(r.mentions)"
        )
        rows = self._of_session(query, scope, session_id)
        found = sorted(
            (-int(float(times)), restored(key), restored(name)) for key, name, times in rows
        )
        return [(name, -times) for times, _, name in found[: max(limit, 0)]]

    def _of_session(self, query: str, scope: Scope, session_id: str, **more: Any) -> Rows:
        place = {"session": storable(session_id), "scope": scope_key(scope.tenant, scope.owner)}
        (rows,) = self._dialect.run([(query, {**place, **more})])
        return rows

    def related(self, scope: Scope, session_id: str, *, limit: int) -> list[Related]:
        """Other sessions of the scope that share entities, those that share most first."""
        counted = (
            "MATCH (s:`@Entry` {session: $session})-[:MENTIONS]->(n:`@Entity`)"
            " WHERE s.scope = $scope WITH DISTINCT n MATCH (n)<-[r:MENTIONS]-()"
            " RETURN n.name, count(r)"
        )
        rows = self._of_session(counted, scope, session_id)
        rare = sorted((times, restored(key)) for key, times in rows)[:_RARE]
        times = {key: count for count, key in rare if count <= _COMMON}
        place = scope_key(scope.tenant, scope.owner)
        shared = (
            "UNWIND $keys AS key MATCH (n:`@Entity` {key: key})<-[r:MENTIONS]-(o:`@Entry`)"
            " WHERE o.session <> $session RETURN o.session, n.name, min(r.name)"
        )
        keys = [entity_key(place, key) for key in times]
        found: dict[str, list[tuple[int, str, str]]] = {}
        for other, key, name in self._of_session(shared, scope, session_id, keys=keys):
            entry = times[restored(key)], restored(key), restored(name)
            found.setdefault(restored(other), []).append(entry)
        order = sorted(found, key=lambda other: (-len(found[other]), other))
        return [
            Related(session_id=other, entities=tuple(name for *_, name in sorted(found[other])))
            for other in order[: max(limit, 0)]
        ]

    def links(self, scope: Scope, entity: str, *, limit: int) -> list[tuple[str, int]]:
        """(entity, times together) mentioned in the same entries, the most frequent first."""
        query = (
            "MATCH (n:`@Entity` {key: $key})<-[:MENTIONS]-(e:`@Entry`)"
            "-[r:MENTIONS]->(o:`@Entity`) WHERE o.key <> $key"
            " RETURN o.name, min(r.name), count(DISTINCT e)"
        )
        key = entity_key(scope_key(scope.tenant, scope.owner), fold(entity))
        (rows,) = self._dialect.run([(query, {"key": key})])
        found = sorted((-int(times), restored(name), restored(as_)) for name, as_, times in rows)
        return [(name, -times) for times, _, name in found[: max(limit, 0)]]

    def wipe(self) -> None:
        """Destroy everything that the tier holds, its watermark first."""
        self._dialect.run([("MATCH (n:`@State`) DELETE n", {})])
        self._dialect.wipe()

    def health(self) -> Health:
        """One real round trip. Never raises."""
        return self._dialect.health()

    def close(self) -> None:
        """Close the connections."""
        self._dialect.close()


def _listed(name: str) -> str:
    return ", ".join(f"{name}.{each}" for each in PROPERTIES)


def _is_in_place(
    item: Item, kind: LinkKind | None, label: str, ends: tuple[object, object]
) -> bool:
    """True when an item stands where its own facts say that it belongs."""
    is_source = ends[0] == source_key(item, label)
    if kind is None:
        return is_source and NODES.get(item.collection) == label
    is_link = item.collection not in NODES and link_of(item) is kind
    return is_source and is_link and ends[1] == target_key(item)


def _node_statements(items: Sequence[Item]) -> list[Statement]:
    """Sessions and entries as nodes. What only links know of a node stays as it is."""
    statements: list[Statement] = []
    for collection, label in NODES.items():
        rows = [
            {
                "key": source_key(item, label),
                "properties": {
                    **properties_of(item),
                    "key": source_key(item, label),
                    "session": storable(item.session_id),
                    "scope": scope_of(item),
                },
            }
            for item in items
            if item.collection == collection
        ]
        if rows:
            merge = f"UNWIND $rows AS x MERGE (n:`@{label}` {{key: x.key}}) SET n = x.properties"
            statements.append((merge, {"rows": rows}))
    return statements


def _link_statements(items: Sequence[Item]) -> list[Statement]:
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        if item.collection not in NODES:
            by_kind.setdefault(link_of(item).type, []).append(item)
    statements: list[Statement] = []
    for own in by_kind.values():
        kind = link_of(own[0])
        rows = {"rows": [_link_row(item, kind) for item in own]}
        if kind.type in {"FOLLOWS", "FORKED_FROM"}:
            # These end where their value says; one that said something else before is another.
            old = (
                f"UNWIND $rows AS x MATCH (a:`@{kind.source}` {{key: x.source}})"
                f"-[r:{kind.type} {{id: x.id}}]->(b) WHERE b.key <> x.target DELETE r"
            )
            statements.append((old, rows))
        place = ", a.position = x.position" if kind.source == "Entry" else ""
        merge = (
            f"UNWIND $rows AS x MERGE (a:`@{kind.source}` {{key: x.source}})"
            f" SET a.session = x.session, a.scope = x.scope{place}"
            f" MERGE (b:`@{kind.target}` {{key: x.target}}) SET b += x.about"
            f" MERGE (a)-[r:{kind.type} {{id: x.id}}]->(b) SET r = x.properties"
        )
        statements.append((merge, rows))
    return statements


def _link_row(item: Item, kind: LinkKind) -> dict[str, Any]:
    collection = "" if kind is not LINKS[""] else f"{storable(item.collection)}/"
    link_id = f"{collection}{storable(item.part)}"
    return {
        "source": source_key(item, kind.source),
        "target": target_key(item),
        "id": link_id,
        "session": storable(item.session_id),
        "scope": scope_of(item),
        "position": item.position,
        "about": {**target_properties(item), "scope": scope_of(item)},
        "properties": {**properties_of(item), "id": link_id},
    }


def _erase_statements(erased: Erased) -> list[Statement]:
    """Take away a session's items, or those of some entries; links from elsewhere stay."""
    session = {"session": storable(erased.session_id)}
    if erased.positions is None:
        return [
            statement
            for label in ("Entry", "Session")
            for statement in _clearing(f"MATCH (n:`@{label}` {{session: $session}})", session)
        ]
    where = " WHERE n.position IN $positions"
    bound = {**session, "positions": list(erased.positions)}
    entries = f"MATCH (n:`@Entry` {{session: $session}}){where}"
    own = f"MATCH (n:`@Session` {{session: $session}}){where}"
    forks = f"MATCH (:`@Session` {{session: $session}})-[n:FORKED_FROM]->(){where} DELETE n"
    removed = ", ".join(f"n.{name}" for name in PROPERTIES)
    return [*_clearing(entries, bound), (forks, bound), (f"{own} REMOVE {removed}", bound)]


def _clearing(match: str, bound: Mapping[str, Any]) -> list[Statement]:
    """Nodes without their links and properties; their place in the graph stays."""
    position = {name for name in PROPERTIES if name != "position"}
    removed = ", ".join(f"n.{name}" for name in sorted(position))
    return [
        (f"{match} WITH n MATCH (n)-[r]->() DELETE r", bound),
        (f"{match} REMOVE {removed}", bound),
    ]


def _forget_statements(before_us: int) -> list[Statement]:
    """Drop what was recorded too early. The graph's projection forgets nothing today."""
    bound = {"before": before_us}
    removed = ", ".join(f"n.{name}" for name in (*BASE[2:], "collection", *NATIVE))
    old = " WHERE r.recorded_at_us < $before"
    links = [
        (f"MATCH (:`@{kind.source}`)-[r:{kind.type}]->(){old} DELETE r", bound)
        for kind in LINKS.values()
    ]
    nodes = [
        (f"MATCH (n:`@{label}`) WHERE n.recorded_at_us < $before REMOVE {removed}", bound)
        for label in NODES.values()
    ]
    return [*links, *nodes]


_ORPHANS: Final[Sequence[Statement]] = [
    (f"MATCH (n:`@{label}`) WHERE n.sequence IS NULL AND NOT (n)--() DELETE n", {})
    for label in LABELS
]
"""Nodes that nothing names any more: an entity's name is content too."""
