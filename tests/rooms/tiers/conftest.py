"""Tiers in this process over a journal, with engines that can be made to fail."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from novacore import journal, tiers
from novacore.kit import SystemClock
from novacore.tiers.slot import Slot


class Plain:
    """A projection of every entry's text, and of its length."""

    def __init__(self, tier: str, *, version: str = "1") -> None:
        self.tier = tier
        self.identity = f"plain {version}"
        self.window_us = 0
        self.forgot: list[journal.Erased] = []
        self.poison: set[str] = set()
        self.is_down = False

    def items(self, records: Sequence[tiers.Record]) -> list[tiers.Item]:
        if self.is_down:
            raise tiers.TierUnavailable("The embedder is away.")
        found: list[tiers.Item] = []
        for record in records:
            text = str(record.body.get("content", ""))
            if text in self.poison:
                raise ValueError(f"can't project {text!r}")
            if not record.is_erased:
                found += [self._item(record, "text", {"text": text, "by": record.session_name})]
                found += [self._item(record, "size", {"size": len(text)})]
        return found

    def _item(self, record: tiers.Record, collection: str, value: dict) -> tiers.Item:
        return tiers.Item(
            collection=collection,
            session_id=record.session_id,
            position=record.position,
            tenant=record.tenant,
            owner=record.owner,
            sequence=record.sequence,
            recorded_at_us=record.recorded_at_us,
            value=value,
        )

    def forget_before_us(self, now_us: int) -> int:
        return now_us - self.window_us if self.window_us else 0

    def forget(self, erased: Sequence[journal.Erased]) -> None:
        self.forgot += erased


class Failing(tiers.MemoryEngine):
    """An engine that can be away, refuse a text, or do something between a read and a store."""

    def __init__(self, tier: str) -> None:
        super().__init__(tier)
        self.is_down = False
        self.refused: set[str] = set()
        self.before_apply: Callable[[tiers.Batch], None] = lambda batch: None
        self.batches: list[tiers.Batch] = []

    def state(self) -> tiers.TierState:
        self._check()
        return super().state()

    def apply(self, batch: tiers.Batch) -> None:
        self._check()
        self.before_apply(batch)
        bad = [item for item in batch.items if item.value.get("text") in self.refused]
        if bad:
            raise tiers.ItemRefused(f"no room for {bad[0].value['text']!r}")
        super().apply(batch)
        self.batches.append(batch)

    def read(self, session_id: str) -> Iterator[tiers.Item]:
        self._check()
        return super().read(session_id)

    def health(self) -> tiers.Health:
        if self.is_down:
            return tiers.Health(is_up=False, what="nobody answers")
        return super().health()

    def wipe(self) -> None:
        self._check()
        super().wipe()

    def _check(self) -> None:
        if self.is_down:
            raise tiers.TierUnavailable("Nobody answers.")


@dataclasses.dataclass
class Bench:
    """A journal with tiers over it."""

    store: journal.JournalStore
    folder: Path
    config: tiers.Config
    engines: dict[str, Failing]
    projections: dict[str, Plain]

    @property
    def feed(self) -> journal.Feed:
        return self.store.feed()

    def open(self, *names: str) -> tiers.TierSet:
        slots = [
            Slot(
                name,
                engine_name="memory",
                make_projection=lambda name=name: self.projections[name],
                make_engine=lambda name=name: self.engines[name],
            )
            for name in names or self.engines
        ]
        return tiers.TierSet(
            slots, feed=self.feed, config=self.config, folder=self.folder, clock=SystemClock()
        )

    def say(self, *texts: str, session: str = "talk") -> journal.Appended:
        entries = [{"role": "user", "content": text} for text in texts]
        return self.store.session(session).append(*entries)

    def texts(self, tier: str, session: str = "talk") -> list[str]:
        """The texts that a tier holds of a session, by position."""
        held = self.engines[tier].read(self.store.session(session).id)
        found = sorted((item.position, item.value["text"]) for item in held if "text" in item.value)
        return [text for _, text in found]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A journal in memory and two tiers."""
    with journal.open_memory() as store:
        yield Bench(
            store,
            tmp_path / "tiers",
            tiers.Config(retry_ms_max=100, tries_max=3, gather_ms=0),
            {name: Failing(name) for name in ("hot", "graph")},
            {name: Plain(name) for name in ("hot", "graph")},
        )
