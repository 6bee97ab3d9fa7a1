"""The graph tier on SQLite: nodes and links as rows, what entries name in a table of its own."""

from collections.abc import Iterator, Sequence
from typing import Final

from novacore.journal import Scope
from novacore.tiers.embedded.sqlite_rows import Table
from novacore.tiers.embedded.sqlite_tier import WITHIN, SQLiteTier
from novacore.tiers.errors import TierCorrupt
from novacore.tiers.place import Place
from novacore.tiers.projections.entities import fold
from novacore.tiers.projections.graph import MENTION
from novacore.tiers.reading import Related
from novacore.tiers.sqlite_link import Connection

_NODES: Final = Table(
    name="part_of_graph",
    columns={
        "type": "text",
        "name": "text",
        "entry_id": "text",
        "kind": "text",
        "actor": "text",
        "said_at_us": "integer",
        "to_session": "text",
        "to_position": "integer",
        "at": "integer",
        "is_error": "boolean",
        "workspace": "text",
        "session_name": "text",
        "parent_id": "text",
        "forked_at": "integer",
    },
    indexes={},
)
_MENTIONS: Final = Table(
    name="mention",
    columns={"name": "text", "type": "text", "mentions": "integer"},
    indexes={"entity": "(scope, part, session)"},
)
_COMMON: Final = 100
"""An entity that more sessions than this name says little about what two of them share."""
_RARE: Final = 32
"""So many of a session's entities, the rarest, are sought in other sessions."""

_NAMED: Final = """
CREATE TABLE named (
    session INTEGER NOT NULL, part TEXT NOT NULL, scope INTEGER NOT NULL,
    entries INTEGER NOT NULL, mentions INTEGER NOT NULL,
    PRIMARY KEY (session, part)) WITHOUT ROWID;
CREATE INDEX named_entity ON named (scope, part, session);
CREATE TABLE known (
    scope INTEGER NOT NULL, part TEXT NOT NULL, sessions INTEGER NOT NULL,
    PRIMARY KEY (scope, part)) WITHOUT ROWID;
CREATE TRIGGER named_come AFTER INSERT ON named BEGIN
    INSERT INTO known VALUES (new.scope, new.part, 1)
    ON CONFLICT (scope, part) DO UPDATE SET sessions = sessions + 1;
END;
CREATE TRIGGER named_gone AFTER DELETE ON named BEGIN
    UPDATE known SET sessions = sessions - 1 WHERE scope = old.scope AND part = old.part;
    DELETE FROM known WHERE scope = old.scope AND part = old.part AND sessions <= 0;
END;
CREATE TRIGGER mention_come AFTER INSERT ON mention BEGIN
    INSERT INTO named VALUES (new.session, new.part, new.scope, 1, coalesce(new.mentions, 0))
    ON CONFLICT (session, part) DO UPDATE
    SET entries = entries + 1, mentions = mentions + excluded.mentions;
END;
CREATE TRIGGER mention_changed AFTER UPDATE ON mention BEGIN
    UPDATE named SET scope = new.scope,
        mentions = mentions + coalesce(new.mentions, 0) - coalesce(old.mentions, 0)
    WHERE session = new.session AND part = new.part;
END;
CREATE TRIGGER mention_gone AFTER DELETE ON mention BEGIN
    UPDATE named SET entries = entries - 1, mentions = mentions - coalesce(old.mentions, 0)
    WHERE session = old.session AND part = old.part;
    DELETE FROM named WHERE session = old.session AND part = old.part AND entries <= 0;
END;
"""
"""What each session names, and in how many sessions each entity is known, summed up as it comes:
nothing is counted when it is read."""
_SUMS_DIFFER: Final = """
SELECT EXISTS (
    SELECT session, part, scope, count(*), sum(coalesce(mentions, 0)) FROM mention
    GROUP BY session, part
    EXCEPT SELECT session, part, scope, entries, mentions FROM named)
    OR (SELECT count(*) FROM named) <> (SELECT count(*) FROM
        (SELECT DISTINCT session, part FROM mention))
    OR EXISTS (
        SELECT scope, part, count(*) FROM named GROUP BY scope, part
        EXCEPT SELECT scope, part, sessions FROM known)
    OR (SELECT count(*) FROM known) <> (SELECT count(*) FROM
        (SELECT DISTINCT scope, part FROM named))
"""
_NAME: Final = (
    "(SELECT min(m.name) FROM mention m"
    " WHERE m.scope = {0}.scope AND m.part = {0}.part AND m.session = {0}.session)"
)
_ENTITIES: Final = f"""
SELECT {_NAME.format("top")}, mentions FROM
    (SELECT i.scope, i.session, i.part, i.mentions FROM named i WHERE {WITHIN}
     ORDER BY i.mentions DESC, i.part LIMIT ?) top
"""  # noqa: S608 - texts of ours
_SHARED: Final = f"""
WITH mine AS (
    SELECT i.scope, i.session, i.part, k.sessions AS times FROM named i
    CROSS JOIN known k ON k.scope = i.scope AND k.part = i.part
    WHERE {WITHIN}),
rare AS (
    SELECT * FROM mine WHERE times BETWEEN 2 AND {_COMMON} ORDER BY times, part LIMIT {_RARE})
SELECT o.session, r.part, r.times FROM rare r
CROSS JOIN named o INDEXED BY named_entity ON o.scope = r.scope AND o.part = r.part
WHERE o.session <> r.session
"""  # noqa: S608 - texts of ours
_NAMES: Final = f"""
SELECT {_NAME.format("o")}, (SELECT uuid FROM session WHERE id = o.session)
FROM named o WHERE o.session = ? AND o.part = ?
"""  # noqa: S608 - texts of ours
_LINKS: Final = """
WITH here AS (
    SELECT DISTINCT m.session, m.position FROM mention m
    WHERE m.scope = (SELECT id FROM scope WHERE tenant = ?1 AND owner = ?2) AND m.part = ?3)
SELECT min(o.name), count(*) AS times FROM here h
CROSS JOIN mention o ON o.session = h.session AND o.position = h.position
WHERE o.part <> ?3 GROUP BY o.part ORDER BY times DESC, o.part LIMIT ?4
"""


