"""Blobs on PostgreSQL: rows that are stored, and noted, before the entry that names them."""

import hashlib
from collections.abc import Iterable

from novacore.journal.errors import Corrupt
from novacore.journal.postgres_connect import Blocks, Database

_PUT = """
WITH note AS (INSERT INTO journal_blob_note (scope, digest) VALUES (%s, %s))
INSERT INTO journal_blob (scope, digest, content) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_FORGET = "DELETE FROM journal_blob_note WHERE scope = %s AND digest = ANY (%s)"
_IS_LEFT = """
SELECT EXISTS (SELECT 1 FROM journal_blob_note
    WHERE at < clock_timestamp() - interval '1 minute')
"""
_NAMED = "SELECT 1 FROM journal_blob_ref WHERE scope = %s AND digest = %s LIMIT 1"


def put(database: Database, scope: bytes, digest: bytes, content: bytes) -> None:
    """Store a blob; one that is there stays as it is."""
    database.rows(_PUT, (scope, digest, scope, digest, content))


def read(database: Database, scope: bytes, digest: bytes) -> bytes | None:
    """A blob's content, compared with its address; None: no entry names it any more.

    Raises:
        Corrupt: it is missing, or its content changed.
    """
    row = database.row(
        "SELECT content FROM journal_blob WHERE scope = %s AND digest = %s", (scope, digest)
    )
    if row is None:
        if database.rows(_NAMED, (scope, digest)):
            raise Corrupt(f"Blob sha256:{digest.hex()} is missing.")
        return None
    content: bytes = row[0]
    if hashlib.sha256(content).digest() != digest:
        raise Corrupt(f"Blob sha256:{digest.hex()} is damaged: its content changed.")
    return content


def forget_notes(database: Database, scope: bytes, digests: Iterable[bytes]) -> None:
    """Their entry is there, or they are gone: nothing is left to clean."""
    database.rows(_FORGET, (scope, Blocks(digests)))


def drop(database: Database, scope: bytes | None, digests: Iterable[bytes] | None) -> None:
    """Destroy those of these blobs that no entry names; None: all such, of every owner."""
    listed = None if digests is None else Blocks(digests)
    database.call("journal_drop_blobs", scope, listed)
    if scope is not None and listed is not None:
        forget_notes(database, scope, listed)


def clean(database: Database) -> None:
    """Destroy what killed processes stored and never named."""
    if database.rows(_IS_LEFT) == [(True,)]:
        database.call("journal_clean_blobs")
