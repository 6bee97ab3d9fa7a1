"""An exact copy: the same bytes in another store, whatever engine holds either."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.conftest import SEALING, Place

from novacore import journal
from novacore.journal import Replica, Scope
from novacore.kit import FixedClock

BLOB = "x" * 5_000
OTHER = Scope(tenant="acme", owner="mira")


@pytest.fixture(params=("memory", "sqlite", "sqlite-sealing", "postgres-sealing"))
def target(request: pytest.FixtureRequest, quick_path: Path) -> Iterator[Place]:
    """Every engine that a copy can be made in."""
    found = Place(request.param, quick_path / "copy", FixedClock())
    found.prepare(request)
    yield found
    found.close()


@pytest.fixture(params=("memory", "sqlite-sealing"))
def source(request: pytest.FixtureRequest, quick_path: Path) -> Iterator[journal.JournalStore]:
    """A journal with forks, blobs, several owners and erased parts."""
    found = Place(request.param, quick_path / "source", FixedClock())
    found.prepare(request)
    store = found.open(blob_text_bytes=4096)
    fill(store, random.Random(7), steps=60)
    yield store
    found.close()


def fill(store: journal.JournalStore, chance: random.Random, *, steps: int) -> None:
    """A random life of a journal."""
    stores = [store, store.for_owner(OTHER)]
    sessions = [each.session(f"s{n}", workspace="w") for each in stores for n in range(3)]
    for step in range(steps):
        session = chance.choice(sessions)
        body = {"role": "user", "content": f"{step} {BLOB if chance.random() < 0.1 else 'ü'}"}
        kind = chance.choice(("message", "message", "state"))
        session.append(
            *[journal.NewEntry(body=body | {"n": n}, kind=kind, actor="me", said_at_us=step)
              for n in range(chance.randint(1, 4))]
        )  # fmt: skip
        if chance.random() < 0.08:
            scope = chance.choice((None, OTHER))
            sessions.append(session.fork(at=chance.randint(0, session.open().position),
                                         name=f"f{step}", scope=scope))  # fmt: skip
        if chance.random() < 0.05:
            owner = store.for_owner(Scope(tenant=session._row.tenant, owner=session._row.owner))
            own = range(session._row.forked_at, session.open().position)
            owner.erase(session.id, positions=chance.sample(own, k=min(2, len(own))))
    victim = sessions.pop(1)
    store.erase(victim.id)


def copy(source: Replica, target: Replica, *, step: int = 50, until: int | None = None) -> None:
    """The plainest copy: everything behind what the target holds, in stretches."""
    target.begin_copy(source.state().journal)
    rows = {row.id: row for row in source.sessions()}
    after = target.state().sequence
    while stretch := source.read(after, step):
        for raw in stretch:
            session = raw[8:24]
            target.add_copied(_line(rows, session), [])
            row = rows[session]
            for digest in journal.blobs_named(raw):
                scope = (row.tenant, row.owner)
                target.put_blob(scope, digest, content=source.read_blob(scope, digest))
            after = int.from_bytes(raw[32:40], "little")
            if until is not None and after > until:
                return
            target.add_copied([], [raw])
    target.add_copied(list(rows.values()), [])
    target.erase_again(source.erasures()[target.state().erasures :])


def _line(rows: dict[bytes, journal.SessionRow], session: bytes) -> list[journal.SessionRow]:
    found = [rows[session]]
    while found[0].parent is not None:
        found.insert(0, rows[found[0].parent])
    return found


def seen(replica: Replica) -> object:
    """All that makes a journal this one, its order of creation apart."""
    state = replica.state()
    rows = sorted(replica.sessions(), key=lambda row: row.id)
    return (
        state.journal, state.sequence, state.recorded_at_us, replica.read(0, 10_000),
        replica.erasures(),
        [dataclasses.replace(row, updated_at_us=0) for row in rows],
        [row.updated_at_us for row in rows if row.entries > row.forked_at],
    )  # fmt: skip


def test_a_copy_equals_its_source_byte_for_byte(
    source: journal.JournalStore, target: Place
) -> None:
    copied = target.open(blob_text_bytes=4096).replica()
    copy(source.replica(), copied)
    copied.end_copy(12_345)
    assert seen(copied) == seen(source.replica())
    assert copied.state().epoch == "12345"


@given(seed=st.integers(0, 2**32), steps=st.integers(0, 25), step=st.integers(1, 9))
@settings(max_examples=40)
def test_any_journal_copied_in_any_steps_is_itself(seed: int, steps: int, step: int) -> None:
    config = journal.Config(blob_text_bytes=4096)
    with journal.open_memory(config=config) as source, journal.open_memory() as target:
        fill(source, random.Random(seed), steps=steps)
        copy(source.replica(), target.replica(), step=step)
        assert seen(target.replica()) == seen(source.replica())
        target.replica().end_copy(2)
        assert target.verify(all_owners=True).problems == []


def test_every_session_of_a_copy_has_the_same_digest_and_is_sound(
    source: journal.JournalStore, target: Place
) -> None:
    store = target.open(blob_text_bytes=4096)
    copy(source.replica(), store.replica())
    store.replica().end_copy(2)
    for owned in source.feed().list_sessions():
        mine = store.feed().transcript(owned.info.id)
        theirs = source.feed().transcript(owned.info.id)
        assert journal.transcript_digest(mine) == journal.transcript_digest(theirs)
        assert len(mine) == len(theirs)
    assert store.verify(all_owners=True).problems == []


def test_a_copy_takes_no_appends_and_no_sessions_until_it_is_complete(
    source: journal.JournalStore, target: Place
) -> None:
    store = target.open(blob_text_bytes=4096)
    copy(source.replica(), store.replica())
    owned = source.feed().list_sessions()[0]
    mine = store.for_owner(owned.scope).get_session(owned.info.id)
    with pytest.raises(journal.StoreUnfinished):
        mine.append({"role": "user", "content": "too early"})
    with pytest.raises(journal.StoreUnfinished):
        store.session("another")
    store.replica().end_copy(2)
    mine.append({"role": "user", "content": "now"})
    assert store.feed().state().sequence == source.feed().state().sequence + 1
    assert store.verify(all_owners=True).problems == []


def test_a_broken_copy_goes_on_behind_what_it_holds(
    source: journal.JournalStore, target: Place
) -> None:
    store = target.open(blob_text_bytes=4096)
    head = source.feed().state().sequence
    copy(source.replica(), store.replica(), until=head // 2)
    store = target.reopen(store, blob_text_bytes=4096) if target.engine == "memory" else store
    assert 0 < store.replica().state().sequence < head
    copy(source.replica(), store.replica())
    assert seen(store.replica()) == seen(source.replica())


def test_half_a_copy_is_not_opened_as_a_store(source: journal.JournalStore, target: Place) -> None:
    if not target.is_durable:
        return
    store = target.open()
    copy(source.replica(), store.replica(), until=9)
    store.close()
    with pytest.raises(journal.StoreUnfinished):
        target.open()
    with target.open_replica() as replica:
        copy(source.replica(), replica)
        replica.end_copy(2)
    assert seen(target.open().replica()) == seen(source.replica())


def test_a_frame_that_was_changed_is_not_copied(
    source: journal.JournalStore, target: Place
) -> None:
    copied = target.open().replica()
    copied.begin_copy(source.feed().state().journal)
    first = source.replica().read(0, 1)[0]
    rows = {row.id: row for row in source.replica().sessions()}
    copied.add_copied(_line(rows, first[8:24]), [])
    for at in (0, 30, 100, len(first) - 1):
        changed = bytearray(first)
        changed[at] ^= 1
        with pytest.raises(journal.Corrupt):
            copied.add_copied([], [bytes(changed)])
    assert copied.read(0, 10) == []


def test_a_frame_with_a_good_checksum_and_other_content_or_place_is_not_copied(
    source: journal.JournalStore, target: Place
) -> None:
    copied = target.open().replica()
    copied.begin_copy(source.feed().state().journal)
    first = source.replica().read(0, 1)[0]
    rows = {row.id: row for row in source.replica().sessions()}
    copied.add_copied(_line(rows, first[8:24]), [])
    for at in (34, 42, 50, 80, 110, 140, len(first) - 1):
        changed = bytearray(first)
        changed[at] ^= 1
        changed[:8] = xxhash.xxh3_64_intdigest(changed[8:]).to_bytes(8, "little")
        with pytest.raises(journal.Corrupt):
            copied.add_copied([], [bytes(changed)])
    assert copied.read(0, 10) == []


def test_entries_of_a_stretch_are_copied_all_or_none(
    source: journal.JournalStore, target: Place
) -> None:
    copied = target.open().replica()
    copied.begin_copy(source.feed().state().journal)
    rows = source.replica().sessions()
    roots = [row for row in rows if row.parent is None]
    known = {row.id for row in roots}
    mine = [raw for raw in source.replica().read(0, 1_000) if raw[8:24] in known]
    copied.add_copied(roots, [])
    with pytest.raises(journal.Corrupt):
        copied.add_copied([], [mine[0], mine[0]])
    assert copied.read(0, 10) == []
    copied.add_copied([], mine[:1])
    assert copied.read(0, 10) == mine[:1]


def test_a_store_in_use_is_never_made_a_copy(source: journal.JournalStore, target: Place) -> None:
    store = target.open()
    store.session("mine").append({"role": "user", "content": "hello"})
    for wanted in (source.feed().state().journal, store.feed().state().journal):
        with pytest.raises(journal.StoreUnusable):
            store.replica().begin_copy(wanted)
    store.session("mine").append({"role": "user", "content": "still in use"})


def test_a_moved_journal_can_be_read_and_says_where_it_is(target: Place) -> None:
    store = target.open()
    session = store.session("mine")
    session.append({"role": "user", "content": "hello"})
    store.replica().mark_moved("postgresql://there")
    for refused in (
        lambda: session.append({"role": "user", "content": "late"}),
        lambda: store.session("new"),
        lambda: store.erase(session.id),
    ):
        with pytest.raises(journal.StoreMoved, match="postgresql://there"):
            refused()
    assert session.messages[0]["content"] == "hello"
    store = target.reopen(store)
    assert store.replica().standing == "moved postgresql://there"
    store.replica().mark_moved("")
    store.session("mine").append({"role": "user", "content": "back"})


def test_what_is_erased_after_the_copy_is_erased_in_it_when_told(
    source: journal.JournalStore, target: Place
) -> None:
    store = target.open(blob_text_bytes=4096)
    copy(source.replica(), store.replica())
    owned = source.feed().list_sessions()[-1]
    source.for_owner(owned.scope).erase(owned.info.id)
    copy(source.replica(), store.replica())
    assert seen(store.replica()) == seen(source.replica())


def test_two_copies_from_different_engines_are_one_journal(
    source: journal.JournalStore, target: Place, quick_path: Path
) -> None:
    first = target.open(blob_text_bytes=4096)
    copy(source.replica(), first.replica())
    first.replica().end_copy(2)
    config = journal.Config(**(SEALING | {"blob_text_bytes": 4096}))
    with journal.open_replica(quick_path / "again", config=config) as again:
        copy(first.replica(), again, step=7)
        assert seen(again) == seen(source.replica())


def test_the_json_store_says_that_it_can_hold_no_copy(quick_path: Path) -> None:
    with (
        journal.open_json(quick_path / "plain") as store,
        pytest.raises(journal.StoreUnusable, match="JSON"),
    ):
        store.replica().begin_copy("01890000-0000-7000-8000-000000000000")
