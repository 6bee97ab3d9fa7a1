"""Memories as files: JSON Lines that can be brought back, Markdown to be read."""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from novacore import journal, kit
from novacore.memory.errors import MemoriesError, MemoryImportRefused, MemoryInvalid
from novacore.memory.lifecycle import checking, entries
from novacore.memory.lifecycle.book import BATCH_MAX
from novacore.memory.lifecycle.fold import Fold
from novacore.memory.lifecycle.memories import Memories
from novacore.memory.lifecycle.model import STATES, Filter, ImportResult, Memory

FORMAT: Final = "novacore.memories"
VERSION: Final = 1

_EVERYTHING: Final = Filter(states=())
_IMPORTED: Final = "imported"
_TIMES: Final = (
    "created_at_us",
    "term_since_us",
    "access_count",
    "last_accessed_at_us",
    "recorded_at_us",
)


def export_lines(memories: Memories, wanted: Filter | None = None) -> Iterator[str]:
    """JSON Lines: a first line that says what follows, then one memory a line, oldest first.

    Args:
        memories: whose; an agent exports what it sees.
        wanted: which; None: all, faded and merged ones too.
    """
    yield _line({"format": FORMAT, "version": VERSION})
    found = list(memories.every(wanted or _EVERYTHING))
    with memories.book.read() as fold:
        recorded = {
            memory.id: fold.records[memory.id].recorded_at_us
            for memory in found
            if memory.id in fold.records
        }
    for memory in reversed(found):
        fields = dataclasses.asdict(memory)
        if memory.statement is not None:
            fields["recorded_at_us"] = recorded.get(memory.id, memory.created_at_us)
        yield _line(fields)


def export_markdown(memories: Memories, wanted: Filter | None = None) -> Iterator[str]:
    """Lines of Markdown, one section per type, newest first.

    Args:
        memories: whose; an agent exports what it sees.
        wanted: which; None: all current ones.
    """
    yield "# Memories"
    sections: dict[str, list[Memory]] = {}
    for memory in memories.every(wanted):
        sections.setdefault(memory.type, []).append(memory)
    for kind in sorted(sections):
        yield ""
        yield f"## {kind.capitalize()}"
        yield ""
        for memory in sections[kind]:
            yield from _markdown(memory)


def import_lines(memories: Memories, lines: Iterable[str]) -> ImportResult:
    """Bring exported memories in, with their ids; what is there already is left as it is.

    Nothing is written unless every line is right. Doing it again adds nothing; what was forgotten
    here is not brought back. Empty lines are passed over.

    Args:
        memories: where they go; an agent's imports become its own or stay everybody's.
        lines: as `export_lines` gives them.

    Raises:
        MemoryImportRefused: a line is no memory; says which.
    """
    found: dict[str, tuple[Memory, dict[str, Any]]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = _fields(line, number=number)
        if "format" in fields:
            _check_format(fields, number=number)
            continue
        memory = _read(memories, fields, number=number)
        found[memory.id] = memory, fields
    return _write(memories, found)


def _write(memories: Memories, found: Mapping[str, tuple[Memory, dict[str, Any]]]) -> ImportResult:
    added: list[str] = []
    known = forgotten = 0
    ids = list(found)
    for start in range(0, len(ids), BATCH_MAX):
        part = ids[start : start + BATCH_MAX]
        counts: tuple[list[str], int, int] = ([], 0, 0)

        def build(fold: Fold, session_id: str, part: list[str] = part) -> list[journal.NewEntry]:
            nonlocal counts
            new = [each for each in part if each not in fold.records and each not in fold.deleted]
            gone = sum(each in fold.deleted for each in part)
            counts = new, len(part) - len(new) - gone, gone
            return [_entry(*found[each], session_id=session_id) for each in new]

        memories.book.change(build)
        added += counts[0]
        known += counts[1]
        forgotten += counts[2]
    return ImportResult(added=len(added), known=known, forgotten=forgotten, ids=tuple(added))


def _entry(memory: Memory, fields: Mapping[str, Any], *, session_id: str) -> journal.NewEntry:
    extra = {name: fields[name] for name in _TIMES if fields.get(name)}
    return entries.snapshot(
        memory,
        event=_IMPORTED,
        entry_id=entries.entry_id(session_id, memory.id, 0),
        at_us=memory.updated_at_us or None,
        extra=extra,
    )


def _fields(line: str, *, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise MemoryImportRefused("it is no JSON.", line=number) from error
    if not isinstance(fields, dict):
        raise MemoryImportRefused("it is no JSON object.", line=number)
    return cast("dict[str, Any]", fields)


def _check_format(fields: Mapping[str, Any], *, number: int) -> None:
    if fields["format"] != FORMAT:
        raise MemoryImportRefused(
            f"the file holds {str(fields['format'])[:60]!r}, not {FORMAT!r}.", line=number
        )
    if fields.get("version") != VERSION:
        raise MemoryImportRefused(
            f"its version is {fields.get('version')}; this program reads {VERSION}.", line=number
        )


def _read(memories: Memories, fields: Mapping[str, Any], *, number: int) -> Memory:
    try:
        memory = entries.read_memory({**fields, "memory_id": fields["id"]})
        kit.parse_id(memory.id)
        times = {name: int(fields.get(name) or 0) for name in (*_TIMES, "updated_at_us")}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
        raise MemoryImportRefused(f"it is no memory: {what}.", line=number) from error
    try:
        tags = checking.clean_tags(memory.tags)
        checking.check(memory, memories.config)
        if memory.state not in STATES or min(times.values()) < 0:
            raise MemoryInvalid(f"its state {memory.state!r} or a time is wrong.", field="state")
        if memories.agent is not None and memory.agent not in ("", memories.agent):
            raise MemoryInvalid(f"it belongs to agent {memory.agent!r}.", field="agent")
    except MemoriesError as error:
        raise MemoryImportRefused(error.message, line=number) from error
    return dataclasses.replace(memory, tags=tags, updated_at_us=times["updated_at_us"])


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _markdown(memory: Memory) -> Iterator[str]:
    first, *rest = memory.text.strip().splitlines()
    yield f"- {first}"
    yield from (f"  {line}" for line in rest)
    made = dt.datetime.fromtimestamp(memory.created_at_us / 1_000_000, tz=dt.UTC)
    facts = [f"{made:%Y-%m-%d}", f"{memory.term}-term", f"confidence {memory.confidence:g}"]
    facts += ["pinned"] if memory.is_pinned else []
    facts += [f"#{tag.replace(' ', '-')}" for tag in memory.tags]
    facts += [f"session {source.session_id} at {source.position}" for source in memory.sources]
    yield f"  ({', '.join(facts)})"
