"""The engines on servers, for `tier_engines.ENGINES`: which fixture starts each, and its settings.

The dead settings name a port of 127.0.0.1 on which nothing ever listens.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final


def _url(setting: str) -> Callable[[Any], dict[str, Any]]:
    return lambda server: {setting: server.url}


_REDIS: Final = {
    "name": "redis",
    "server": "valkey_server",
    "config": _url("redis_url"),
    "dead": {"redis_url": "redis://127.0.0.1:1/0"},
}
_POSTGRES: Final = {
    "server": "postgres_server",
    "config": _url("postgresql_url"),
    "dead": {"postgresql_url": "postgresql://127.0.0.1:1/nova"},
}

SERVER_ENGINES: Sequence[Mapping[str, Any]] = (
    {"tier": "hot", **_REDIS},
    {"tier": "stream", **_REDIS},
    {"tier": "relational", "name": "postgresql", **_POSTGRES},
    {"tier": "vector", "name": "pgvector", **_POSTGRES},
    {
        "tier": "vector",
        "name": "qdrant",
        "server": "qdrant_folder",
        "config": lambda folder: {"qdrant_url": str(folder)},
        "dead": {"qdrant_url": "http://127.0.0.1:1"},
    },
    {
        "tier": "graph",
        "name": "falkordb",
        "server": "falkordb_server",
        "config": _url("falkordb_url"),
        "dead": {"falkordb_url": "redis://127.0.0.1:1/0"},
    },
    {
        "tier": "document",
        "name": "mongodb",
        "server": "mongodb_server",
        "config": _url("mongodb_url"),
        "dead": {"mongodb_url": "mongodb://127.0.0.1:1/nova", "timeout_ms": 200},
    },
    {
        "tier": "broker",
        "name": "nats",
        "server": "nats_server",
        "config": _url("nats_url"),
        "dead": {"nats_url": "nats://127.0.0.1:1"},
    },
    {
        "tier": "broker",
        "name": "kafka",
        "server": "kafka_server",
        "config": _url("kafka_url"),
        "dead": {"kafka_url": "kafka://127.0.0.1:1", "timeout_ms": 300},
    },
)
