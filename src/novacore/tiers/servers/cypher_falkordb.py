"""The graph tier on FalkorDB: a graph under one key of a server of the Redis protocol."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from novacore.tiers.errors import TierCorrupt, TierError
from novacore.tiers.model import Health
from novacore.tiers.place import Place
from novacore.tiers.server_names import segment
from novacore.tiers.servers.cypher_graph import CypherGraph, Rows, Statement
from novacore.tiers.servers.cypher_items import LABELS
from novacore.tiers.servers.redis_link import RedisLink
from novacore.tiers.servers.server_link import library

_INDEXED: Final = (
    *((label, "key") for label in LABELS),
    ("Entry", "session"),
    ("Entry", "position"),
    ("Session", "session"),
)
_ALREADY: Final = "already indexed"


class FalkorDBGraph(CypherGraph):
    """Sessions, entries and entities in FalkorDB. The server is the operator's: it is under SSPL.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    name = "falkordb"
    tested_with = "FalkorDB 4.16.3 in Redis 8.2.3"

    def __init__(self, place: Place) -> None:
        super().__init__(FalkorDBDialect(place))


class FalkorDBDialect:
    """Statements to one graph. Each is atomic, and the watermark is the last one."""

    def __init__(self, place: Place) -> None:
        config = place.config
        self._link = RedisLink(config.falkordb_url, place=place, tier="graph", extra="falkordb")
        self._graph = self._link.own_key("all")
        self._labels = f"{segment(config.prefix)}_"
        self._has_indexes = False

    def run(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run statements one after another."""
        if not self._has_indexes:
            self._create_indexes()
        with self._link.client() as client:
            return [self._ask(client, *statement) for statement in statements]

    def _ask(self, client: Any, text: str, values: Mapping[str, Any]) -> Rows:
        head = " ".join(f"{name}={literal(value)}" for name, value in values.items())
        query = f"CYPHER {head} {text}" if head else text
        answer = client.execute_command(
            "GRAPH.QUERY", self._graph, query.replace("`@", f"`{self._labels}")
        )
        rows = cast(Rows, answer[1] if len(answer) == 3 else [])
        return [[_plain(value) for value in row] for row in rows]

    def _create_indexes(self) -> None:
        with self._link.client() as client:
            wrong = library("redis", extra="falkordb").exceptions
            for label, name in _INDEXED:
                statement = f"CREATE INDEX FOR (n:`@{label}`) ON (n.{name})"
                try:
                    self._ask(client, statement, {})
                except wrong.ResponseError as error:
                    if _ALREADY not in str(error):
                        raise
        self._has_indexes = True

    def wipe(self) -> None:
        """Destroy the graph and make its indexes anew."""
        self._link.wipe()
        self._create_indexes()

    def forget_log(self) -> None:
        """Rewrite the server's log; drop the graph's list of recent statements."""
        with self._link.client() as client:
            client.unlink(f"telemetry{{{self._graph}}}")
        self._link.rewrite_log()

    def health(self) -> Health:
        """A statement, timed, and the module's version."""
        try:
            with self._link.client() as client:
                began = time.perf_counter()
                client.execute_command("GRAPH.RO_QUERY", self._graph, "RETURN 1")
                latency_ms = (time.perf_counter() - began) * 1000
                version = _version(client)
        except TierCorrupt:
            # Before the first write there is no graph to ask.
            return self._link.health()
        except TierError as error:
            return Health(is_up=False, what=str(error))
        return Health(is_up=True, what=f"FalkorDB{version}", latency_ms=latency_ms)

    def close(self) -> None:
        """Close the connections."""
        self._has_indexes = False
        self._link.close()


def literal(value: object) -> str:
    """A value as Cypher writes it; FalkorDB takes parameters as text."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, object], value).items()
        return f"{{{','.join(f'{name}:{literal(each)}' for name, each in pairs)}}}"
    return f"[{','.join(map(literal, cast(Sequence[object], value)))}]"


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _version(client: Any) -> str:
    """The module's version as text, where the server may say it."""
    modules: list[Mapping[Any, Any]] = []
    # A user who may not list modules still has a graph.
    with suppress(library("redis", extra="falkordb").exceptions.ResponseError):
        modules = client.module_list()
    for module in modules:
        facts = {_plain(name): _plain(value) for name, value in module.items()}
        if facts.get("name") == "graph":
            number = int(facts["ver"])
            return f" {number // 10_000}.{number // 100 % 100}.{number % 100}"
    return ""
