"""Engines on servers of their own, which a test may kill, freeze and look into."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.contracts.tier_records import HashEmbedder, said
from tests.servers.falkordb import FalkorServer
from tests.servers.kafka import KafkaServer
from tests.servers.mongodb import MongoServer
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import _descendants
from tests.servers.valkey import ValkeyServer

from novacore import tiers
from novacore.kit import SystemClock
from novacore.tiers.engines import make_engine, make_projection
from novacore.tiers.place import Place

Given = TypeVar("Given")

SERVERS: dict[tuple[str, str], tuple[Callable[..., Any], str]] = {
    ("hot", "redis"): (ValkeyServer, "redis_url"),
    ("relational", "postgresql"): (PostgresServer, "postgresql_url"),
    ("vector", "pgvector"): (PostgresServer, "postgresql_url"),
    ("graph", "falkordb"): (FalkorServer, "falkordb_url"),
    ("stream", "redis"): (ValkeyServer, "redis_url"),
    ("document", "mongodb"): (MongoServer, "mongodb_url"),
    ("broker", "nats"): (NatsServer, "nats_url"),
    ("broker", "kafka"): (KafkaServer, "kafka_url"),
}


def place_of(folder: Path, **settings: Any) -> Place:
    """Settings for an engine; every wait is short."""
    config = tiers.Config(**{"timeout_ms": 2_000, **settings})
    return Place(config=config, folder=folder, clock=SystemClock(), embedder=HashEmbedder())


class ServerStage:
    """One engine with a server of its own."""

    def __init__(self, tier: str, name: str, server: Any, folder: Path) -> None:
        self.tier, self.name, self.server = tier, name, server
        self.setting = SERVERS[tier, name][1]
        self.place = place_of(folder, **{self.setting: server.url})
        self.projection = make_projection(tier, self.place)
        self._opened: list[tiers.Engine] = []

    def open(self, **settings: Any) -> Any:
        """An engine on the server."""
        place = place_of(self.place.folder, **{self.setting: self.server.url, **settings})
        engine = make_engine(self.tier, self.name, place=place)
        self._opened.append(engine)
        return engine

    def items(self, start: int, end: int, **facts: Any) -> list[tiers.Item]:
        """Items of so many messages."""
        records = [
            said(f"Look at file{at}.py, Zoë", position=at, **facts) for at in range(start, end)
        ]
        return self.projection.items(records)

    def batch(self, items: list[tiers.Item], sequence: int, **facts: Any) -> tiers.Batch:
        """A batch with a watermark."""
        watermark = tiers.Watermark(
            journal="j", epoch="e", sequence=sequence, erasures=0, projection="p"
        )
        return tiers.Batch(items=items, watermark=watermark, **{"erased": (), **facts})

    def freeze(self) -> None:
        """Stop the server and all its children where they are, without ending them."""
        for pid in self._signal(signal.SIGSTOP):
            while not _is_stopped(pid):
                time.sleep(0.005)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> list[int]:
        first = self.server._process.process.pid
        found = [first, *_descendants(first)]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return found

    def close(self) -> None:
        for engine in self._opened:
            engine.close()


@contextlib.contextmanager
def server_stage(tier: str, name: str, folder: Path, **options: Any) -> Iterator[ServerStage]:
    """An engine with a server of its own, which ends with the block."""
    with SERVERS[tier, name][0](**options) as server:
        stage = ServerStage(tier, name, server, folder)
        try:
            yield stage
        finally:
            stage.close()


def eventually(call: Callable[[], Given]) -> Given:
    """What a call gives once the server serves again."""
    for _ in range(100):
        with contextlib.suppress(tiers.TierUnavailable):
            return call()
        time.sleep(0.1)
    return pytest.fail("The server did not come back for the engine.")


def digests(items: Any) -> list[bytes]:
    """What equal items have in common; the same item twice shows."""
    return sorted(item.digest() for item in items)


def _is_stopped(pid: int) -> bool:
    """True when the kernel shows every thread of a process as stopped, or the process is gone."""
    try:
        states = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return True
    return all(state.rpartition(")")[2].split()[0] in "TtZX" for state in states)
