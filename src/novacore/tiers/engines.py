"""The one table of engines and projections: which is made how, and which extra it needs.

A new engine is a module in `embedded` or `servers` whose constructor takes a `Place`, and a line
here. It imports its third-party library late, so that only those who chose the engine need it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from novacore.tiers.embedded.sqlite_broker import SQLiteBroker
from novacore.tiers.embedded.sqlite_document import SQLiteDocument
from novacore.tiers.embedded.sqlite_graph import SQLiteGraph
from novacore.tiers.embedded.sqlite_hot import SQLiteHot
from novacore.tiers.embedded.sqlite_relational import SQLiteRelational
from novacore.tiers.embedded.sqlite_stream import SQLiteStream
from novacore.tiers.embedded.usearch_vector import UsearchVector
from novacore.tiers.errors import TierUnknown
from novacore.tiers.place import Place
from novacore.tiers.projections.broker import BrokerProjection
from novacore.tiers.projections.document import DocumentProjection
from novacore.tiers.projections.graph import GraphProjection
from novacore.tiers.projections.hot import HotProjection
from novacore.tiers.projections.relational import RelationalProjection
from novacore.tiers.projections.stream import StreamProjection
from novacore.tiers.projections.vector import VectorProjection
from novacore.tiers.servers.cypher_falkordb import FalkorDBGraph
from novacore.tiers.servers.cypher_neo4j import Neo4jGraph
from novacore.tiers.servers.kafka_broker import KafkaBroker
from novacore.tiers.servers.mongodb_document import MongoDocument
from novacore.tiers.servers.nats_broker import NatsBroker
from novacore.tiers.servers.pgvector import PgVector
from novacore.tiers.servers.postgres_relational import PostgresRelational
from novacore.tiers.servers.qdrant_vector import QdrantVector
from novacore.tiers.servers.redis_hot import RedisHot
from novacore.tiers.servers.redis_stream import RedisStream
from novacore.tiers.servers.server_link import require
from novacore.tiers.tier import Engine, Projection


@dataclass(frozen=True, kw_only=True)
class EngineKind:
    """How an engine is made."""

    make: Callable[[Place], Engine]
    """Connects to nothing yet."""
    extra: str = ""
    """`pip install 'novacore[extra]'` brings its library; empty: nothing is needed."""
    library: str = ""
    """The library that it imports when it is first used; empty: none."""


PROJECTIONS: Final[Mapping[str, Callable[[Place], Projection]]] = {
    "hot": HotProjection,
    "relational": RelationalProjection,
    "vector": VectorProjection,
    "graph": GraphProjection,
    "stream": StreamProjection,
    "document": DocumentProjection,
    "broker": BrokerProjection,
}
"""Tier -> how its projection is made."""

ENGINES: Final[Mapping[tuple[str, str], EngineKind]] = {
    ("hot", "sqlite"): EngineKind(make=SQLiteHot),
    ("relational", "sqlite"): EngineKind(make=SQLiteRelational),
    ("vector", "usearch"): EngineKind(make=UsearchVector),
    ("graph", "sqlite"): EngineKind(make=SQLiteGraph),
    ("stream", "sqlite"): EngineKind(make=SQLiteStream),
    ("document", "sqlite"): EngineKind(make=SQLiteDocument),
    ("broker", "sqlite"): EngineKind(make=SQLiteBroker),
    ("hot", "redis"): EngineKind(make=RedisHot, extra="redis", library="redis"),
    ("stream", "redis"): EngineKind(make=RedisStream, extra="redis", library="redis"),
    ("relational", "postgresql"): EngineKind(
        make=PostgresRelational, extra="postgresql", library="psycopg"
    ),
    ("graph", "falkordb"): EngineKind(make=FalkorDBGraph, extra="falkordb", library="redis"),
    ("graph", "neo4j"): EngineKind(make=Neo4jGraph, extra="neo4j", library="neo4j"),
    ("document", "mongodb"): EngineKind(make=MongoDocument, extra="mongodb", library="pymongo"),
    ("broker", "kafka"): EngineKind(make=KafkaBroker, extra="kafka", library="aiokafka"),
    ("broker", "nats"): EngineKind(make=NatsBroker, extra="nats", library="nats"),
    ("vector", "pgvector"): EngineKind(make=PgVector, extra="postgresql", library="psycopg"),
    ("vector", "qdrant"): EngineKind(make=QdrantVector, extra="qdrant", library="qdrant_client"),
}
"""(Tier, engine's name in the settings) -> how it is made."""


def make_projection(tier: str, place: Place) -> Projection:
    """The projection of a tier."""
    if tier not in PROJECTIONS:
        raise TierUnknown(f"There is no tier {tier!r}.", hint=f"Known: {', '.join(PROJECTIONS)}.")
    return PROJECTIONS[tier](place)


def make_engine(tier: str, name: str, *, place: Place) -> Engine:
    """The engine of that name for a tier.

    Raises:
        TierUnknown: there is none of that name for this tier.
        EngineMissing: its library is not installed; says which extra brings it.
    """
    kind = ENGINES.get((tier, name))
    if kind is None:
        known = ", ".join(engine for of_tier, engine in ENGINES if of_tier == tier)
        raise TierUnknown(f"The {tier} tier has no engine {name!r}.", hint=f"Known: {known}.")
    if kind.library:
        require(kind.library, extra=kind.extra)
    return kind.make(place)
