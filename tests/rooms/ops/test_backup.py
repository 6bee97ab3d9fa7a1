"""Making backups: what is in them, what keeps them, what finds that they changed."""

import random
import shutil
import threading
from pathlib import Path

import pytest
from tests.rooms.ops.conftest import World, all_entries

from novacore import journal, ops
from novacore.ops import records

DAY_MS = 24 * 3_600_000


def test_a_backup_counts_only_after_it_was_restored(world: World) -> None:
    world.live(10)
    made = ops.make_backup(world.store.replica(), world.catalog, clock=world.clock)
    assert not made.is_verified
    assert ops.backup_age_s(world.catalog, now_us=world.clock.now_us()) is None
    checked = ops.verify_backup(
        world.catalog, made, scratch=world.folder / "scratch", clock=world.clock,
        source=world.store.replica(),
    )  # fmt: skip
    assert checked.backup.is_verified
    assert checked.compared == len(world.sessions)
    world.clock.advance_ms(90_000)
    assert ops.backup_age_s(world.catalog, now_us=world.clock.now_us()) == 90.0
    assert list((world.folder / "scratch").iterdir()) == []


def test_an_increment_holds_only_what_came_since(world: World) -> None:
    world.live(30)
    first = world.back_up().backup
    world.live(5)
    second = world.back_up().backup
    nothing = world.back_up().backup
    assert (first.is_full, second.is_full, nothing.is_full) == (True, False, False)
    assert second.entries == second.sequence - first.sequence
    assert nothing.entries == 0
    assert second.size_bytes < first.size_bytes


def test_a_backup_says_nothing_of_what_was_said(world: World) -> None:
    world.sessions[0].append({"role": "user", "content": "planted canary"})
    world.store.session("planted canary name")
    world.back_up()
    for path in world.catalog.folder.iterdir():
        assert b"canary" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    assert (world.folder / "backup.key").stat().st_mode & 0o777 == 0o600


def test_another_key_or_a_cut_one_is_named(world: World) -> None:
    world.live(3)
    made = world.back_up().backup
    other = ops.make_key(world.folder / "other.key")
    stranger = ops.Catalog(world.catalog.folder, key=other)
    with pytest.raises(ops.KeyUnusable, match=world.key.id):
        list(stranger.read(made))
    path = world.folder / "backup.key"
    text = path.read_text()
    path.write_text(text[:20] + ("A" if text[20] != "A" else "B") + text[21:])
    with pytest.raises(ops.KeyUnusable, match="character"):
        ops.read_key(path)
    path.unlink()
    with pytest.raises(ops.KeyUnusable, match="missing"):
        ops.read_key(path)


def test_two_first_keys_at_once_are_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "backup.key"
    made: list[ops.Key] = []
    threads = [threading.Thread(target=lambda: made.append(ops.make_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.secret for each in made} == {ops.read_key(path).secret}
    assert sum(each.is_new for each in made) == 1


def test_every_flipped_byte_is_found(world: World) -> None:
    world.live(25)
    world.back_up()
    world.live(5)
    world.back_up()
    chance = random.Random(3)
    files = [p for p in world.catalog.folder.iterdir() if p.suffix in (".part", ".json")]
    for path in sorted(files):
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(12))}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)])
                             + whole[at + 1 :])  # fmt: skip
            assert _problems(world), f"{path.suffix} byte {at} of {len(whole)}"
        for cut in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:cut])
            assert _problems(world), f"{path.suffix} cut at {cut}"
        path.write_bytes(whole)
    assert not _problems(world)


def _problems(world: World) -> list[ops.OpsError]:
    found: list[ops.OpsError] = list(world.catalog.list_damaged())
    for each in world.catalog.list_backups():
        try:
            for part in world.catalog.line_of(each):
                list(world.catalog.read(part))
        except ops.OpsError as error:
            found.append(error)
    return found


