"""Memories: made, found, changed, shared and forgotten, all of it as entries of the journal."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from novacore import journal, memory
from novacore.kit import FixedClock

HOUR_MS = 60 * 60 * 1_000
DAY_MS = 24 * HOUR_MS


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


def texts(found: memory.Memories, wanted: memory.Filter | None = None) -> list[str]:
    return [each.text for each in found.every(wanted)]


def raw_entries(store: journal.JournalStore) -> list[journal.Entry]:
    return list(store.session("memories", workspace=memory.WORKSPACE).open().entries)


# --- Made, found, changed.


def test_what_is_created_is_there_with_everything_that_was_given(memories):
    source = memory.Source(session_id="01a2011b-5676-7f40-b906-ddac368887c7", position=4, end=9)
    made = memories.create(
        "Run the tests before pushing.",
        type="lesson",
        term="intermediate",
        confidence=0.9,
        emotional_weight=-0.4,
        tags=["#Git", "testing"],
        sources=[source],
        project="/home/me/nova",
        outcome="failure",
        is_pinned=True,
    )
    assert memories.get(made.id) == made
    assert (made.type, made.term, made.confidence) == ("lesson", "intermediate", 0.9)
    assert (made.emotional_weight, made.outcome, made.is_pinned) == (-0.4, "failure", True)
    assert (made.tags, made.sources, made.project) == (
        ("git", "testing"),
        (source,),
        "/home/me/nova",
    )


def test_another_look_at_the_same_journal_folds_to_the_same_memories(store, memories, clock):
    kept = memories.create("one", tags=["a"])
    memories.edit(kept.id, text="one, edited")
    memories.pin(kept.id)
    memories.note_access([kept.id])
    memories.flush_access()
    memories.delete(memories.create("two").id)
    assert list(memory.Memories(store, clock=clock).every()) == list(memories.every())


def test_a_retry_with_the_same_id_writes_nothing_twice(store, memories):
    id_ = "01a2011b-5676-7f40-b906-ddac368887c7"
    first = memories.create("said once", id=id_)
    count = len(raw_entries(store))
    assert memories.create("said once", id=id_) == first
    assert len(raw_entries(store)) == count
    with pytest.raises(memory.MemoryInvalid):
        memories.create("said otherwise", id=id_)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 20_000}, "text"),
        ({"text": "x", "type": "rumour"}, "type"),
        ({"text": "x", "term": "eternal"}, "term"),
        ({"text": "x", "confidence": 1.5}, "confidence"),
        ({"text": "x", "confidence": float("nan")}, "confidence"),
        ({"text": "x", "emotional_weight": -2}, "emotional_weight"),
        ({"text": "x", "outcome": "maybe"}, "outcome"),
        ({"text": "x", "tags": [" "]}, "tags"),
        ({"text": "x", "tags": [str(i) for i in range(40)]}, "tags"),
        ({"text": "x", "id": "seven"}, "id"),
    ],
)
def test_a_field_with_a_wrong_value_is_named_and_nothing_is_written(store, memories, fields, named):
    with pytest.raises(memory.MemoryInvalid) as refused:
        memories.create(**fields)
    assert refused.value.field == named
    assert list(memories.every()) == []


def test_what_is_edited_shows_and_only_what_can_be_edited_can(memories):
    made = memories.create("before", tags=["kept"])
    after = memories.edit(made.id, text="after", confidence=0.6, outcome="success")
    assert (after.text, after.confidence, after.outcome) == ("after", 0.6, "success")
    assert after.tags == ("kept",)
    with pytest.raises(memory.MemoryInvalid):
        memories.edit(made.id, access_count=7)
    with pytest.raises(memory.MemoryUnknown):
        memories.edit("nothing", text="x")


def test_an_edit_that_changes_nothing_writes_nothing(store, memories):
    made = memories.create("same")
    count = len(raw_entries(store))
    memories.edit(made.id, text="same")
    memories.tag(made.id, remove=["absent"])
    assert len(raw_entries(store)) == count


def test_tags_are_added_and_taken_away(memories):
    made = memories.create("x", tags=["one", "two"])
    assert memories.tag(made.id, "Three", remove=["one"]).tags == ("three", "two")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (memory.Filter(), ["c", "b about Rust", "a"]),
        (memory.Filter(types=("lesson",)), ["a"]),
        (memory.Filter(terms=("long", "intermediate")), ["c", "b about Rust"]),
        (memory.Filter(tags=("x", "y")), ["b about Rust"]),
        (memory.Filter(text="RUST"), ["b about Rust"]),
        (memory.Filter(project="nova"), ["c"]),
        (memory.Filter(confidence_min=0.6), ["b about Rust"]),
        (memory.Filter(is_pinned=True), ["c"]),
        (memory.Filter(agent="coder"), ["c"]),
        (memory.Filter(session_id="s-1"), ["a"]),
    ],
)
def test_a_filter_lets_through_what_it_says(memories, clock, wanted, found):
    memories.create(
        "a", type="lesson", tags=["x"], sources=[memory.Source(session_id="s-1", position=0)]
    )
    clock.advance_ms(1)
    memories.create("b about Rust", term="long", tags=["x", "y"], confidence=0.65)
    clock.advance_ms(1)
    memories.create("c", term="intermediate", project="nova", is_pinned=True, agent="coder")
    assert texts(memories, wanted) == found


def test_a_listing_comes_in_bounded_pages_that_miss_and_repeat_nothing(store, clock):
    memories = memory.Memories(store, clock=clock, config=memory.Config(page_max=7))
    made = [memories.create(f"memory {i}").id for i in range(20)]
    seen: list[str] = []
    after = ""
    while True:
        page = memories.list(after=after, limit=1_000)
        assert len(page.memories) <= 7
        seen += [each.id for each in page.memories]
        memories.create("one that came in between", term="long") if len(seen) == 7 else None
        after = page.next
        if not after:
            break
    assert sorted(seen) == sorted(made)
    with pytest.raises(memory.MemoryInvalid):
        memories.list(after="elsewhere")


# --- Shared by several processes and threads.


def test_two_processes_see_each_others_changes_at_once(tmp_path: Path):
    with journal.open_store(tmp_path) as one, journal.open_store(tmp_path) as two:
        mine, theirs = memory.Memories(one), memory.Memories(two)
        made = mine.create("from one")
        assert theirs.get(made.id).text == "from one"
        theirs.edit(made.id, text="from two")
        assert mine.get(made.id).text == "from two"
        mine.delete(made.id)
        with pytest.raises(memory.MemoryUnknown):
            theirs.get(made.id)


def test_what_many_change_at_once_is_all_there(store):
    several = [memory.Memories(store) for _ in range(4)]
    made = several[0].create("shared work", term="long")

    def work(number: int) -> None:
        for step in range(10):
            several[number].tag(made.id, f"t{number}-{step}")
            several[number].create(f"{number}-{step}")

    config = memory.Config(tags_max=100)
    for each in several:
        each.config = config
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(several[0].get(made.id).tags) == 40
    assert len(list(several[1].every())) == 41


def test_owners_never_see_each_others_memories(store):
    mine = memory.Memories(store)
    other = memory.Memories(store.for_owner(journal.Scope(owner="somebody")))
    prefix = memory.Memories(store.for_owner(journal.Scope(tenant="loc")))
    made = mine.create("mine alone")
    for each in (other, prefix):
        assert list(each.every(memory.Filter(states=()))) == []
        with pytest.raises(memory.MemoryUnknown):
            each.get(made.id)
        with pytest.raises(memory.MemoryUnknown):
            each.delete(made.id)
    assert mine.get(made.id).text == "mine alone"


def test_the_same_id_may_belong_to_two_owners(store):
    id_ = "01a2011b-5676-7f40-b906-ddac368887c7"
    other = memory.Memories(store.for_owner(journal.Scope(owner="somebody")))
    memory.Memories(store).create("mine", id=id_)
    other.create("theirs", id=id_)
    assert other.get(id_).text == "theirs"


# --- Agents of one owner.


def test_an_agent_sees_its_own_and_what_is_everybodys_and_nothing_else(memories):
    coder, writer = memories.for_agent("coder"), memories.for_agent("writer")
    coder.create("the coder's own")
    memories.create("everybody's")
    assert sorted(texts(coder)) == ["everybody's", "the coder's own"]
    assert texts(writer) == ["everybody's"]
    assert len(texts(memories)) == 2


def test_a_name_that_begins_alike_is_another_agent(memories):
    memories.for_agent("coder").create("private")
    assert texts(memories.for_agent("code")) == texts(memories.for_agent("coder2")) == []


def test_a_grant_lets_another_agent_read_and_not_change_and_can_be_taken_back(memories):
    coder, writer = memories.for_agent("coder"), memories.for_agent("writer")
    made = coder.create("how the build works")
    coder.share(made.id, "writer")
    assert writer.get(made.id).text == "how the build works"
    for change in (
        lambda: writer.edit(made.id, text="mine now"),
        lambda: writer.delete(made.id),
        lambda: writer.share(made.id, "third"),
        lambda: writer.pin(made.id),
    ):
        with pytest.raises(memory.MemoryForbidden):
            change()
    coder.unshare(made.id, "writer")
    with pytest.raises(memory.MemoryUnknown):
        writer.get(made.id)


def test_a_grant_never_reaches_another_owner(store, memories):
    made = memories.for_agent("coder").create("secret of one owner")
    memories.share(made.id, "writer")
    stranger = memory.Memories(store.for_owner(journal.Scope(owner="somebody")), agent="writer")
    assert texts(stranger) == []


def test_an_agent_can_not_remember_in_anothers_name(memories):
    with pytest.raises(memory.MemoryInvalid):
        memories.for_agent("coder").create("x", agent="writer")


# --- Use.


def test_uses_of_one_turn_are_one_entry_and_each_counts_once(store, memories):
    one, two = memories.create("one"), memories.create("two")
    count = len(raw_entries(store))
    for _ in range(50):
        memories.note_access([one.id, two.id])
    assert len(raw_entries(store)) == count
    assert memories.flush_access() == 2
    assert memories.flush_access() == 0
    assert [each.kind for each in raw_entries(store)[count:]] == ["access"]
    assert memories.get(one.id).access_count == 1


def test_reading_and_listing_write_nothing(store, memories):
    made = memories.create("quiet")
    count = len(raw_entries(store))
    memories.get(made.id)
    memories.list()
    memories.context()
    memories.ids_at("x", [1])
    assert len(raw_entries(store)) == count


def test_a_use_makes_a_memory_live_longer_and_the_time_slides(memories, clock):
    made = memories.create("used")
    for _ in range(2):
        clock.advance_ms(50 * 60 * 1_000)
        memories.note_access([made.id])
        memories.flush_access()
    clock.advance_ms(59 * 60 * 1_000)
    assert texts(memories) == ["used"]
    clock.advance_ms(60 * 1_000)
    assert texts(memories) == []


def test_what_could_not_be_written_is_kept_for_the_next_turn(tmp_path, clock):
    store = journal.open_store(tmp_path)
    memories = memory.Memories(store, clock=clock)
    made = memories.create("kept")
    memories.note_access([made.id])
    store.close()
    with pytest.raises(journal.JournalError):
        memories.flush_access()
    assert memories._used.take() == [made.id]


def test_places_that_recall_names_lead_to_memories(store, memories):
    made = memories.create("found by recall")
    memories.edit(made.id, text="found again")
    session = store.session("memories", workspace=memory.WORKSPACE)
    assert memories.ids_at(session.id, [0, 1, 7]) == [made.id]
    assert memories.ids_at("another session", [0, 1]) == []


# --- Merging.


def test_a_merged_memory_says_what_its_parts_said_and_names_them(memories):
    one = memories.create("alpha", confidence=0.4, tags=["x"], emotional_weight=-0.9)
    two = memories.create("beta", confidence=0.6, tags=["y"], term="long", emotional_weight=0.2)
    made = memories.merge(one.id, two.id)
    assert made.text == "alpha\nbeta"
    assert (made.confidence, made.term, made.tags) == (0.6, "long", ("x", "y"))
    assert made.emotional_weight == -0.9
    assert {link.id for link in made.links} == {one.id, two.id}
    assert texts(memories) == ["alpha\nbeta"]
    part = memories.get(one.id)
    assert (part.state, part.text) == ("merged", "alpha")
    assert part.links == (memory.Link(kind="merged_into", id=made.id),)


def test_the_new_memory_is_journaled_before_its_parts_retire(store, memories):
    one, two = memories.create("alpha"), memories.create("beta")
    made = memories.merge(one.id, two.id, text="both")
    events = [(each.body["memory_id"], each.body["event"]) for each in raw_entries(store)[2:]]
    assert events == [(made.id, "created"), (one.id, "merged"), (two.id, "merged")]


def test_memories_of_two_agents_can_not_be_merged_nor_shown_to_more(memories):
    one = memories.create("a", agent="coder")
    two = memories.create("b", agent="writer")
    with pytest.raises(memory.MemoryInvalid):
        memories.merge(one.id, two.id)
    common = memories.create("c")
    assert memories.merge(one.id, common.id).agent == "coder"


# --- Forgetting.


def test_what_is_forgotten_is_nowhere_in_the_journal_any_more(tmp_path, clock):
    with journal.open_store(tmp_path, clock=clock) as store:
        memories = memory.Memories(store, clock=clock)
        made = memories.create("CANARY-one", tags=["canary-tag"])
        memories.edit(made.id, text="CANARY-two")
        memories.create("stays")
        assert memories.delete(made.id) == 2
        assert texts(memories) == ["stays"]
        with pytest.raises(memory.MemoryUnknown):
            memories.get(made.id)
        assert store.verify().is_sound
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"CANARY" not in raw
    assert b"canary" not in raw
    assert b"stays" in raw


def test_forgetting_a_merged_memory_forgets_its_parts(store, memories):
    one, two = memories.create("CANARY-one"), memories.create("CANARY-two")
    memories.delete(memories.merge(one.id, two.id).id)
    assert list(memories.every(memory.Filter(states=()))) == []
    assert all("CANARY" not in str(dict(each.body)) for each in raw_entries(store))


def test_the_same_words_can_be_remembered_twice_and_forgetting_one_leaves_the_other(memories):
    """mem0ai/mem0#1674: adding the same memory twice deleted it."""
    one, two = memories.create("the same"), memories.create("the same")
    assert texts(memories) == ["the same", "the same"]
    memories.delete(one.id)
    assert [each.id for each in memories.every()] == [two.id]


