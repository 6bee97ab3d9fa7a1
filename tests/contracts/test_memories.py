"""Memories live the same life wherever the journal is kept."""

import threading

import pytest

from novacore import journal, memory

ALL = memory.Filter(states=())


def texts(memories: memory.Memories, wanted: memory.Filter | None = None) -> list[str]:
    return [each.text for each in memories.every(wanted)]


def test_a_life_of_memories_is_the_same_after_a_restart(place):
    store = place.open()
    memories = memory.Memories(store, clock=place.clock)
    kept = memories.create("kept", tags=["a"], term="intermediate", agent="coder")
    memories.edit(kept.id, text="kept and edited")
    memories.share(kept.id, "writer")
    gone = memories.create("gone", term="long")
    merged = memories.merge(memories.create("p").id, memories.create("q").id)
    memories.note_access([kept.id])
    memories.flush_access()
    facts = memory.Facts(memories)
    facts.record("user", "lives in", object="Oslo")
    place.clock.advance_ms(2 * 60 * 60 * 1_000)
    facts.record("user", "lives in", object="Rome")
    memories.delete(gone.id)
    memories.advance()
    shown = list(memories.every(ALL))
    assert memories.get(merged.id).state == "expired"
    store = place.reopen(store)
    again = memory.Memories(store, clock=place.clock)
    assert list(again.every(ALL)) == shown
    assert [each.object for each in memory.Facts(again).list()] == ["Rome"]
    assert texts(again.for_agent("writer"))[-1] == "kept and edited"
    assert store.verify().is_sound


def test_what_is_forgotten_is_forgotten_for_every_open_store(place):
    store = place.open()
    memories = memory.Memories(store, clock=place.clock)
    other = memories if not place.is_durable else memory.Memories(place.open(), clock=place.clock)
    made = [memories.create(f"memory {number}", term="long").id for number in range(8)]
    assert len(texts(other)) == 8
    assert memories.delete(*made[:5]) == 5
    assert len(texts(other)) == 3
    with pytest.raises(memory.MemoryUnknown):
        other.get(made[0])
    bodies = [dict(each.body) for each in store.session("memories", workspace=memory.WORKSPACE)
              .open().entries if each.is_erased]  # fmt: skip
    assert bodies == [{}] * 5


def test_changes_from_several_sides_at_once_are_all_kept(place):
    sides = [memory.Memories(place.open(), clock=place.clock)]
    if place.is_durable:
        sides.append(memory.Memories(place.open(), clock=place.clock))
    made = sides[0].create("shared", term="long")

    def work(number: int) -> None:
        for step in range(5):
            sides[number % len(sides)].tag(made.id, f"{number}-{step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sides[-1].get(made.id).tags) == 15


def test_facts_that_contradict_each_other_are_never_both_recorded_as_holding(place):
    sides = [memory.Facts(memory.Memories(place.open(), clock=place.clock))]
    if place.is_durable:
        sides.append(memory.Facts(memory.Memories(place.open(), clock=place.clock)))

    def work(number: int) -> None:
        for step in range(6):
            start = place.clock.now_us() - (step * 3 + number) * 1_000
            side = sides[number % len(sides)]
            side.record("user", "lives in", object=f"{number}-{step}", valid_from_us=start)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now_us = place.clock.now_us()
    assert len(sides[-1].history("user")) == 18
    for step in range(18):
        assert len(sides[-1].list(valid_at_us=now_us - step * 1_000)) == 1


def test_an_erased_owner_leaves_no_memory_and_no_other_owner_notices(place):
    store = place.open()
    mine = memory.Memories(store, clock=place.clock)
    theirs = store.for_owner(journal.Scope(owner="anna"))
    other = memory.Memories(theirs, clock=place.clock)
    mine.create("mine", term="long")
    other.create("theirs", term="long")
    theirs.erase_owner()
    assert (texts(mine), texts(other)) == (["mine"], [])
