"""Facts over two times: when they held, and since when that is known."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacore import journal, memory
from novacore.kit import FixedClock

DAY_MS = 24 * 60 * 60 * 1_000
DAY_US = DAY_MS * 1_000


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(clock: FixedClock) -> Iterator[journal.JournalStore]:
    with journal.open_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def memories(store: journal.JournalStore, clock: FixedClock) -> memory.Memories:
    return memory.Memories(store, clock=clock)


@pytest.fixture
def facts(memories: memory.Memories) -> memory.Facts:
    return memory.Facts(memories)


def objects(found) -> list[str]:
    return [each.object for each in found]


def test_a_contradicting_fact_closes_the_older_one_and_links_to_it(facts, memories, clock):
    oslo = facts.record("user", "lives in", object="Oslo")
    clock.advance_ms(DAY_MS)
    rome = facts.record("user", "lives in", object="Rome")
    oslo = facts.get(oslo.id)
    assert objects(facts.list()) == ["Rome"]
    assert (oslo.valid_to_us, oslo.closed_by) == (rome.valid_from_us, (rome.id,))
    assert rome.closes == (oslo.id,)
    assert memories.get(oslo.id).state == "closed"


def test_what_was_true_and_what_was_known_are_two_questions(facts, clock):
    start = clock.now_us()
    facts.record("user", "works at", object="ACME")
    clock.advance_ms(10 * DAY_MS)
    learned = clock.now_us()
    facts.record("user", "works at", object="Globex", valid_from_us=start + 5 * DAY_US)
    clock.advance_ms(DAY_MS)
    at_four, at_seven = start + 4 * DAY_US, start + 7 * DAY_US
    assert objects(facts.list()) == ["Globex"]
    assert objects(facts.list(valid_at_us=at_four)) == ["ACME"]
    assert objects(facts.list(valid_at_us=at_seven)) == ["Globex"]
    assert objects(facts.list(valid_at_us=at_seven, known_at_us=learned - 1)) == ["ACME"]
    assert objects(facts.list(known_at_us=learned - 1)) == ["ACME"]
    assert facts.list(known_at_us=start - 1) == []
    assert facts.list(valid_at_us=start - 1) == []


def test_what_may_hold_beside_each_other_does(facts):
    for what in ("tea", "cake", "rain"):
        facts.record("user", "likes", object=what)
    assert sorted(objects(facts.list())) == ["cake", "rain", "tea"]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("likes", "tea"), ("dislikes", "Tea")),
        (("prefers", "tabs over spaces"), ("prefers", "spaces over tabs")),
        (("favourite colour", "blue"), ("favorite Colour", "green")),
        (("name", "Anna"), ("is called", "Anne")),
        (("e-mail", "a@example.org"), ("email", "b@example.org")),
    ],
)
def test_the_newer_of_two_that_can_not_both_be_so_holds(facts, clock, first, then):
    facts.record("user", first[0], object=first[1])
    clock.advance_ms(1)
    facts.record("user", then[0], object=then[1])
    assert objects(facts.list()) == [then[1]]


def test_another_subject_is_another_fact(facts):
    facts.record("user", "name", object="Anna")
    facts.record("user's dog", "name", object="Rex")
    assert sorted(objects(facts.list())) == ["Anna", "Rex"]


def test_saying_the_same_again_adds_no_fact_but_where_it_was_said(facts, clock):
    for number in range(20):
        clock.advance_ms(1)
        source = memory.Source(session_id="s", position=number)
        facts.record("user", "lives in", object=" OSLO. ".strip(), sources=[source])
    found = facts.list()
    assert len(found) == 1
    assert [each.position for each in found[0].sources] == list(range(8))


def test_a_fact_about_an_earlier_time_does_not_end_a_later_one(facts, clock):
    now = clock.now_us()
    facts.record("user", "lives in", object="Rome")
    facts.record("user", "lives in", object="Oslo", valid_from_us=now - 9 * DAY_US)
    assert objects(facts.list()) == ["Rome"]
    assert objects(facts.list(valid_at_us=now - DAY_US)) == ["Oslo"]


def test_a_stretch_in_between_leaves_what_was_before_and_after(facts, clock):
    now = clock.now_us()
    facts.record("user", "lives in", object="Oslo", valid_from_us=now - 30 * DAY_US)
    facts.record(
        "user", "lives in", object="Rome",
        valid_from_us=now - 20 * DAY_US, valid_to_us=now - 10 * DAY_US,
    )  # fmt: skip
    where = [objects(facts.list(valid_at_us=now - days * DAY_US)) for days in (25, 15, 5, 0)]
    assert where == [["Oslo"], ["Rome"], ["Oslo"], ["Oslo"]]


def test_the_same_said_of_an_earlier_time_begins_earlier_and_is_one_fact(facts, clock):
    now = clock.now_us()
    for days in range(200):
        facts.record("user", "lives in", object="Oslo", valid_from_us=now - days * DAY_US)
    found = facts.history("user")
    assert len(found) == 1
    assert found[0].valid_from_us == now - 199 * DAY_US


def test_forgetting_a_fact_lets_the_one_hold_again_that_it_had_closed(facts, memories, clock):
    facts.record("user", "lives in", object="Oslo")
    clock.advance_ms(DAY_MS)
    wrong = facts.record("user", "lives in", object="Rome")
    memories.delete(wrong.id)
    found = facts.list()
    assert objects(found) == ["Oslo"]
    assert found[0].closed_by == ()


def test_forgetting_the_middle_one_gives_its_time_back(facts, memories, clock):
    made = []
    for place in ("Oslo", "Rome", "Bern"):
        made.append(facts.record("user", "lives in", object=place))
        clock.advance_ms(DAY_MS)
    memories.delete(made[1].id)
    assert objects(facts.list()) == ["Bern"]
    assert objects(facts.list(valid_at_us=made[1].valid_from_us + 1)) == ["Oslo"]


def test_facts_never_fade_and_are_memories_like_others(facts, memories, clock):
    made = facts.record("user", "lives in", object="Oslo")
    clock.advance_ms(1_000 * DAY_MS)
    memories.advance()
    assert objects(facts.list()) == ["Oslo"]
    kept = memories.get(made.id)
    assert (kept.type, kept.term, kept.expires_at_us) == ("fact", "long", None)
    memories.tag(made.id, "home")
    assert objects(facts.list()) == ["Oslo"]
    with pytest.raises(memory.MemoryInvalid):
        memories.edit(made.id, text="lives in Rome")


def test_agents_keep_facts_of_their_own(memories, clock):
    coder = memory.Facts(memories.for_agent("coder"))
    writer = memory.Facts(memories.for_agent("writer"))
    coder.record("user", "lives in", object="Oslo")
    clock.advance_ms(1)
    writer.record("user", "lives in", object="Rome")
    assert (objects(coder.list()), objects(writer.list())) == (["Oslo"], ["Rome"])


def test_facts_survive_the_way_through_a_file(facts, memories, clock):
    start = clock.now_us()
    facts.record("user", "lives in", object="Oslo")
    clock.advance_ms(DAY_MS)
    facts.record("user", "lives in", object="Rome")
    lines = list(memory.export_lines(memories))
    clock.advance_ms(DAY_MS)
    with journal.open_memory(clock=clock) as store:
        copied = memory.Memories(store, clock=clock)
        memory.import_lines(copied, lines)
        assert objects(memory.Facts(copied).list()) == ["Rome"]
        assert objects(memory.Facts(copied).list(valid_at_us=start)) == ["Oslo"]
        assert list(memory.export_lines(copied)) == lines


def test_new_is_journaled_before_old_is_closed(facts, store, clock):
    facts.record("user", "lives in", object="Oslo")
    clock.advance_ms(1)
    facts.record("user", "lives in", object="Rome")
    session = store.session("memories", workspace=memory.WORKSPACE)
    events = [
        (each.body["event"], each.body["statement"]["object"]) for each in session.open().entries
    ]
    assert events == [("created", "Oslo"), ("created", "Rome"), ("closed", "Oslo")]


_STATED = st.lists(
    st.tuples(
        st.sampled_from(["Oslo", "Rome", "Bern"]),
        st.integers(0, 12),
        st.one_of(st.none(), st.integers(1, 6)),
        st.booleans(),
    ),
    max_size=12,
)


@pytest.mark.heavy
@settings(max_examples=80)
@given(stated=_STATED)
def test_at_no_time_are_two_known_to_hold_that_can_not_both(stated):
    clock = FixedClock()
    base = clock.now_us()
    with journal.open_memory(clock=clock) as store:
        memories = memory.Memories(store, clock=clock)
        facts = memory.Facts(memories)
        moments = []
        for place, start, length, is_forgotten in stated:
            clock.advance_ms(DAY_MS)
            begin = base + start * DAY_US
            end = None if length is None else begin + length * DAY_US
            made = facts.record(
                "user", "lives in", object=place, valid_from_us=begin, valid_to_us=end
            )
            assert objects(facts.list(valid_at_us=begin)) == [place]
            if is_forgotten:
                memories.delete(made.id)
            moments.append(clock.now_us())
        days = [base + day * DAY_US + 1 for day in range(-1, 20)]
        for known in moments:
            for valid in days:
                assert len(facts.list(valid_at_us=valid, known_at_us=known)) <= 1
        again = memory.Facts(memory.Memories(store, clock=clock))
        for valid in days:
            assert again.list(valid_at_us=valid) == facts.list(valid_at_us=valid)
