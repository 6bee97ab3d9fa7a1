"""What comes back from backups is what was there, at any moment, and nothing that was erased."""

import random

import pytest
from tests.rooms.ops.conftest import LIMITS, World, all_entries, digests

from novacore import journal, ops
from novacore.ops.copying import Copying


def test_the_newest_backup_restores_the_whole_journal_byte_for_byte(world: World) -> None:
    world.live(60, erases=True)
    world.back_up()
    with world.restore() as restored:
        assert all_entries(restored) == all_entries(world.store)
        assert digests(restored) == digests(world.store)
        assert restored.verify(all_owners=True).problems == []
        assert _rows(restored) == _rows(world.store)


def _rows(store: journal.JournalStore) -> list[journal.SessionRow]:
    return sorted(store.replica().sessions(), key=lambda row: row.id)


def test_increments_restore_as_one_journal(world: World) -> None:
    for _ in range(4):
        world.live(25, erases=True)
        made = world.back_up()
    assert not made.backup.is_full
    assert len(world.catalog.line_of(made.backup)) == 4
    with world.restore() as restored:
        assert all_entries(restored) == all_entries(world.store)
        assert digests(restored) == digests(world.store)


@pytest.mark.parametrize("seed", range(4))
def test_random_moments_come_back_with_the_digests_of_that_moment(quick_path, seed: int) -> None:
    world = World(quick_path, seed=seed)
    for _ in range(3):
        world.live(30)
        world.back_up()
    chance = random.Random(seed)
    whole = all_entries(world.store)
    for number in range(6):
        sequence = chance.randint(0, len(whole))
        at = ops.Moment(sequence=sequence)
        if number % 2 and sequence:
            at = ops.Moment(at_us=journal.place_of(whole[sequence - 1]).recorded_at_us)
            sequence = sum(journal.place_of(e).recorded_at_us <= at.at_us for e in whole)
        with world.restore(at=at, name=f"r{number}") as restored:
            assert all_entries(restored) == whole[:sequence]
            _compare_as_of(world.store, restored, sequence)
            assert restored.verify(all_owners=True).problems == []
    world.close()


def _compare_as_of(now: journal.JournalStore, then: journal.JournalStore, sequence: int) -> None:
    """Every session of the restored store equals the one in use, opened as it was then."""
    ends: dict[bytes, int] = {}
    for stored in all_entries(now, sequence):
        place = journal.place_of(stored)
        ends[place.session] = place.position + 1
    restored = {row.id: row for row in then.replica().sessions()}
    assert ends.keys() <= restored.keys()
    for row in now.replica().sessions():
        if row.id not in ends:
            continue
        session_id = row.id.hex()
        old = now.feed().transcript(session_id).first(ends[row.id])
        new = then.feed().transcript(session_id)
        assert new.position == ends[row.id]
        assert journal.transcript_digest(new) == journal.transcript_digest(old)


def test_a_moment_later_than_the_backups_is_refused(world: World) -> None:
    world.live(5)
    world.back_up()
    world.clock.advance_ms(1_000)
    world.live(1)
    head = world.store.feed().state().sequence
    for at in (ops.Moment(sequence=head), ops.Moment(at_us=world.clock.now_us())):
        with pytest.raises(ops.BackupUnknown, match="later"):
            world.restore(at=at)


def test_sessions_and_forks_made_later_are_absent(world: World) -> None:
    world.live(10)
    sequence = world.store.feed().state().sequence
    moment = world.clock.now_us()
    world.clock.advance_ms(1_000)
    late = world.store.session("late")
    fork = world.sessions[0].fork(name="late fork")
    world.live(5)
    world.back_up()
    for at in (ops.Moment(sequence=sequence), ops.Moment(at_us=moment)):
        with world.restore(at=at, name=f"r{at.sequence}") as restored:
            assert restored.feed().find_session(late.id) is None
            assert restored.feed().find_session(fork.id) is None
    with world.restore() as restored:
        assert restored.feed().find_session(late.id) is not None
        assert restored.feed().transcript(fork.id).position == fork.open().position


