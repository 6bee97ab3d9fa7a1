"""Physical backups of a PostgreSQL server bring the journal back like any other backup."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.rooms.ops.conftest import LIMITS, World, all_entries, digests
from tests.servers.postgres import PostgresServer

from novacore import journal, ops

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of our own: all of it is backed up."""
    with PostgresServer() as server:
        yield server


@dataclasses.dataclass
class Place:
    """A world whose journal is in PostgreSQL, and its server as backups see it."""

    world: World
    server: ops.Server

    def back_up(self, **options: object) -> ops.Verified:
        return self.world.back_up(server=self.server, **options)

    def restore(self, name: str, at: ops.Moment, *, backup: str = "") -> journal.JournalStore:
        catalog = self.world.catalog
        chosen = ops.choose_backup(catalog, at=at, backup=backup)
        folder = self.world.folder / name
        with journal.open_replica(folder, config=LIMITS) as target:
            ops.restore(catalog, target, backup=chosen, at=at, server=self.server)
        return journal.open_store(folder, config=LIMITS)


@pytest.fixture
def place(quick_path: Path, postgres: PostgresServer) -> Iterator[Place]:
    made = World(quick_path)
    made.close()
    url = postgres.new_schema()
    made.store = journal.open_postgres(url, config=LIMITS, clock=made.clock)
    made.sessions = [made.store.session(f"s{n}", workspace="w") for n in range(3)]
    server = ops.Server(url=url, programs=str(postgres._programs), scratch=quick_path / "scratch")
    yield Place(world=made, server=server)
    made.close()


def test_a_line_of_physical_backups_restores_any_moment_exactly(place: Place) -> None:
    place.world.live(15, erases=True)
    first = place.back_up().backup
    place.world.live(15)
    second = place.back_up().backup
    place.world.live(5)
    third = place.back_up().backup
    assert [each.is_full for each in (first, second, third)] == [True, False, False]
    assert {each.kind for each in (first, second, third)} == {"physical"}
    with place.restore("all", ops.Moment()) as restored:
        assert all_entries(restored) == all_entries(place.world.store)
        assert digests(restored) == digests(place.world.store)
        assert restored.verify(all_owners=True).problems == []
    sequence = first.sequence + 7
    with place.restore("then", ops.Moment(sequence=sequence)) as restored:
        assert all_entries(restored) == all_entries(place.world.store, sequence)


def test_what_was_erased_since_does_not_come_back(place: Place) -> None:
    place.world.sessions[0].append({"role": "user", "content": "planted canary"})
    place.back_up()
    place.world.erase(place.world.sessions[0])
    ops.note_erasures(place.world.catalog.folder, place.world.store.replica().erasures())
    with place.restore("new", ops.Moment()) as restored:
        assert digests(restored) == digests(place.world.store)
    for path in (place.world.folder / "new").rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes()
    for path in place.world.catalog.folder.iterdir():
        assert b"canary" not in path.read_bytes()


def test_a_lost_piece_of_the_log_begins_a_new_line(place: Place) -> None:
    place.world.live(5)
    place.back_up()
    with psycopg.connect(place.server.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name LIKE 'novacore%'"
        )
    place.world.live(5)
    assert place.back_up().backup.is_full


def test_missing_programs_are_named(place: Place, tmp_path: Path) -> None:
    server = dataclasses.replace(place.server, programs=str(tmp_path))
    with pytest.raises(ops.PlaceRefused, match="pg_basebackup"):
        place.world.back_up(server=server)
    assert place.world.catalog.list_backups() == []


def test_a_flipped_byte_in_a_physical_backup_is_found(place: Place) -> None:
    place.world.live(3)
    made = ops.make_physical(
        place.world.store.replica(),
        place.world.catalog,
        server=place.server,
        clock=place.world.clock,
    )
    part = place.world.catalog.folder / f"{made.id}.part"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(bytes(data))
    with pytest.raises(ops.BackupDamaged):
        place.restore("new", ops.Moment())


def test_the_password_is_in_no_command_line_but_in_a_private_file(tmp_path: Path) -> None:
    server = ops.Server(url="postgresql://u:p%40s%3As@host:5/db?x=1", scratch=tmp_path / "scratch")
    with server.address() as url:
        shown, _, path = url.partition("&passfile=")
        assert shown == "postgresql://u@host:5/db?x=1"
        assert Path(path).read_text() == "*:*:*:*:p@s\\:s\n"
        assert Path(path).stat().st_mode & 0o077 == 0
    assert not Path(path).exists()
