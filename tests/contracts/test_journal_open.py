"""What `open`, `fork` and the feed promise, on every engine."""

import pytest

from novacore import journal
from novacore.journal import NewEntry


def user(text):
    return {"role": "user", "content": text}


def say(session, *words, **fields):
    for word in words:
        session.append(NewEntry(body=user(word), **fields))


def texts(transcript):
    return [message["content"] for message in transcript]


def entry_texts(transcript):
    return [entry.body.get("content") for entry in transcript.entries]


# Transcripts


def test_an_empty_session_opens_as_an_empty_transcript(session):
    transcript = session.open()
    assert (len(transcript), transcript.position, transcript.decode_all()) == (0, 0, [])
    assert (list(transcript.entries), transcript.gaps, transcript.damaged) == ([], [], [])
    assert list(transcript.message_positions) == []
    with pytest.raises(IndexError):
        transcript[0]
    with pytest.raises(IndexError):
        transcript.entries[0]


def test_a_transcript_does_not_change_when_more_is_appended(session):
    say(session, *"abc")
    before = session.open()
    say(session, *"defghijklmnop")
    assert texts(before) == [*"abc"]
    assert (before.position, len(before.entries)) == (3, 3)
    assert texts(session.open()) == [*"abcdefghijklmnop"]


def test_changing_a_message_changes_nothing_stored(session):
    session.append({"role": "user", "content": [{"type": "text", "text": "a"}]})
    transcript = session.open()
    transcript[0]["content"].append("more")
    dict(transcript[0])["role"] = "other"
    assert transcript[0] == {"role": "user", "content": [{"type": "text", "text": "a"}]}


def test_messages_and_entries_of_other_kinds_are_told_apart(session):
    session.append(user("a"))
    session.append(NewEntry(body={"model": "x"}, kind="usage"))
    session.append(user("b"), NewEntry(body={}, kind="never heard of"), user("c"))
    session.append(NewEntry(body={"content": "s"}, kind="state"))
    transcript = session.open()
    assert texts(transcript) == ["a", "b", "c"]
    assert list(transcript.message_positions) == [0, 2, 4]
    assert [entry.kind for entry in transcript.entries] == [
        "message", "usage", "message", "never heard of", "message", "state",
    ]  # fmt: skip
    assert [transcript.entry_at(i).position for i in range(3)] == [0, 2, 4]
    assert transcript.entry_at(-1).body == user("c")


def test_slices_and_negative_indexes_work_as_on_a_list(session):
    say(session, *"abcdefghijk")
    session.append(NewEntry(body={}, kind="usage"))
    say(session, *"lmnop")
    model, transcript = [*"abcdefghijklmnop"], session.open()
    for start in (None, 0, 1, 7, 15, 16, 99, -1, -5, -99):
        for stop in (None, 0, 1, 8, 12, 16, 99, -1, -16):
            for step in (None, 1, 2, -1, -3):
                cut = slice(start, stop, step)
                assert texts(transcript[cut]) == model[cut], cut
    for index in range(-16, 16):
        assert transcript[index]["content"] == model[index]
    for index in (16, -17):
        with pytest.raises(IndexError):
            transcript[index]
        with pytest.raises(IndexError):
            transcript.entry_at(index)


def test_entries_can_be_sliced_and_counted_from_the_end(session):
    say(session, *"abcde")
    entries = session.open().entries
    assert [entry.position for entry in entries[1:4]] == [1, 2, 3]
    assert [entry.position for entry in entries[::-2]] == [4, 2, 0]
    assert entries[-1].position == 4
    for index in (5, -6):
        with pytest.raises(IndexError):
            entries[index]


def test_decoding_all_at_once_equals_decoding_one_by_one(session):
    for i in range(23):
        kind = "usage" if i % 5 == 4 else "message"
        session.append(NewEntry(body={"role": "user", "content": "x" * i, "n": i}, kind=kind))
    transcript = session.open()
    one_by_one = [transcript[i] for i in range(len(transcript))]
    assert transcript.decode_all() == one_by_one == list(transcript)
    assert [dict(m) for m in transcript.decode_all()] == [dict(m) for m in one_by_one]


def test_a_message_reads_like_a_dictionary(session):
    session.append({"role": "user", "content": "a", "x": None})
    message = session.open()[0]
    assert (message["role"], message.get("x", 1), message.get("y", 1)) == ("user", None, 1)
    assert (list(message), len(message), "x" in message, "y" in message) == (
        ["role", "content", "x"], 3, True, False,
    )  # fmt: skip
    assert dict(message) == {"role": "user", "content": "a", "x": None}
    assert list(message.items()) == list(dict(message).items())
    assert list(message.keys()) == ["role", "content", "x"]
    assert list(message.values()) == ["user", "a", None]
    assert message == session.open()[0]
    assert message != {"role": "user"}
    assert message != ["role"]
    assert "user" in repr(message)


