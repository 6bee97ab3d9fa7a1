"""A journal with a life behind it, its backups, and a key."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from novacore import journal, ops
from novacore.kit import FixedClock

LIMITS = journal.Config(
    blob_text_bytes=4096, seal_entries=5, seal_bytes=4096, segment_bytes_max=64 * 1024
)
OWNERS = (journal.Scope(), journal.Scope(tenant="acme", owner="mira"))
BLOB = "blob " * 1_500


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the machine has one: these tests are not about outliving it."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="nova-test-") as folder:
        yield Path(folder)


class World:
    """A journal that goes on living, its backups, and what it looked like at each sequence."""

    def __init__(self, folder: Path, *, seed: int = 1) -> None:
        self.folder = folder
        self.clock = FixedClock()
        self.chance = random.Random(seed)
        self.key = ops.make_key(folder / "backup.key")
        self.catalog = ops.Catalog(folder / "backups", key=self.key)
        self.store = journal.open_store(folder / "data", config=LIMITS, clock=self.clock)
        self.sessions = [
            self.store.for_owner(owner).session(f"s{n}", workspace="w")
            for owner in OWNERS
            for n in range(3)
        ]
        self.steps = 0

    def live(self, steps: int, *, erases: bool = False) -> None:
        """Append, fork, and where wanted erase, at random."""
        for _ in range(steps):
            self.steps += 1
            self.clock.advance_ms(self.chance.randint(0, 50))
            session = self.chance.choice(self.sessions)
            self._append(session)
            if self.chance.random() < 0.06:
                at = self.chance.randint(0, session.open().position)
                scope = self.chance.choice(OWNERS)
                self.sessions.append(session.fork(at=at, name=f"f{self.steps}", scope=scope))
            if erases and self.chance.random() < 0.05:
                self.erase_some(session)

    def _append(self, session: journal.JournalSession) -> None:
        session.append(
            *[
                journal.NewEntry(
                    body={
                        "role": "user",
                        "content": f"{self.steps}.{n} "
                        + (BLOB if self.chance.random() < 0.08 else "ü"),
                    },
                    kind=self.chance.choice(("message", "message", "state")),
                    said_at_us=self.steps,
                )
                for n in range(self.chance.randint(1, 4))
            ]
        )

    def erase_some(self, session: journal.JournalSession) -> None:
        """Erase a few of a session's own entries."""
        owned = self.store.feed().find_session(session.id)
        own = range(owned.info.forked_at or 0, session.open().position)
        if own:
            positions = self.chance.sample(own, k=min(2, len(own)))
            self.store.for_owner(owned.scope).erase(session.id, positions=positions)

    def erase(self, session: journal.JournalSession) -> None:
        """Erase a session whole."""
        owned = self.store.feed().find_session(session.id)
        self.store.for_owner(owned.scope).erase(session.id)
        self.sessions.remove(session)

    def back_up(self, **options: object) -> ops.Verified:
        """A backup that counts."""
        options = {"full_days": 7} | options
        return ops.back_up(
            self.store.replica(),
            self.catalog,
            clock=self.clock,
            scratch=self.folder / "scratch",
            config=LIMITS,
            steps=lambda _what: lambda _done, _total: None,
            **options,
        )

    def restore(
        self, *, at: ops.Moment | None = None, backup: str = "", name: str = "restored"
    ) -> journal.JournalStore:
        """A new store from the backups, opened."""
        at = at or ops.Moment()
        chosen = ops.choose_backup(self.catalog, at=at, backup=backup)
        with journal.open_replica(self.folder / name, config=LIMITS) as target:
            ops.restore(self.catalog, target, backup=chosen, at=at)
        return journal.open_store(self.folder / name, config=LIMITS, clock=self.clock)

    def close(self) -> None:
        """Close the journal."""
        self.store.close()


@pytest.fixture
def world(quick_path: Path) -> Iterator[World]:
    """A fresh world."""
    made = World(quick_path)
    yield made
    made.close()


def all_entries(store: journal.JournalStore, until: int | None = None) -> list[bytes]:
    """Every entry as it is stored, up to a sequence."""
    found = store.replica().read(0, 10_000)
    return [each for each in found if until is None or journal.place_of(each).sequence <= until]


def digests(store: journal.JournalStore) -> dict[str, str]:
    """The digest of every session by its id."""
    feed = store.feed()
    return {
        owned.info.id: journal.transcript_digest(feed.transcript(owned.info.id))
        for owned in feed.list_sessions()
    }