def test_forgetting_one_of_one_owner_leaves_every_other_owners(store, memories):
    """mem0ai/mem0#3928: deleting one user's memories reset the whole collection."""
    other = memory.Memories(store.for_owner(journal.Scope(owner="somebody")))
    other.create("theirs")
    memories.delete(memories.create("mine").id)
    store.erase_owner()
    assert texts(other) == ["theirs"]
    assert texts(memories) == []


def test_after_an_erased_owner_there_may_be_memories_again(store, memories, clock):
    memories.create("before")
    store.erase_owner()
    assert texts(memories) == []
    memories.create("after")
    assert texts(memories) == texts(memory.Memories(store, clock=clock)) == ["after"]


def test_a_kill_between_forgetting_and_destroying_is_finished_later(store, memories, clock):
    made = memories.create("CANARY")

    class Killed(Exception):
        pass

    def killed(*_arguments: object, **_named: object) -> int:
        raise Killed

    memories.book._store = Halting(store, killed)
    with pytest.raises(Killed):
        memories.delete(made.id)
    later = memory.Memories(store, clock=clock)
    assert texts(later) == []
    assert later.advance().destroyed_entries == 1
    assert all("CANARY" not in str(dict(each.body)) for each in raw_entries(store))
    assert later.advance().destroyed_entries == 0


