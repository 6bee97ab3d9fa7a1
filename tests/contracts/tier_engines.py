"""Every engine of every tier, as the contracts get it.

A new engine joins by an `EngineUnderTest` in `ENGINES`. One on a server names in `server` the
fixture that starts it, and in `config` how that fixture's value becomes settings; each test gets a
prefix of its own.
"""

import contextlib
import dataclasses
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.tier_records import HashEmbedder
from tests.contracts.tier_servers import SERVER_ENGINES

from novacore import tiers
from novacore.kit import FixedClock
from novacore.tiers.embedded.memory import MemoryEngine
from novacore.tiers.engines import PROJECTIONS, make_engine, make_projection
from novacore.tiers.place import Place

JOURNAL = "4a6f7572-6e61-4c00-8000-000000000001"
EPOCH = "45706f63-6800-4c00-8000-000000000001"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineUnderTest:
    """One engine and what it needs."""

    tier: str
    name: str
    server: str = ""
    """The fixture that starts its server; empty: it needs none."""
    config: Callable[[Any], dict[str, Any]] = lambda server: {}
    """The settings that the fixture's value stands for."""
    dead: dict[str, Any] | None = None
    """Settings under which no server answers; None: it needs none."""

    def __str__(self) -> str:
        return f"{self.tier}-{self.name}"


ENGINES: Sequence[EngineUnderTest] = (
    *(EngineUnderTest(tier=tier, name="memory") for tier in PROJECTIONS),
    *(
        EngineUnderTest(tier=tier, name="sqlite")
        for tier in ("hot", "relational", "graph", "stream", "document", "broker")
    ),
    EngineUnderTest(tier="vector", name="usearch"),
    *(EngineUnderTest(**each) for each in SERVER_ENGINES if each["tier"] in PROJECTIONS),
)


@dataclasses.dataclass
class Stage:
    """An engine on storage of its own, and what is applied to it."""

    under_test: EngineUnderTest
    place: Place
    projection: tiers.Projection
    _memory: MemoryEngine | None = None
    _opened: list[tiers.Engine] = dataclasses.field(default_factory=list)

    @property
    def tier(self) -> str:
        return self.under_test.tier

    @property
    def is_durable(self) -> bool:
        """True: another engine object, or process, sees what this one stored."""
        return self.under_test.name != "memory"

    def open(self) -> Any:
        """An engine on the storage; what it stored before is there."""
        if not self.is_durable:
            self._memory = self._memory or MemoryEngine(self.tier)
            return self._memory
        engine = make_engine(self.tier, self.under_test.name, place=self.place)
        self._opened.append(engine)
        return engine

    def dead(self, folder: Path) -> Any:
        """An engine whose storage can't be reached."""
        blocked = folder / "blocked"
        blocked.write_text("a file where a folder should be")
        config = dataclasses.replace(self.place.config, **(self.under_test.dead or {}))
        place = dataclasses.replace(self.place, folder=blocked / "tier", config=config)
        engine = make_engine(self.tier, self.under_test.name, place=place)
        self._opened.append(engine)
        return engine

    def items(self, records: Sequence[tiers.Record]) -> list[tiers.Item]:
        """What the tier's projection makes of the records."""
        return self.projection.items(records)

    def batch(self, records: Sequence[tiers.Record] = (), **facts: Any) -> tiers.Batch:
        """A batch of these records' items; the watermark is at the last one."""
        sequence = max((record.sequence for record in records), default=0)
        return self.batch_of(self.items(records), sequence=sequence, **facts)

    def batch_of(
        self, items: Sequence[tiers.Item] = (), *, sequence: int = 0, **facts: Any
    ) -> tiers.Batch:
        """A batch of these items."""
        defaults = {"erased": (), "watermark": self.watermark(sequence)}
        return tiers.Batch(items=items, **{**defaults, **facts})

    def watermark(self, sequence: int = 0, **facts: Any) -> tiers.Watermark:
        """A watermark at a sequence."""
        defaults = {
            "journal": JOURNAL,
            "epoch": EPOCH,
            "erasures": 0,
            "projection": self.projection.identity,
        }
        return tiers.Watermark(sequence=sequence, **{**defaults, **facts})

    def raw(self) -> bytes:
        """Everything in the tier's folder, for the search of what should not be there."""
        paths = sorted(self.place.folder.rglob("*"))
        return b"\n".join(path.read_bytes() for path in paths if path.is_file())

    def close(self) -> None:
        """Close every engine, after wiping what stands on a shared server."""
        for engine in self._opened[-1:]:
            with contextlib.suppress(tiers.TierError):
                engine.wipe()
        for engine in self._opened:
            engine.close()


@contextlib.contextmanager
def stage_of(
    under_test: EngineUnderTest, request: pytest.FixtureRequest, folder: Path, **limits: Any
) -> Iterator[Stage]:
    """A stage for one engine; its server is started when it is the first to ask."""
    server = request.getfixturevalue(under_test.server) if under_test.server else None
    prefix = f"t{uuid.uuid4().hex[:10]}"
    config = tiers.Config(**{"prefix": prefix, **under_test.config(server), **limits})
    folder.mkdir(parents=True, exist_ok=True)  # the data directory: no tier makes that
    place = Place(
        config=config,
        folder=folder / "tiers" / under_test.tier,
        clock=FixedClock(),
        embedder=HashEmbedder(),
    )
    stage = Stage(under_test, place, make_projection(under_test.tier, place))
    try:
        yield stage
    finally:
        stage.close()


def of_tier(tier: str) -> list[EngineUnderTest]:
    """The engines of a tier that offer what it is read for."""
    return [each for each in ENGINES if each.tier == tier and each.name != "memory"]


def digests(items: Any) -> set[tuple[Any, bytes]]:
    """What two engines that hold the same agree on."""
    return {(item.key, item.digest()) for item in items}


def shuffled(items: Sequence[Any], seed: int = 7) -> list[Any]:
    """The same in another order, always the same one."""
    found = list(items)
    random.Random(seed).shuffle(found)
    return found
