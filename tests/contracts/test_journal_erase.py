"""What `erase` promises: bodies gone from every copy, headers and chain kept; on every engine."""

import pytest

from novacore import journal
from novacore.journal import NewEntry, Scope

WORD = "0190a000-0000-7000-8000-00000000000"


def user(text):
    return {"role": "user", "content": text}


def say(session, *words):
    for word in words:
        session.append(user(word))


def texts(transcript):
    return [message["content"] for message in transcript]


@pytest.fixture
def talk(store):
    session = store.session("talk", workspace="w")
    say(session, *"abcdefgh")
    return session


def test_an_erased_message_is_gone_and_its_place_shows(store, talk):
    before = talk.open().entries
    assert store.erase(talk.id, positions=[2, 5]) == 2
    transcript = talk.open()
    assert texts(transcript) == [*"abdegh"]
    assert (transcript.gaps, transcript.position) == ([2, 5], 8)
    assert list(transcript.message_positions) == [0, 1, 3, 4, 6, 7]
    assert [entry.is_erased for entry in transcript.entries] == [i in (2, 5) for i in range(8)]
    for old, new in zip(before, transcript.entries, strict=True):
        assert (old.id, old.sequence, old.digest, old.chain) == (
            new.id, new.sequence, new.digest, new.chain,
        )  # fmt: skip
    assert dict(transcript.entries[2].body) == {}


def test_erasing_leaves_a_sound_journal_that_goes_on(place, store, talk):
    store.erase(talk.id, positions=[0, 7])
    assert store.verify().is_sound
    store = place.reopen(store)
    talk = store.get_session(talk.id)
    assert talk.append(user("i"), expected=8).positions == (8,)
    say(talk, *"jklm")
    assert texts(talk.open()) == [*"bcdefgijklm"]
    assert store.verify().is_sound


def test_erasing_counts_what_was_not_erased_before(store, talk):
    assert store.erase(talk.id, positions=[1, 1, 2]) == 2
    assert store.erase(talk.id, positions=[2, 3]) == 1
    assert store.erase(talk.id, positions=[]) == 0
    assert store.erase(talk.id) == 5
    assert store.verify().is_sound


def test_the_count_of_messages_falls(store, talk):
    talk.append(NewEntry(body={}, kind="usage"))
    store.erase(talk.id, positions=[0, 8])
    assert (talk.info.entries, talk.info.messages) == (9, 7)


@pytest.mark.parametrize("positions", [[8], [-1], [0, 99]])
def test_a_position_that_never_was_is_refused_and_nothing_erased(store, talk, positions):
    with pytest.raises(journal.EntryRefused):
        store.erase(talk.id, positions=positions)
    assert talk.open().gaps == []


def test_erasing_a_session_takes_its_name_too(place, store, talk):
    assert store.erase("talk") == 8
    for call in (
        talk.open,
        talk.fork,
        lambda: talk.append(user("x")),
        lambda: talk.info,
        lambda: store.get_session("talk"),
        lambda: store.get_session(talk.id),
        lambda: store.erase(talk.id),
        lambda: store.verify(talk.id),
    ):
        with pytest.raises(journal.SessionUnknown):
            call()
    assert (store.list_sessions(), store.last_session("w")) == ([], None)
    store = place.reopen(store)
    again = store.session("talk", workspace="w")
    assert again.id != talk.id
    say(again, "new")
    assert texts(again.open()) == ["new"]
    assert store.verify().is_sound


def test_a_retry_of_an_erased_entry_does_not_bring_it_back(place, store, talk):
    entries = [NewEntry(body=user(f"secret {i}"), id=f"{WORD}{i}") for i in range(4)]
    for entry in entries:
        talk.append(entry)
    store.erase(talk.id, positions=[8, 11])
    store = place.reopen(store)
    talk = store.get_session(talk.id)
    done = talk.append(entries[0])
    assert (done.positions, done.is_retry) == ((8,), True)
    assert talk.append(*entries).is_retry
    assert talk.open().gaps == [8, 11]
    store.erase(talk.id)
    assert talk.append(entries[1]).is_retry
    with pytest.raises(journal.SessionUnknown):
        talk.append(NewEntry(body=user("new"), id=f"{WORD}9"))
    assert all(entry.is_erased for entry in store.read())


def test_a_fork_shows_a_gap_where_its_parent_was_erased(store, talk):
    fork = talk.fork(at=5)
    say(fork, *"xyz")
    deeper = fork.fork(at=7)
    assert store.erase(talk.id, positions=[1, 6]) == 2
    assert (texts(fork.open()), fork.open().gaps) == ([*"acdexyz"], [1])
    assert (texts(deeper.open()), deeper.open().gaps) == ([*"acdexy"], [1])
    assert [each.info.messages for each in (talk, fork, deeper)] == [6, 7, 6]
    assert store.verify().is_sound


def test_a_shared_entry_can_be_erased_through_a_fork(store, talk):
    fork = talk.fork(at=5)
    say(fork, *"xyz")
    assert store.erase(fork.id, positions=[1, 6]) == 2
    assert texts(fork.open()) == [*"acdexz"]
    assert texts(talk.open()) == [*"acdefgh"]
    assert store.verify().is_sound


