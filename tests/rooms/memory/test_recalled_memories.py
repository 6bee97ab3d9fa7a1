"""Recall and memories together: what lives is found, what is gone is not, and by whom."""

from collections.abc import Iterator

import pytest

from novacore import journal, memory
from novacore.kit import FixedClock

HOUR_MS = 60 * 60 * 1_000


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
def recall(store: journal.JournalStore, clock: FixedClock) -> Iterator[memory.Recall]:
    with memory.Recall(store, clock=clock) as opened:
        yield opened


def found(recall: memory.Recall, text: str, **filters: object) -> list[str]:
    return [str(hit.message["text"]) for hit in recall.recall(text, kind="memory", **filters)]


def test_a_memory_is_found_as_it_is_now(memories, recall):
    made = memories.create("the wombat likes clover", tags=["zoo"], term="long")
    assert found(recall, "wombat") == ["the wombat likes clover"]
    memories.edit(made.id, text="the wombat likes grass")
    assert found(recall, "wombat") == ["the wombat likes grass"]
    assert found(recall, "clover") == []
    assert found(recall, "wombat", tag="zoo", tier="long") == ["the wombat likes grass"]
    memories.tag(made.id, remove=["zoo"])
    assert found(recall, "wombat", tag="zoo") == []


def test_a_forgotten_memory_is_not_found(memories, recall):
    """mem0ai/mem0#3695: deleted memories were still found."""
    made = memories.create("the wombat likes clover", term="long")
    assert found(recall, "wombat")
    memories.delete(made.id)
    assert found(recall, "wombat") == []


def test_what_faded_or_was_merged_is_not_found_and_comes_back_with_its_memory(
    memories, recall, clock
):
    one = memories.create("the wombat likes clover")
    two = memories.create("the wombat sleeps")
    memories.merge(one.id, two.id, text="a quokka")
    assert found(recall, "wombat") == []
    fading = memories.create("the dingo howls")
    clock.advance_ms(HOUR_MS)
    memories.advance()
    assert found(recall, "dingo") == []
    memories.promote(fading.id)
    assert found(recall, "dingo") == ["the dingo howls"]


def test_asking_for_an_agents_memories_gives_its_own_and_what_was_shared_with_it(memories, recall):
    coder = memories.for_agent("coder")
    private = coder.create("a private wombat", term="long")
    memories.create("a common wombat", term="long")
    memories.for_agent("coder2").create("a strange wombat", term="long")
    assert found(recall, "wombat", agent="coder") == ["a private wombat"]
    assert found(recall, "wombat", agent="writer") == []
    coder.share(private.id, "writer")
    assert found(recall, "wombat", agent="writer") == ["a private wombat"]
    coder.unshare(private.id, "writer")
    assert found(recall, "wombat", agent="writer") == []


def test_a_hit_leads_to_the_memory_and_to_what_it_came_from(memories, recall):
    source = memory.Source(session_id="01a2011b-5676-7f40-b906-ddac368887c7", position=3)
    made = memories.create("the wombat likes clover", sources=[source], term="long")
    hit = recall.recall("wombat")[0]
    assert memories.ids_at(hit.session.id, [hit.position]) == [made.id]
    assert hit.sources == ((source.session_id, 3),)


def test_recall_writes_nothing(store, memories, recall):
    memories.create("the wombat likes clover", term="long")
    before = store.feed().state()
    recall.recall("wombat")
    assert store.feed().state() == before