def test_messages_is_the_transcript_as_it_is_now(session):
    say(session, "a")
    assert texts(session.messages) == ["a"]
    say(session, "b")
    assert len(session.messages) == 2
    assert texts(session.messages.messages) == ["a", "b"]


def test_an_unchanged_session_is_not_read_again(session):
    say(session, "a")
    assert session.open() is session.open()


def test_a_store_that_keeps_no_transcripts_still_opens_them(place):
    store = place.open(open_transcripts_max=0)
    say(store.session("talk"), *"abc")
    assert texts(store.session("talk").open()) == [*"abc"]


# Time travel


def test_a_session_can_be_opened_at_every_past_position(session):
    for i in range(12):
        session.append(NewEntry(body=user(str(i)), kind="message" if i % 3 else "note"))
    for at in range(13):
        transcript = session.open(at)
        assert transcript.position == len(transcript.entries) == at
        assert texts(transcript) == [str(i) for i in range(at) if i % 3]
        assert texts(transcript.decode_all()) == texts(transcript)


def test_a_past_transcript_cut_inside_a_segment_counts_from_its_own_end(place):
    store = place.open(seal_entries=4)
    session = store.session("talk")
    say(session, *"abcdefgh")
    assert texts(session.open(6)[-3:]) == [*"def"]
    assert session.open(6)[-1]["content"] == "f"


@pytest.mark.parametrize("at", [-1, 4, 99])
def test_a_position_that_never_was_is_refused(session, at):
    say(session, *"abc")
    with pytest.raises(journal.EntryRefused):
        session.open(at)
    with pytest.raises(journal.EntryRefused):
        session.fork(at=at)


# Forks


def test_a_fork_shares_what_was_before_and_goes_its_own_way(session):
    say(session, *"abcde")
    fork = session.fork(at=3)
    say(fork, *"xyz")
    say(session, *"fg")
    assert texts(fork.open()) == [*"abcxyz"]
    assert texts(session.open()) == [*"abcdefg"]
    assert [entry.position for entry in fork.open().entries] == list(range(6))
    assert {entry.session_id for entry in fork.open().entries[:3]} == {session.id}
    assert {entry.session_id for entry in fork.open().entries[3:]} == {fork.id}


def test_a_fork_copies_nothing(store):
    session = store.session("talk")
    say(session, *"abcdef")
    session.fork()
    session.fork(at=2)
    assert len(store.read()) == 6


def test_a_fork_can_be_made_at_any_position_even_before_the_first(session):
    say(session, *"abcdef")
    for at in range(7):
        fork = session.fork(at=at)
        assert texts(fork.open()) == [*"abcdef"][:at]
        assert fork.append(user("new")).positions == (at,)
        assert texts(fork.open()) == [*"abcdef"[:at], "new"]


def test_a_fork_is_named_after_its_parent_with_a_number_behind(session):
    assert [session.fork().name for _ in range(3)] == ["talk-2", "talk-3", "talk-4"]
    assert session.fork(name="mine").name == "mine"
    with pytest.raises(journal.NameTaken) as caught:
        session.fork(name="mine")
    assert caught.value.name == "mine"


def test_a_fork_stays_in_its_workspace(store):
    session = store.session("talk", workspace="garden")
    fork = session.fork()
    assert fork.workspace == "garden"
    assert fork.info.parent_id == session.id


def test_forks_of_forks_at_every_position_read_right(place):
    store = place.open()
    first = store.session("talk")
    say(first, *"abcd")
    second = first.fork(at=3)
    say(second, *"BCD")
    for at in range(7):
        third = second.fork(at=at)
        say(third, "z")
        assert texts(third.open()) == [*"abcBCD"[:at], "z"], at
    store = place.reopen(store)
    assert texts(store.session("talk-2").open()) == [*"abcBCD"]
    assert store.verify().is_sound


def test_a_long_line_of_forks_opens_and_verifies(place):
    store = place.open()
    session = store.session("talk")
    say(session, "0")
    for i in range(1, 40):
        session = session.fork(name=f"fork {i}")
        say(session, str(i))
    assert texts(session.open()) == [str(i) for i in range(40)]
    assert store.verify().is_sound


def test_a_shared_entry_is_known_in_a_fork(session):
    shared = NewEntry(body=user("a"), id="018f0000-0000-7000-8000-000000000001")
    later = NewEntry(body=user("b"), id="018f0000-0000-7000-8000-000000000002")
    session.append(shared)
    fork = session.fork()
    session.append(later)
    assert fork.append(shared).is_retry
    assert fork.fork().append(shared).positions == (0,)
    with pytest.raises(journal.IdConflict):
        fork.append(later)
    assert texts(fork.open()) == ["a"]