class Halting:
    """A store whose erasing does what the test says."""

    def __init__(self, store: journal.JournalStore, erase) -> None:
        self.erase = erase
        self.session, self.get_session, self.feed = store.session, store.get_session, store.feed


def test_content_that_comes_after_forgetting_is_not_shown_and_destroyed(store, memories):
    """Another process's edit may have been under way."""
    made = memories.create("before")
    first = raw_entries(store)[0]
    memories.delete(made.id)
    late = {**first.body, "event": "edited", "text": "CANARY-late"} if first.body else {}
    session = store.session("memories", workspace=memory.WORKSPACE)
    session.append(journal.NewEntry(kind="memory", body=late))
    assert texts(memories) == []
    with pytest.raises(memory.MemoryUnknown):
        memories.get(made.id)
    assert memories.advance().destroyed_entries == 1
    assert all("CANARY" not in str(dict(each.body)) for each in raw_entries(store))


def test_a_forgotten_id_is_never_used_again(memories):
    made = memories.create("gone")
    memories.delete(made.id)
    with pytest.raises(memory.MemoryForgotten):
        memories.create("back", id=made.id)


def test_entries_erased_by_others_are_no_memories_any_more(store, memories):
    made = memories.create("erased through the journal")
    kept = memories.create("kept")
    session = store.session("memories", workspace=memory.WORKSPACE)
    store.erase(session.id, positions=[0])
    assert [each.id for each in memories.every()] == [kept.id]
    with pytest.raises(memory.MemoryUnknown):
        memories.get(made.id)