class SQLiteGraph(SQLiteTier):
    """See `Engine` and `GraphReads`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, tier="graph", tables={MENTION: _MENTIONS, "": _NODES}, more=_NAMED)

    def sessions(self) -> Iterator[str]:
        """See `Engine.sessions`. It also checks that the sums are those of the mentions."""
        with self.link.reading() as connection:
            if connection is not None and connection.execute(_SUMS_DIFFER).get:
                raise TierCorrupt("The graph tier's sums are not those of its mentions.")
        yield from super().sessions()

    def entities(self, scope: Scope, session_id: str, *, limit: int) -> list[tuple[str, int]]:
        """See `GraphReads.entities`."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            return connection.execute(
                _ENTITIES, (session_id, scope.tenant, scope.owner, max(limit, 0))
            ).fetchall()

    def related(self, scope: Scope, session_id: str, *, limit: int) -> list[Related]:
        """See `GraphReads.related`."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(_SHARED, (session_id, scope.tenant, scope.owner)).fetchall()
            shared: dict[int, list[tuple[int, str]]] = {}
            for other, key, times in rows:
                shared.setdefault(other, []).append((times, key))
            order = sorted(shared, key=lambda other: (-len(shared[other]), other))
            return [
                _related(connection, other, [key for _, key in sorted(shared[other])])
                for other in order[: max(limit, 0)]
            ]

    def links(self, scope: Scope, entity: str, *, limit: int) -> list[tuple[str, int]]:
        """See `GraphReads.links`."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            return connection.execute(
                _LINKS, (scope.tenant, scope.owner, fold(entity), max(limit, 0))
            ).fetchall()


def _related(connection: Connection, session: int, keys: Sequence[str]) -> Related:
    named = [connection.execute(_NAMES, (session, key)).fetchone() for key in keys]
    return Related(session_id=named[0][1], entities=tuple(name for name, _ in named))
