"""Memories as files: out and in again, equal, once, and refused with the line where they're not."""

import json
from collections.abc import Iterator

import pytest

from novacore import journal, memory
from novacore.kit import FixedClock

ALL = memory.Filter(states=())


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def memories(clock: FixedClock) -> Iterator[memory.Memories]:
    with journal.open_memory(clock=clock) as store:
        filled = memory.Memories(store, clock=clock)
        one = filled.create(
            "Ünïcode 日本 \ud83d and\nlines",
            type="lesson",
            tags=["a b", "c"],
            term="long",
            sources=[memory.Source(session_id="s", position=3, start=1, end=9)],
        )
        clock.advance_ms(5)
        two = filled.create("agent's", agent="coder", term="intermediate", confidence=0.25)
        filled.share(two.id, "writer")
        filled.note_access([one.id])
        filled.flush_access()
        filled.merge(filled.create("p").id, filled.create("q").id)
        clock.advance_ms(2 * 60 * 60 * 1_000)
        filled.advance()
        yield filled


@pytest.fixture
def empty(clock: FixedClock) -> Iterator[memory.Memories]:
    with journal.open_memory(clock=clock) as store:
        yield memory.Memories(store, clock=clock)


def test_what_comes_in_again_equals_what_went_out(memories, empty):
    lines = list(memory.export_lines(memories))
    done = memory.import_lines(empty, lines)
    assert (done.added, done.known) == (5, 0)
    assert list(memory.export_lines(empty)) == lines
    kept = {each.id: each for each in memories.every(ALL)}
    for each in empty.every(ALL):
        was = kept[each.id]
        assert (each.text, each.tags, each.sources, each.state, each.links) == (
            was.text, was.tags, was.sources, was.state, was.links,
        )  # fmt: skip
        assert (each.created_at_us, each.access_count) == (was.created_at_us, was.access_count)


def test_importing_again_adds_nothing_and_changes_nothing(memories, empty):
    lines = list(memory.export_lines(memories))
    memory.import_lines(empty, lines)
    first = next(empty.every())
    empty.edit(first.id, text="edited here")
    done = memory.import_lines(empty, lines)
    assert (done.added, done.known) == (0, 5)
    assert empty.get(first.id).text == "edited here"


def test_what_was_forgotten_here_is_not_brought_back(memories):
    lines = list(memory.export_lines(memories))
    first = next(memories.every())
    memories.delete(first.id)
    done = memory.import_lines(memories, lines)
    assert (done.added, done.known, done.forgotten) == (0, 4, 1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"role": "user", "content": "hello"}', "no memory"),
        ('{"format": "novacore.journal", "version": 1}', "not 'novacore.memories'"),
        ('{"format": "novacore.memories", "version": 99}', "version is 99"),
        ('{"id": "seven", "type": "note", "text": "x"}', "no memory"),
    ],
)
def test_a_foreign_line_is_refused_by_its_number_and_nothing_is_written(
    memories, empty, line, told
):
    lines = list(memory.export_lines(memories))
    with pytest.raises(memory.MemoryImportRefused, match=told) as refused:
        memory.import_lines(empty, [*lines[:2], "", line, *lines[2:]])
    assert refused.value.line == 4
    assert list(empty.every(ALL)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": 7},
        {"type": "rumour"},
        {"term": "eternal"},
        {"state": "undead"},
        {"text": ""},
        {"tags": [""]},
        {"created_at_us": -1},
        {"sources": [{"position": 1}]},
    ],
)
def test_a_line_with_a_wrong_value_is_refused(memories, empty, change):
    lines = list(memory.export_lines(memories))
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    with pytest.raises(memory.MemoryImportRefused) as refused:
        memory.import_lines(empty, lines)
    assert refused.value.line == 2


def test_an_agent_exports_what_it_sees_and_imports_nothing_of_another(memories, empty):
    lines = list(memory.export_lines(memories.for_agent("third")))
    assert all("agent's" not in line for line in lines)
    everything = list(memory.export_lines(memories))
    with pytest.raises(memory.MemoryImportRefused):
        memory.import_lines(empty.for_agent("third"), everything)


def test_markdown_shows_each_memory_with_where_it_came_from(memories):
    shown = "\n".join(memory.export_markdown(memories))
    assert shown.startswith("# Memories\n")
    assert "## Lesson" in shown
    assert "- Ünïcode" in shown
    assert "#a-b #c" not in shown
    assert "#a-b, #c" in shown
    assert "session s at 3" in shown


def test_memories_of_another_store_join_when_its_sessions_are_imported(memories, clock, tmp_path):
    lines = tmp_path / "all.jsonl"
    journal.export_store(memories.book._store, lines)
    kept = {each.id for each in memories.every(ALL)}
    with journal.open_memory(clock=clock) as store:
        own = memory.Memories(store, clock=clock)
        mine = own.create("my own", term="long")
        journal.run_import(store, journal.plan_import(store, [lines], workspace=""))
        assert memory.adopt_imported(store, own).added == len(kept)
        assert {each.id for each in own.every(ALL)} == {*kept, mine.id}
        assert [each.name for each in store.all_sessions()] == ["memories"]
        assert memory.adopt_imported(store, own) == memory.ImportResult()
        own.delete(*kept)
        left = [dict(entry.body) for entry in store.read() if entry.body.get("text")]
        assert [each["text"] for each in left] == ["my own"]