def test_erasing_a_fork_leaves_its_parent(store, talk):
    fork = talk.fork(at=5)
    say(fork, *"xyz")
    assert store.erase(fork.id) == 3
    assert texts(talk.open()) == [*"abcdefgh"]


def test_erasing_a_parent_leaves_its_forks_with_gaps(store, talk):
    fork = talk.fork(at=5)
    say(fork, *"xyz")
    assert store.erase(talk.id) == 8
    assert (texts(fork.open()), fork.open().gaps) == ([*"xyz"], [0, 1, 2, 3, 4])
    assert fork.append(user("on")).positions == (8,)
    assert store.verify().is_sound


def test_a_fork_made_while_its_parent_is_erased_counts_what_is_left(store, talk, monkeypatch):
    engine = store._core.engine
    create = engine.create_session

    def erase_first(row):
        store.erase(talk.id, positions=[0, 1])
        return create(row)

    monkeypatch.setattr(engine, "create_session", erase_first)
    fork = talk.fork(at=5)
    assert (texts(fork.open()), fork.info.messages) == ([*"cde"], 3)
    assert store.verify().is_sound


def test_another_owners_fork_keeps_a_visible_gap(store, talk):
    other = store.for_owner(Scope(owner="other"))
    given = talk.fork(at=4, scope=other.scope)
    say(given, "mine")
    store.erase(talk.id, positions=[2])
    assert (texts(given.open()), given.open().gaps) == ([*"abd", "mine"], [2])
    store.erase_owner()
    assert (texts(given.open()), given.open().gaps) == (["mine"], [0, 1, 2, 3])
    assert other.verify().is_sound


def test_an_owner_can_not_erase_what_another_owner_shared(store, talk):
    other = store.for_owner(Scope(owner="other"))
    given = talk.fork(at=4, scope=other.scope)
    say(given, "mine")
    with pytest.raises(journal.EntryRefused):
        other.erase(given.id, positions=[1, 4])
    assert texts(given.open()) == [*"abcd", "mine"]
    assert other.erase(given.id) == 1
    assert texts(talk.open()) == [*"abcdefgh"]


def test_erasing_an_owner_takes_everything_of_it_and_of_nobody_else(place, store, talk):
    other = store.for_owner(Scope(owner="other"))
    say(other.session("talk"), *"abc")
    say(store.session("more"), "x")
    say(talk.fork(at=2), "y")
    assert store.erase_owner() == 10
    assert (store.list_sessions(), store.erase_owner()) == ([], 0)
    store = place.reopen(store)
    assert all(entry.is_erased for entry in store.read())
    assert texts(store.for_owner(other.scope).session("talk").open()) == [*"abc"]
    assert store.verify(all_owners=True).is_sound


def test_a_transcript_opened_before_is_not_given_again(store, talk):
    talk.open()
    fork = talk.fork(at=6)
    fork.open()
    store.erase(talk.id, positions=[3])
    for session in (talk, fork, store.get_session("talk")):
        assert "d" not in texts(session.open())
        assert session.open(5).gaps == [3]


def test_an_erased_entry_can_be_any_kind(store, talk):
    talk.append(NewEntry(body={"secret": 1}, kind="memory", actor="me"))
    store.erase(talk.id, positions=[8])
    entry = talk.open().entries[8]
    assert (entry.kind, entry.actor, entry.is_erased, dict(entry.body)) == (
        "memory",
        "me",
        True,
        {},
    )


def test_a_long_text_is_erased_with_its_entry_unless_another_entry_of_the_owner_has_it(store):
    long, session = "x" * 600_000, store.session("talk")
    other = store.for_owner(Scope(owner="other")).session("talk")
    for each in (session, session, other):
        each.append({"text": long})
    store.erase(session.id, positions=[0])
    assert session.open()[0]["text"] == long
    store.erase(session.id, positions=[1])
    assert len(session.open()) == 0
    assert other.open()[0]["text"] == long
    assert store.verify(all_owners=True).is_sound


def test_a_fork_in_another_owners_hands_loses_the_long_text_too(store):
    other = store.for_owner(Scope(owner="other"))
    session = store.session("talk")
    session.append({"text": "x" * 600_000})
    given = session.fork(scope=other.scope)
    assert given.open()[0]["text"] == "x" * 600_000
    store.erase(session.id)
    assert given.open().gaps == [0]
    assert list(given.open()) == []


def test_many_entries_can_be_erased_one_by_one_while_others_are_appended(store):
    session = store.session("talk")
    model = {}
    for step in range(40):
        model[step] = str(step)
        say(session, str(step))
        if step % 3 == 2:
            gone = sorted(model)[(step * 7) % len(model)]
            del model[gone]
            assert store.erase(session.id, positions=[gone]) == 1
        assert texts(session.open()) == [model[position] for position in sorted(model)]
    assert store.verify().is_sound