def test_a_restore_opens_a_new_epoch_of_the_same_journal(world: World) -> None:
    world.live(5)
    world.back_up()
    before = world.store.feed().state()
    with world.restore(name="one") as one, world.restore(name="two") as two:
        states = [one.feed().state(), two.feed().state()]
    assert [state.journal for state in states] == [before.journal] * 2
    assert len({before.epoch, states[0].epoch, states[1].epoch}) == 3


def test_what_was_erased_after_the_backup_does_not_come_back(world: World) -> None:
    secret = world.sessions[0]
    secret.append({"role": "user", "content": "planted canary one"})
    other = world.sessions[1]
    other.append({"role": "user", "content": "planted canary two"})
    other.append({"role": "user", "content": "planted canary " * 800})
    world.live(10)
    world.back_up()
    world.erase(secret)
    positions = [
        at for at in range(other.open().position)
        if "canary" in str(dict(other.open().entries[at].body))
    ]  # fmt: skip
    world.store.for_owner(journal.Scope()).erase(other.id, positions=positions)
    ops.note_erasures(world.catalog.folder, world.store.replica().erasures())
    with world.restore() as restored:
        assert digests(restored) == digests(world.store)
        assert all_entries(restored) == all_entries(world.store)
        assert restored.replica().erasures() == world.store.replica().erasures()
    for path in (world.folder / "restored").rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes()


def test_erasures_known_only_to_the_old_folder_are_applied_too(world: World) -> None:
    world.live(10)
    world.back_up()
    victim = world.sessions[2]
    victim.append({"role": "user", "content": "x"})
    world.back_up()
    world.erase(victim)
    known = journal.read_erasures(world.folder / "data")
    chosen = ops.choose_backup(world.catalog, at=ops.Moment())
    with journal.open_replica(world.folder / "r", config=LIMITS) as target:
        ops.restore(world.catalog, target, backup=chosen, at=ops.Moment(), erasures=known)
        assert next(row for row in target.sessions() if row.id.hex() in victim.id.replace("-", "")
                    ).is_erased  # fmt: skip


def test_a_restored_journal_is_backed_up_on_a_line_of_its_own(world: World) -> None:
    world.live(10)
    world.back_up()
    world.live(10)
    world.back_up()
    world.store.close()
    world.store = world.restore(at=ops.Moment(sequence=12))
    world.sessions = [world.store.session("after")]
    world.live(5)
    made = world.back_up()
    assert made.backup.is_full
    assert made.compared == len(world.store.replica().sessions())
    with world.restore(name="again") as restored:
        assert all_entries(restored) == all_entries(world.store)


def test_a_store_in_use_is_not_restored_over(world: World) -> None:
    world.live(5)
    world.back_up()
    before = all_entries(world.store)
    chosen = ops.choose_backup(world.catalog, at=ops.Moment())
    with pytest.raises(journal.StoreUnusable):
        ops.restore(world.catalog, world.store.replica(), backup=chosen, at=ops.Moment())
    assert all_entries(world.store) == before
    world.live(1)


def test_not_a_byte_of_what_was_erased_reaches_the_new_store(world: World) -> None:
    world.sessions[0].append({"role": "user", "content": "planted canary"})
    world.live(10)
    made = world.back_up().backup
    world.erase(world.sessions[0])
    with journal.open_memory().replica() as target:
        target.begin_copy(made.journal)
        copying = Copying(
            target,
            until=ops.Moment(),
            erasures=world.store.replica().erasures(),
            progress=lambda _done, _total: None,
            total=made.sequence,
        )
        copying.add_all(world.catalog.read(made))
        copying.flush()
        assert target.erasures() == []
        assert not any(b"canary" in stored for stored in target.read(0, 1_000))
