"""The feed of all owners: what projections read."""

import pytest

from novacore import journal
from novacore.journal import Scope


def _said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_the_feed_gives_every_owners_entries_in_the_order_of_their_sequence(store):
    other = store.for_owner(Scope(tenant="acme", owner="bob")).session("talk")
    mine = store.session("talk")
    for number in range(6):
        (mine if number % 2 else other).append(_said(str(number)))
    found = store.feed().read(0, 100)
    assert [entry.body["content"] for entry in found] == list("012345")
    assert [entry.sequence for entry in found] == sorted(entry.sequence for entry in found)
    assert store.feed().read(found[3].sequence, 1)[0] == found[4]


def test_the_state_says_where_the_journal_ends_and_is_the_same_after_a_restart(place):
    store = place.open()
    assert store.feed().state().sequence == 0
    done = store.session("talk").append(_said("hello"), _said("again"))
    state = store.feed().state()
    assert state.sequence == done.sequences[-1]
    assert state.recorded_at_us == store.session("talk").open().entries[-1].recorded_at_us
    if place.engine != "json":
        assert place.reopen(store).feed().state() == state


def test_the_feed_names_the_owner_of_each_session(store):
    scope = Scope(tenant="acme", owner="bob")
    session = store.for_owner(scope).session("talk", workspace="/work")
    found = store.feed().find_session(session.id)
    assert found is not None
    assert (found.scope, found.info, found.is_erased) == (scope, session.info, False)
    assert [each.info.id for each in store.feed().list_sessions()] == [session.id]
    assert store.feed().find_session("no id") is None


def test_an_erased_entry_stays_in_the_feed_without_its_body_and_is_listed_as_erased(place):
    store = place.open()
    session = store.session("talk")
    session.append(_said("keep"), _said("secret"))
    store.erase(session.id, positions=[1])
    kept, gone = store.feed().read(0, 10)
    assert (kept.is_erased, gone.is_erased, dict(gone.body)) == (False, True, {})
    assert [(e.number, e.session_id, e.positions) for e in store.feed().erasures(0, 10)] == [
        (1, session.id, (1,))
    ]
    store.erase(session.id)
    assert store.feed().state().erasures == 2
    assert store.feed().erasures(1, 10)[0].positions is None
    found = store.feed().find_session(session.id)
    assert found is not None
    assert found.is_erased
    if place.engine.startswith("sqlite"):
        assert [e.number for e in place.reopen(store).feed().erasures(0, 10)] == [1, 2]


def test_a_lock_has_one_holder_until_it_is_closed(store):
    feed = store.feed()
    held = feed.try_lock("tier-hot")
    assert held is not None
    assert held.is_held
    assert feed.try_lock("tier-hot") is None
    other = feed.try_lock("tier-graph")
    assert other is not None
    other.close()
    held.close()
    again = feed.try_lock("tier-hot")
    assert again is not None
    again.close()


def test_a_lock_with_a_name_that_no_file_can_have_is_refused(store):
    with pytest.raises(ValueError, match="small letters"):
        store.feed().try_lock("../outside")


def test_damage_in_the_feed_names_the_sequence_behind_which_to_go_on(place):
    if not place.engine.startswith("sqlite"):
        place.engine = "sqlite"
    store = place.open(seal_entries=4_000)
    session = store.session("talk")
    done = session.append(*[_said(f"canary {number}") for number in range(4)])
    store.close()
    path = place.folder / "journal.db"
    data = path.read_bytes()
    at = data.rindex(b"canary 2")
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    feed = place.open(seal_entries=4_000).feed()
    with pytest.raises(journal.Corrupt) as caught:
        feed.read(0, 10)
    assert caught.value.sequence == done.sequences[2]
    assert len(feed.read(done.sequences[2], 10)) == 1
