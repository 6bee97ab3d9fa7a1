"""The graph tier on SQLite: nodes and links as rows, what entries name in a table of its own."""

from typing import Final

from novacore.journal import Scope
from novacore.tiers.entities import fold
from novacore.tiers.place import Place
from novacore.tiers.projection_graph import MENTION
from novacore.tiers.reading import Related
from novacore.tiers.sqlite_rows import Table
from novacore.tiers.sqlite_tier import WITHIN, SQLiteTier

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
_COMMON: Final = 200
"""An entity that more entries than this name says little about what two sessions share."""
_RARE: Final = 64
"""So many of a session's entities, the rarest, are compared with other sessions."""

_SHARED: Final = f"""
WITH mine AS (
    SELECT DISTINCT i.part, i.scope, i.session FROM mention i
    WHERE {WITHIN}),
rare AS (
    SELECT part, scope, session,
        (SELECT count(*) FROM (SELECT 1 FROM mention m INDEXED BY mention_entity
            WHERE m.scope = mine.scope AND m.part = mine.part LIMIT {_COMMON + 1})) AS times
    FROM mine ORDER BY times, part LIMIT {_RARE})
SELECT s.uuid, r.part, r.times, min(m.name)
FROM rare r
CROSS JOIN mention m INDEXED BY mention_entity ON m.scope = r.scope AND m.part = r.part
CROSS JOIN session s ON s.id = m.session
WHERE m.session <> r.session AND r.times <= {_COMMON}
GROUP BY m.session, r.part
"""  # noqa: S608 - numbers of ours
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
        super().__init__(place, tier="graph", tables={MENTION: _MENTIONS, "": _NODES})

    def entities(self, scope: Scope, session_id: str, *, limit: int) -> list[tuple[str, int]]:
        """See `GraphReads.entities`."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            return connection.execute(
                "SELECT min(i.name), sum(i.mentions) AS times FROM mention i"  # noqa: S608 - ours
                f" WHERE {WITHIN} GROUP BY i.part ORDER BY times DESC, i.part LIMIT ?",
                (session_id, scope.tenant, scope.owner, max(limit, 0)),
            ).fetchall()

    def related(self, scope: Scope, session_id: str, *, limit: int) -> list[Related]:
        """See `GraphReads.related`."""
        with self.link.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(_SHARED, (session_id, scope.tenant, scope.owner)).fetchall()
        shared: dict[str, list[tuple[int, str, str]]] = {}
        for other, key, times, name in rows:
            shared.setdefault(other, []).append((times, key, name))
        order = sorted(shared, key=lambda other: (-len(shared[other]), other))
        return [
            Related(session_id=other, entities=tuple(name for *_, name in sorted(shared[other])))
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
