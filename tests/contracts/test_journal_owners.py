"""Tenants, owners, names: who sees which session, and how sessions are found; on every engine."""

import pytest

from novacore import journal
from novacore.journal import Scope

SCOPES = (
    Scope(), Scope(owner="b"), Scope(tenant="b"), Scope(tenant="b", owner="b"),
    Scope(tenant="lo", owner="callocal"), Scope(tenant="", owner=""),
    Scope(tenant="a\0", owner="b"), Scope(tenant="a", owner="\0b"), Scope(tenant="LOCAL"),
)  # fmt: skip


def user(text):
    return {"role": "user", "content": text}


def texts(session):
    return [message["content"] for message in session.open()]


@pytest.fixture
def shared(store):
    """Owners whose sessions all have one name, in the same workspace, with one word each."""
    for number, scope in enumerate(SCOPES):
        store.for_owner(scope).session("same", workspace="w").append(user(f"word {number}"))
    return store


@pytest.mark.parametrize("number", range(len(SCOPES)))
def test_owners_with_equal_session_names_never_see_each_other(shared, number):
    mine = shared.for_owner(SCOPES[number])
    word = [f"word {number}"]
    assert texts(mine.session("same", workspace="w")) == word
    assert texts(mine.get_session("same")) == word
    assert texts(mine.last_session("w")) == word
    assert [info.id for info in mine.list_sessions()] == [mine.get_session("same").id]
    assert [entry.body["content"] for entry in mine.read()] == word
    report = mine.verify()
    assert (report.sessions, report.entries, report.is_sound) == (1, 1, True)


def test_the_id_of_another_owners_session_opens_nothing(shared):
    ids = {scope: shared.for_owner(scope).get_session("same").id for scope in SCOPES}
    for scope in SCOPES:
        for other, session_id in ids.items():
            if other == scope:
                continue
            mine = shared.for_owner(scope)
            for call in (mine.get_session, mine.erase, mine.verify):
                with pytest.raises(journal.SessionUnknown):
                    call(session_id)


@pytest.mark.parametrize("number", range(len(SCOPES)))
def test_an_owner_erases_its_own_and_nothing_else(shared, number):
    assert shared.for_owner(SCOPES[number]).erase_owner() == 1
    for other, scope in enumerate(SCOPES):
        mine = shared.for_owner(scope)
        if other == number:
            assert mine.list_sessions() == []
            assert [entry.is_erased for entry in mine.read()] == [True]
        else:
            assert texts(mine.get_session("same")) == [f"word {other}"]
    assert shared.verify(all_owners=True).is_sound


def test_an_owner_is_not_told_of_anothers_sessions_by_verify(shared):
    everything = shared.verify(all_owners=True)
    assert (everything.sessions, everything.is_sound) == (len(SCOPES), True)


def test_names_are_unique_per_workspace(store):
    one = store.session("talk", workspace="one")
    two = store.session("talk", workspace="two")
    none = store.session("talk")
    assert len({one.id, two.id, none.id}) == 3
    assert store.session("talk", workspace="one").id == one.id
    assert store.get_session("talk", workspace="two").id == two.id
    assert store.get_session("talk", workspace="").id == none.id


def test_a_session_keeps_its_name_id_and_workspace(place):
    store = place.open()
    made = store.session("Grüße 🌍\n", workspace="/tmp/a b")
    made.append(user("a"))
    found = place.reopen(store).get_session(made.id)
    assert (found.id, found.name, found.workspace) == (made.id, "Grüße 🌍\n", "/tmp/a b")
    assert made.id in repr(made)


@pytest.mark.parametrize(
    ("name", "workspace"),
    [("", ""), ("n" * 1_025, ""), ("a\ud800", ""), ("a", "w" * 4_097), ("a", "\udfff"), (7, "")],
)
def test_a_name_that_can_not_be_kept_is_refused(store, name, workspace):
    with pytest.raises(journal.EntryRefused):
        store.session(name, workspace=workspace)
    assert store.list_sessions() == []


