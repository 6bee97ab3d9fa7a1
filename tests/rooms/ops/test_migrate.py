"""Moving a whole installation: equal in every session, caught up, one store in use at a time."""

import threading
from pathlib import Path

import apsw
import pytest
from tests.rooms.ops.conftest import LIMITS, World, all_entries, digests

from novacore import journal, ops


@pytest.fixture(params=("sqlite", "postgres"))
def place(request: pytest.FixtureRequest, quick_path: Path) -> str | Path:
    """Where to move."""
    if request.param == "sqlite":
        return quick_path / "moved"
    return request.getfixturevalue("postgres_server").new_schema()


def steps(_what: str) -> ops.Progress:
    return lambda _done, _total: None


def move(world: World, place: str | Path, *, name: str = "there") -> ops.Copied:
    with journal.open_replica(place, config=LIMITS) as target:
        return ops.migrate(world.store.replica(), target, place=name, steps=steps)


def opened(place: str | Path) -> journal.JournalStore:
    if journal.is_url(place):
        return journal.open_postgres(str(place), config=LIMITS)
    return journal.open_store(place, config=LIMITS)


def test_a_moved_journal_is_equal_and_opens_a_new_epoch(world: World, place: str | Path) -> None:
    world.live(60, erases=True)
    world.erase(world.sessions[3])
    before = world.store.feed().state()
    done = move(world, place)
    with opened(place) as store:
        state = store.feed().state()
        assert (state.journal, state.sequence) == (before.journal, before.sequence)
        assert state.epoch == done.epoch != before.epoch
        assert digests(store) == digests(world.store)
        assert all_entries(store) == all_entries(world.store)
        assert store.verify(all_owners=True).problems == []
        assert store.replica().erasures() == world.store.replica().erasures()


def test_the_old_store_says_where_the_journal_went(world: World, place: str | Path) -> None:
    world.live(5)
    move(world, place, name="the new place")
    with pytest.raises(journal.StoreMoved, match="the new place"):
        world.live(1)
    with opened(place) as store:
        store.session("s0", workspace="w").append({"role": "user", "content": "goes on"})


def test_programs_that_know_no_moves_may_not_write_to_what_moved(world: World) -> None:
    """The first release looks at `lowest_writer` before each append, and at nothing else."""
    world.live(3)
    move(world, world.folder / "moved")
    assert _lowest_writer(world.folder / "data") > 1
    assert _lowest_writer(world.folder / "moved") == 1
    world.store.replica().mark_moved("")
    assert _lowest_writer(world.folder / "data") == 1


def _lowest_writer(folder: Path) -> int:
    connection = apsw.Connection(str(folder / "journal.db"))
    try:
        found = connection.execute("SELECT value FROM meta WHERE key='lowest_writer'").fetchone()
        return int(found[0])
    finally:
        connection.close()


def test_what_is_appended_meanwhile_is_caught_up(world: World, place: str | Path) -> None:
    world.live(60)
    written: list[str] = []
    refused: list[journal.StoreMoved] = []

    def write() -> None:
        while True:
            try:
                world.sessions[0].append({"role": "user", "content": f"late {len(written)}"})
            except journal.StoreMoved as error:
                refused.append(error)
                return
            written.append(f"late {len(written)}")

    writer = threading.Thread(target=write)
    writer.start()
    move(world, place)
    writer.join()
    assert refused
    with opened(place) as store:
        moved = store.feed().transcript(world.sessions[0].id)
        texts = [str(message["content"]) for message in moved]
        assert [text for text in texts if text.startswith("late")] == written


def test_a_move_there_and_back_keeps_what_came_in_between(world: World, place: str | Path) -> None:
    world.live(20)
    move(world, place)
    with opened(place) as store:
        store.session("s1", workspace="w").append({"role": "user", "content": "there"})
        store.erase(world.sessions[0].id)
        copy = world.store.replica()
        ops.migrate(store.replica(), copy, place="back", steps=steps)
        assert digests(world.store) == digests(store)
        assert all_entries(world.store) == all_entries(store)
        with pytest.raises(journal.StoreMoved, match="back"):
            store.session("s1", workspace="w").append({"role": "user", "content": "too late"})
    world.sessions = [world.store.session("s1", workspace="w")]
    world.live(3)
    assert world.store.verify(all_owners=True).problems == []


def test_a_move_that_was_done_is_not_done_again(world: World, place: str | Path) -> None:
    world.live(5)
    first = move(world, place)
    again = move(world, place)
    assert again.epoch == first.epoch
    assert again.entries == 0


def test_a_journal_is_not_moved_over_another_one(world: World, place: str | Path) -> None:
    world.live(5)
    with opened(place) as store:
        store.session("other").append({"role": "user", "content": "mine"})
    with pytest.raises(journal.StoreUnusable, match="another"):
        move(world, place)
    world.live(1)


def test_a_copy_that_differs_leaves_the_old_store_in_use(world: World, place: str | Path) -> None:
    world.live(10)
    with journal.open_replica(place, config=LIMITS) as target:
        target.begin_copy(world.store.feed().state().journal)
        extra = world.store.replica().sessions()[0]
        stranger = bytes(16)
        target.add_copied([_renamed(extra, stranger)], [])
        with pytest.raises(ops.CopyDiffers):
            ops.migrate(world.store.replica(), target, place="there", steps=steps)
    world.live(3)
    with pytest.raises(journal.StoreUnfinished):
        opened(place)


def _renamed(row: journal.SessionRow, session: bytes) -> journal.SessionRow:
    return journal.SessionRow(
        id=session, tenant="x", owner="y", name="stranger", workspace="",
        created_at_us=row.created_at_us, updated_at_us=row.created_at_us, entries=0, messages=0,
        parent=None, forked_at=0, is_erased=False,
    )  # fmt: skip


def test_a_comparison_finds_an_entry_that_is_erased_in_one_place_only(world: World) -> None:
    session = world.sessions[0]
    session.append(journal.NewEntry(kind="state", body={"a": 1}))
    with journal.open_memory().replica() as target:
        move_into(world, target)
        assert ops.compare(world.store.replica(), target, progress=steps("")) == 6
        hit = journal.Erased(number=1, session_id=session.id, positions=(0,), at_us=1)
        target.erase_again([hit])
        with pytest.raises(ops.CopyDiffers, match="digest"):
            ops.compare(world.store.replica(), target, progress=steps(""))


def move_into(world: World, target: journal.Replica) -> None:
    ops.migrate(world.store.replica(), target, place="there", steps=steps)


def test_a_database_is_backed_up_and_restored_like_a_folder(
    world: World, postgres_server, quick_path: Path
) -> None:
    world.live(30, erases=True)
    url = postgres_server.new_schema()
    move(world, url)
    store = opened(url)
    world.store.close()
    world.store = store
    world.sessions = [store.session("s0", workspace="w")]
    first = world.back_up().backup
    world.live(5)
    second = world.back_up().backup
    assert (first.is_full, second.is_full) == (True, False)
    with world.restore() as restored:
        assert all_entries(restored) == all_entries(store)
        assert digests(restored) == digests(store)
    again = postgres_server.new_schema()
    at = ops.Moment(sequence=first.sequence - 3)
    chosen = ops.choose_backup(world.catalog, at=at)
    with journal.open_replica(again, config=LIMITS) as target:
        ops.restore(world.catalog, target, backup=chosen, at=at)
    with opened(again) as restored:
        assert all_entries(restored) == all_entries(store, first.sequence - 3)
        assert restored.verify(all_owners=True).problems == []
