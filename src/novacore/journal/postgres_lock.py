"""Locks by name on PostgreSQL: a connection each, and the server releases what its holder lost."""

import hashlib

from novacore.journal.locks import check_name
from novacore.journal.postgres_connect import Database, translated

_TAKE = "SELECT pg_try_advisory_lock(%s # journal_turn())"


class PostgresLock:
    """A lock that is held by an open connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_held(self) -> bool:
        """False: the connection was lost, and the lock with it, or it was closed."""
        return self._database.is_alive

    def close(self) -> None:
        """See `Lock.close`."""
        self._database.close()


def try_lock(database: Database, name: str) -> PostgresLock | None:
    """The lock of that name; the connection is its own from now on. None: somebody holds it."""
    check_name(name)
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    try:
        with translated("locking"):
            is_taken = database.rows(_TAKE, (number,)) == [(True,)]
    except BaseException:
        database.close()
        raise
    if not is_taken:
        database.close()
        return None
    return PostgresLock(database)