def test_a_name_that_no_session_can_have_finds_none(store):
    store.session("talk")
    for name, workspace in (("a\ud800", None), ("talk", "\ud800"), ("n" * 9_999, None)):
        with pytest.raises(journal.SessionUnknown):
            store.get_session(name, workspace=workspace)
    assert store.last_session("\ud800") is None
    assert store.list_sessions(workspace="\ud800") == []
    assert store.list_sessions(name="\ud800") == []


def test_an_owner_that_can_not_be_kept_is_refused(store):
    for scope in (Scope(owner="\ud800"), Scope(tenant="t" * 1_025), Scope(owner=None)):
        with pytest.raises(journal.EntryRefused):
            store.for_owner(scope)


def test_an_unknown_session_is_named(store):
    with pytest.raises(journal.SessionUnknown) as caught:
        store.get_session("nobody", workspace="w")
    assert (caught.value.name, caught.value.workspace) == ("nobody", "w")
    assert store.last_session("w") is None


def test_the_session_last_written_to_comes_first(place):
    store = place.open()
    for name in "abc":
        place.clock.advance_ms(10)
        store.session(name, workspace="w")
    assert [info.name for info in store.list_sessions()] == [*"cba"]
    for name in "bac":
        place.clock.advance_ms(10)
        store.session(name, workspace="w").append(user("x"))
    store = place.reopen(store)
    assert [info.name for info in store.list_sessions()] == [*"cab"]
    assert store.last_session("w").name == "c"
    place.clock.advance_ms(10)
    store.session("a", workspace="elsewhere").append(user("x"))
    assert store.get_session("a").workspace == "elsewhere"


def test_sessions_are_found_by_a_part_of_their_name_whatever_its_case(store):
    for name in ("Garden", "garden plan", "Straße", "other"):
        store.session(name)
    found = lambda text: sorted(info.name for info in store.list_sessions(name=text))  # noqa: E731
    assert found("GARDEN") == ["Garden", "garden plan"]
    assert found("STRASSE") == ["Straße"]
    assert found("%") == found("_") == []
    assert len(found("")) == 4


def test_sessions_are_found_by_workspace_and_time(place):
    store = place.open()
    times = []
    for number in range(6):
        place.clock.advance_ms(1_000)
        times.append(place.clock.now_us())
        store.session(f"s{number}", workspace="even" if number % 2 == 0 else "odd").append(
            user("x")
        )
    names = lambda **by: [info.name for info in store.list_sessions(**by)]  # noqa: E731
    assert names(workspace="even") == ["s4", "s2", "s0"]
    assert names(since_us=times[3]) == ["s5", "s4", "s3"]
    assert names(until_us=times[3]) == ["s2", "s1", "s0"]
    assert names(since_us=times[1], until_us=times[4], workspace="odd") == ["s3", "s1"]
    assert names(workspace="nowhere") == []


def test_a_listing_is_bounded(place):
    store = place.open(list_max=3)
    for number in range(5):
        place.clock.advance_ms(1)
        store.session(f"s{number}")
    assert [info.name for info in store.list_sessions(limit=2)] == ["s4", "s3"]
    assert len(store.list_sessions()) == 3
    assert store.list_sessions(limit=0) == []
    assert store.list_sessions(limit=-1) == []


def test_what_is_known_of_a_session(place):
    store = place.open()
    session = store.session("talk", workspace="w")
    created = place.clock.now_us()
    place.clock.advance_ms(5)
    session.append(user("a"), journal.NewEntry(body={}, kind="usage"))
    info = session.info
    assert info == store.list_sessions()[0]
    assert (info.id, info.name, info.workspace) == (session.id, "talk", "w")
    assert (info.created_at_us, info.updated_at_us) == (created, created + 5_000)
    assert (info.entries, info.messages) == (2, 1)


def test_two_callers_that_create_the_same_session_get_one(store):
    assert store.session("talk").id == store.session("talk").id
    assert len(store.list_sessions()) == 1


def test_a_session_whose_name_looks_like_an_id_is_still_found(store):
    name = "018f0000-0000-7000-8000-00000000abcd"
    made = store.session(name)
    assert store.get_session(name).id == made.id