def test_an_entry_of_a_fork_is_not_known_in_its_parent(session):
    say(session, "a")
    fork = session.fork()
    entry = NewEntry(body=user("b"), id="018f0000-0000-7000-8000-000000000003")
    fork.append(entry)
    with pytest.raises(journal.IdConflict):
        session.append(entry)


def test_a_fork_given_to_another_owner_shows_the_shared_part_only(store):
    other = store.for_owner(journal.Scope(owner="other"))
    session = store.session("talk")
    say(session, *"abc")
    given = session.fork(at=2, scope=other.scope)
    say(session, "secret")
    say(given, "mine")
    assert texts(other.session(given.name).open()) == ["a", "b", "mine"]
    assert [info.name for info in other.list_sessions()] == [given.name]
    assert [entry.body["content"] for entry in other.read()] == ["mine"]
    assert [info.name for info in store.list_sessions()] == ["talk"]
    with pytest.raises(journal.SessionUnknown):
        other.get_session(session.id)
    with pytest.raises(journal.SessionUnknown):
        store.get_session(given.id)


def test_expected_counts_the_shared_entries_of_a_fork(session):
    say(session, *"ab")
    fork = session.fork()
    with pytest.raises(journal.PositionConflict):
        fork.append(user("x"), expected=0)
    assert fork.append(user("x"), expected=2).positions == (2,)


def test_what_is_known_of_a_fork(session):
    say(session, *"ab")
    session.append(NewEntry(body={}, kind="usage"))
    fork = session.fork(at=3)
    say(fork, "c")
    info = fork.info
    assert (info.entries, info.messages, info.forked_at) == (4, 3, 3)
    assert (session.info.parent_id, session.info.forked_at) == (None, None)


# The feed


def test_the_feed_gives_all_entries_in_order_of_sequence(store):
    a, b = store.session("a"), store.session("b")
    for i in range(10):
        say([a, b][i % 2], str(i))
    feed = store.read()
    assert [entry.sequence for entry in feed] == list(range(1, 11))
    assert [entry.body["content"] for entry in feed] == [str(i) for i in range(10)]
    assert [entry.position for entry in feed] == [i // 2 for i in range(10)]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 1_000])
def test_the_feed_can_be_read_page_by_page(store, limit):
    for i in range(11):
        say(store.session(f"s{i % 3}"), str(i))
    found, after = [], 0
    while page := store.read(after, limit=limit):
        assert len(page) <= limit
        found += page
        after = page[-1].sequence
    assert [entry.body["content"] for entry in found] == [str(i) for i in range(11)]
    assert store.read(after) == []


def test_the_feed_of_an_owner_holds_only_its_own_entries(store):
    other = store.for_owner(journal.Scope(owner="other"))
    for i in range(9):
        say((store if i % 3 else other).session("talk"), str(i))
    assert [entry.body["content"] for entry in other.read()] == ["0", "3", "6"]
    assert [entry.sequence for entry in other.read(limit=2)] == [1, 4]
    assert [entry.sequence for entry in other.read(4)] == [7]
    assert len(store.read()) == 6


def test_the_feed_returns_no_more_than_its_limit(place):
    store = place.open(feed_entries_max=4)
    say(store.session("talk"), *"abcdef")
    assert len(store.read()) == 4
    assert store.read(limit=0) == []


def test_the_feed_says_which_entries_were_erased(store):
    session = store.session("talk")
    say(session, *"abc")
    store.erase(session.id, positions=[1])
    assert [entry.is_erased for entry in store.read()] == [False, True, False]
    store.erase(session.id)
    assert [entry.is_erased for entry in store.read()] == [True, True, True]


# Verify


def test_a_sound_journal_verifies(place):
    store = place.open()
    session = store.session("talk")
    say(session, *"abcdefgh")
    fork = session.fork(at=5)
    say(fork, *"xyz")
    say(session.fork(at=0), "q")
    store.erase(session.id, positions=[2, 6])
    store.for_owner(journal.Scope(owner="other")).session("talk").append(user("o"))
    for report in (store.verify(), place.reopen(store).verify()):
        assert report.problems == []
        assert (report.sessions, report.entries) == (3, 8 + 8 + 1)
    whole = (
        place.open().verify(all_owners=True) if place.is_durable else store.verify(all_owners=True)
    )
    assert (whole.sessions, whole.is_sound) == (4, True)


def test_one_session_can_be_verified_by_id_or_name(store):
    say(store.session("talk"), *"abc")
    say(store.session("other"), *"abc")
    for key in ("talk", store.session("talk").id):
        report = store.verify(key)
        assert (report.sessions, report.entries, report.is_sound) == (1, 3, True)
    with pytest.raises(journal.SessionUnknown):
        store.verify("nobody")