def test_parts_can_not_stand_in_for_each_other(world: World) -> None:
    world.live(5)
    first = world.back_up(is_full=True).backup
    second = world.back_up(is_full=True).backup
    shutil.copy(
        world.catalog.folder / f"{first.id}.part", world.catalog.folder / f"{second.id}.part"
    )
    with pytest.raises(ops.BackupDamaged):
        list(world.catalog.read(second))


def test_a_damaged_line_is_begun_anew_by_the_next_backup(world: World) -> None:
    world.live(10)
    first = world.back_up().backup
    part = world.catalog.folder / f"{first.id}.part"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(bytes(data))
    world.live(5)
    made = world.back_up()
    assert made.backup.is_full
    assert [each.id for each in world.catalog.list_backups()] == [first.id, made.backup.id]
    with world.restore() as restored:
        assert all_entries(restored) == all_entries(world.store)


def test_a_missing_part_of_a_line_is_named(world: World) -> None:
    world.live(5)
    first = world.back_up().backup
    world.live(5)
    second = world.back_up().backup
    (world.catalog.folder / f"{first.id}.json").unlink()
    with pytest.raises(ops.BackupDamaged, match=first.id):
        world.catalog.line_of(second)


def test_two_backups_at_once_are_one_after_the_other_or_refused(world: World) -> None:
    world.live(5)
    with world.catalog.locked(), pytest.raises(ops.BackupBusy):
        world.back_up()
    assert world.back_up().backup.is_full


