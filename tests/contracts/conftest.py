"""Where a journal is kept while the contract suite runs: every engine, and one that always seals.

A new engine joins by a line in `ENGINES` and a branch in `Place.open`.
"""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.servers.postgres import PostgresServer

from novacore import journal, kit, remote, settings
from novacore.kit import FixedClock

if TYPE_CHECKING:
    from tests.servers.nova_store import StoreServer

ENGINES = ("memory", "sqlite", "sqlite-sealing", "json", "postgres", "postgres-sealing", "remote")
"""Those that seal do it with every other entry: what they read was merged over and over. The remote
one is `novacore.connect` to a server that keeps its journal in SQLite."""

LEFT_OUT = ("postgres", "remote")
"""By the quick tests: what goes through the same calls as another one, and takes its time."""

OPERATORS = ("test_journal_copy", "test_journal_feed")
"""Modules about what only who holds a journal can do: exact copies, and every owner's entries."""
OPERATORS_TESTS = (
    "test_an_owner_is_not_told_of_anothers_sessions_by_verify",
    "test_a_sound_journal_verifies",
    "test_another_owners_fork_keeps_a_visible_gap",
    "test_an_owner_can_not_erase_what_another_owner_shared",
    "test_a_fork_in_another_owners_hands_loses_the_long_text_too",
    "test_a_fork_given_to_another_owner_shows_the_shared_part_only",
)
"""The same, by test: what gives one owner's entries to another, or looks at all owners."""

SEALING = {"seal_entries": 2, "seal_bytes": 4096, "segment_bytes_max": 64 * 1024}


@dataclasses.dataclass
class Place:
    """One engine and the folder that it may use."""

    engine: str
    folder: Path
    clock: FixedClock
    url: str = ""
    _urls: "JournalURLs | None" = dataclasses.field(default=None, repr=False)
    _server: "StoreServer | None" = dataclasses.field(default=None, repr=False)
    _opened: list[journal.JournalStore] = dataclasses.field(default_factory=list, repr=False)

    @property
    def is_durable(self) -> bool:
        """True: closing and opening it again gives the same journal."""
        return self.engine != "memory"

    def prepare(self, request: pytest.FixtureRequest) -> None:
        """Give an engine on a server a place of its own there."""
        if self.engine.startswith("postgres"):
            self._urls = request.getfixturevalue("journal_urls")
            self.url = self._urls.take()
        if self.engine == "remote":
            self._server = request.getfixturevalue("store_server")

    def clear(self) -> None:
        """Close what was opened, and begin with nothing again."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._urls is not None:
            self.url = self._urls.take()

    def open(self, **limits: int) -> journal.JournalStore:
        """A store of the default owner, with these limits; closed when the test ends."""
        if self.engine.endswith("-sealing"):
            limits = SEALING | limits
        config = journal.Config(**limits)
        if self.engine == "memory":
            store = journal.open_memory(config=config, clock=self.clock)
        elif self.engine == "json":
            store = journal.open_json(self.folder, config=config, clock=self.clock)
        elif self.engine.startswith("postgres"):
            store = journal.open_postgres(
                self.url, config=config, clock=self.clock, folder=self.folder
            )
        else:
            store = journal.open_store(self.folder, config=config, clock=self.clock)
        self._opened.append(store)
        if self._server is not None:
            store = connect(self._server, store, journal.Scope(), clock=self.clock)
            self._opened.append(store)
        return store

    def open_replica(self) -> journal.Replica:
        """The same place as exact bytes; the caller closes it."""
        if self.url:
            return journal.open_postgres_replica(self.url, clock=self.clock, folder=self.folder)
        return journal.open_replica(self.folder, clock=self.clock)

    def reopen(self, store: journal.JournalStore, **limits: int) -> journal.JournalStore:
        """The same journal after a restart; the same store where the engine keeps nothing."""
        if not self.is_durable:
            return store
        if self._server is not None:
            self.close()
        store.close()
        return self.open(**limits)

    def close(self) -> None:
        """Close whatever the test opened."""
        while self._opened:
            self._opened.pop().close()
        if self._urls is not None:
            self._urls.give_back(self.url)


class KeyringStore(remote.RemoteStore):
    """A remote store that has a key for every owner, as the one with the journal has."""

    server: "StoreServer"
    behind: journal.JournalStore

    def for_owner(self, scope: journal.Scope) -> remote.RemoteStore:
        """The journal opened with that owner's key."""
        return connect(self.server, self.behind, scope, clock=self._core.clock)


def connect(
    server: "StoreServer",
    behind: journal.JournalStore,
    scope: journal.Scope,
    *,
    clock: kit.Clock,
) -> KeyringStore:
    """Another connection to a journal behind the server."""
    key = server.add(behind, scope)
    made = remote.connect(server.url, key, config=IMPATIENT, clock=clock)
    store = made.made_into(
        lambda core, scope: KeyringStore(core, scope, channel=made.channel, url=server.url)
    )
    store.server, store.behind = server, behind
    return store


IMPATIENT = settings.RemoteConfig(retry_ms=0)


class JournalURLs:
    """Empty journals on the server: making one takes longer than most tests, so they are wiped."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._free: list[str] = []

    def take(self) -> str:
        """The URL of an empty journal, or of an empty schema where one is to be made."""
        return self._free.pop() if self._free else self._server.new_schema()

    def give_back(self, url: str) -> None:
        """Wipe a journal whose test is over; again for one that was wiped is no harm."""
        if url in self._free:
            return
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('journal_head')").fetchone() != (None,):
                connection.execute(_WIPE)
                self._free.append(url)


_TABLES = (
    "session",
    "entry",
    "tail",
    "segment",
    "blob",
    "blob_ref",
    "blob_note",
    "erasure",
    "erasing",
)
_WIPE = (
    "".join(f"DELETE FROM journal_{table};" for table in _TABLES)
    + "UPDATE journal_head SET id = uuid_send(gen_random_uuid()), epoch = 1, sequence = 0,"
    " chain = decode(repeat('00', 32), 'hex'), recorded_us = 0, generation = 0, standing = '',"
    " erasures = 0, changes = changes + 1"
)


@pytest.fixture(scope="session")
def journal_urls(postgres_server: PostgresServer) -> JournalURLs:
    """Empty journals on PostgreSQL."""
    return JournalURLs(postgres_server)


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the machine has one: a contract is not about outliving it."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="nova-test-") as folder:
        yield Path(folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a place on every engine that can do it."""
    if "place" not in metafunc.fixturenames:
        return
    module = metafunc.module.__name__.rpartition(".")[2]
    is_for_all = module not in OPERATORS and metafunc.function.__name__ not in OPERATORS_TESTS
    metafunc.parametrize(
        "place",
        [
            pytest.param(each, marks=pytest.mark.heavy) if each in LEFT_OUT else each
            for each in ENGINES
            if is_for_all or each != "remote"
        ],
        indirect=True,
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, quick_path: Path) -> Iterator[Place]:
    """Each engine in turn."""
    found = Place(request.param, quick_path / "data", FixedClock())
    found.prepare(request)
    yield found
    found.close()


@pytest.fixture
def store(place: Place) -> journal.JournalStore:
    """An empty journal on each engine in turn."""
    return place.open()


@pytest.fixture
def session(store: journal.JournalStore) -> journal.JournalSession:
    """An empty session on each engine in turn."""
    return store.session("talk")
