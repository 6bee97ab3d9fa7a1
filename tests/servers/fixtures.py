"""Fixtures that start each server once for a whole run, when a test first asks for it.

A server's module is imported then: the other tests need none of its libraries.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.servers.process import server_folder

if TYPE_CHECKING:
    from tests.servers.falkordb import FalkorServer
    from tests.servers.kafka import KafkaServer
    from tests.servers.mongodb import MongoServer
    from tests.servers.nats import NatsServer
    from tests.servers.nova_store import StoreServer
    from tests.servers.postgres import PostgresServer
    from tests.servers.valkey import ValkeyServer


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """A PostgreSQL with pgvector: `.url`, `.new_database()`, `.new_schema()`.

    It does not wait for the disk, so nothing on it outlives the machine.
    """
    from tests.servers.postgres import PostgresServer  # noqa: PLC0415 - only for who asks

    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> "Iterator[ValkeyServer]":
    """A server of the Redis protocol: `.url`, `.url_of(database)`."""
    from tests.servers.valkey import ValkeyServer  # noqa: PLC0415 - only for who asks

    with ValkeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def falkordb_server() -> "Iterator[FalkorServer]":
    """A graph server that speaks Cypher: `.url`."""
    from tests.servers.falkordb import FalkorServer  # noqa: PLC0415 - only for who asks

    with FalkorServer() as server:
        yield server


@pytest.fixture(scope="session")
def nats_server() -> "Iterator[NatsServer]":
    """A NATS server with JetStream: `.url`."""
    from tests.servers.nats import NatsServer  # noqa: PLC0415 - only for who asks

    with NatsServer() as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_server() -> "Iterator[MongoServer]":
    """A server of the MongoDB protocol: `.url`, `.url_of(database)`."""
    from tests.servers.mongodb import MongoServer  # noqa: PLC0415 - only for who asks

    with MongoServer() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> "Iterator[KafkaServer]":
    """A broker of the Kafka protocol: `.url`."""
    from tests.servers.kafka import KafkaServer  # noqa: PLC0415 - only for who asks

    with KafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def qdrant_folder() -> Iterator[Path]:
    """A folder for Qdrant's local mode; no server of it can be had."""
    folder = server_folder("qdrant")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def store_server() -> "Iterator[StoreServer]":
    """The store's routes on a loopback socket: `.url`, `.add(store, scope)` gives a key."""
    from tests.servers.nova_store import StoreServer  # noqa: PLC0415 - only for who asks

    with StoreServer() as server:
        yield server
