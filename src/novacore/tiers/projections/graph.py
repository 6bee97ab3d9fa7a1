"""The graph tier: sessions, entries and what they name, and how they hang together.

Collections, nodes first: `session` (from its first own entry), `entry`, `call` (a tool call, by its
id), and the links: `follows` (the entry before), `forked_from` (the parent session), `answer` (a
result to its call, by the call's id), `mention` (what an entry names; the part is its key).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from novacore import llm
from novacore.journal import Erased
from novacore.tiers.model import Item, Record
from novacore.tiers.place import Place
from novacore.tiers.projections.entities import Entity, command_entity, find_entities
from novacore.tiers.projections.record_text import (
    MESSAGE,
    facts_of,
    make_item,
    plain,
    reading_of,
    text_in,
)
from novacore.tiers.projections.stream import event_type, is_first

MENTION: Final = "mention"

_SHELLS: Final = frozenset({"bash", "shell", "sh", "run_command", "execute", "terminal", "exec"})
_PROSE_KINDS: Final = frozenset({"memory", "decision"})


class GraphProjection:
    """See `Projection`."""

    tier = "graph"
    identity = "graph 1"

    def __init__(self, place: Place) -> None:
        del place

    def items(self, records: Sequence[Record]) -> list[Item]:
        """Nodes and links of each entry that is not erased."""
        return [item for record in records if not record.is_erased for item in _items(record)]

    def forget_before_us(self, now_us: int) -> int:
        """Everything is held."""
        return 0

    def forget(self, erased: Sequence[Erased]) -> None:
        """It keeps nothing of its own."""


def _items(record: Record) -> Iterator[Item]:
    facts = facts_of(record)
    if is_first(record):
        names = ("workspace", "session_name", "parent_id", "forked_at")
        session = {name: facts[name] for name in names if name in facts}
        yield make_item(record, "session", value=session)
        if record.parent_id is not None:
            link = {"to_session": record.parent_id, "at": record.forked_at}
            yield make_item(record, "forked_from", value=link)
    known = {name: facts[name] for name in ("entry_id", "kind", "actor", "said_at_us")}
    reading = reading_of(record) if record.kind == MESSAGE else None
    yield make_item(record, "entry", value={**known, "type": event_type(record, reading)})
    if record.position:
        yield make_item(record, "follows", value=_before(record))
    if reading is not None:
        yield from _calls(record, reading)
    for entity in _entities(record, reading):
        value = {"name": entity.name, "type": entity.type, "mentions": entity.mentions}
        yield make_item(record, MENTION, value=value, part=entity.key)


def _before(record: Record) -> dict[str, Any]:
    """The entry before; a fork's first one follows one of its parent."""
    is_shared = record.parent_id is not None and is_first(record)
    session = record.parent_id if is_shared else record.session_id
    return {"to_session": session, "to_position": record.position - 1}


def _calls(record: Record, reading: llm.Reading) -> Iterator[Item]:
    calls = {plain(call.id): plain(call.name) for call in reading.tool_calls}
    for call_id, name in calls.items():
        yield make_item(record, "call", value={"name": name}, part=call_id)
    results = {plain(result.call_id): result for result in reading.tool_results}
    for call_id, result in results.items():
        value = {"name": plain(result.name), "is_error": result.is_error}
        yield make_item(record, "answer", value=value, part=call_id)


def _entities(record: Record, reading: llm.Reading | None) -> list[Entity]:
    if reading is None:
        if record.kind not in _PROSE_KINDS:
            return []
        return find_entities([text_in(record.body, "text", "summary", "title")])
    output = [plain(result.text) for result in reading.tool_results]
    if reading.role == "system":
        return []  # Instructions name everything, and the same in every session.
    prose = "" if reading.role == "tool" else plain(reading.text)
    return find_entities([prose, *_said_by_calls(reading)], output=output)


def _said_by_calls(reading: llm.Reading) -> Iterator[str]:
    """What the calls are about: paths and addresses in their arguments, and the command run."""
    for call in reading.tool_calls:
        for name, value in (call.arguments or {}).items():
            if not isinstance(value, str) or "\n" in value:
                continue
            if name in {"command", "cmd"} and call.name.lower() in _SHELLS:
                yield f"`{command_entity(plain(value))}`"
            elif name in {"path", "file", "file_path", "filename", "url", "uri"}:
                yield plain(value)
