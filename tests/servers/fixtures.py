"""Fixtures that start each server once for a whole run, when a test first asks for it.

A server's module is imported then: the other tests need none of its libraries.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """A PostgreSQL with pgvector: `.url`, `.new_database()`, `.new_schema()`.

    It does not wait for the disk, so nothing on it outlives the machine.
    """
    from tests.servers.postgres import PostgresServer  # noqa: PLC0415 - only for who asks

    with PostgresServer() as server:
        yield server