def test_many_are_forgotten_in_few_steps(store, memories):
    """MemTensor/MemOS#1103: deleting 793 memories took 142 s."""
    made = [memories.create(f"memory {i}").id for i in range(250)]
    before = store.feed().state().erasures
    assert memories.delete(*made) == 250
    assert store.feed().state().erasures == before + 1


def test_a_damaged_entry_takes_nothing_else_with_it(tmp_path, clock):
    with journal.open_store(tmp_path, clock=clock) as store:
        memories = memory.Memories(store, clock=clock)
        for name in ("first", "DAMAGED-HERE", "third"):
            memories.create(name, term="long")
    path = next(tmp_path.glob("*.db"))
    data = path.read_bytes()
    assert data.count(b"DAMAGED-HERE") == 1
    path.write_bytes(data.replace(b"DAMAGED-HERE", b"DAMAGED-HERF"))
    with journal.open_store(tmp_path, clock=clock) as store:
        memories = memory.Memories(store, clock=clock)
        assert texts(memories) == ["third", "first"]
        assert memories.book.damaged == (1,)


def test_an_entry_of_a_later_release_is_passed_over_and_kept(store, memories):
    made = memories.create("plain")
    session = store.session("memories", workspace=memory.WORKSPACE)
    session.append(
        journal.NewEntry(kind="memory", body={"memory_id": made.id, "text": 5, "type": []}),
        journal.NewEntry(kind="dream", body={"of": "sheep"}),
        journal.NewEntry(kind="access", body={"memory_ids": {"a": 1}}),
        journal.NewEntry(kind="memory", body={"event": "odd"}),
    )
    assert texts(memories) == ["plain"]
    assert len(raw_entries(store)) == 5


@pytest.mark.heavy
def test_ten_thousand_memories_are_listed_a_bounded_page_at_a_time(store, memories, clock):
    memories.write(
        [
            memory.Memory(id=f"{i:08d}-0000-7000-8000-000000000000", type="note", text=f"m {i}")
            for i in range(10_000)
        ],
        event="created",
    )
    again = memory.Memories(store, clock=clock)
    assert len(again.list(limit=100_000).memories) == 1_000