def test_appends_go_on_while_a_backup_is_made(world: World) -> None:
    world.live(20)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            world.sessions[0].append({"role": "user", "content": "meanwhile"})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [world.back_up().backup for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    for each in made:
        with world.restore(backup=each.id, name=each.id) as restored:
            assert all_entries(restored) == all_entries(world.store, each.sequence)


def test_pruning_keeps_the_past_and_lets_what_was_erased_go(world: World) -> None:
    world.live(10)
    world.sessions[0].append({"role": "user", "content": "later erased"})
    old = [world.back_up().backup]
    world.clock.advance_ms(DAY_MS)
    world.live(5)
    old.append(world.back_up().backup)
    world.erase(world.sessions[0])
    assert ops.prune(
        world.catalog, keep_days=30, now_us=world.clock.now_us(), make_full=pytest.fail
    ).removed == ()  # fmt: skip
    world.clock.advance_ms(30 * DAY_MS)
    done = ops.prune(
        world.catalog, keep_days=30, now_us=world.clock.now_us(),
        make_full=lambda: world.back_up(is_full=True).backup,
    )  # fmt: skip
    assert [each.id for each in done.removed] == [each.id for each in old]
    assert [each.id for each in world.catalog.list_backups()] == [done.made.id]
    names = {path.name.split(".")[0] for path in world.catalog.folder.glob("*.part")}
    assert names == {done.made.id}
    with world.restore(at=ops.Moment(sequence=old[0].sequence)) as restored:
        assert all_entries(restored) == all_entries(world.store, old[0].sequence)


def test_a_new_line_begins_when_the_full_backup_is_old(world: World) -> None:
    world.live(3)
    world.back_up()
    world.clock.advance_ms(6 * DAY_MS)
    assert not world.back_up().backup.is_full
    world.clock.advance_ms(2 * DAY_MS)
    assert world.back_up().backup.is_full


def test_a_backup_expires_with_its_full_one(world: World) -> None:
    world.live(3)
    full = world.back_up().backup
    world.clock.advance_ms(DAY_MS)
    part = world.back_up().backup
    wanted = full.created_at_us + 30 * DAY_MS * 1_000
    assert ops.expires_at_us(world.catalog, part, keep_days=30) == wanted


def test_a_damaged_entry_stops_a_backup_and_leaves_the_others(world: World) -> None:
    world.live(20)
    kept = world.back_up().backup
    world.live(5)
    session = world.sessions[0]
    session.append({"role": "user", "content": "to be damaged by a flip"})
    world.store.close()
    path = world.folder / "data" / "journal.db"
    segments = next((world.folder / "data").glob("segment*"))
    for file in (path, segments):
        data = file.read_bytes()
        file.write_bytes(data.replace(b"damaged by a flip", b"damaged bY a flip"))
    world.store = journal.open_store(world.folder / "data", clock=world.clock)
    with pytest.raises(journal.Corrupt):
        world.back_up()
    assert [each.id for each in world.catalog.list_backups()] == [kept.id]


def test_small_files_come_back_with_the_newest_backup(world: World) -> None:
    world.live(3)
    world.back_up(files=[ops.File("nova.toml", b"old")])
    world.back_up(files=[ops.File("nova.toml", b"new")])
    chosen = ops.choose_backup(world.catalog, at=ops.Moment())
    with journal.open_memory().replica() as target:
        _, files = ops.restore(world.catalog, target, backup=chosen, at=ops.Moment())
    assert files == [ops.File("nova.toml", b"new")]


def test_a_part_written_anew_is_not_the_one_that_was_published(world: World) -> None:
    world.live(5)
    made = world.back_up().backup
    with world.catalog.locked(), world.catalog.new_part(made.id) as writer:
        writer.write(records.Recorder().end())
        writer.close()
    with pytest.raises(ops.BackupDamaged, match="SHA-256"):
        list(world.catalog.read(made))


def test_a_restored_journal_begins_a_new_line_even_where_nothing_is_missing(world: World) -> None:
    world.live(5)
    world.back_up()
    world.store.close()
    world.store = world.restore()
    assert world.back_up().backup.is_full


def test_a_data_directory_brought_back_by_hand_begins_a_new_line(world: World) -> None:
    world.live(5)
    world.back_up()
    world.store.close()
    shutil.copytree(world.folder / "data", world.folder / "kept")
    world.store = journal.open_store(world.folder / "data", clock=world.clock)
    world.sessions = [world.store.session("s0", workspace="w")]
    world.live(2)
    world.back_up()
    world.store.close()
    world.store = journal.open_store(world.folder / "kept", clock=world.clock)
    world.sessions = [world.store.session("s1", workspace="w")]
    world.live(8)
    made = world.back_up().backup
    assert made.is_full
    with world.restore(backup=made.id) as restored:
        assert all_entries(restored) == all_entries(world.store)


def test_a_backup_that_differs_from_the_journal_does_not_count(world: World) -> None:
    world.live(10)
    made = ops.make_backup(world.store.replica(), world.catalog, clock=world.clock)
    with world.restore(at=ops.Moment(sequence=made.sequence - 2), name="other") as other:
        ended = {row.id: row.entries for row in other.replica().sessions()}
        short = [row for row in world.store.replica().sessions() if row.entries > ended[row.id]]
        for row in short:
            owned = other.feed().find_session(row.id.hex())
            session = other.for_owner(owned.scope).get_session(owned.info.id)
            session.append(*[{"role": "user", "content": "else"}] * (row.entries - ended[row.id]))
        with pytest.raises(ops.CopyDiffers, match="chain"):
            ops.verify_backup(
                world.catalog, made, scratch=world.folder / "scratch", clock=world.clock,
                source=other.replica(),
            )  # fmt: skip
    assert not world.catalog.get_backup(made.id).is_verified


def test_erasures_go_on_while_a_backup_is_made(world: World) -> None:
    session = world.sessions[0]
    session.append(*[{"role": "user", "content": f"{n} " + "blob " * 1_200} for n in range(60)])
    world.live(10)
    owner = world.store.for_owner(journal.Scope())

    def erase() -> None:
        for position in range(40):
            owner.erase(session.id, positions=[position])

    eraser = threading.Thread(target=erase)
    eraser.start()
    made = [world.back_up(is_full=True).backup for _ in range(4)]
    eraser.join()
    ops.note_erasures(world.catalog.folder, world.store.replica().erasures())
    for each in made:
        with world.restore(backup=each.id, name=each.id) as restored:
            assert all_entries(restored) == all_entries(world.store)
            assert restored.verify(all_owners=True).problems == []
