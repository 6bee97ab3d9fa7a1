"""The graph tier on Neo4j. No Neo4j server was at hand: this dialect has not met one.

The statements are those that FalkorDB passes the contract with; what is Neo4j's own (transactions,
constraints, deletion in portions) is written after its manual. `tested_with` is empty, and so say
`nova doctor` and docs/reference/tiers.md.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from novacore.tiers.errors import TierError, TierUnavailable
from novacore.tiers.model import Health
from novacore.tiers.place import Place
from novacore.tiers.server_names import segment
from novacore.tiers.servers.cypher_graph import CypherGraph, Rows, Statement
from novacore.tiers.servers.cypher_items import LABELS
from novacore.tiers.servers.server_link import address, check_url, library, reason

_INDEXED: Final = (("Entry", "session"), ("Entry", "position"), ("Session", "session"))
_PORTION: Final = 10_000


class Neo4jGraph(CypherGraph):
    """Sessions, entries and entities in Neo4j 5 or later. Not tested: no server was at hand.

    Args:
        place: its settings say where the server is, the prefix and the limits.
    """

    name = "neo4j"
    tested_with = ""

    def __init__(self, place: Place) -> None:
        super().__init__(Neo4jDialect(place))


class Neo4jDialect:
    """Statements to one database, those of a batch in one transaction."""

    def __init__(self, place: Place) -> None:
        self._url = place.config.neo4j_url
        self._timeout_s = place.config.timeout_ms / 1000
        self._labels = f"{segment(place.config.prefix)}_"
        self._driver: Any = None

    @contextmanager
    def _session(self) -> Generator[Any]:
        """A session of the driver, its errors in our words."""
        neo4j = library("neo4j", extra="neo4j")
        wrong = neo4j.exceptions
        try:
            if self._driver is None:
                self._driver = self._connect(neo4j)
            with self._driver.session() as session:
                yield session
        except (wrong.DriverError, wrong.Neo4jError, OSError, ValueError) as error:
            self.close()
            raise TierUnavailable(
                f"Neo4j at {address(self._url)} does not serve us: {reason(error, url=self._url)}"
            ) from None

    def _connect(self, neo4j: Any) -> Any:
        """A driver that has spoken with the server; user and password come out of the URL."""
        check_url(self._url, what="Neo4j")
        found = urlsplit(self._url)
        user, password = unquote(found.username or ""), unquote(found.password or "")
        driver = neo4j.GraphDatabase.driver(
            found._replace(netloc=found.netloc.rpartition("@")[2]).geturl(),
            auth=(user, password) if user else None,
            connection_timeout=self._timeout_s,
            connection_acquisition_timeout=self._timeout_s,
            max_transaction_retry_time=self._timeout_s,
        )
        try:
            with driver.session() as session:
                for statement in self._schema():
                    session.run(statement).consume()
        except BaseException:
            driver.close()
            raise
        return driver

    def _schema(self) -> list[str]:
        keys = [
            f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:`@{label}`) REQUIRE n.key IS UNIQUE"
            for label in (*LABELS, "State")
        ]
        indexes = [
            f"CREATE INDEX IF NOT EXISTS FOR (n:`@{label}`) ON (n.{name})"
            for label, name in _INDEXED
        ]
        return [self._named(statement) for statement in [*keys, *indexes]]

    def _named(self, statement: str) -> str:
        return statement.replace("`@", f"`{self._labels}")

    def run(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run statements in one transaction."""
        with (
            self._session() as session,
            session.begin_transaction(timeout=self._timeout_s) as transaction,
        ):
            found = [
                [list(record.values()) for record in transaction.run(self._named(text), values)]
                for text, values in statements
            ]
            transaction.commit()
        return found

    def wipe(self) -> None:
        """Delete every node under the prefix, in portions; constraints and indexes stay."""
        with self._session() as session:
            for label in LABELS:
                statement = (
                    f"MATCH (n:`@{label}`) CALL {{ WITH n DETACH DELETE n }}"
                    f" IN TRANSACTIONS OF {_PORTION} ROWS"
                )
                session.run(self._named(statement)).consume()

    def forget_log(self) -> None:
        """Neo4j deletes its transaction logs by the operator's rule; nothing can ask for it."""

    def health(self) -> Health:
        """A statement, timed, and what the server calls itself."""
        try:
            with self._session() as session:
                began = time.perf_counter()
                summary = session.run("RETURN 1").consume()
                latency_ms = (time.perf_counter() - began) * 1000
        except TierError as error:
            return Health(is_up=False, what=str(error))
        what = str(summary.server.agent or "Neo4j").replace("/", " ")
        return Health(is_up=True, what=what, latency_ms=latency_ms)

    def close(self) -> None:
        """Close the driver; the next call makes a new one."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()
