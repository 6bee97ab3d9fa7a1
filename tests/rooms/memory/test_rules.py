"""How memories grow older: promoted, faded, crowded out, the same way whenever one looks."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacore import journal, memory
from novacore.kit import FixedClock

HOUR_MS = 60 * 60 * 1_000
DAY_MS = 24 * HOUR_MS
ALL = memory.Filter(states=())


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


def use(memories: memory.Memories, made: memory.Memory, *, times: int) -> None:
    """Use a memory in so many turns."""
    for _ in range(times):
        memories.note_access([made.id])
        memories.flush_access()


def entry_count(store: journal.JournalStore) -> int:
    return store.session("memories", workspace=memory.WORKSPACE).info.entries


@pytest.mark.parametrize(
    ("term", "lives_ms"), [("short", HOUR_MS), ("intermediate", 7 * DAY_MS), ("long", None)]
)
def test_each_term_has_its_time(memories, clock, term, lives_ms):
    made = memories.create("x", term=term)
    if lives_ms is None:
        assert made.expires_at_us is None
        clock.advance_ms(10_000 * DAY_MS)
        assert memories.advance() == memory.Advanced()
        return
    assert made.expires_at_us == made.created_at_us + lives_ms * 1_000
    clock.advance_ms(lives_ms - 1)
    assert memories.advance().expired == ()
    clock.advance_ms(1)
    assert memories.get(made.id).state == "expired"
    assert memories.advance().expired == (made.id,)
    assert memories.get(made.id).state == "expired"


@pytest.mark.parametrize(
    ("term", "fields", "uses", "after"),
    [
        ("short", {}, 0, "short"),
        ("short", {}, 2, "short"),
        ("short", {}, 3, "intermediate"),
        ("short", {"confidence": 0.7}, 0, "short"),
        ("short", {"confidence": 0.71}, 0, "intermediate"),
        ("short", {"emotional_weight": -0.31}, 0, "intermediate"),
        ("short", {"emotional_weight": 0.3}, 0, "short"),
        ("intermediate", {}, 3, "long"),
        ("intermediate", {"confidence": 0.9}, 0, "intermediate"),
        ("intermediate", {"emotional_weight": 0.9}, 0, "intermediate"),
        ("intermediate", {"confidence": 0.9, "emotional_weight": 0.9}, 0, "long"),
        ("long", {"confidence": 1.0, "emotional_weight": 1.0}, 9, "long"),
    ],
)
def test_use_confidence_and_feeling_promote(memories, term, fields, uses, after):
    made = memories.create("x", term=term, **fields)
    use(memories, made, times=uses)
    memories.advance()
    assert memories.get(made.id).term == after


def test_uses_count_anew_in_each_term(memories):
    made = memories.create("x")
    use(memories, made, times=3)
    assert memories.advance().promoted == (made.id,)
    use(memories, made, times=2)
    assert memories.advance().promoted == ()
    use(memories, made, times=1)
    assert memories.advance().promoted == (made.id,)
    assert memories.get(made.id).access_count == 6


def test_what_was_earned_in_time_is_not_lost_when_nobody_looked(memories, clock):
    made = memories.create("x")
    use(memories, made, times=3)
    clock.advance_ms(30 * DAY_MS)
    assert memories.get(made.id).state == "current"
    memories.advance()
    assert memories.get(made.id).term == "intermediate"


def test_a_use_after_its_time_does_not_bring_a_memory_back(memories, clock):
    made = memories.create("x")
    clock.advance_ms(HOUR_MS)
    use(memories, made, times=5)
    assert memories.get(made.id).state == "expired"
    assert memories.get(made.id).access_count == 0


def test_pinned_memories_never_fade(memories, clock):
    made = memories.create("x", is_pinned=True)
    clock.advance_ms(400 * DAY_MS)
    memories.advance()
    assert memories.get(made.id).state == "current"
    memories.pin(made.id, is_pinned=False)
    clock.advance_ms(HOUR_MS)
    assert memories.advance().expired == (made.id,)


def test_a_faded_memory_keeps_its_text_and_can_come_back(store, memories, clock):
    made = memories.create("faded, not gone")
    clock.advance_ms(HOUR_MS)
    memories.advance()
    assert [each.text for each in memories.every(ALL)] == ["faded, not gone"]
    back = memories.promote(made.id)
    assert (back.state, back.term) == ("current", "intermediate")
    assert memories.edit(made.id, confidence=0.6).state == "current"


def test_terms_go_one_step_up_and_down_and_no_further(memories):
    made = memories.create("x")
    assert memories.promote(made.id).term == "intermediate"
    assert memories.promote(made.id).term == "long"
    with pytest.raises(memory.MemoryInvalid):
        memories.promote(made.id)
    assert memories.demote(memories.demote(made.id).id).term == "short"
    with pytest.raises(memory.MemoryInvalid):
        memories.demote(made.id)


def test_only_the_hundred_most_used_intermediate_memories_stay(memories, clock):
    made = []
    for number in range(105):
        made.append(memories.create(f"m{number}", term="intermediate"))
        clock.advance_ms(1)
    use(memories, made[0], times=1)
    pinned = memories.create("pinned", term="intermediate", is_pinned=True)
    gone = memories.advance().crowded_out
    assert gone == tuple(each.id for each in made[1:6])
    left = {each.id for each in memories.every()}
    assert len(left) == 101
    assert {made[0].id, pinned.id} <= left


def test_advancing_again_changes_nothing(store, memories, clock):
    for number in range(120):
        memories.create(f"m{number}", confidence=number / 200, emotional_weight=0.0)
    clock.advance_ms(2 * HOUR_MS)
    memories.advance()
    count = entry_count(store)
    assert memories.advance() == memory.Advanced()
    assert entry_count(store) == count


def test_two_processes_that_advance_write_each_change_once(store, clock):
    one, two = memory.Memories(store, clock=clock), memory.Memories(store, clock=clock)
    made = one.create("x", confidence=0.9)
    assert two.get(made.id).term == "short"
    assert (len(one.advance().promoted), len(two.advance().promoted)) == (1, 0)
    assert entry_count(store) == 2


def test_fading_deletes_no_entry_of_the_journal(store, memories, clock):
    memories.create("the source stays")
    clock.advance_ms(DAY_MS)
    memories.advance()
    first = store.session("memories", workspace=memory.WORKSPACE).open().entries[0]
    assert first.body["text"] == "the source stays"
    assert store.feed().state().erasures == 0


def test_an_entry_that_says_a_memory_faded_holds_nothing_of_it(store, memories, clock):
    memories.create("CANARY", tags=["canary"])
    clock.advance_ms(DAY_MS)
    memories.advance()
    last = store.session("memories", workspace=memory.WORKSPACE).open().entries[-1]
    assert "canary" not in str(dict(last.body)).casefold()
    assert last.body["is_retired"] is True


def test_a_context_begins_with_five_of_each_term(memories, clock):
    for term in memory.TERMS:
        for number in range(8):
            memories.create(f"{term}{number}", term=term, confidence=round(0.1 * number + 0.1, 1))
            clock.advance_ms(1)
    pinned = memories.create("pinned", term="long", confidence=0.1, is_pinned=True)
    wanted = next(memories.every(memory.Filter(terms=("intermediate",), text="e0")))
    use(memories, wanted, times=2)
    found = [each.text for each in memories.context()]
    assert found[:5] == ["short7", "short6", "short5", "short4", "short3"]
    assert found[5] == "intermediate0"
    assert len(found[5:10]) == 5
    assert found[10:] == [pinned.text, "long7"]


_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(memory.TERMS), st.floats(0, 1)),
        st.tuples(st.just("use"), st.integers(0, 5), st.just(0.0)),
        st.tuples(st.just("pin"), st.integers(0, 5), st.just(0.0)),
        st.tuples(st.just("wait"), st.integers(1, 200), st.just(0.0)),
        st.tuples(st.just("advance"), st.just(0), st.just(0.0)),
        st.tuples(st.just("delete"), st.integers(0, 5), st.just(0.0)),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(actions=_ACTIONS)
def test_whatever_happens_the_fold_is_the_same_and_nothing_is_shown_past_its_time(actions):
    clock = FixedClock()
    config = memory.Config(intermediate_max=3)
    with journal.open_memory(clock=clock) as store:
        memories = memory.Memories(store, clock=clock, config=config)
        made: list[str] = []
        for what, number, weight in actions:
            if what == "create":
                fields = {"confidence": weight, "emotional_weight": 1 - 2 * weight}
                made.append(memories.create("x", term=number, **fields).id)
            elif what == "wait":
                clock.advance_ms(number * HOUR_MS // 4)
            elif what == "advance":
                memories.advance()
            elif made:
                memory_id = made[number % len(made)]
                if what == "use":
                    memories.note_access([memory_id])
                    memories.flush_access()
                elif what == "pin":
                    memories.pin(memory_id)
                else:
                    made.remove(memory_id)
                    memories.delete(memory_id)
        memories.advance()
        shown = list(memories.every(ALL))
        assert shown == list(memory.Memories(store, clock=clock, config=config).every(ALL))
        assert {each.id for each in shown} == set(made)
        assert memories.advance() == memory.Advanced()
        current = [each for each in shown if each.state == "current"]
        assert all((each.expires_at_us or 2**63) > clock.now_us() for each in current)
        held = [each for each in current if each.term == "intermediate" and not each.is_pinned]
        assert len(held) <= 3
