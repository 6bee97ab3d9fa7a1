"""Embeddings by the content that they are of: no text is embedded twice, and the same text always
has the same bytes, whatever the model behind an API answers tomorrow.

Each embedding remembers which entries needed it; when the last of them is erased, it is destroyed.
The places of erased entries are remembered, so that nothing is kept for whoever read the entry just
before. An embedding can always be made again, so the oldest go when there are too many.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from novacore.journal import Erased
from novacore.tiers.errors import TierUnavailable
from novacore.tiers.place import Embedder
from novacore.tiers.sqlite_link import Connection, SQLiteLink

EMBEDDINGS_MAX: Final = 1_000_000
"""With more, the oldest tenth goes."""

_EMBEDDED_AT_ONCE: Final = 64
_SEEN_AT_ONCE: Final = 500
_TABLES: Final = """
CREATE TABLE embedding (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
CREATE TABLE source (
    session TEXT NOT NULL, position INTEGER NOT NULL, embedding INTEGER NOT NULL,
    PRIMARY KEY (session, position, embedding)) WITHOUT ROWID;
CREATE INDEX source_embedding ON source (embedding);
CREATE TABLE gone (
    session TEXT NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (session, position)) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_ALL: Final = -1
"""As a position in `gone`: the whole session."""

Source = tuple[str, int]
"""The session and position of an entry whose text it is."""
_Need = tuple[str, int, bytes]
"""A source, and the key of the embedding that it needs."""


class EmbeddingStore:
    """Embeddings on disk. Safe between threads and processes.

    Args:
        path: the file; its folder is made when something is stored.
        embeddings_max: most embeddings that are kept.
        timeout_ms: the longest wait for another process's lock.
    """

    def __init__(
        self, path: Path, *, embeddings_max: int = EMBEDDINGS_MAX, timeout_ms: int = 10_000
    ) -> None:
        self._link = SQLiteLink(path, tier="vector", tables=_TABLES, timeout_ms=timeout_ms)
        self._embeddings_max = embeddings_max

    def vectors(
        self, embedder: Embedder, texts: Sequence[str], *, sources: Sequence[Source]
    ) -> list[bytes]:
        """One vector per text, float32 in little-endian order; what is not here yet is embedded.

        Args:
            embedder: embeds what is missing.
            texts: the texts.
            sources: for each text the entry that it comes from.

        Raises:
            TierUnavailable: the store's file can't be used now, or the embedder does not answer.
        """
        keys = [_key(embedder, text) for text in texts]
        needs = [(*source, key) for source, key in zip(sources, keys, strict=True)]
        found = self._find(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        order = list(missing.items())
        for start in range(0, len(order), _EMBEDDED_AT_ONCE):
            some = order[start : start + _EMBEDDED_AT_ONCE]
            vectors = embedder.embed([text for _, text in some])
            _check(vectors, some, embedder)
            fresh = dict(zip((key for key, _ in some), vectors, strict=True))
            self._keep([need for need in needs if need[2] in fresh], fresh)
            found.update(fresh)
        if unknown := self._unknown([need for need in needs if need[2] not in missing]):
            self._keep(unknown, {})
        return [found[key] for key in keys]

    def forget(self, erased: Sequence[Erased]) -> None:
        """Destroy the embeddings that only erased entries needed.

        Raises:
            TierUnavailable: not now; it may be called again.
        """
        with self._link.lock:
            with self._link.reading() as connection:
                if connection is None:
                    return
            with self._link.transaction() as connection:
                for each in erased:
                    _forget(connection, each)
                must_scrub = connection.execute("SELECT 1 FROM meta WHERE key='must_scrub'").get
            if must_scrub:
                self._link.scrub()
                with self._link.transaction() as connection:
                    connection.execute("DELETE FROM meta WHERE key='must_scrub'")

    def count(self) -> int:
        """How many embeddings there are."""
        with self._link.reading() as connection:
            if connection is None:
                return 0
            return connection.execute("SELECT count(*) FROM embedding").get

    def wipe(self) -> None:
        """Destroy all of it."""
        self._link.wipe()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._link.close()

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        with self._link.reading() as connection:
            if connection is None:
                return found
            for start in range(0, len(keys), _SEEN_AT_ONCE):
                some = keys[start : start + _SEEN_AT_ONCE]
                marks = ", ".join("?" * len(some))
                found.update(
                    connection.execute(
                        f"SELECT key, vector FROM embedding WHERE key IN ({marks})",  # noqa: S608
                        tuple(some),
                    ).fetchall()
                )
        return found

    def _unknown(self, needs: Sequence[_Need]) -> list[_Need]:
        """Those needs that are not written down yet."""
        with self._link.reading() as connection:
            if connection is None:
                return list(needs)
            return [need for need in needs if not connection.execute(_KNOWN, need).get]

    def _keep(self, needs: Sequence[_Need], fresh: Mapping[bytes, bytes]) -> None:
        """Store fresh embeddings and who needs them, but nothing that only erased entries need."""
        with self._link.transaction() as connection:
            alive = [need for need in needs if not connection.execute(_GONE, need[:2]).get]
            wanted = {key for _, _, key in alive}
            connection.executemany(
                "INSERT INTO embedding (key, vector) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(key, vector) for key, vector in fresh.items() if key in wanted],
            )
            connection.executemany(
                "INSERT INTO source SELECT ?, ?, id FROM embedding WHERE key = ?"
                " ON CONFLICT DO NOTHING",
                alive,
            )
            self._bound(connection)

    def _bound(self, connection: Connection) -> None:
        newest = connection.execute("SELECT max(id) FROM embedding").get or 0
        if newest <= self._embeddings_max:
            return
        count = connection.execute("SELECT count(*) FROM embedding").get
        if count > self._embeddings_max:
            connection.execute(
                "DELETE FROM embedding WHERE id IN (SELECT id FROM embedding ORDER BY id LIMIT ?)",
                (count - self._embeddings_max * 9 // 10,),
            )
            connection.execute(
                "DELETE FROM source WHERE embedding NOT IN (SELECT id FROM embedding)"
            )


_GONE: Final = (
    "SELECT EXISTS (SELECT 1 FROM gone WHERE session = ? AND position IN (?, -1))"  # -1: `_ALL`
)
_KNOWN: Final = (
    "SELECT EXISTS (SELECT 1 FROM source WHERE session = ? AND position = ?"
    " AND embedding = (SELECT id FROM embedding WHERE key = ?))"
)


def _key(embedder: Embedder, text: str) -> bytes:
    digest = hashlib.sha256(embedder.identity.encode())
    digest.update(b"\0")
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()


def _check(vectors: Sequence[bytes], texts: Sequence[object], embedder: Embedder) -> None:
    if len(vectors) != len(texts) or len({len(each) for each in vectors}) > 1:
        raise TierUnavailable(
            f"The embedder {embedder.identity} gave {len(vectors)} vectors for {len(texts)} texts,"
            " or not all of one length."
        )


def _forget(connection: Connection, erased: Erased) -> None:
    where = "session = ?"
    places: list[tuple[str | int, ...]] = [(erased.session_id,)]
    if erased.positions is not None:
        where += " AND position = ?"
        places = [(erased.session_id, position) for position in erased.positions]
    connection.executemany(
        "INSERT INTO gone VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(place[0], place[1] if len(place) > 1 else _ALL) for place in places],
    )
    for place in places:
        found = connection.execute(
            f"SELECT embedding FROM source WHERE {where}",  # noqa: S608 - one of two of ours
            place,
        ).fetchall()
        connection.execute(f"DELETE FROM source WHERE {where}", place)  # noqa: S608 - ours
        for row in found:
            connection.execute(
                "DELETE FROM embedding WHERE id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM source WHERE embedding = ?1)",
                row,
            )
            if connection.changes():
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('must_scrub', '1')")
